"""The commands task, types, login and serve."""

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import attrs
import click
import pytest
import requests
from doubles.command_line import run_command
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
from ft_dcc.accounts.local_server import read_account
from ft_dcc.cli import serve
from ft_dcc.cli.main import _COMMANDS, command, run
from ft_dcc.cli.terminal.output import Output
from ft_dcc.errors import TaskNotFound
from ft_dcc.production import tasks
from ft_dcc.production.tasks import ensure_task
from ft_dcc.server.context import ServerStart
from ft_dcc.server.database.data_folder import Credentials
from ft_dcc.session.transport.http import Transport


def test_tasks_are_listed_and_found_by_parts_of_their_paths(signed_in, session, capsys):
    project = f"Search{uuid4().hex[:8]}"
    for shot in ("SH010", "SH020"):
        ensure_task(session, f"{project}/SQ010/{shot}/Comp")
    assert run(["task", "search", project, "sh020"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f"  {project}/SQ010/SH020/Comp")
    assert run(["task", "list"]) == 0
    assert f"{project}/SQ010/SH010/Comp" in capsys.readouterr().out


def test_a_new_project_needs_create_project_unless_it_is_the_first(signed_in, session, capsys):
    project = f"Similar{uuid4().hex[:12]}"
    ensure_task(session, f"{project}/SQ010/SH010/Comp")
    typo = f"{project[:-1]}"
    for name, hint in ((f"X{uuid4().hex}", ""), (typo, f" Did you mean {project}? Add --create-project")):
        assert run(["task", "ensure", f"{name}/SQ010/SH010/Comp"]) == 2
        assert f"There is no project {name}.{hint}" in capsys.readouterr().err
        assert session.query(f"Project where name is '{name}'").all() == []
    assert run(["task", "ensure", f"{typo}/SQ010/SH010/Comp", "--create-project"]) == 0


def test_task_ensure_names_the_values_of_the_shot_that_it_replaces(signed_in, session, capsys):
    path = f"Range{uuid4().hex[:12]}/SQ010/SH010/Comp"
    assert run(["task", "ensure", path, "--frames", "1001-1048", "--create-project"]) == 0
    assert "changed" not in capsys.readouterr().err
    assert run(["task", "ensure", path, "--frames", "1001-1048"]) == 0
    assert "changed" not in capsys.readouterr().err
    assert run(["task", "ensure", path, "--frames", "1001-1060"]) == 0
    assert "The shot of Comp has changed: fend was 1048, is now 1060." in capsys.readouterr().err


def test_unknown_command_names_the_nearest_one(capsys):
    assert run(["pubish", "a.mov"]) == 2
    assert "There is no command 'pubish'. Did you mean publish?" in capsys.readouterr().err


def test_help_imports_no_command():
    code = (
        "import sys; from ft_dcc.cli.main import run; run(['--help'], logged='x'); print(*sys.modules, file=sys.stderr)"
    )
    done = run_process(sys.executable, "-c", code, check=True)
    loaded = {name for name in done.stderr.split() if name.startswith("ft_dcc.")}
    beside = {"ft_dcc.cli.terminal", "ft_dcc.cli.terminal.output", "ft_dcc.system", "ft_dcc.system.signals"}
    assert loaded <= {"ft_dcc.cli", "ft_dcc.cli.main", "ft_dcc.errors", "ft_dcc.plain_text", *beside}


def test_login_stores_the_key_that_commands_then_use(studio_server, monkeypatch, tmp_path, capsys):
    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setattr(credentials, "_keys_path", lambda: tmp_path / "keys.json")
    monkeypatch.setattr(credentials, "_last_path", lambda: tmp_path / "last.json")
    fields = {"api_user": studio_server.api_user, "api_key": studio_server.api_key}

    def sign_in(address):
        back = parse_qs(urlsplit(address).query)["redirect_url"][0]
        threading.Thread(target=requests.get, args=(back, fields), kwargs={"timeout": 60}).start()

    monkeypatch.setattr("webbrowser.open", sign_in)
    monkeypatch.setenv("BROWSER", "none")
    assert run(["login", studio_server.server_url]) == 0
    printed = capsys.readouterr()
    assert f"Signed in to {studio_server.server_url} as {studio_server.api_user}." in printed.out
    assert studio_server.api_key not in printed.out + printed.err
    assert re.search(r"No browser can be opened here\..* ssh -L (\d+):localhost:\1 .* FTRACK_API_KEY", printed.err)
    assert run(["task", "list"]) == 0
    # The Python of a host has no keyring.
    monkeypatch.setattr("ft_dcc.accounts.credentials.save_credentials", lambda account: "Windows Credential Manager")
    assert run(["login", studio_server.server_url]) == 0
    assert "Maya, Nuke and Blender cannot read it: sign in there once, too." in capsys.readouterr().out
    assert run(["login", "studio.example.com"]) == 2


def test_task_ensure_reads_a_table_and_makes_few_requests(signed_in, session, tmp_path, monkeypatch, capsys):
    project, table = f"Table{uuid4().hex[:12]}", tmp_path / "tasks.csv"
    rows = [f"{project}/SQ{shot % 4}/SH{shot:03d}/Comp,1001-{1010 + shot},24" for shot in range(100)]
    table.write_text("\n".join(["path,frames,fps", *rows]), encoding="utf-8")
    posts, post = [], Transport.post

    def count(self, operations, recover=None):
        posts.append(operations)
        return post(self, operations, recover)

    monkeypatch.setattr(Transport, "post", count)
    assert run(["task", "ensure", "--from", str(table), "--create-project"]) == 0
    first, sent = capsys.readouterr(), len(posts) - _session_requests(posts)
    assert len(first.out.splitlines()) == 100 and first.err == ""
    # The session reads the information and the schema of the server first.
    assert sent == 3
    posts.clear()
    assert run(["task", "ensure", "--from", str(table)]) == 0
    again = capsys.readouterr()
    assert (again.out, again.err) == (first.out, "")
    assert len(posts) - _session_requests(posts) <= 3
    monkeypatch.undo()
    shots = session.query(f"select name, custom_attributes from Shot where project.name is '{project}'").all()
    assert len(shots) == 100
    assert {shot["custom_attributes"]["fend"] - 1010 == int(shot["name"][2:]) for shot in shots} == {True}


def test_tasks_beyond_one_transaction_share_sequences_and_shots(signed_in, session, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "_TASKS_PER_TRANSACTION", 3)
    project, table = f"Many{uuid4().hex[:12]}", tmp_path / "tasks.csv"
    # Both tasks of a shot, which a transaction of three separates.
    names = ["Anim", "Comp"]
    rows = [f"{project}/SQ010/SH{shot:03d}/{name},1001-1010,24" for shot in range(5) for name in names]
    table.write_text("\n".join(["path,frames,fps", *rows]), encoding="utf-8")
    for _ in range(2):
        assert run(["task", "ensure", "--from", str(table), "--create-project"]) == 0
    found = session.query(f"select name, parent.name, parent.parent.name from Task where project.name is '{project}'")
    paths = [(each["parent"]["parent"]["name"], each["parent"]["name"], each["name"]) for each in found]
    assert sorted(paths) == [("SQ010", f"SH{shot:03d}", name) for shot in range(5) for name in names]
    assert len(session.query(f"select id from Shot where project.name is '{project}'").all()) == 5


def test_a_misspelt_project_is_refused_before_the_first_transaction(signed_in, session, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tasks, "_TASKS_PER_TRANSACTION", 1)
    project, table = f"Known{uuid4().hex[:12]}", tmp_path / "tasks.csv"
    assert run(["task", "ensure", f"{project}/SQ010/SH010/Comp", "--create-project"]) == 0
    table.write_text(f"path\n{project}/SQ010/SH020/Comp\n{project}x/SQ010/SH020/Comp\n", encoding="utf-8")
    assert run(["task", "ensure", "--from", str(table)]) == 2
    assert f"Did you mean {project}?" in capsys.readouterr().err
    shots = session.query(f"select name from Shot where project.name is '{project}'")
    assert [shot["name"] for shot in shots] == ["SH010"]


def test_the_nearest_path_is_named_for_a_task_that_does_not_exist(signed_in, session):
    project = f"Near{uuid4().hex[:12]}"
    ensure_task(session, f"{project}/SQ010/SH010/Anim")
    for path, hint in (
        (f"{project}/SQ010/SH010/Anm", f" Did you mean {project}/SQ010/SH010/Anim? "),
        (f"{project[:-1]}/SQ010/SH010/Anim", f" There is no project {project[:-1]}. Did you mean {project}? "),
        (f"{project}/Other/Place", session.server_url + ". Give a task's id"),
        (uuid4().hex, session.server_url + ". Give a task's id"),
    ):
        with pytest.raises(TaskNotFound) as refused:
            tasks.find_task(session, path)
        assert hint in str(refused.value)


def _session_requests(posts):
    return sum(all(operation["action"].startswith("query_") for operation in operations) for operations in posts)


def test_task_ensure_reads_lines_of_json(signed_in, session, tmp_path):
    project, table = f"Lines{uuid4().hex[:12]}", tmp_path / "tasks.jsonl"
    row = {"path": f"{project}/SQ010/SH010/Comp", "frames": "1001-1048", "fps": 24}
    table.write_text(json.dumps(row), encoding="utf-8")
    assert run(["task", "ensure", "--from", str(table), "--create-project"]) == 0
    shot = session.query(f"select custom_attributes from Shot where project.name is '{project}'").one()
    assert [shot["custom_attributes"][key] for key in ("fstart", "fend", "fps")] == [1001, 1048, 24]


def test_all_problems_of_a_table_are_listed_with_their_lines(signed_in, tmp_path, capsys):
    table = tmp_path / "tasks.csv"
    table.write_text("path,frame\nA/B/C,1-5\n", encoding="utf-8")
    assert run(["task", "ensure", "--from", str(table)]) == 2
    assert "line 2: There is no column 'frame'. Did you mean frames?" in capsys.readouterr().err
    table.write_text("path,frames,fps\n,1-5,24\nA/B/C,9-1,24\nA/B/D,1-5,fast\n", encoding="utf-8")
    assert run(["task", "ensure", "--from", str(table)]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert all(f"line {number}: " in printed for number in (2, 3, 4))
    assert run(["task", "ensure"]) == 2


def test_each_command_has_a_help_text_and_declares_no_option_twice():
    context = click.Context(command)
    for name in _COMMANDS:
        found = command.get_command(context, name)
        assert f"ft-dcc {name}" in found.get_help(click.Context(found, info_name=f"ft-dcc {name}"))
        names = [option for each in found.params for option in each.opts]
        assert len(names) == len(set(names)), name


def start(*arguments):
    command = [sys.executable, "-m", "ft_dcc.cli.main", "serve"]
    server = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, encoding="utf-8")
    assert server.stdout.readline().startswith("The studio server accepts connections at http://127.0.0.1:")
    return server, read_account(Path(arguments[1]))


def answer(account):
    headers = {"ftrack-user": account.user, "ftrack-api-key": account.key}
    query = [{"action": "query", "expression": "select username from User"}]
    return requests.post(f"{account.server}/api", json=query, headers=headers, timeout=TIMEOUT_SECONDS).json()


def test_serve_prints_a_sign_in_link_and_no_key_and_can_be_backed_up_and_restored(tmp_path):
    server, account = start("--data", str(tmp_path / "studio"))
    assert answer(account)[0]["data"][0]["username"] == account.user
    with server.stdout:
        link, keys = server.stdout.readline().split()[-1], server.stdout.readline()
    assert requests.get(link, timeout=TIMEOUT_SECONDS).status_code == 200
    assert link.startswith(f"{account.server}/user/sign_in/") and account.key not in keys
    done = run_command("serve", "backup", str(tmp_path / "studio.backup"), "--data", str(tmp_path / "studio"))
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=TIMEOUT_SECONDS) == 0
    assert done.returncode == 0, done.stderr

    done = run_command("serve", "restore", str(tmp_path / "studio.backup"), "--data", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    server, restored = start("--data", str(tmp_path / "again"))
    assert answer(attrs.evolve(account, server=restored.server)) == answer(restored)
    server.terminate()
    assert server.wait(timeout=TIMEOUT_SECONDS) == 0
    with server.stdout:
        assert "/user/sign_in" not in server.stdout.read()


def test_serve_without_a_folder_is_wrong_usage():
    done = run_command("serve")
    assert done.returncode == 2 and "--data" in done.stderr


def test_serve_on_all_addresses_without_https_is_refused(tmp_path):
    done = run_command("serve", "--data", str(tmp_path / "studio"), "--host", "0.0.0.0")
    assert done.returncode == 2 and "allow plain HTTP" in done.stderr


def test_the_lines_of_serve_can_be_pasted_into_each_shell(capsys, tmp_path):
    (tmp_path / "credentials.env").write_text(Credentials("http://127.0.0.1:8080", "admin", "key").as_environment())
    for shell, line in (
        (None, f"User and key for programs on this machine: {tmp_path / 'credentials.env'}"),
        ("bash", "export FTRACK_API_USER='admin'"),
        ("fish", "set -gx FTRACK_API_USER 'admin'"),
        ("powershell", "$env:FTRACK_API_USER = 'admin'"),
        ("cmd", 'set "FTRACK_API_USER=admin"'),
    ):
        serve._print_start(Output(), ServerStart("http://127.0.0.1:8080", tmp_path / "credentials.env"), shell)
        assert capsys.readouterr().out.splitlines()[1] == line
