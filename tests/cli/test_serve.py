"""The command serve: what it prints, stop, backup and restore."""

import signal
import subprocess
import sys
from pathlib import Path

import attrs
import requests
from doubles.command_line import run_command
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.local_server import read_account
from ft_dcc.cli import serve
from ft_dcc.cli.terminal.output import Output
from ft_dcc.server.context import ServerStart
from ft_dcc.server.database.data_folder import Credentials


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
