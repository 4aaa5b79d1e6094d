"""Exit codes and one-line messages for invalid input."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click import shell_completion
from doubles.command_line import account_variables, run_command
from run_options import TIMEOUT_SECONDS

from ft_dcc.session.transport import http


def run(*arguments, environ=None, **changes):
    return run_command(*arguments, environ={**(environ or {}), **changes})


def run_process(*arguments, environ):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    return subprocess.run(
        command, env=environ, capture_output=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False
    )


@pytest.fixture
def studio_environ(studio_server, tmp_path, monkeypatch):
    """Return an environment that is signed in to the studio, with a temporary jobs folder; retry without pauses."""
    monkeypatch.setattr(http, "wait", lambda *_: None)
    return {**os.environ, **account_variables(studio_server, tmp_path / "jobs")}


def one_line(done):
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    return lines[-1]


def test_every_command_has_a_help_text():
    for command in ("publish", "playblast", "serve", "doctor", "demo", "task"):
        done = run(command, "--help")
        assert done.returncode == 0 and "Usage: ft-dcc" in done.stdout


def test_wrong_usage_exits_with_2():
    for arguments in (
        ["publish"],
        ["publish", "a.%04d.png", "--task", "x", "--frames", "9-1"],
        ["publish", "a.%04d.png", "--task", "x", "--fps", "fast"],
        ["publish", "a.%04d.png", "--task", "x", "--resolution", "big"],
        ["no-such-command"],
        ["serve"],
    ):
        assert run(*arguments).returncode == 2, arguments


def test_a_server_without_a_user_names_the_missing_variable(tmp_path):
    done = run("publish", "a.%04d.png", "--task", "x", FTRACK_SERVER="http://127.0.0.1:9")
    assert done.returncode == 2 and "FTRACK_API_USER" in one_line(done)


def test_an_unreachable_server_exits_with_1(studio_environ):
    done = run("task", "ensure", "P/S/T", environ=studio_environ, FTRACK_SERVER="http://127.0.0.1:9")
    assert done.returncode == 1 and "127.0.0.1:9" in one_line(done)


def test_a_wrong_key_exits_with_1_and_is_not_printed(studio_environ):
    done = run("task", "ensure", "P/S/T", environ=studio_environ, FTRACK_API_KEY="not-the-key-at-all")
    assert done.returncode == 1 and "not-the-key-at-all" not in done.stdout + done.stderr


def test_an_unknown_task_exits_with_3(studio_environ, tmp_path):
    (tmp_path / "a.1001.png").write_bytes(b"x")
    done = run("publish", str(tmp_path / "a.%04d.png"), "--task", "No/Such/Task", environ=studio_environ)
    assert done.returncode == 3 and "No/Such/Task" in one_line(done)


def test_json_option_prints_errors_as_json(studio_environ):
    done = run("task", "ensure", "P/S/T", "--json", environ=studio_environ, FTRACK_SERVER="http://127.0.0.1:9")
    assert json.loads(done.stdout)["error"]["class"] == "ServerUnreachable"


def test_ensure_creates_a_task_once(studio_environ):
    values = ("--frames", "993-1100+8", "--fps", "23.976", "--create-project")
    first = run_process("task", "ensure", "Cli/SEQ/SH010/Animation", *values, environ=studio_environ)
    again = run("task", "ensure", "Cli/SEQ/SH010/Animation", environ=studio_environ)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) == 36
    assert first.stdout == again.stdout


def test_doctor_reaches_the_server_and_hides_the_key(studio_environ):
    done = run("doctor", "--json", environ=studio_environ)
    assert done.returncode == 0, done.stdout + done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["server"]["is_good"] is True
    assert findings["key"]["text"] == "set  (environment FTRACK_API_KEY)"
    assert studio_environ["FTRACK_API_KEY"] not in done.stdout + done.stderr


def test_doctor_reports_a_wrong_key(studio_environ):
    done = run("doctor", environ=studio_environ, FTRACK_API_KEY="wrong")
    assert done.returncode == 1
    # What is broken comes first, without colours in a pipe.
    assert done.stdout.startswith("What is broken\n  BROKEN ")
    assert "\x1b" not in done.stdout


def test_a_mistyped_command_of_a_group_names_the_nearest_one():
    for group, typo, nearest in (("queue", "lst", "list"), ("review", "crate", "create")):
        done = run(group, typo)
        assert (done.returncode, f"Did you mean {nearest}?" in done.stderr) == (2, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_prints_a_script_that_calls_the_command(shell):
    if shell == "powershell" and shell_completion.get_completion_class(shell) is None:
        pytest.skip("This click has no completion for PowerShell")
    done = run("completion", shell, environ=dict(os.environ))
    assert done.returncode == 0
    assert "_FT_DCC_COMPLETE" in done.stdout and "ft-dcc" in done.stdout


def test_completion_knows_the_commands_of_groups():
    environ = {**os.environ, "_FT_DCC_COMPLETE": "bash_complete", "COMP_WORDS": "ft-dcc queue cl", "COMP_CWORD": "2"}
    assert run_process(environ=environ).stdout == "plain,clear\n"
