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

from ft_dcc.errors import DiskUnusable, ValidationError
from ft_dcc.server import access
from ft_dcc.server.owner import dumped, owner_of

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
def place(request, tmp_path, start_server):
    """A data folder that nobody has open, or a server."""
    return tmp_path / "rest" if request.param == "at rest" else start_server().data


def test_entities_are_loaded_whether_a_server_runs_or_not(place, tmp_path):
    (tmp_path / "film.jsonl").write_bytes(lines(TASK, PROJECT).getvalue())
    done = ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(place))
    assert (done.returncode, done.stdout) == (0, "2 entities are in the studio.\n"), done.stderr
    assert ft_dcc("studio", "dump", str(tmp_path / "all.jsonl"), "--data", str(place)).returncode == 0
    entities = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [found["project_id"] for found in entities if found["__entity_type__"] == "Task"] == ["film"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600


def test_a_bad_line_is_one_sentence(place):
    done = ft_dcc("studio", "load", "-", "--data", str(place), given='{"__entity_type__": "Robot"}\n')
    assert done.returncode == 1
    assert done.stderr.startswith("Line 1: There is no entity type 'Robot'."), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_at_rest_is_served_with_what_was_loaded(tmp_path, start_server):
    with owner_of(tmp_path / "rest") as owner:
        owner.load(lines(TASK, PROJECT))
    server = start_server(tmp_path / "rest")
    assert [found["id"] for found in query(server, "Task where status.name is 'Not started'")] == ["task"]


def test_a_user_with_a_role_on_one_project_sees_that_one(start_server):
    server = start_server()
    with owner_of(server.data) as owner:
        owner.load(lines(TASK, PROJECT, OTHER))
        report = owner.run("user", name="anna", role="Project Manager", projects=["film"])
        assert (report["is_new"], report["roles"]) == (True, [{"role": "Project Manager", "projects": ["film"]}])
        assert owner.run("user", name="anna")["is_new"] is False
        key = owner.run("key", user="anna")["FTRACK_API_KEY"]
        assert [found["name"] for found in query(server, "select name from Project", "anna", key)] == ["film"]
        report = owner.run("user", name="anna", role="User", projects=[])
        assert report["roles"] == [{"role": "User", "projects": "all open"}]
        assert len(query(server, "Project", "anna", key)) == 2


def test_a_key_is_shown_once_and_is_good_until_it_is_revoked(start_server):
    server = start_server()
    with owner_of(server.data) as owner:
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


def test_a_key_is_told_with_its_own_id_though_the_clock_was_put_back(tmp_path, monkeypatch):
    with owner_of(tmp_path / "studio") as owner:
        monkeypatch.setattr(access.time, "time", lambda: 4e9)
        first = owner.run("key", user="admin")
        monkeypatch.undo()
        assert owner.run("key", user="admin")["id"] != first["id"]


@pytest.mark.parametrize(
    ("errand", "words", "reason"),
    [
        ("user", {"name": " "}, "needs a name"),
        ("user", {"name": "anna", "role": "King"}, "no role 'King'. There are API, Administrator,"),
        ("user", {"name": "anna", "projects": ["gone"]}, "no project 'gone'"),
        ("key", {"user": "nobody"}, "no user 'nobody'"),
        ("revoke", {"user": "admin", "key": "zzz"}, "no live key 'zzz'"),
        ("revoke", {"user": "admin", "key": ""}, "no live key ''"),
        ("dance", {}, "no errand 'dance'"),
    ],
)
def test_what_cannot_be_is_refused(place, errand, words, reason):
    with owner_of(place) as owner, pytest.raises(ValidationError, match=reason):
        owner.run(errand, **words)


def test_only_an_administrator_is_served(start_server):
    server = start_server()
    with owner_of(server.data) as owner:
        owner.run("user", name="anna", role="User", projects=[])
        key = owner.run("key", user="anna")["FTRACK_API_KEY"]
    headers = {"ftrack-user": "anna", "ftrack-api-key": key}
    for errand in ("load", "user", "key", "keys"):
        answer = requests.post(f"{server.url}/studio/{errand}", data=b"{}", headers=headers, timeout=30)
        assert answer.status_code == 403
    assert requests.post(f"{server.url}/studio/load", data=b"", timeout=30).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 70_000])
def test_words_that_are_none_are_refused(server_process, body):
    answer = requests.post(f"{server_process.url}/studio/user", data=body, headers=server_process.headers, timeout=30)
    assert answer.status_code in (400, 413)


def test_an_empty_folder_has_nothing_to_dump(tmp_path):
    with pytest.raises(DiskUnusable, match="There is no studio"):
        list(dumped(tmp_path))
    done = ft_dcc("studio", "dump", "--data", str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()) == (1, [done.stderr.strip()])


def test_the_command_makes_users_and_keys(place):
    made = ft_dcc("studio", "user", "anna", "--role", "User", "--data", str(place))
    assert made.stdout == "anna: User on all open projects\n", made.stderr
    shown = ft_dcc("studio", "key", "--user", "anna", "--data", str(place), "--json")
    assert json.loads(shown.stdout)["FTRACK_API_USER"] == "anna"
    listed = json.loads(ft_dcc("studio", "keys", "--data", str(place), "--json").stdout)["keys"]
    assert "anna" in [found["username"] for found in listed]
    gone = ft_dcc("studio", "key", "--user", "anna", "--revoke", listed[-1]["id"], "--data", str(place))
    assert gone.stdout == "Keys of anna that are good no more: 1\n"
    assert "revoked" in ft_dcc("studio", "keys", "--user", "anna", "--data", str(place)).stdout


def test_who_changed_what_is_shown(place, tmp_path):
    (tmp_path / "film.jsonl").write_bytes(lines(TASK, PROJECT).getvalue())
    assert ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(place)).returncode == 0
    done = ft_dcc("studio", "audit", "--entity", "task", "--data", str(place), "--json")
    (found,) = json.loads(done.stdout)["changes"]
    assert (found["username"], found["action"], found["entity_type"]) == ("admin", "load", "Task")
    assert found["attributes"] == ["id", "name", "parent_id"]
    assert "load" in ft_dcc("studio", "audit", "--user", "admin", "--data", str(place)).stdout
    assert ft_dcc("studio", "audit", "--user", "eve", "--data", str(place)).stdout == "Nothing was changed.\n"
