"""The user's own studio: nothing is set, and things work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from ft_dcc import local_studio
from ft_dcc.config import read_settings
from ft_dcc.errors import ExtraMissing, ServerUnreachable
from ft_dcc.local_studio import account, is_running


@pytest.fixture
def environ(tmp_path):
    """The environment of somebody who has set nothing; the studio of this test stops soon after."""
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
    until = time.monotonic() + 120
    while is_running(found) and time.monotonic() < until:
        time.sleep(0.2)


def run(*arguments, environ, code=None):
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, encoding="utf-8", timeout=120, check=False)


def test_a_command_without_a_server_uses_a_studio_of_ones_own(environ, folder):
    made = run("task", "ensure", "Film/sq010/sh010/animation", environ=environ)
    assert made.returncode == 0, made.stderr
    assert is_running(folder)
    again = run("task", "ensure", "Film/sq010/sh010/animation", environ=environ)
    assert again.stdout == made.stdout
    server = (folder / "credentials.env").read_text("utf-8").splitlines()[0].partition("=")[2]
    with requests.Session() as client:
        # Somebody is connected, so that it goes on, however long the command takes.
        assert client.get(f"{server}/health", timeout=30).status_code == 200
        doctor = run("doctor", "--json", environ=environ)
    assert f"your own studio in {folder}, which runs" in doctor.stdout


def test_all_who_start_it_at_once_get_the_same_one(environ, folder):
    code = "from ft_dcc.local_studio import account; found = account(); print(found.server, found.key)"
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: run(environ=environ, code=code), range(4)))
    assert len({(one.returncode, one.stdout) for one in done}) == 1, [one.stderr for one in done]


def test_it_outlives_whoever_started_it_and_stops_when_nobody_needs_it(environ, folder):
    code = "import os; from ft_dcc.local_studio import account; print(account().server, flush=True); os.abort()"
    server = run(environ=environ, code=code).stdout.strip()
    assert requests.get(f"{server}/health", timeout=10).status_code == 200
    until = time.monotonic() + 60
    while is_running(folder) and time.monotonic() < until:
        time.sleep(0.2)
    assert not is_running(folder)
    # Links and waiting jobs lead to the same address the next time.
    code = "from ft_dcc.local_studio import account; print(account().server)"
    assert run(environ=environ, code=code).stdout.strip() == server


def test_a_server_that_is_set_is_used_and_nothing_is_started(environ, folder, studio_server):
    settings = read_settings(
        environ={
            **environ,
            "FTRACK_SERVER": studio_server.server_url,
            "FTRACK_API_USER": studio_server.api_user,
            "FTRACK_API_KEY": studio_server.api_key,
        }
    )
    found = account(settings)
    assert found.server == studio_server.server_url
    assert studio_server.api_key not in repr(found)
    assert not folder.exists()


def test_a_python_without_the_server_says_what_to_install(environ, folder, monkeypatch):
    monkeypatch.setattr(local_studio, "_PARTS", ("no_such_module",))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExtraMissing, match=r"pip install 'ft-dcc\[server\]'"):
        account(read_settings(environ=environ))


def test_a_studio_that_does_not_start_says_why(environ, folder):
    folder.mkdir()
    (folder / "studio.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ServerUnreachable, match=r"did not start: .*cannot be opened"):
        account(read_settings(environ=environ))


def test_a_host_finds_its_python_beside_itself(tmp_path, monkeypatch):
    for name in ("maya.bin", "mayapy"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "maya.bin"))
    assert local_studio._python() == str(tmp_path / "mayapy")


def test_doctor_starts_nothing(environ, folder):
    doctor = run("doctor", "--json", environ=environ)
    assert "started when it is needed" in json.dumps(json.loads(doctor.stdout))
    assert not folder.exists()
