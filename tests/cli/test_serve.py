"""The command serve: credentials, stop, backup and restore."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests
from doubles.command_line import run_command
from run_options import TIMEOUT_SECONDS

from ft_dcc.cli import serve
from ft_dcc.cli.terminal.output import Output
from ft_dcc.server.database.data_folder import Credentials

FT_DCC = [sys.executable, "-m", "ft_dcc.cli.main"]


def start(*arguments):
    server = subprocess.Popen([*FT_DCC, "serve", *arguments], stdout=subprocess.PIPE, encoding="utf-8")
    lines = dict(server.stdout.readline().strip().split("=", 1) for _ in range(3))
    server.stdout.close()
    return server, lines


def answer(lines):
    headers = {"ftrack-user": lines["FTRACK_API_USER"], "ftrack-api-key": lines["FTRACK_API_KEY"]}
    query = [{"action": "query", "expression": "select username from User"}]
    return requests.post(f"{lines['FTRACK_SERVER']}/api", json=query, headers=headers, timeout=TIMEOUT_SECONDS).json()


def test_serve_prints_credentials_and_stops_on_ctrl_c(tmp_path):
    server, lines = start("--data", str(tmp_path / "studio"))
    assert list(lines) == ["FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"]
    assert answer(lines)[0]["data"][0]["username"] == lines["FTRACK_API_USER"]
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=TIMEOUT_SECONDS) == 0


def test_a_backup_of_a_running_studio_can_be_restored(tmp_path):
    server, lines = start("--data", str(tmp_path / "studio"))
    done = run_command("serve", "backup", str(tmp_path / "studio.backup"), "--data", str(tmp_path / "studio"))
    server.terminate()
    assert server.wait(timeout=TIMEOUT_SECONDS) == 0
    assert done.returncode == 0, done.stderr

    done = run_command("serve", "restore", str(tmp_path / "studio.backup"), "--data", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    server, restored = start("--data", str(tmp_path / "again"))
    assert answer({**lines, "FTRACK_SERVER": restored["FTRACK_SERVER"]}) == answer(restored)
    server.terminate()
    server.wait(timeout=TIMEOUT_SECONDS)


def test_serve_without_a_folder_is_wrong_usage():
    done = run_command("serve")
    assert done.returncode == 2 and "--data" in done.stderr


def test_serve_on_all_addresses_without_https_is_refused(tmp_path):
    done = run_command("serve", "--data", str(tmp_path / "studio"), "--host", "0.0.0.0")
    assert done.returncode == 2 and "allow plain HTTP" in done.stderr


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (None, "FTRACK_API_USER=admin"),
        ("bash", "export FTRACK_API_USER='admin'"),
        ("zsh", "export FTRACK_API_USER='admin'"),
        ("fish", "set -gx FTRACK_API_USER 'admin'"),
        ("powershell", "$env:FTRACK_API_USER = 'admin'"),
        ("cmd", 'set "FTRACK_API_USER=admin"'),
    ],
)
def test_the_lines_of_serve_can_be_pasted_into_each_shell(capsys, shell, line):
    serve._print_credentials(Output(), Credentials("http://127.0.0.1:8080", "admin", "key"), shell)
    assert capsys.readouterr().out.splitlines()[1] == line
