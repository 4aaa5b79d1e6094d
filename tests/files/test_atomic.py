"""Files that another program holds for a moment, as on Windows, and the log file of the client."""

import errno
import logging
import shutil
from pathlib import Path

import pytest

from ft_dcc.files import atomic, log_file


def refuse(monkeypatch, name, times):
    """Let a method of Path fail as it does while an antivirus program holds the file; return the calls."""
    calls, original = [], getattr(Path, name)

    def held(path, target):
        calls.append(path)
        if len(calls) <= times:
            raise PermissionError(errno.EACCES, "Access is denied", str(path), 5, str(target))
        return original(path, target)

    monkeypatch.setattr(Path, name, held)
    return calls


def test_a_file_that_is_held_for_a_moment_is_replaced(tmp_path, monkeypatch):
    target = tmp_path / "journal"
    calls = refuse(monkeypatch, "replace", times=2)
    atomic.write_atomically(target, b"new")
    assert (target.read_bytes(), len(calls), len(list(tmp_path.iterdir()))) == (b"new", 3, 1)


def test_a_folder_that_is_held_for_a_moment_is_renamed(tmp_path, monkeypatch):
    refuse(monkeypatch, "rename", times=2)
    (tmp_path / "new").mkdir()
    atomic.rename(tmp_path / "new", tmp_path / "installed")
    assert (tmp_path / "installed").is_dir()


def test_a_file_that_stays_held_is_reported_and_left(tmp_path, monkeypatch):
    target, clock = tmp_path / "journal", iter(range(9))
    target.write_bytes(b"old")
    calls = refuse(monkeypatch, "replace", times=99)
    monkeypatch.setattr(atomic.time, "monotonic", lambda: next(clock) * 0.7)
    monkeypatch.setattr(atomic.time, "sleep", lambda _: None)
    with pytest.raises(PermissionError):
        atomic.write_atomically(target, b"new")
    assert (target.read_bytes(), len(calls)) == (b"old", 3)


def test_a_temporary_folder_with_a_held_file_is_left(monkeypatch, tmp_path):
    def held(path, ignore_errors=False, **_):
        if not ignore_errors:
            raise PermissionError(errno.EACCES, "It is being used by another process", str(path), 32)

    monkeypatch.setattr(shutil, "rmtree", held)
    with atomic.temporary_folder(parent=tmp_path) as folder:
        (folder / "movie.mp4").touch()
    assert (folder / "movie.mp4").is_file()


def test_a_folder_for_a_rename_has_the_access_of_its_parent(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.tempfile, "mkdtemp", lambda **_: pytest.fail("its access is that of one user"))
    with atomic.sibling_folder(tmp_path / "share" / "ft-dcc") as folder:
        assert folder.parent == tmp_path / "share"
        (tmp_path / "other").mkdir()
        assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert not folder.exists()


@pytest.fixture
def own_log(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(tmp_path / "log"))
    # A command of an earlier test in this process may write the log file already.
    logger = logging.getLogger("ft_dcc")
    monkeypatch.setattr(
        logger, "handlers", [each for each in logger.handlers if type(each).__name__ != "_LogFileHandler"]
    )
    log_file.start("test")
    log_file.start("test again")
    yield tmp_path / "log"


def test_log_has_commands_warnings_and_tracebacks_without_secrets_and_rotates(own_log, monkeypatch):
    log_file.write("publish to https://s/review/5f0c/Secr3t-Key#1 apiKey=abc")
    logging.getLogger("ft_dcc.session").warning("the cache is old")
    logging.getLogger("ft_dcc.session").info("not in the file")
    try:
        raise ValueError("no frames")
    except ValueError as error:
        log_file.write("ended", "ERROR", error)
    (path,) = own_log.iterdir()
    text = path.read_text("utf-8")
    assert text.count("starts. Python") == 1
    assert "/review/5f0c/***#1 apiKey=***" in text and "WARNING ft_dcc.session: the cache is old" in text
    assert "not in the file" not in text and "\n    ValueError: no frames\n" in text
    monkeypatch.setattr(log_file, "MAX_BYTES", 10)
    for number in range(6):
        log_file.write(f"line {number}")
    assert sorted(each.name for each in own_log.iterdir()) == sorted(each.name for each in log_file.log_files())
    assert "line 5" in path.read_text("utf-8") and "line 2" in (own_log / "ft-dcc.3.log").read_text("utf-8")


def test_a_log_that_cannot_be_written_stops_nothing(own_log, monkeypatch):
    monkeypatch.setattr(log_file.platformdirs, "user_log_dir", lambda *_, **__: str(own_log / "ft-dcc.log" / "below"))
    log_file.write("lost")


def test_home_folders_mail_addresses_and_links_are_anonymised():
    home = str(Path.home())
    for text, expected in (
        (f"{home}/jobs and /home/ada/x, /Users/ida/x", "~/jobs and ~/x, ~/x"),
        (r'"C:\\Users\\ada\\x" C:\Users\ada\x', r'"~\\x" ~\x'),
        ("to ida@example.com", "to ***"),
        (
            "http://s/user/sign_in/abc_-1?next=/ http://s/component/upload/eyJ.x-y_z",
            "http://s/user/sign_in/***?next=/ http://s/component/upload/***",
        ),
        ("the-key", "***"),
    ):
        assert log_file.anonymise(text, ("the-key", "")) == expected
