from __future__ import annotations

import threading
import time

import attrs
import pytest
from doubles.numbered_pictures import numbers_in, run_ffmpeg, write_numbered

from ft_dcc.errors import Cancelled, DiskUnusable, FramesMissing, Invalid
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import Burnin, begin_encoding, encode, probe

SMALL = Resolution(64, 36)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("rate", ["23.976", "25", "59.94"])
@pytest.mark.parametrize("frame_range", ["-10-1", "1001-1010+2+1"])
def test_the_film_of_frames_that_arrive_is_the_film_of_frames_that_lie_there(make_frames, tmp_path, frame_range, rate):
    frames = make_frames(frame_range, frame_rate(rate))
    whole = list(frames.frame_range.with_handles)
    told = []
    with begin_encoding(frames, tmp_path / "film.mp4", on_frame=told.append) as encoding:
        for number in whole:
            encoding.add(number)
        film = encoding.finish()
    assert numbers_in(film.path, SMALL) == told == whole
    facts = probe(film.path)
    assert (facts.fps, facts.frame_count, facts.is_ready_for_review) == (frame_rate(rate), len(whole), True)
    assert attrs.evolve(film, path=tmp_path / "other.mp4") == encode(frames, tmp_path / "other.mp4")
    assert film.path.read_bytes() == (tmp_path / "other.mp4").read_bytes()


def test_frames_are_encoded_while_others_are_still_to_come(make_frames, tmp_path):
    frames = make_frames("1-40", size="640x360")
    files = {number: frames.path(number).read_bytes() for number in frames.frame_range}
    for number in frames.frame_range:
        frames.path(number).unlink()
    encoded = threading.Event()
    with begin_encoding(frames, tmp_path / "film.mp4", on_frame=lambda _number: encoded.set()) as encoding:
        for number in range(1, 40):
            frames.path(number).write_bytes(files[number])
            encoding.add(number)
        # The last one does not exist yet.
        assert encoded.wait(30)
        frames.path(40).write_bytes(files[40])
        encoding.add(40)
        film = encoding.finish()
    assert numbers_in(film.path, frames.resolution) == list(range(1, 41))


def test_frames_may_come_in_any_order_and_from_anywhere(make_frames, tmp_path):
    frames = make_frames("1001-1006")
    elsewhere = frames.path(1003).rename(tmp_path / "frames" / "other name.png")
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in (1006, 1001, 1002, 1005, 1004, 999):
            encoding.add(number)
        encoding.add(1003, elsewhere)
        film = encoding.finish()
    assert numbers_in(film.path, SMALL) == [1001, 1002, 1003, 1004, 1005, 1006]


def test_a_slate_and_a_burn_in_are_drawn_on_what_arrives(make_frames, tmp_path):
    frames = make_frames("1001-1004", size="640x360")
    look = Burnin({"top": "{frame}"}, slate=("slate",))
    with begin_encoding(frames, tmp_path / "film.mp4", burnin=look) as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        film = encoding.finish()
    assert (film.frame_count, film.lead) == (5, 1)
    assert film.path.read_bytes() == encode(frames, tmp_path / "other.mp4", burnin=look).path.read_bytes()


PIXELS = {"jpg": "yuvj444p", "tif": "rgb24", "dpx": "rgb24", "bmp": "bgr24", "tga": "bgr24"}


@pytest.mark.parametrize("suffix", PIXELS)
def test_every_kind_of_image_may_arrive(make_frames, tmp_path, suffix):
    frames = make_frames("1-4")
    run_ffmpeg("-i", frames.pattern, "-pix_fmt", PIXELS[suffix], tmp_path / f"sh.%04d.{suffix}")
    frames = attrs.evolve(frames, pattern=str(tmp_path / f"sh.%04d.{suffix}"))
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        film = encoding.finish()
    assert numbers_in(film.path, SMALL) == [1, 2, 3, 4]


def test_frames_that_never_came_are_named(make_frames, tmp_path):
    frames = make_frames("1-9")
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 4, 8, 9):
            encoding.add(number)
        with pytest.raises(FramesMissing, match="never came: 3, 5-7") as raised:
            encoding.finish()
    assert raised.value.missing == (3, 5, 6, 7)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("bad", [(1,), (5,), (9,), (1, 5, 6)])
def test_damaged_frames_are_named_by_number(make_frames, tmp_path, bad):
    frames = make_frames("1-9", size="256x144")
    for number in bad:
        content = frames.path(number).read_bytes()
        frames.path(number).write_bytes(content[: len(content) // 2])
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(FramesMissing, match="damaged") as raised:
            encoding.finish()
    assert raised.value.missing == bad
    assert left_in(tmp_path) == []


def test_a_file_that_is_not_there_is_named_and_another_size_is_refused(make_frames, tmp_path):
    frames = make_frames("1-3")
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 3):
            encoding.add(number, tmp_path / "nothing.png" if number == 2 else None)
        with pytest.raises(FramesMissing, match="Frame 2 cannot be read"):
            encoding.finish()
    write_numbered(frames.path(3), 3, Resolution(80, 36))
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 3):
            encoding.add(number)
        with pytest.raises(Invalid, match=r"size of frame 3 \(sh010.0003.png\) is 80x36, wanted is 64x36"):
            encoding.finish()
    assert left_in(tmp_path) == []


def test_cancel_leaves_what_was_there_before(make_frames, tmp_path):
    target = tmp_path / "film.mp4"
    target.write_bytes(b"the film of yesterday")
    frames = make_frames("1-9")
    encoding = begin_encoding(frames, target)
    encoding.add(1)
    encoding.cancel()
    encoding.cancel()
    assert (encoding.has_failed, target.read_bytes(), left_in(tmp_path)) == (
        True,
        b"the film of yesterday",
        ["film.mp4"],
    )
    with begin_encoding(frames, target, is_cancelled=lambda: True) as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(Cancelled):
            encoding.finish()


def test_no_thread_is_left_of_an_encoding(make_frames, tmp_path):
    before = threading.active_count()
    with pytest.raises(KeyError), begin_encoding(make_frames("1-9"), tmp_path / "film.mp4") as encoding:
        encoding.add(1)
        raise KeyError
    deadline = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
    assert left_in(tmp_path) == []


def test_a_failure_is_known_before_the_last_frame(make_frames, tmp_path):
    encoding = begin_encoding(make_frames("1-9"), tmp_path / "nowhere" / "film.mp4")
    with pytest.raises(DiskUnusable, match="No such file or directory"):
        encoding.finish()
    assert encoding.has_failed


def test_a_kind_that_is_no_image_is_refused_at_once(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-3"), pattern=str(tmp_path / "a.%04d.psd"))
    with pytest.raises(Invalid, match=r"kind of image is \.psd"):
        begin_encoding(frames, tmp_path / "film.mp4")
