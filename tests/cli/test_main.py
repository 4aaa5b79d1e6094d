"""Exit codes and one-line messages for invalid input."""

import json
import logging
import os
import zipfile
from pathlib import Path
from unittest import mock
from uuid import uuid4

import pytest
from click.shell_completion import get_completion_class
from doubles.command_line import account_variables, run_command

from ft_dcc.cli import main
from ft_dcc.cli.terminal.inputs import AbsolutePath, expand_paths
from ft_dcc.files import log_file
from ft_dcc.production.tasks import ensure_task
from ft_dcc.session.transport import http


def run(*arguments, environ=None, **changes):
    return run_command(*arguments, environ={**(environ or {}), **changes})


@pytest.fixture
def studio_environ(studio_server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    return {**os.environ, **account_variables(studio_server, tmp_path / "jobs")}


def one_line(done):
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    return lines[-1]


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


def test_an_unreachable_server_exits_with_1_and_is_in_the_json_report(studio_environ):
    done = run("task", "ensure", "P/S/T", "--json", environ=studio_environ, FTRACK_SERVER="http://127.0.0.1:9")
    assert done.returncode == 1 and "127.0.0.1:9" in one_line(done)
    assert json.loads(done.stdout)["error"]["class"] == "ServerUnreachable"


def test_a_wrong_key_exits_with_1_and_is_not_printed(studio_environ):
    done = run("task", "ensure", "P/S/T", environ=studio_environ, FTRACK_API_KEY="not-the-key-at-all")
    assert done.returncode == 1 and "not-the-key-at-all" not in done.stdout + done.stderr


def test_ensure_creates_a_task_once(studio_environ):
    values = ("--frames", "993-1100+8", "--fps", "23.976", "--create-project")
    first = run("task", "ensure", "Cli/SEQ/SH010/Animation", *values, environ=studio_environ)
    again = run("task", "ensure", "Cli/SEQ/SH010/Animation", environ=studio_environ)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) == 36
    assert first.stdout == again.stdout


def test_doctor_reaches_the_server_hides_the_key_and_names_plugins_of_others(studio_environ):
    done = run("doctor", "--json", environ=studio_environ, PYBLISHPLUGINPATH=os.pathsep.join(["a", "b"]))
    assert done.returncode == 0, done.stdout + done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["server"]["is_good"] is True
    assert findings["key"]["text"] == "set  (environment FTRACK_API_KEY)"
    assert studio_environ["FTRACK_API_KEY"] not in done.stdout + done.stderr
    assert findings["publish plugins"]["text"].startswith("Publishes leave out 2 plugin folders of other users of")


def test_support_bundle_has_the_last_publishes_and_no_secret_or_personal_path(studio_environ, tmp_path, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(tmp_path / "log"))
    key, home = studio_environ["FTRACK_API_KEY"], str(Path.home())
    told = f"{home}/scene.blend /home/ada/x {key} ida@example.com http://s/review/1f/Secr3tLink token=hidden"
    job = tmp_path / "jobs" / "20260101-000000-000000-abcd"
    for path in (job / "journal.jsonl", job / "report.json", tmp_path / "log" / "ft-dcc.log"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"told": told, "marker": path.name}))
    (job / "1").mkdir()
    (job / "1" / "movie.mp4").write_bytes(b"film")
    environ = {**studio_environ, "HTTPS_PROXY": "", "FT_DCC_WATERMARK": told, "no_proxy": "127.0.0.1"}
    done = run("doctor", "--bundle", str(tmp_path / "support.zip"), environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / "support.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    folder = f"jobs/{job.name}"
    assert list(texts) == [
        "doctor.txt",
        "environment.txt",
        "log/ft-dcc.log",
        f"{folder}/journal.jsonl",
        f"{folder}/report.json",
    ]
    assert all(f'"marker": "{name.rpartition("/")[2]}"' in text for name, text in texts.items() if "/" in name)
    for secret in (key, home, "/home/ada", "ida@example.com", "Secr3tLink", "hidden"):
        assert [name for name, text in texts.items() if secret in text] == [], secret
    assert run("doctor", "--bundle", str(tmp_path / "support.zip"), environ=environ).returncode == 1


def test_log_file_starts_with_a_command_and_has_no_key(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(tmp_path / "log"))
    monkeypatch.setattr(logging.getLogger("ft_dcc"), "handlers", [])
    text = ""
    for arguments in (["--help"], ["settings", "set", "key", "S3cretKey"]):
        assert text == ""
        monkeypatch.setattr(main.sys, "argv", ["ft-dcc", *arguments])
        with pytest.raises(SystemExit):
            main.main()
        text = "".join(each.read_text("utf-8") for each in tmp_path.glob("log/*"))
    assert "ft-dcc settings set key *** starts." in text and "ended with SettingInvalid" in text
    assert "S3cretKey" not in text


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


def test_completion_prints_a_script_that_calls_the_command():
    for shell in ("bash", "zsh", "fish"):
        done = run("completion", shell, environ=dict(os.environ))
        assert done.returncode == 0
        assert "_FT_DCC_COMPLETE" in done.stdout and "ft-dcc" in done.stdout
        assert shell != "bash" or "complete -o default -o nosort -F _ft_dcc_completion ft-dcc" in done.stdout


def test_completion_knows_the_commands_of_groups(monkeypatch, capsys):
    variables = {"_FT_DCC_COMPLETE": "bash_complete", "COMP_WORDS": "ft-dcc queue cl", "COMP_CWORD": "2"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main.run([])
    assert capsys.readouterr().out == "plain,clear\n"


def completed(environ, *words, kind):
    variables = {"_FT_DCC_COMPLETE": f"{kind}_complete", "COMP_WORDS": " ".join(["ft-dcc", *words])}
    variables["COMP_CWORD"] = words[-1] if kind == "fish" else str(len(words))
    with mock.patch.dict(os.environ, {**environ, **variables}):
        completion = get_completion_class(kind)(main.command, {"obj": main.Output()}, "ft-dcc", "_FT_DCC_COMPLETE")
        return completion.complete().splitlines()


def test_names_of_the_server_and_jobs_are_completed(studio_environ, session, tmp_path):
    project = f"Complete{uuid4().hex[:8]}"
    for shot in ("SH010", "SH020"):
        ensure_task(session, f"{project}/SQ010/{shot}/Animation")
    session.create(
        "ReviewSession",
        {"name": f"{project} dailies", "project": session.query(f"Project where name is {project}").one()},
    )
    session.commit()
    (tmp_path / "jobs" / "20260101-1").mkdir(parents=True)
    (tmp_path / "jobs" / "20260101-1" / "journal.jsonl").touch()
    for words, expected in (
        # Levels with one name are skipped.
        (("publish", "a.mov", "--task", project[:12]), [f"{project}/SQ010/SH010/", f"{project}/SQ010/SH020/"]),
        (("publish", "a.mov", "--task", f"{project}/SQ010/SH02"), [f"{project}/SQ010/SH020/Animation"]),
        (("review", "list", "--project", project), [project]),
        (("review", "show", project), [rf"{project}\ dailies"]),
        (("publish", "a.mov", "--status", "pend"), [r"Pending\ Review"]),
        (("studio", "key", "--user", "adm"), ["admin"]),
        (("queue", "show", "2026"), ["20260101-1"]),
        (("publish", "a"), []),
    ):
        assert completed(studio_environ, *words, kind="bash") == [f"plain,{each}" for each in expected], words
    assert completed(studio_environ, "review", "show", project, kind="fish") == [f"plain,{project} dailies"]
    assert f"{project} dailies" in completed(studio_environ, "review", "show", project, kind="zsh")


@pytest.mark.parametrize(
    "address", [{"FTRACK_SERVER": "http://127.0.0.1:9"}, {"FTRACK_SERVER": "", "FTRACK_API_KEY": ""}]
)
def test_completion_is_silent_without_a_server_and_starts_none(studio_environ, tmp_path, address):
    environ = {**studio_environ, **address, "FT_DCC_LOCAL_STUDIO": str(tmp_path / "studio")}
    assert completed(environ, "publish", "a.mov", "--task", "F", kind="bash") == []
    assert not (tmp_path / "studio").exists()


def test_paths_are_expanded_that_the_shell_of_windows_leaves_alone(tmp_path, monkeypatch):
    for name in ("a[1].mov", "b.mov"):
        (tmp_path / name).touch()
    for home in ("USERPROFILE", "HOME"):
        monkeypatch.setenv(home, str(tmp_path))
    for given, expected in (
        (str(tmp_path / "*.mov"), ["a[1].mov", "b.mov"]),
        (str(tmp_path / "?[1].mov"), ["a[1].mov"]),
        (str(Path("~", "b.mov")), ["b.mov"]),
        (str(tmp_path / "none*.mov"), ["none*.mov"]),
    ):
        assert expand_paths([given]) == tuple(str(tmp_path / name) for name in expected)
    assert AbsolutePath().convert(str(Path("~", "b.mov")), None, None) == tmp_path / "b.mov"
