import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from doubles.programs import write_program
from run_options import wait_until

from ft_dcc.errors import Cancelled, EncodeFailed, MissingExtra, SettingInvalid, StorageError
from ft_dcc.media import ffmpeg
from ft_dcc.media.ffmpeg import Finished

pytestmark = pytest.mark.usefixtures("each_ffmpeg")
ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-")


def test_ffmpeg_of_the_setting_is_used(each_ffmpeg):
    assert str(ffmpeg.find()) == each_ffmpeg
    assert ffmpeg.version()


def test_missing_ffmpeg_of_the_setting_is_an_error(monkeypatch):
    monkeypatch.setenv("FT_DCC_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(SettingInvalid, match="FT_DCC_FFMPEG is /nowhere/ffmpeg"):
        ffmpeg.find()


def test_an_error_names_the_file_that_sets_the_ffmpeg(monkeypatch, tmp_path):
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "ft_dcc.toml"))
    (tmp_path / "ft_dcc.toml").write_text('\nffmpeg = "/nowhere/ffmpeg"\n')
    with pytest.raises(SettingInvalid, match=r"^ffmpeg in .*ft_dcc\.toml.* is .*ffmpeg, which is not a program"):
        ffmpeg.find()


def test_missing_ffmpeg_names_the_install_command(monkeypatch):
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match=r"ft-dcc\[media\]"):
        ffmpeg.find()


def test_ffmpeg_on_the_path_is_the_last_resort(monkeypatch, tmp_path):
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    program = write_program(tmp_path / "ffmpeg", "")
    assert ffmpeg.find() == program


def test_program_that_is_not_ffmpeg_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_FFMPEG", str(write_program(tmp_path / "ffmpeg", "print('hello')")))
    with pytest.raises(EncodeFailed, match="is not an ffmpeg, or is broken"):
        ffmpeg.version()


def test_program_that_cannot_be_started_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    monkeypatch.setenv("FT_DCC_FFMPEG", str(broken))
    with pytest.raises(SettingInvalid, match="cannot be started"):
        ffmpeg.version()


def test_cancel_stops_an_endless_run():
    counts = []
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
    code = (
        "import os, subprocess, sys\ncommand = [sys.executable, '-c', 'import time; time.sleep(999)']\n"
        f"started = subprocess.Popen(command)\n"
        f"open('pid.new', 'w').write(str(started.pid)); os.replace('pid.new', {str(noted)!r}); started.wait()"
    )
    monkeypatch.setenv("FT_DCC_FFMPEG", str(write_program(tmp_path / "ffmpeg", code)))
    with pytest.raises(Cancelled):
        ffmpeg.run([], folder=tmp_path, is_cancelled=noted.exists)
    wait_until(lambda: not is_running(int(noted.read_text())), "the end of the child process")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("code", "has_crashed"), [(1, False), (-11, True), (0xC0000005, True), (3199971767, False), (0xD0000000, False)]
)
def test_a_negative_exit_code_of_windows_is_no_crash(code, has_crashed):
    assert Finished(code, (), "").has_crashed is has_crashed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_installed_ffmpeg_without_its_execute_bits_is_used(monkeypatch, tmp_path):
    program = write_program(tmp_path / "binaries" / "ffmpeg-linux-x86_64-v7.0.2", "")
    program.chmod(0o644)
    fake = SimpleNamespace(__file__=str(tmp_path / "__init__.py"), get_ffmpeg_exe=lambda: str(program))
    monkeypatch.delenv("FT_DCC_FFMPEG")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", fake)
    assert os.access(ffmpeg.find(), os.X_OK)


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
