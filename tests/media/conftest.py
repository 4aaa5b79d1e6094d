import functools
import os
import shutil
from fractions import Fraction

import pytest
from doubles.numbered_images import run_ffmpeg, write_numbered

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ffmpeg


def _found():
    """Return each ffmpeg of this machine: the default one and the system's."""
    found = {"found": str(ffmpeg.find())}
    system = shutil.which("ffmpeg")
    if system and not os.environ.get("FT_DCC_FFMPEG") and system != found["found"]:
        found["system"] = system
    return found


@pytest.fixture
def all_ffmpegs():
    return list(_found().values())


@pytest.fixture(params=_found().values(), ids=_found().keys())
def each_ffmpeg(request, monkeypatch):
    """Run the test with each ffmpeg: for what depends on its build, such as decoders, fonts, colours and its log."""
    monkeypatch.setenv("FT_DCC_FFMPEG", request.param)
    return str(request.param)


@pytest.fixture
def make_frames(tmp_path):
    def make(frame_range="1001-1012", fps=Fraction(24), size="64x36", pattern="sh010.%04d.png"):
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
def containers(tmp_path_factory):
    """Return a function that makes a movie of 25 frames in a container, once for each name and rate; read it only."""

    @functools.cache
    def make(name, rate="25"):
        path = tmp_path_factory.mktemp("container") / name
        codec, options = CONTAINERS[name]
        source = ("-f", "lavfi", "-i", f"testsrc2=s=64x36:r={rate}")
        run_ffmpeg(*source, "-frames:v", "25", "-c:v", codec, *options, path)
        return path

    return make


@pytest.fixture
def small_disk(tmp_path, mounting):
    return mounting(tmp_path / "disk", "size=64k")


@pytest.fixture
def read_only_folder(tmp_path, mounting):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    # Root may write everywhere except on a read-only disk.
    return mounting(folder, "ro") if os.access(folder, os.W_OK) else folder
