"""The local studio: commands work without any settings."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doubles.command_line import account_variables
from doubles.programs import run_process
from run_options import wait_until

from ft_dcc.accounts import local_server
from ft_dcc.accounts.local_server import get_account, is_running
from ft_dcc.errors import MissingExtra, ServerUnreachable
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings


@pytest.fixture
def environ(tmp_path):
    """Return an environment without settings; the local studio of the test stops soon after it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FTRACK_", "FT_DCC_"))}
    return {
        **own,
        "FT_DCC_LOCAL_STUDIO": str(tmp_path / "my studio"),
        "FT_DCC_LOCAL_STUDIO_IDLE": "0.05",
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
    }


@pytest.fixture
def folder(environ):
    yield (found := Path(environ["FT_DCC_LOCAL_STUDIO"]))
    wait_until(lambda: not is_running(found), "the end of the idle local studio")


def run(*arguments, environ, code=None):
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    return run_process(*command, env=environ)


def test_programs_share_a_local_studio_that_outlives_them_and_stops_when_idle(environ, folder):
    """Started by several programs at once that crash, used by commands, stopped, and started again."""
    code = "import os; from ft_dcc.accounts.local_server import get_account; found = get_account()\n"
    code += "print(found.server, found.key, flush=True); os.abort()"
    with ThreadPoolExecutor(2) as pool:
        started = list(pool.map(lambda _: run(environ=environ, code=code), range(2)))
    assert started[0].stdout == started[1].stdout != "", [one.stderr for one in started]
    server = started[0].stdout.split()[0]
    account = get_account(read_settings(environ=environ))
    assert account.server == server
    with Session(account.server, account.key, account.user) as session:
        # A connected client keeps the studio running, however slow the commands are.
        session.event_hub.connect()
        made = run("task", "ensure", "Film/sq010/sh010/animation", environ=environ)
        assert made.returncode == 0, made.stderr
        assert f"local studio in {folder}, running" in run("doctor", "--json", environ=environ).stdout
    wait_until(lambda: not is_running(folder), "the end of the idle local studio")
    # Links and waiting jobs need the same address after a restart.
    assert run("task", "ensure", "Film/sq010/sh010/animation", environ=environ).stdout == made.stdout
    assert (folder / "credentials.env").read_text("utf-8").splitlines()[0] == f"FTRACK_SERVER={server}"


def test_a_configured_server_is_used_instead_of_the_local_studio(environ, folder, studio_server):
    found = get_account(read_settings(environ={**environ, **account_variables(studio_server)}))
    assert found.server == studio_server.server_url
    assert studio_server.api_key not in repr(found)
    assert not folder.exists()


def test_a_missing_server_package_names_the_extra(environ, folder, monkeypatch):
    monkeypatch.setattr(local_server, "SERVER_MODULES", ("no_such_module",))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtra, match=r"pip install \"ft-dcc\[server\]\""):
        get_account(read_settings(environ=environ))


def test_a_local_studio_that_cannot_start_reports_the_reason(environ, folder):
    folder.mkdir()
    (folder / "studio.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ServerUnreachable, match=r"did not start: .*cannot be opened"):
        get_account(read_settings(environ=environ))


def test_the_python_of_a_host_is_found_beside_its_executable(tmp_path, monkeypatch):
    for name in ("maya.bin", "mayapy"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "maya.bin"))
    assert local_server._python() == str(tmp_path / "mayapy")


def test_doctor_does_not_start_the_local_studio(environ, folder):
    assert "started when needed" in json.dumps(json.loads(run("doctor", "--json", environ=environ).stdout))
    assert not folder.exists()


def test_a_server_that_cannot_be_started_is_named_instead_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(local_server, "_server_command", lambda: [str(tmp_path / "nowhere")])
    with pytest.raises(ServerUnreachable, match="nowhere cannot be run: No such file or directory"):
        local_server.ensure_local_studio(tmp_path / "studio")
