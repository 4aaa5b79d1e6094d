import os
import re
import sys
import threading
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import painted
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat, write_numbered

from ft_dcc.errors import Cancelled, EncodeFailed, FramesMissing, StorageError, ValueMismatch
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, frame_rate
from ft_dcc.media import encode, probe, resampled, transcode

SMALL = Resolution(64, 36)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_single_frame_is_encoded(make_frames, tmp_path):
    movie = encode(make_frames("7"), tmp_path / "film.mp4")
    assert (movie.frame_count, numbers_in(movie.path, SMALL)) == (1, [7])


def test_frames_outside_of_the_range_are_ignored(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-9"), frame_range=FrameRange(3, 5))
    write_numbered(frames.path(6), 6, Resolution(80, 40))
    frames.path(7).write_bytes(b"no picture")
    assert numbers_in(encode(frames, tmp_path / "film.mp4").path, SMALL) == [3, 4, 5]


@pytest.mark.parametrize(
    "pattern",
    [
        "50%04d done/sh.%04d.png",
        '\N{CLAPPER BOARD} it\'s "größe", [x]; a=b/100% sh.####.png',
        "a/%d.png",
        "a/sh_%06d_left.PNG",
        "-y/-i%04d.png",
    ],
)
def test_special_characters_in_names_are_literal(make_frames, tmp_path, pattern):
    frames = make_frames("-2-3", pattern=pattern)
    target = frames.path(0).parent / "100% \N{CLAPPER BOARD} 'film'.mp4"
    assert numbers_in(encode(frames, target).path, SMALL) == [-2, -1, 0, 1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not allow these in a name")
def test_colon_backslash_and_line_break_in_names_are_literal(make_frames, tmp_path):
    frames = make_frames("1-2", pattern="http://x:1/concat:a|b\\\n/sh.%04d.png")
    assert numbers_in(encode(frames, frames.path(0).parent / "a:b.mp4").path, SMALL) == [1, 2]


def test_relative_path_is_accepted(make_frames, tmp_path, monkeypatch):
    frames = make_frames("1-2")
    monkeypatch.chdir(tmp_path)
    movie = encode(attrs.evolve(frames, pattern="frames/sh010.%04d.png"), Path("film.mp4"))
    assert numbers_in(tmp_path / movie.path, SMALL) == [1, 2]


@pytest.mark.parametrize(("size", "even"), [("65x36", "66x36"), ("64x37", "64x38"), ("65x37", "66x38")])
def test_odd_size_is_padded_by_its_edge_without_scaling(make_frames, tmp_path, size, even):
    frames = make_frames("1001-1003", size=size)
    write_flat(frames.path(1003), (200, 60, 30), frames.resolution)
    movie = encode(frames, tmp_path / "film.mp4")
    assert str(movie.resolution) == str(probe(movie.path).resolution) == even
    assert numbers_in(movie.path, Resolution.parse(size))[:2] == [1001, 1002]
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = movie.resolution.width * movie.resolution.height
    last = raw[luma * 3 :][:luma]
    assert 88 <= min(last) <= max(last) <= 94


def test_movie_is_faststart_with_a_key_frame_every_half_second(make_frames, tmp_path):
    movie = encode(make_frames("1-60", frame_rate("23.976")), tmp_path / "film.mp4")
    content, info = movie.path.read_bytes(), probe(movie.path)
    assert info.is_faststart
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    # x264 writes its options into the movie. Without B-frames every group of pictures is closed.
    assert b" bframes=0 " in content
    assert b"keyint=11 " in content
    assert info.key_interval <= 11


# The colours of the other formats are in test_ffmpeg_colour.py.
@pytest.mark.parametrize(("suffix", "pixels"), [("exr", "gbrpf32le"), ("bmp", "bgr24"), ("dpx", "gbrp10be")])
def test_all_image_formats_yield_the_same_movie(make_frames, tmp_path, suffix, pixels):
    frames = make_frames("1001-1004")
    run_ffmpeg("-start_number", "1001", "-i", frames.pattern, "-pix_fmt", pixels,
               "-start_number", "1001", tmp_path / f"sh.%04d.{suffix}")  # fmt: skip
    movie = encode(attrs.evolve(frames, pattern=str(tmp_path / f"sh.%04d.{suffix}")), tmp_path / "film.mp4")
    assert numbers_in(movie.path, SMALL) == [1001, 1002, 1003, 1004]


def test_on_frame_gets_every_frame_in_order(make_frames, tmp_path):
    reported = []
    encode(make_frames("-3-20"), tmp_path / "film.mp4", on_frame=reported.append)
    assert reported == list(range(-3, 21))


@pytest.mark.parametrize(
    ("gone", "named"), [((1001,), "1001"), ((1012,), "1012"), ((1003, 1004, 1005, 1009), "1003-1005, 1009")]
)
def test_missing_frames_are_named_before_ffmpeg_runs(make_frames, tmp_path, monkeypatch, gone, named):
    frames = make_frames()
    for number in gone:
        frames.path(number).unlink()
    monkeypatch.setenv("FT_DCC_FFMPEG", str(tmp_path / "none"))
    with pytest.raises(FramesMissing, match=f"missing: {named}") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert raised.value.missing == gone
    assert left_in(tmp_path) == []


def cut_in_half(content):
    return content[: len(content) // 2]


def flip_bits(content):
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0x5A for byte in content[middle : middle + 20]) + content[middle + 20 :]


def replace_by_text(_content):
    return b"Error: licence server did not answer\n"


@pytest.mark.parametrize(
    ("damage", "bad"),
    [
        (cut_in_half, (1001,)),
        (flip_bits, (1001, 1006, 1007)),
        (replace_by_text, (1012,)),
    ],
)
def test_damaged_frames_are_named_by_number(make_frames, tmp_path, damage, bad):
    frames = make_frames(size="256x144")
    for number in bad:
        path = frames.path(number)
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FramesMissing, match="damaged") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert raised.value.missing == bad
    assert left_in(tmp_path) == []


def test_sequence_of_invalid_images_is_rejected_with_a_reason(make_frames, tmp_path):
    frames = make_frames("1-3")
    for number in (1, 2, 3):
        frames.path(number).write_bytes(b"no picture at all")
    with pytest.raises(EncodeFailed, match="Invalid PNG signature") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert "png" in raised.value.log
    assert left_in(tmp_path) == []


def test_frame_of_another_size_is_rejected_by_number(make_frames, tmp_path):
    frames = make_frames()
    write_numbered(frames.path(1007), 1007, Resolution(80, 36))
    with pytest.raises(ValueMismatch, match=r"size of frame 1007 \(sh010.1007.png\) is 80x36; expected 64x36"):
        encode(frames, tmp_path / "film.mp4")
    assert left_in(tmp_path) == []


def test_single_file_is_rejected_as_a_sequence(tmp_path):
    frames = Frames(str(tmp_path / "still.png"), FrameRange(1, 1), Fraction(24), SMALL)
    with pytest.raises(FramesMissing):
        encode(frames, tmp_path / "film.mp4")


def test_cancel_keeps_the_previous_file(make_frames, tmp_path):
    cancel = threading.Event()
    target = tmp_path / "film.mp4"
    target.write_bytes(b"the film of yesterday")
    frames = make_frames("1-100", size="320x180")
    with pytest.raises(Cancelled):
        encode(frames, target, on_frame=lambda _number: cancel.set(), is_cancelled=cancel.is_set)
    assert target.read_bytes() == b"the film of yesterday"
    assert left_in(tmp_path) == ["film.mp4"]


def test_error_of_a_callback_ends_the_encode(make_frames, tmp_path):
    def stop(number):
        raise KeyError(number)

    with pytest.raises(KeyError, match="1001"):
        encode(make_frames(), tmp_path / "film.mp4", on_frame=stop)
    assert left_in(tmp_path) == []


def test_a_second_encode_replaces_the_first(make_frames, tmp_path):
    encode(make_frames("1-4"), tmp_path / "film.mp4")
    movie = encode(make_frames("5-9"), tmp_path / "film.mp4")
    assert numbers_in(movie.path, SMALL) == [5, 6, 7, 8, 9]
    assert movie.size == os.path.getsize(movie.path)  # noqa: PTH202
    assert left_in(tmp_path) == ["film.mp4"]


def test_full_disk_is_reported_without_partial_files(make_frames, small_disk):
    frames = make_frames("1-12", size="320x180")
    # Noise, since x264 compresses a flat image to almost nothing.
    noise = "color=gray:s=320x180,noise=alls=100:allf=t"
    run_ffmpeg("-f", "lavfi", "-i", noise, "-frames:v", "12", "-start_number", "1", frames.pattern)
    with pytest.raises(StorageError, match="disk is full"):
        encode(frames, small_disk / "film.mp4")
    assert left_in(small_disk) == []


def test_read_only_folder_is_reported(make_frames, read_only_folder):
    with pytest.raises(StorageError, match=f"{re.escape(str(read_only_folder))} cannot be written"):
        encode(make_frames(), read_only_folder / "film.mp4")


def test_missing_folder_is_reported(make_frames, tmp_path):
    with pytest.raises(StorageError, match="No such file or directory"):
        encode(make_frames(), tmp_path / "nowhere" / "film.mp4")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("50%d.%04d.png", ("50%d.0001.png", "50%d.0002.png", "50%d.0003.png")),
        ("sh#1.%04d.png", ("sh#1.0001.png", "sh#1.0002.png", "sh#1.0003.png")),
        ("sh.%04d.png", ("sh.-001.png", "sh.0000.png", "sh.0001.png")),
        ("sh.%03d.png", ("sh.998.png", "sh.999.png", "sh.1000.png")),
    ],
)
def test_frames_with_unusual_names_are_encoded(tmp_path, pattern, names):
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(painted(number, Resolution(64, 36)))
    found = str(tmp_path / pattern)
    movie = encode(Frames(found, find_frames(found), Fraction(24), Resolution(64, 36)), tmp_path / "movie.mp4")
    assert (movie.frame_count, probe(movie.path).frame_count) == (3, 3)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not bind processes to processors")
@pytest.mark.parametrize("source", ["a.%04d.png", "a.%04d.exr", "a.%04d.dpx", "a.mov", "a.mp4"])
def test_with_one_thread_the_number_of_processors_changes_no_byte(source, tmp_path, monkeypatch):
    """The rate is variable, and a program of ffmpeg takes a thread for each processor."""
    monkeypatch.setenv("FT_DCC_ENCODER_THREADS", "1")
    shape = "testsrc2=s=322x182:r=24:d=0.3,format=gbrp16,noise=alls=9:all_seed=7,select=not(eq(n\\,2))"
    codec = ["-c:v", "prores_ks"] if source == "a.mov" else []
    run_ffmpeg("-f", "lavfi", "-i", shape, "-fps_mode", "vfr", *codec, path := tmp_path / source)
    found, allowed = set(), os.sched_getaffinity(0)
    for count in {1, 2, len(allowed)}:
        movie, image = tmp_path / f"{count}.mp4", tmp_path / f"{count}.jpg"
        os.sched_setaffinity(0, sorted(allowed)[:count])
        try:
            if "%" in source:
                frames = Frames(str(path), find_frames(str(path)), Fraction(24), Resolution(322, 182))
                encode(frames, movie, thumbnail=image)
            else:
                transcode(path, movie, info=resampled(path, probe(path), Fraction(24)), thumbnail=image)
        finally:
            os.sched_setaffinity(0, allowed)
        found.add(movie.read_bytes() + image.read_bytes())
    assert len(found) == 1
