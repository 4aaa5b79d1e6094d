"""Files and folders that another program holds for a moment, as Windows reports it."""

import errno
import shutil
from pathlib import Path

import pytest

from ft_dcc.files import atomic


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
