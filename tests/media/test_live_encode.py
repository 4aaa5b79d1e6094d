import threading

import attrs
import pytest
from doubles.numbered_images import numbers_in, write_numbered
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.errors import Cancelled, FramesMissing, StorageError, ValueMismatch
from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, probe, start_live_encode

SMALL = Resolution(64, 36)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize(("frame_range", "rate"), [("-10-1", "23.976"), ("1001-1010+2+1", "59.94")])
def test_live_encode_yields_the_same_movie_as_encode(make_frames, tmp_path, frame_range, rate):
    frames = make_frames(frame_range, frame_rate(rate))
    whole = list(frames.frame_range.with_handles)
    reported = []
    with start_live_encode(frames, tmp_path / "film.mp4", on_frame=reported.append) as encoding:
        for number in whole:
            encoding.add(number)
        movie = encoding.finish()
    assert numbers_in(movie.path, SMALL) == reported == whole
    info = probe(movie.path)
    assert (info.fps, info.frame_count, info.is_ready_for_review) == (frame_rate(rate), len(whole), True)
    assert attrs.evolve(movie, path=tmp_path / "other.mp4") == encode(frames, tmp_path / "other.mp4")
    assert sha256_of(movie.path) == sha256_of(tmp_path / "other.mp4")


def test_frames_are_encoded_before_the_last_one_is_added(make_frames, tmp_path):
    frames = make_frames("1-40", size="320x180")
    files = {number: frames.path(number).read_bytes() for number in frames.frame_range}
    for number in frames.frame_range:
        frames.path(number).unlink()
    encoded = threading.Event()
    with start_live_encode(frames, tmp_path / "film.mp4", on_frame=lambda _number: encoded.set()) as encoding:
        for number in range(1, 40):
            frames.path(number).write_bytes(files[number])
            encoding.add(number)
        # The last frame does not exist yet.
        assert encoded.wait(TIMEOUT_SECONDS)
        frames.path(40).write_bytes(files[40])
        encoding.add(40)
        movie = encoding.finish()
    assert numbers_in(movie.path, frames.resolution) == list(range(1, 41))


def test_frames_may_be_added_in_any_order_and_from_other_paths(make_frames, tmp_path):
    frames = make_frames("1001-1006")
    elsewhere = frames.path(1003).rename(tmp_path / "frames" / "other name.png")
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in (1006, 1001, 1002, 1005, 1004, 999):
            encoding.add(number)
        encoding.add(1003, elsewhere)
        movie = encoding.finish()
    assert numbers_in(movie.path, SMALL) == [1001, 1002, 1003, 1004, 1005, 1006]


def test_frames_that_were_not_added_are_named(make_frames, tmp_path):
    frames = make_frames("1-9")
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 4, 8, 9):
            encoding.add(number)
        with pytest.raises(FramesMissing, match="were not added: 3, 5-7") as raised:
            encoding.finish()
    assert raised.value.missing == (3, 5, 6, 7)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("bad", [(9,), (1, 5, 6)])
def test_damaged_frames_are_named_by_number(make_frames, tmp_path, bad):
    frames = make_frames("1-9", size="256x144")
    for number in bad:
        content = frames.path(number).read_bytes()
        frames.path(number).write_bytes(content[: len(content) // 2])
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(FramesMissing, match="damaged") as raised:
            encoding.finish()
    assert raised.value.missing == bad
    assert left_in(tmp_path) == []


def test_missing_file_and_wrong_size_are_rejected(make_frames, tmp_path):
    frames = make_frames("1-3")
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 3):
            encoding.add(number, tmp_path / "nothing.png" if number == 2 else None)
        with pytest.raises(FramesMissing, match="Frame 2 cannot be read"):
            encoding.finish()
    write_numbered(frames.path(3), 3, Resolution(80, 36))
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in (1, 2, 3):
            encoding.add(number)
        with pytest.raises(ValueMismatch, match=r"size of frame 3 \(sh010.0003.png\) is 80x36; expected 64x36"):
            encoding.finish()
    assert left_in(tmp_path) == []


def test_cancel_keeps_the_previous_file(make_frames, tmp_path):
    target = tmp_path / "film.mp4"
    target.write_bytes(b"the film of yesterday")
    frames = make_frames("1-9")
    encoding = start_live_encode(frames, target)
    encoding.add(1)
    encoding.cancel()
    encoding.cancel()
    assert left_in(tmp_path) == ["film.mp4"]
    assert target.read_bytes() == b"the film of yesterday"
    with start_live_encode(frames, target, is_cancelled=lambda: True) as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(Cancelled):
            encoding.finish()


def test_live_encode_leaves_no_thread(make_frames, tmp_path):
    before = threading.active_count()
    with pytest.raises(KeyError), start_live_encode(make_frames("1-9"), tmp_path / "film.mp4") as encoding:
        encoding.add(1)
        raise KeyError
    wait_until(lambda: threading.active_count() <= before, "the end of the threads", threading.enumerate)
    assert left_in(tmp_path) == []


def test_failure_is_raised_before_the_last_frame(make_frames, tmp_path):
    encoding = start_live_encode(make_frames("1-9"), tmp_path / "nowhere" / "film.mp4")
    with pytest.raises(StorageError, match="No such file or directory"):
        encoding.finish()


def test_unknown_image_format_is_rejected_at_once(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-3"), pattern=str(tmp_path / "a.%04d.psd"))
    with pytest.raises(ValueMismatch, match=r"kind of image is \.psd"):
        start_live_encode(frames, tmp_path / "film.mp4")
