from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from run_options import wait_until

from ft_dcc.errors import Cancelled, EncodeFailed, MissingExtra, SettingInvalid, StorageError
from ft_dcc.media import ffmpeg
from ft_dcc.media.ffmpeg import Finished

needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="the program of this test is a shell script")
pytestmark = pytest.mark.usefixtures("each_ffmpeg")
ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-")


def write_script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_ffmpeg_of_the_setting_is_used(each_ffmpeg):
    assert str(ffmpeg.find()) == each_ffmpeg
    assert ffmpeg.version()


def test_missing_ffmpeg_of_the_setting_is_an_error(monkeypatch):
    monkeypatch.setenv("FT_DCC_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(SettingInvalid, match="FT_DCC_FFMPEG is /nowhere/ffmpeg"):
        ffmpeg.find()


def test_missing_ffmpeg_names_the_install_command(monkeypatch):
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match=r"ft-dcc\[media\]"):
        ffmpeg.find()


@needs_a_shell
def test_ffmpeg_on_the_path_is_the_last_resort(monkeypatch, tmp_path):
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    write_script(tmp_path / "ffmpeg", "true")
    assert ffmpeg.find() == tmp_path / "ffmpeg"


@needs_a_shell
def test_program_that_is_not_ffmpeg_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_FFMPEG", str(write_script(tmp_path / "ffmpeg", "echo hello")))
    with pytest.raises(EncodeFailed, match="is not an ffmpeg, or is broken"):
        ffmpeg.version()


@needs_a_shell
def test_program_that_cannot_be_started_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    monkeypatch.setenv("FT_DCC_FFMPEG", str(broken))
    with pytest.raises(SettingInvalid, match="cannot be started"):
        ffmpeg.version()


def test_cancel_stops_an_endless_run():
    counts: list[int] = []
    with pytest.raises(Cancelled):
        ffmpeg.run(ENDLESS, on_count=counts.append, is_cancelled=lambda: len(counts) > 1)


def test_error_of_a_callback_stops_an_endless_run():
    def stop(_line):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ffmpeg.run(ENDLESS, on_line=stop)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the state of a process is read from /proc")
def test_child_processes_of_a_wrapper_script_are_killed(monkeypatch, tmp_path):
    noted = tmp_path / "pid"
    script = write_script(
        tmp_path / "ffmpeg", f'sleep 1000 & echo $! > "{noted}.new"; mv "{noted}.new" "{noted}"; wait'
    )
    monkeypatch.setenv("FT_DCC_FFMPEG", str(script))
    with pytest.raises(Cancelled):
        ffmpeg.run([], is_cancelled=noted.exists)
    wait_until(lambda: not is_running(int(noted.read_text())), "the end of the child process")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_kept_log_is_bounded():
    finished = ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=d=20:s=32x18", "-vf", "showinfo", "-f", "null", "-"])
    assert finished.returncode == 0
    assert len(finished.log) < 20_000


@pytest.mark.parametrize(
    ("line", "error_type", "sentence"),
    [
        ("Error writing trailer: No space left on device", StorageError, "The disk is full: /films. Free some space"),
        ("Unknown encoder 'libx264'", EncodeFailed, "lacks a feature: Unknown encoder 'libx264'. Run: pip install"),
        ("No such filter: 'zscale'", EncodeFailed, "lacks a feature: No such filter: 'zscale'."),
        ("Something else", EncodeFailed, "ffmpeg stopped with code 1 on sh010.%04d.png: Something else."),
    ],
)
def test_failure_is_one_sentence(line, error_type, sentence):
    error = ffmpeg.failure(Finished(1, (line,), line), "sh010.%04d.png", Path("/films/a.mp4"))
    assert type(error) is error_type
    assert sentence.replace("/films", str(Path("/films"))) in str(error)


def test_missing_encoder_is_detected_in_the_log():
    finished = ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=d=1", "-c:v", "libnothing", "-f", "null", "-"])
    error = ffmpeg.failure(finished, "testsrc2", Path("a.mp4"))
    assert "lacks a feature: Unknown encoder 'libnothing'" in str(error)


def test_replacing_writes_the_file_when_the_block_succeeds(tmp_path):
    with ffmpeg.replacing(tmp_path / "a.mp4") as unfinished:
        unfinished.write_bytes(b"whole")
        assert unfinished.parent == tmp_path
        assert not (tmp_path / "a.mp4").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_replacing_deletes_the_file_when_the_block_fails(tmp_path):
    with pytest.raises(KeyError), ffmpeg.replacing(tmp_path / "a.mp4"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
