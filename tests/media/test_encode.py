from __future__ import annotations

import os
import re
import sys
import threading
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.numbered_pictures import numbers_in, run_ffmpeg, write_flat, write_numbered

from ft_dcc.errors import Cancelled, DiskUnusable, EncodeFailed, FramesMissing, Invalid
from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import encode, probe

SMALL = Resolution(64, 36)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_handles_are_part_of_the_film(make_frames, tmp_path):
    film = encode(make_frames("1001-1004+2"), tmp_path / "film.mp4")
    assert numbers_in(film.path, SMALL) == [999, 1000, 1001, 1002, 1003, 1004, 1005, 1006]


def test_one_frame_is_a_film(make_frames, tmp_path):
    film = encode(make_frames("7"), tmp_path / "film.mp4")
    assert (film.frame_count, numbers_in(film.path, SMALL)) == (1, [7])


def test_frames_outside_the_range_stay_outside(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-9"), frame_range=FrameRange(3, 5))
    write_numbered(frames.path(6), 6, Resolution(80, 40))
    frames.path(7).write_bytes(b"no picture")
    assert numbers_in(encode(frames, tmp_path / "film.mp4").path, SMALL) == [3, 4, 5]


@pytest.mark.parametrize(
    "pattern",
    [
        "a folder/sh.%04d.png",
        "50%04d done/sh.%04d.png",
        'it\'s "quoted"/sh.%04d.png',
        "\N{CLAPPER BOARD} größe, [x]; a=b/sh.%04d.png",
        "a/100% sh.####.png",
        "a/%d.png",
        "a/sh_%06d_left.png",
        "a/sh.%04d.PNG",
        "-y/-i%04d.png",
    ],
)
def test_any_name_is_only_a_name(make_frames, tmp_path, pattern):
    frames = make_frames("-2-3", pattern=pattern)
    target = frames.path(0).parent / "100% \N{CLAPPER BOARD} 'film'.mp4"
    assert numbers_in(encode(frames, target).path, SMALL) == [-2, -1, 0, 1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not allow these in a name")
def test_a_colon_and_a_backslash_and_a_line_break_are_only_a_name(make_frames, tmp_path):
    frames = make_frames("1-2", pattern="http://x:1/concat:a|b\\\n/sh.%04d.png")
    assert numbers_in(encode(frames, frames.path(0).parent / "a:b.mp4").path, SMALL) == [1, 2]


def test_a_relative_path_is_enough(make_frames, tmp_path, monkeypatch):
    frames = make_frames("1-2")
    monkeypatch.chdir(tmp_path)
    film = encode(attrs.evolve(frames, pattern="frames/sh010.%04d.png"), Path("film.mp4"))
    assert numbers_in(tmp_path / film.path, SMALL) == [1, 2]


@pytest.mark.parametrize(("size", "even"), [("65x36", "66x36"), ("64x37", "64x38"), ("65x37", "66x38")])
def test_an_odd_size_grows_by_a_pixel_and_no_picture_is_scaled(make_frames, tmp_path, size, even):
    film = encode(make_frames("1001-1003", size=size), tmp_path / "film.mp4")
    assert str(film.resolution) == str(probe(film.path).resolution) == even
    assert numbers_in(film.path, Resolution.parse(size)) == [1001, 1002, 1003]


def test_the_added_column_looks_like_the_edge(make_frames, tmp_path):
    frames = make_frames("1", size="65x37")
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    film = encode(frames, tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = raw[: 66 * 38]
    assert min(luma) >= 88
    assert max(luma) <= 94


def test_the_file_plays_while_it_loads_and_seeks_in_half_a_second(make_frames, tmp_path):
    film = encode(make_frames("1-60", frame_rate("23.976")), tmp_path / "film.mp4")
    content = film.path.read_bytes()
    assert probe(film.path).is_faststart
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    # x264 writes its options into the film.
    assert b"open_gop=0" in content
    assert b"keyint=11 " in content
    keys = key_frames(film.path)
    assert keys[0] == 0
    assert all(after - before <= 11 for before, after in zip(keys, keys[1:]))


def key_frames(film):
    log = run_ffmpeg("-i", film, "-vf", "metadata=add:key=n:value=1,metadata=print:file=-", "-f", "null", "-")
    count = log.decode().count("frame:")
    only_keys = run_ffmpeg(
        "-skip_frame", "nokey", "-i", film, "-fps_mode", "passthrough", "-vf",
        "metadata=add:key=n:value=1,metadata=print:file=-", "-f", "null", "-",
    ).decode()  # fmt: skip
    times = [float(found) for found in re.findall(r"pts_time:(\S+)", only_keys)]
    assert len(times) < count
    return [round(time * 24000 / 1001) for time in times]


@pytest.mark.parametrize("suffix", ["jpg", "tif", "dpx", "exr", "bmp", "tga"])
def test_every_kind_of_image_makes_the_same_film(make_frames, tmp_path, suffix):
    frames = make_frames("1001-1004")
    run_ffmpeg("-start_number", "1001", "-i", frames.pattern, "-pix_fmt", PIXELS.get(suffix, "bgr24"),
               "-start_number", "1001", tmp_path / f"sh.%04d.{suffix}")  # fmt: skip
    film = encode(attrs.evolve(frames, pattern=str(tmp_path / f"sh.%04d.{suffix}")), tmp_path / "film.mp4")
    assert numbers_in(film.path, SMALL) == [1001, 1002, 1003, 1004]


PIXELS = {"jpg": "yuvj444p", "tif": "rgb48le", "dpx": "gbrp10be", "exr": "gbrpf32le"}


def test_progress_names_every_frame_in_order(make_frames, tmp_path):
    told: list[int] = []
    encode(make_frames("-3-40"), tmp_path / "film.mp4", on_frame=told.append)
    assert told == list(range(-3, 41))


@pytest.mark.parametrize(
    ("gone", "named"), [((1001,), "1001"), ((1012,), "1012"), ((1003, 1004, 1005, 1009), "1003-1005, 1009")]
)
def test_missing_frames_are_named_before_anything_runs(make_frames, tmp_path, monkeypatch, gone, named):
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


def turn_some_bits(content):
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0x5A for byte in content[middle : middle + 20]) + content[middle + 20 :]


def replace_by_text(_content):
    return b"Error: licence server did not answer\n"


@pytest.mark.parametrize("damage", [cut_in_half, turn_some_bits, replace_by_text])
@pytest.mark.parametrize("bad", [(1001,), (1006,), (1012,), (1001, 1006, 1007)])
def test_damaged_frames_are_named_by_number(make_frames, tmp_path, damage, bad):
    frames = make_frames(size="256x144")
    for number in bad:
        path = frames.path(number)
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FramesMissing, match="damaged") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert raised.value.missing == bad
    assert left_in(tmp_path) == []


def test_half_a_jpeg_is_not_filled_with_grey(make_frames, tmp_path):
    frames = make_frames("1-6", size="256x144")
    run_ffmpeg("-i", frames.pattern, tmp_path / "frames" / "sh.%04d.jpg")
    frames = attrs.evolve(frames, pattern=str(tmp_path / "frames" / "sh.%04d.jpg"))
    frames.path(3).write_bytes(cut_in_half(frames.path(3).read_bytes()))
    with pytest.raises(FramesMissing, match="Frame 3 is damaged"):
        encode(frames, tmp_path / "film.mp4")


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_part_of_an_exr_is_not_painted_black(make_frames, tmp_path, kept):
    frames = make_frames("1-3")
    run_ffmpeg("-i", frames.pattern, "-pix_fmt", "gbrpf32le", "-compression", "zip1", tmp_path / "sh.%04d.exr")
    frames = attrs.evolve(frames, pattern=str(tmp_path / "sh.%04d.exr"))
    content = frames.path(2).read_bytes()
    frames.path(2).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FramesMissing, match="Frame 2 is damaged"):
        encode(frames, tmp_path / "film.mp4")


def test_frames_that_are_all_no_pictures_are_an_error_with_a_reason(make_frames, tmp_path):
    frames = make_frames("1-3")
    for number in (1, 2, 3):
        frames.path(number).write_bytes(b"no picture at all")
    with pytest.raises(EncodeFailed, match="Invalid PNG signature") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert "png" in raised.value.log
    assert left_in(tmp_path) == []


def test_a_frame_of_another_size_is_refused_by_number(make_frames, tmp_path):
    frames = make_frames()
    write_numbered(frames.path(1007), 1007, Resolution(80, 36))
    with pytest.raises(Invalid, match=r"size of frame 1007 \(sh010.1007.png\) is 80x36, wanted is 64x36"):
        encode(frames, tmp_path / "film.mp4")
    assert left_in(tmp_path) == []


def test_frames_that_are_not_of_the_size_that_was_said_are_refused(make_frames, tmp_path):
    frames = attrs.evolve(make_frames(), resolution=Resolution(1280, 720))
    with pytest.raises(Invalid, match="size of frame 1001"):
        encode(frames, tmp_path / "film.mp4")


def test_one_file_is_not_a_sequence(tmp_path):
    frames = Frames(str(tmp_path / "still.png"), FrameRange(1, 1), Fraction(24), SMALL)
    with pytest.raises(FramesMissing):
        encode(frames, tmp_path / "film.mp4")


def test_cancel_leaves_what_was_there_before(make_frames, tmp_path):
    cancel = threading.Event()
    target = tmp_path / "film.mp4"
    target.write_bytes(b"the film of yesterday")
    frames = make_frames("1-200", size="640x360")
    with pytest.raises(Cancelled):
        encode(frames, target, on_frame=lambda _number: cancel.set(), is_cancelled=cancel.is_set)
    assert target.read_bytes() == b"the film of yesterday"
    assert left_in(tmp_path) == ["film.mp4"]


def test_what_the_listener_raises_ends_the_encode(make_frames, tmp_path):
    def stop(number):
        raise KeyError(number)

    with pytest.raises(KeyError, match="1001"):
        encode(make_frames(), tmp_path / "film.mp4", on_frame=stop)
    assert left_in(tmp_path) == []


def test_a_second_encode_replaces_the_first(make_frames, tmp_path):
    encode(make_frames("1-4"), tmp_path / "film.mp4")
    film = encode(make_frames("5-9"), tmp_path / "film.mp4")
    assert numbers_in(film.path, SMALL) == [5, 6, 7, 8, 9]
    assert film.size == os.path.getsize(film.path)  # noqa: PTH202
    assert left_in(tmp_path) == ["film.mp4"]


def test_a_full_disk_is_named_and_left_clean(make_frames, small_disk):
    frames = make_frames("1-24", size="640x360")
    # Noise, because x264 makes next to nothing of a flat picture.
    noise = "color=gray:s=640x360,noise=alls=100:allf=t"
    run_ffmpeg("-f", "lavfi", "-i", noise, "-frames:v", "24", "-start_number", "1", frames.pattern)
    with pytest.raises(DiskUnusable, match="disk is full"):
        encode(frames, small_disk / "film.mp4")
    assert left_in(small_disk) == []


def test_a_read_only_folder_is_named(make_frames, read_only_folder):
    with pytest.raises(DiskUnusable, match=f"written in {re.escape(str(read_only_folder))}"):
        encode(make_frames(), read_only_folder / "film.mp4")


def test_a_folder_that_is_not_there_is_named(make_frames, tmp_path):
    with pytest.raises(DiskUnusable, match="No such file or directory"):
        encode(make_frames(), tmp_path / "nowhere" / "film.mp4")
