from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Callable

import pytest
from doubles.numbered_images import write_numbered

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ffmpeg


def _found() -> dict[str, str]:
    """Run the test with each ffmpeg of this machine: the default one and the system's."""
    found = {"found": str(ffmpeg.find())}
    system = shutil.which("ffmpeg")
    if system and not os.environ.get("FT_DCC_FFMPEG") and system != found["found"]:
        found["system"] = system
    return found


@pytest.fixture
def all_ffmpegs() -> list[str]:
    """Return a function that selects an ffmpeg, for tests that choose it themselves."""
    return list(_found().values())


@pytest.fixture(params=_found().values(), ids=_found().keys(), autouse=True)
def each_ffmpeg(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FT_DCC_FFMPEG", request.param)
    return str(request.param)


@pytest.fixture
def make_frames(tmp_path: Path) -> Callable[..., Frames]:
    """Return a function that writes numbered images of a range, handles included."""

    def make(
        frame_range: str | FrameRange = "1001-1012",
        fps: Fraction = Fraction(24),
        size: str = "64x36",
        pattern: str = "sh010.%04d.png",
    ) -> Frames:
        wanted = FrameRange.parse(frame_range) if isinstance(frame_range, str) else frame_range
        frames = Frames(str(tmp_path / "frames" / pattern), wanted, fps, Resolution.parse(size))
        frames.path(0).parent.mkdir(parents=True, exist_ok=True)
        for number in wanted.with_handles:
            write_numbered(frames.path(number), number, frames.resolution)
        return frames

    return make


@contextlib.contextmanager
def mounted(folder: Path, option: str) -> Iterator[Path]:
    """Mount a disk at the folder; skip the test if this user may not mount."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [str(mount), "-t", "tmpfs", "-o", option, "tmpfs", str(folder)]
    if not (mount and umount) or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run([str(umount), "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "size=64k"):
        yield folder


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if not os.access(folder, os.W_OK):
        yield folder
        return
    # Root may write everywhere except on a read-only disk.
    with mounted(folder, "ro"):
        yield folder
