"""What the owner of a studio has done in it, with a server working there and without."""

import io
import json
import os
import stat
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests
from doubles.operations import lines
from run_options import TIMEOUT_SECONDS

from ft_dcc.cli.main import run
from ft_dcc.errors import StorageError
from ft_dcc.server.admin.service import export_lines, open_admin
from ft_dcc.server.auth import api_keys
from ft_dcc.server.errors import ValidationError

PROJECT = {"__entity_type__": "Project", "id": "film", "name": "film"}
OTHER = {"__entity_type__": "Project", "id": "other", "name": "other"}
TASK = {"__entity_type__": "Task", "id": "task", "name": "animation", "parent_id": "film"}


def ft_dcc(*arguments, given=""):
    """Run the command in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        code = run(arguments)
    return SimpleNamespace(returncode=code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


def query(server, expression, user=None, key=None):
    headers = dict(server.headers)
    if user is not None:
        headers = {"ftrack-user": user, "ftrack-api-key": key}
    body = [{"action": "query", "expression": expression}]
    answer = requests.post(f"{server.url}/api", json=body, headers=headers, timeout=TIMEOUT_SECONDS).json()
    return answer if isinstance(answer, dict) else answer[0]["data"]


@pytest.fixture(scope="module")
def server(tmp_path_factory, start_module_server):
    return start_module_server(tmp_path_factory.mktemp("served") / "data")


@pytest.fixture(scope="module", params=["at rest", "served"])
def target(request, tmp_path_factory):
    """Return a data folder without a server, and one that a server uses."""
    if request.param == "served":
        return request.getfixturevalue("server").data
    return tmp_path_factory.mktemp("rest") / "data"


@pytest.fixture
def name() -> str:
    return f"user-{uuid4().hex[:8]}"


def test_load_works_with_and_without_a_running_server(target, tmp_path):
    (tmp_path / "film.jsonl").write_bytes(lines(TASK, PROJECT).getvalue())
    done = ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(target))
    assert (done.returncode, done.stdout) == (0, "Loaded 2 entities.\n"), done.stderr
    assert ft_dcc("studio", "dump", str(tmp_path / "all.jsonl"), "--data", str(target)).returncode == 0
    entities = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [found["project_id"] for found in entities if found.get("id") == "task"] == ["film"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600


def test_load_reports_an_invalid_line_in_one_sentence(target):
    done = ft_dcc("studio", "load", "-", "--data", str(target), given='{"__entity_type__": "Robot"}\n')
    assert done.returncode == 1
    assert done.stderr.startswith("Line 1: There is no entity type 'Robot'."), done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_user_with_a_role_on_one_project_sees_only_that_project(server, name):
    with open_admin(server.data) as owner:
        owner.load(lines(TASK, PROJECT, OTHER))
        report = owner.run("user", name=name, role="Project Manager", projects=["film"])
        assert (report["is_new"], report["roles"]) == (True, [{"role": "Project Manager", "projects": ["film"]}])
        assert owner.run("user", name=name)["is_new"] is False
        key = owner.run("key", user=name)["FTRACK_API_KEY"]
        assert [found["name"] for found in query(server, "select name from Project", name, key)] == ["film"]
        report = owner.run("user", name=name, role="User", projects=[])
        assert report["roles"] == [{"role": "User", "projects": "all open"}]
        assert len(query(server, "Project", name, key)) == 2


def test_a_role_is_limited_by_id_where_two_projects_have_one_name(tmp_path):
    with open_admin(tmp_path / "rest") as owner:
        owner.load(lines(PROJECT, {**OTHER, "name": "film"}))
        with pytest.raises(ValidationError, match=r"There are 2 projects 'film'\. Give an id: film, other"):
            owner.run("user", name="ada", role="User", projects=["film"])
        assert owner.run("user", name="ada", role="User", projects=["other"])["roles"][0]["projects"] == ["film"]


def test_key_is_shown_once_and_valid_until_revoked(server, name):
    with open_admin(server.data) as owner:
        owner.run("user", name=name, role=None, projects=[])
        first, second = (owner.run("key", user=name) for _ in range(2))
        assert query(server, f"User where username is '{name}'", name, first["FTRACK_API_KEY"])
        known = {found["id"]: found for found in owner.run("keys", user=name)["keys"]}
        assert set(known) == {first["id"], second["id"]}
        assert known[first["id"]]["last_used_at"] > known[first["id"]]["created_at"]
        assert known[second["id"]]["last_used_at"] is None
        assert first["FTRACK_API_KEY"] not in str(known)
        assert owner.run("revoke", user=name, key=first["id"][:8])["revoked"] == 1
        assert query(server, "User", name, first["FTRACK_API_KEY"])["error_code"] == "api_credentials_invalid"
        assert query(server, f"User where username is '{name}'", name, second["FTRACK_API_KEY"])
        assert owner.run("revoke", user=name, key="all")["revoked"] == 1


def test_key_is_reported_with_its_own_id_after_the_clock_was_set_back(tmp_path, monkeypatch):
    with open_admin(tmp_path / "studio") as owner:
        monkeypatch.setattr(api_keys.clock, "now", lambda: 4e9)
        first = owner.run("key", user="admin")
        monkeypatch.undo()
        assert owner.run("key", user="admin")["id"] != first["id"]


INVALID_COMMANDS = (
    ("user", {"name": " "}, "needs a name"),
    ("user", {"name": "anna", "role": "King"}, "no role 'King'. Use one of API, Administrator,"),
    ("user", {"name": "anna", "projects": ["gone"]}, "no project 'gone'"),
    ("key", {"user": "nobody"}, "no user 'nobody'"),
    ("revoke", {"user": "admin", "key": "zzz"}, "no live key 'zzz'"),
    ("revoke", {"user": "admin", "key": ""}, "no live key ''"),
    ("dance", {}, "no command 'dance'"),
)


def test_invalid_admin_commands_are_rejected(target):
    with open_admin(target) as owner:
        for command, words, reason in INVALID_COMMANDS:
            with pytest.raises(ValidationError, match=reason):
                owner.run(command, **words)


def test_admin_routes_require_an_administrator(server, name):
    with open_admin(server.data) as owner:
        owner.run("user", name=name, role="User", projects=[])
        key = owner.run("key", user=name)["FTRACK_API_KEY"]
    headers = {"ftrack-user": name, "ftrack-api-key": key}
    for command in ("load", "user", "key", "keys"):
        answer = requests.post(f"{server.url}/studio/{command}", data=b"{}", headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 403
    assert requests.post(f"{server.url}/studio/load", data=b"", timeout=TIMEOUT_SECONDS).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 70_000])
def test_invalid_arguments_are_rejected(server_process, body):
    url, sent = f"{server_process.url}/studio/user", {"data": body, "headers": server_process.headers}
    answer = requests.post(url, **sent, timeout=TIMEOUT_SECONDS)
    assert answer.status_code in (400, 413)


def test_dump_of_an_empty_folder_fails(tmp_path):
    with pytest.raises(StorageError, match="There is no studio"):
        list(export_lines(tmp_path))
    done = ft_dcc("studio", "dump", "--data", str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()) == (1, [done.stderr.strip()])


def test_command_creates_users_and_keys(target, name):
    made = ft_dcc("studio", "user", name, "--role", "User", "--data", str(target))
    assert made.stdout == f"{name}: User on all open projects\n", made.stderr
    shown = ft_dcc("studio", "key", "--user", name, "--data", str(target), "--json")
    assert json.loads(shown.stdout)["FTRACK_API_USER"] == name
    listed = json.loads(ft_dcc("studio", "keys", "--data", str(target), "--json").stdout)["keys"]
    assert name in [found["username"] for found in listed]
    gone = ft_dcc("studio", "key", "--user", name, "--revoke", listed[-1]["id"], "--data", str(target))
    assert gone.stdout == f"Revoked keys of {name}: 1\n"
    assert "revoked" in ft_dcc("studio", "keys", "--user", name, "--data", str(target)).stdout


def test_vocabulary_is_read_changed_and_applied_again(target, tmp_path, name):
    file, where = tmp_path / "studio.toml", ("--data", str(target))
    entries = f'[status."{name}"]\nstate = "In Progress"\ncolor = "#ff8800"\n[workflow."{name}"]\n'
    entries += f'statuses = ["{name}", "Approved"]\n[type."{name}"]\n[role."{name}"]\n[schema."VFX"]\n'
    file.write_text(f'{entries}types = {{"{name}" = "{name}"}}\n', encoding="utf-8")
    assert ft_dcc("studio", "vocabulary", str(file), *where).stdout == "4 created, 1 changed, 0 removed\n"
    printed = ft_dcc("studio", "vocabulary", *where).stdout
    for entry in (
        f'[status."{name}"]\ncolor = "#ff8800"\nsort = ',
        f'[workflow."{name}"]\nstatuses = ["Approved", "{name}"]\n',
        f'types = {{"{name}" = "{name}"}}\n',
        f'[role."{name}"]\n',
    ):
        assert entry in printed
    assert ft_dcc("studio", "vocabulary", "-", *where, given=printed).stdout.startswith("0 created, ")
    assert ft_dcc("studio", "vocabulary", *where).stdout == printed
    in_use = f'[workflow."{name}"]\nremove = true\n'
    done = ft_dcc("studio", "vocabulary", "-", *where, given=in_use)
    assert (done.returncode, done.stderr) == (
        1, "The WorkflowSchema is in use by 1 ProjectSchemaOverride entries. Change those first.\n"
    )  # fmt: skip
    removed = f'[schema."VFX"]\ntypes = {{}}\n{in_use}[type."{name}"]\nremove = true\n'
    removed += f'[status."{name}"]\nname = "new {name}"\n'
    assert ft_dcc("studio", "vocabulary", "-", *where, given=removed).stdout == "0 created, 2 changed, 2 removed\n"
    assert f'[status."new {name}"]' in ft_dcc("studio", "vocabulary", *where).stdout


INVALID_VOCABULARIES = (
    ("[statuses.A]", "There is no section [statuses]. Did you mean status?"),
    ('[status.A]\nstate = "Done"\ncolour = "#000000"', "[status.A] has no 'colour'. Did you mean color?"),
    ('[status.A]\nstate = "done"', "There is no State 'done'. Did you mean Done?"),
    ('[type.A]\ncolor = "red"', "[type.A]: color is 'red'. Write it as #rrggbb."),
    ("[type.A]\nsort = true", "[type.A]: sort is True. It must be a whole number."),
    ("[type]\nA = 1", "[type.A] is no table. Write its values below [type.A]."),
    ("type = 1", "The document must have sections, such as [status.Approved]."),
    ("[role.Nobody]\nremove = true", "There is no SecurityRole 'Nobody'. There are: "),
)


def test_an_invalid_vocabulary_is_refused_in_one_sentence(server):
    before = ft_dcc("studio", "vocabulary", "--data", str(server.data)).stdout
    for text, message in INVALID_VOCABULARIES:
        done = ft_dcc("studio", "vocabulary", "-", "--data", str(server.data), given=text)
        assert (done.returncode, done.stderr.splitlines()[0][: len(message)]) == (1, message)
    assert ft_dcc("studio", "vocabulary", "--data", str(server.data)).stdout == before


def test_audit_command_lists_changes(target, tmp_path, name):
    (tmp_path / "film.jsonl").write_bytes(lines({**TASK, "id": name, "name": name}, PROJECT).getvalue())
    assert ft_dcc("studio", "load", str(tmp_path / "film.jsonl"), "--data", str(target)).returncode == 0
    done = ft_dcc("studio", "audit", "--entity", name, "--data", str(target), "--json")
    (found,) = json.loads(done.stdout)["changes"]
    assert (found["username"], found["action"], found["entity_type"]) == ("admin", "load", "Task")
    assert found["attributes"] == ["id", "name", "parent_id"]
    assert "load" in ft_dcc("studio", "audit", "--user", "admin", "--data", str(target)).stdout
    assert ft_dcc("studio", "audit", "--user", "eve", "--data", str(target)).stdout == "There are no changes.\n"
