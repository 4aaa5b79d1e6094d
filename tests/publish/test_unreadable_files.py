"""The cause of a file that cannot be read, or of a folder that cannot be written, is named as it is."""

import errno
import os
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.colour_bars import painted, write_painted
from doubles.numbered_images import run_ffmpeg
from doubles.users import without_root

from ft_dcc import media
from ft_dcc.errors import FramesMissing, MovieUnreadable, StorageError, UserFixableError
from ft_dcc.files.atomic import write_remedy
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames
from ft_dcc.media import ffmpeg
from ft_dcc.media.frame_input import refuse_damaged
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.models import PublishRequest

needs_permissions = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")


@pytest.fixture
def folder():
    """Yield a folder that other users can enter, unlike those of pytest."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@needs_permissions
@pytest.mark.parametrize("name", ["a.mov", "a.png", "a.exr"])
def test_a_file_without_permission_is_not_called_damaged(folder, name):
    (folder / name).write_bytes(painted(1, Resolution(64, 36)))
    (folder / name).chmod(0)
    colour = media.ColourOptions() if name == "a.exr" else None
    with without_root(), pytest.raises((MovieUnreadable, FramesMissing), match=r"cannot be read: permission denied"):
        media.probe(folder / name) if name == "a.mov" else media.image_size(folder / name, colour)


@needs_permissions
def test_a_frame_without_permission_is_not_called_damaged(folder):
    write_painted(folder, (1001, 1002), "sh")
    (folder / "sh.1002.png").chmod(0)
    sequence = Frames(str(folder / "sh.%04d.png"), FrameRange(1001, 1002), Fraction(24), Resolution(64, 36))
    with without_root(), pytest.raises(FramesMissing, match=r"Frame 1002 cannot be read: .*: permission denied"):
        refuse_damaged(sequence, [1002])


@needs_permissions
def test_frames_in_a_folder_without_permission_or_without_existence_are_named(folder):
    inside = folder / "inside"
    inside.mkdir(mode=0)
    inside.chmod(0)
    with without_root(), pytest.raises(FramesMissing, match=r"The folder .*inside of the frames .* permission denied"):
        find_frames(str(inside / "sh.%04d.png"))
    with pytest.raises(FramesMissing, match=r"The folder .*outside does not exist\.$"):
        find_frames(str(folder / "outside" / "sh.%04d.png"))


@needs_permissions
def test_a_folder_that_cannot_be_written_is_not_called_full(folder):
    with without_root():
        with pytest.raises(StorageError) as job:
            Job.create(folder / "jobs", PublishRequest("T", "a.mov"), "http://localhost")
        with pytest.raises(StorageError) as movie, ffmpeg.replacing(folder / "a.mp4"):
            pass
    for raised in (job, movie):
        assert "Permission denied. Choose a writable folder" in str(raised.value)
        assert "space" not in str(raised.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_asks_for_space(number):
    assert write_remedy(OSError(number, "full"), "Choose another.") == "Free some space there."


def _sequence(folder, suffix):
    (folder / "png").mkdir()
    write_painted(folder / "png", range(1001, 1006), "sh")
    options = ("-pix_fmt", "gbrpf32le") if suffix == "exr" else ()
    source = ("-start_number", "1001", "-i", folder / "png" / "sh.%04d.png")
    run_ffmpeg(*source, *options, "-start_number", "1001", folder / f"sh.%04d.{suffix}")
    return Frames(str(folder / f"sh.%04d.{suffix}"), FrameRange(1001, 1005), Fraction(24), Resolution(64, 36))


# A program reads the first frame in another way than those after it, and OpenEXR is read by another one.
@pytest.mark.parametrize(
    ("suffix", "frame"), [("png", 1001), ("jpg", 1003), ("tif", 1005), ("exr", 1001), ("exr", 1005)]
)
def test_an_unreadable_frame_is_named_at_every_position(tmp_path, suffix, frame):
    sequence = _sequence(tmp_path, suffix)
    sequence.path(frame).unlink()
    sequence.path(frame).mkdir()
    with pytest.raises(
        FramesMissing, match=rf"Frame {frame} cannot be read: .*: (is a directory|permission denied)\."
    ) as raised:
        media.encode(sequence, tmp_path / "movie.mp4", thumbnail=tmp_path / "thumbnail.jpg")
    assert raised.value.missing == (frame,)


@needs_permissions
@pytest.mark.parametrize("suffix", ["png", "exr"])
@pytest.mark.parametrize("frame", [1001, 1004])
def test_a_frame_without_permission_is_named_at_every_position(folder, suffix, frame):
    sequence = _sequence(folder, suffix)
    sequence.path(frame).chmod(0)
    (folder / "movies").mkdir()
    (folder / "movies").chmod(0o777)
    movie, thumbnail = folder / "movies" / "movie.mp4", folder / "movies" / "thumbnail.jpg"
    with without_root(), pytest.raises(FramesMissing, match=rf"Frame {frame} cannot be read: .*: permission denied\."):
        media.encode(sequence, movie, thumbnail=thumbnail)


@needs_permissions
def test_a_sound_without_permission_needs_no_export(folder):
    (folder / "a.wav").touch(mode=0)
    (folder / "a.wav").chmod(0)
    words = r"a\.wav cannot be read: permission denied\. Make the file readable"
    with without_root(), pytest.raises(UserFixableError, match=words):
        media.Sound(folder / "a.wav", Fraction(1)).refuse_unreadable()


# Those of PNG are in tests/media/test_encode.py.
@pytest.mark.parametrize(
    ("suffix", "bad"), [("jpg", (1001,)), ("tif", (1005,)), ("exr", (1003,)), ("exr", (1003, 1004, 1005))]
)
def test_damaged_frames_are_named_at_every_position(tmp_path, suffix, bad):
    sequence = _sequence(tmp_path, suffix)
    for frame in bad:
        content = sequence.path(frame).read_bytes()
        sequence.path(frame).write_bytes(content[: len(content) // 2])
    with pytest.raises(FramesMissing, match="damaged") as raised:
        media.encode(sequence, tmp_path / "movie.mp4", thumbnail=tmp_path / "thumbnail.jpg")
    assert raised.value.missing == bad


@pytest.mark.skipif(os.name == "nt", reason="Windows needs a privilege for links")
def test_a_dangling_link_is_a_missing_frame(tmp_path):
    sequence = _sequence(tmp_path, "png")
    sequence.path(1003).unlink()
    sequence.path(1003).symlink_to(tmp_path / "gone.png")
    assert find_frames(sequence.pattern) == FrameRange(1001, 1005)
    with pytest.raises(FramesMissing, match="these frames are missing: 1003"):
        media.encode(sequence, tmp_path / "movie.mp4")
