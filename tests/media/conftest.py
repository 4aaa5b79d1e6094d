from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Callable

import pytest
from doubles.numbered_images import run_ffmpeg, write_numbered

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ffmpeg


def _found() -> dict[str, str]:
    """Return each ffmpeg of this machine: the default one and the system's."""
    found = {"found": str(ffmpeg.find())}
    system = shutil.which("ffmpeg")
    if system and not os.environ.get("FT_DCC_FFMPEG") and system != found["found"]:
        found["system"] = system
    return found


@pytest.fixture
def all_ffmpegs() -> list[str]:
    """Return a function that selects an ffmpeg, for tests that choose it themselves."""
    return list(_found().values())


@pytest.fixture(params=_found().values(), ids=_found().keys())
def each_ffmpeg(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with each ffmpeg: for what depends on its build, such as decoders, fonts, colours and its log."""
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


# Each container with a codec that it usually has, and ffmpeg's options.
CONTAINERS = {
    "a.mp4": ("libx264", ()),
    "fast.mp4": ("libx264", ("-movflags", "+faststart")),
    "pieces.mp4": ("libx264", ("-movflags", "+frag_keyframe+empty_moov")),
    "a.mov": ("prores_ks", ()),
    "b.mov": ("png", ()),
    "a.mkv": ("ffv1", ()),
    "a.webm": ("libvpx-vp9", ("-deadline", "realtime")),
    "a.avi": ("mjpeg", ()),
    "a.ts": ("libx264", ()),
    "a.mxf": ("mpeg2video", ()),
}


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a movie of 25 frames in a container, once for each name and rate; read it only."""

    @functools.cache
    def make(name: str, rate: str = "25") -> Path:
        path = tmp_path_factory.mktemp("container") / name
        codec, options = CONTAINERS[name]
        source = ("-f", "lavfi", "-i", f"testsrc2=s=64x36:r={rate}")
        run_ffmpeg(*source, "-frames:v", "25", "-c:v", codec, *options, path)
        return path

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
