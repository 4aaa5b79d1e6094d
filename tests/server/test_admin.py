"""What the owner of a studio has done in it, with a server working there and without."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys

import pytest
import requests

from ft_dcc.errors import StorageError, ValidationError
from ft_dcc.server.admin.service import export_lines, open_admin
from ft_dcc.server.auth import api_keys

PROJECT = {"__entity_type__": "Project", "id": "film", "name": "film"}
OTHER = {"__entity_type__": "Project", "id": "other", "name": "other"}
TASK = {"__entity_type__": "Task", "id": "task", "name": "animation", "parent_id": "film"}


def lines(*entities):
    return io.BytesIO(b"".join(json.dumps(entity).encode() + b"\n" for entity in entities))


def ft_dcc(*arguments, given=None, **environ):
    return subprocess.run(
        [sys.executable, "-m", "ft_dcc.cli.main", *arguments],
        env={**os.environ, **environ},
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def query(server, expression, user=None, key=None):
    headers = dict(server.headers)
    if user is not None:
        headers = {"ftrack-user": user, "ftrack-api-key": key}
    body = [{"action": "query", "expression": expression}]
    answer = requests.post(f"{server.url}/api", json=body, headers=headers, timeout=30).json()
    return answer if isinstance(answer, dict) else answer[0]["data"]


@pytest.fixture(params=["at rest", "served"])
def target(request, tmp_path, start_server):
    """Return a data folder without a server, and one that a server uses."""
    return tmp_path / "rest" if request.param == "at rest" else start_server().data


def test_load_works_with_and_without_a_running_server(target, tmp_path):
    (tmp_path / "film.jsonl").write_bytes(lines(TASK, PROJECT).getvalue())
    done = ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(target))
    assert (done.returncode, done.stdout) == (0, "Loaded 2 entities.\n"), done.stderr
    assert ft_dcc("studio", "dump", str(tmp_path / "all.jsonl"), "--data", str(target)).returncode == 0
    entities = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [found["project_id"] for found in entities if found["__entity_type__"] == "Task"] == ["film"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600


def test_load_reports_an_invalid_line_in_one_sentence(target):
    done = ft_dcc("studio", "load", "-", "--data", str(target), given='{"__entity_type__": "Robot"}\n')
    assert done.returncode == 1
    assert done.stderr.startswith("Line 1: There is no entity type 'Robot'."), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_server_serves_entities_loaded_before_its_start(tmp_path, start_server):
    with open_admin(tmp_path / "rest") as owner:
        owner.load(lines(TASK, PROJECT))
    server = start_server(tmp_path / "rest")
    assert [found["id"] for found in query(server, "Task where status.name is 'Not started'")] == ["task"]


def test_user_with_a_role_on_one_project_sees_only_that_project(start_server):
    server = start_server()
    with open_admin(server.data) as owner:
        owner.load(lines(TASK, PROJECT, OTHER))
        report = owner.run("user", name="anna", role="Project Manager", projects=["film"])
        assert (report["is_new"], report["roles"]) == (True, [{"role": "Project Manager", "projects": ["film"]}])
        assert owner.run("user", name="anna")["is_new"] is False
        key = owner.run("key", user="anna")["FTRACK_API_KEY"]
        assert [found["name"] for found in query(server, "select name from Project", "anna", key)] == ["film"]
        report = owner.run("user", name="anna", role="User", projects=[])
        assert report["roles"] == [{"role": "User", "projects": "all open"}]
        assert len(query(server, "Project", "anna", key)) == 2


def test_a_role_is_limited_by_id_where_two_projects_have_one_name(tmp_path):
    with open_admin(tmp_path / "rest") as owner:
        owner.load(lines(PROJECT, {**OTHER, "name": "film"}))
        with pytest.raises(ValidationError, match=r"There are 2 projects 'film'\. Give an id: film, other"):
            owner.run("user", name="ada", role="User", projects=["film"])
        assert owner.run("user", name="ada", role="User", projects=["other"])["roles"][0]["projects"] == ["film"]


def test_key_is_shown_once_and_valid_until_revoked(start_server):
    server = start_server()
    with open_admin(server.data) as owner:
        owner.run("user", name="anna", role=None, projects=[])
        first, second = (owner.run("key", user="anna") for _ in range(2))
        assert len(query(server, "User", "anna", first["FTRACK_API_KEY"])) == 2
        known = {found["id"]: found for found in owner.run("keys", user="anna")["keys"]}
        assert set(known) == {first["id"], second["id"]}
        assert known[first["id"]]["last_used_at"] > known[first["id"]]["created_at"]
        assert known[second["id"]]["last_used_at"] is None
        assert first["FTRACK_API_KEY"] not in str(known)
        assert owner.run("revoke", user="anna", key=first["id"][:8])["revoked"] == 1
        answer = query(server, "User", "anna", first["FTRACK_API_KEY"])
        assert answer["error_code"] == "api_credentials_invalid"
        assert len(query(server, "User", "anna", second["FTRACK_API_KEY"])) == 2
        assert owner.run("revoke", user="anna", key="all")["revoked"] == 1


def test_key_is_reported_with_its_own_id_after_the_clock_was_set_back(tmp_path, monkeypatch):
    with open_admin(tmp_path / "studio") as owner:
        monkeypatch.setattr(api_keys.clock, "now", lambda: 4e9)
        first = owner.run("key", user="admin")
        monkeypatch.undo()
        assert owner.run("key", user="admin")["id"] != first["id"]


@pytest.mark.parametrize(
    ("command", "words", "reason"),
    [
        ("user", {"name": " "}, "needs a name"),
        ("user", {"name": "anna", "role": "King"}, "no role 'King'. Use one of API, Administrator,"),
        ("user", {"name": "anna", "projects": ["gone"]}, "no project 'gone'"),
        ("key", {"user": "nobody"}, "no user 'nobody'"),
        ("revoke", {"user": "admin", "key": "zzz"}, "no live key 'zzz'"),
        ("revoke", {"user": "admin", "key": ""}, "no live key ''"),
        ("dance", {}, "no command 'dance'"),
    ],
)
def test_invalid_admin_commands_are_rejected(target, command, words, reason):
    with open_admin(target) as owner, pytest.raises(ValidationError, match=reason):
        owner.run(command, **words)


def test_admin_routes_require_an_administrator(start_server):
    server = start_server()
    with open_admin(server.data) as owner:
        owner.run("user", name="anna", role="User", projects=[])
        key = owner.run("key", user="anna")["FTRACK_API_KEY"]
    headers = {"ftrack-user": "anna", "ftrack-api-key": key}
    for command in ("load", "user", "key", "keys"):
        answer = requests.post(f"{server.url}/studio/{command}", data=b"{}", headers=headers, timeout=30)
        assert answer.status_code == 403
    assert requests.post(f"{server.url}/studio/load", data=b"", timeout=30).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 70_000])
def test_invalid_arguments_are_rejected(server_process, body):
    answer = requests.post(f"{server_process.url}/studio/user", data=body, headers=server_process.headers, timeout=30)
    assert answer.status_code in (400, 413)


def test_dump_of_an_empty_folder_fails(tmp_path):
    with pytest.raises(StorageError, match="There is no studio"):
        list(export_lines(tmp_path))
    done = ft_dcc("studio", "dump", "--data", str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()) == (1, [done.stderr.strip()])


def test_command_creates_users_and_keys(target):
    made = ft_dcc("studio", "user", "anna", "--role", "User", "--data", str(target))
    assert made.stdout == "anna: User on all open projects\n", made.stderr
    shown = ft_dcc("studio", "key", "--user", "anna", "--data", str(target), "--json")
    assert json.loads(shown.stdout)["FTRACK_API_USER"] == "anna"
    listed = json.loads(ft_dcc("studio", "keys", "--data", str(target), "--json").stdout)["keys"]
    assert "anna" in [found["username"] for found in listed]
    gone = ft_dcc("studio", "key", "--user", "anna", "--revoke", listed[-1]["id"], "--data", str(target))
    assert gone.stdout == "Revoked keys of anna: 1\n"
    assert "revoked" in ft_dcc("studio", "keys", "--user", "anna", "--data", str(target)).stdout


def test_audit_command_lists_changes(target, tmp_path):
    (tmp_path / "film.jsonl").write_bytes(lines(TASK, PROJECT).getvalue())
    assert ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(target)).returncode == 0
    done = ft_dcc("studio", "audit", "--entity", "task", "--data", str(target), "--json")
    (found,) = json.loads(done.stdout)["changes"]
    assert (found["username"], found["action"], found["entity_type"]) == ("admin", "load", "Task")
    assert found["attributes"] == ["id", "name", "parent_id"]
    assert "load" in ft_dcc("studio", "audit", "--user", "admin", "--data", str(target)).stdout
    assert ft_dcc("studio", "audit", "--user", "eve", "--data", str(target)).stdout == "There are no changes.\n"
