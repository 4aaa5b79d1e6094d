"""The files of a version behind a panel: found on disk, opened in the system's file browser, and loaded."""

from __future__ import annotations

import os
import sys
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.colour_bars import ColourBars
from doubles.numbered_images import write_flat
from doubles.programs import write_program
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import Error, StorageError
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.ui.version_files import DiskFiles, has_frames, open_folder


@pytest.fixture
def pattern(tmp_path):
    """Return the pattern of three frames."""
    for number in (1001, 1002, 1003):
        write_flat(tmp_path / f"sh.{number}.png", (0, 200, 0), Resolution(64, 36))
    return str(tmp_path / "sh.%04d.png")


@pytest.fixture
def disk():
    files = DiskFiles(lambda: None)
    yield files
    files.clear()


def test_files_of_the_shown_version_are_found_once_and_those_of_another_system_have_a_reason(
    disk, session, project_task, pattern, tmp_path, monkeypatch
):
    values = {"frame_range": FrameRange(1001, 1003), "fps": Fraction(24), "resolution": Resolution(64, 36)}
    request = PublishRequest(project_task["id"], pattern, **values)
    version_id = publish(request, session, jobs=tmp_path / "jobs").first.version_id

    def read(version_id):
        disk.read(session, version_id)
        is_loading = disk.is_loading
        assert disk.wait(TIMEOUT_SECONDS)
        return is_loading, disk.components

    is_loading, (component,) = read(version_id)
    assert (component.path, component.frames, component.unreachable) == (pattern, (1001, 1002, 1003), None)
    assert (is_loading, read(version_id)) == (True, (False, (component,)))
    assert read("another") == (True, ())
    monkeypatch.setattr("ft_dcc.files.roots.this_system", lambda: "windows")
    _, (component,) = read(version_id)
    assert component.unreachable == (
        "it is a path of Linux or macOS, and this machine runs Windows: add its folder to the setting roots"
    )


def test_frames_on_disk_are_loaded_with_the_source_of_the_version(disk, pattern):
    host = ColourBars()

    def load(pattern):
        disk.load_frames(host, pattern, "second")
        worker = threading.Thread(target=disk.wait, args=(TIMEOUT_SECONDS,))
        worker.start()
        host.serve(worker)

    load(pattern)
    assert host.loaded == [(pattern, FrameRange(1001, 1003), "second")]
    assert (disk.message, disk.error) == ("The frames are behind second.", "")
    load(pattern.replace("sh.", "gone."))
    assert (disk.message, "No file matches" in disk.error, len(host.loaded)) == ("", True, 1)


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/sh.%04d.exr", True), ("P:\\a.%04d\\sh.exr", False), ("/a/sh.mp4", False)]
)
def test_only_a_pattern_has_frames(path, expected):
    assert has_frames(path) is expected


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """Return a function that makes a file browser with this exit code, which writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(code):
        words = "''.join(f'{each}|' for each in (*sys.argv[1:], os.environ.get('LD_LIBRARY_PATH', '')))"
        text = f"import os, sys; open({str(tmp_path / 'called')!r}, 'w').write({words}); sys.exit({code})"
        for name in ("xdg-open", "open"):
            write_program(folder / name, text)

    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/host/lib")
    return make


@pytest.mark.skipif(os.name == "nt", reason="Windows has no program for it")
@pytest.mark.parametrize(("system", "arguments"), [("linux", "{folder}||"), ("darwin", "-R|{folder}/sh.png||")])
def test_folder_is_opened_without_a_shell_and_without_the_libraries_of_the_host(
    browser, tmp_path, monkeypatch, system, arguments
):
    monkeypatch.setattr(sys, "platform", system)
    folder = tmp_path / "$(touch x); é 'a"
    folder.mkdir()
    (folder / "sh.png").touch()
    browser(0)
    open_folder(str(folder / "sh.%04d.png"))
    assert (tmp_path / "called").read_text("utf-8") == arguments.format(folder=folder)
    assert not Path("x").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no program for it")
def test_folder_that_cannot_be_opened_is_a_sentence(browser, tmp_path, monkeypatch):
    browser(4)
    with pytest.raises(Error, match=r"no program that opens .* \(code 4\)\. Open it in your file browser\."):
        open_folder(str(tmp_path / "sh.png"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Error, match=r"cannot be opened: No such file or directory\. Open it"):
        open_folder(str(tmp_path / "sh.png"))
    with pytest.raises(StorageError, match=r"gone does not exist any more\. Ask where"):
        open_folder(str(tmp_path / "gone" / "sh.png"))
