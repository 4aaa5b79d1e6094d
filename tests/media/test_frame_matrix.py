"""Frame identity in every combination of first frame, handles, step and rate.

What a movie shows is read back from it: the number in the blocks of each image, the number that was burnt in, and the
time code of the start. A normal run has every pair of start, handles and step, and every rate, by one ffmpeg or
another; FT_DCC_FRAME_MATRIX=all has all combinations by all.
"""

from __future__ import annotations

import functools
import itertools
import os

import pytest
from doubles.numbered_images import number_in, run_ffmpeg, write_numbered

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import Burnin, encode, probe
from ft_dcc.media.timecode import timecode

STARTS = (-10, 0, 1, 100, 1001)
HANDLES = ("", "+8", "+8+0", "+0+8", "+8+4")
STEPS = ("", "x2", "x3")
# The text, the exact rate, and the frames per second of the timecode.
RATES = {
    "23.976": ("24000/1001", 24),
    "24": ("24", 24),
    "25": ("25", 25),
    "29.97": ("30000/1001", 30),
    "30": ("30", 30),
    "50": ("50", 50),
    "59.94": ("60000/1001", 60),
    "60": ("60", 60),
}
# The ffmpeg: the default one and the system's.
WHICH = (0, 1)
EVERYTHING = list(itertools.product(STARTS, HANDLES, STEPS, RATES, WHICH))
LENGTH = 6
SIZE, BLOCKS = Resolution(160, 90), Resolution(160, 45)
# The position of "{frame}".
ROWS, COLUMNS = range(70, 90), range(110, 160)


def pairwise():
    """Return every start with all handles, so that every pair of start, handles and step occurs, and all rates."""
    return [
        (
            start,
            handles,
            STEPS[(row + column) % len(STEPS)],
            list(RATES)[(5 * row + column) % len(RATES)],
            (row + column) % 2,
        )
        for (row, start), (column, handles) in itertools.product(enumerate(STARTS), enumerate(HANDLES))
    ]


CASES = EVERYTHING if os.environ.get("FT_DCC_FRAME_MATRIX") == "all" else pairwise()


def test_pairwise_cases_cover_every_pair_and_every_value():
    for one, other in itertools.combinations(range(3), 2):
        assert {(case[one], case[other]) for case in CASES} == {(case[one], case[other]) for case in EVERYTHING}
    assert [{case[place] for case in CASES} for place in (3, 4)] == [set(RATES), set(WHICH)]


@pytest.mark.parametrize("rate", RATES)
def test_timecode_of_each_start_and_rate(rate):
    assert [timecode(start, frame_rate(rate)) for start in STARTS] == [clock(start, RATES[rate][1]) for start in STARTS]


@pytest.fixture
def use_ffmpeg(all_ffmpegs, monkeypatch):
    """Return a function that selects an ffmpeg and returns its path."""

    def use(which):
        program = all_ffmpegs[which % len(all_ffmpegs)]
        monkeypatch.setenv("FT_DCC_FFMPEG", program)
        return program

    return use


@pytest.mark.parametrize(("start", "handles", "step", "rate", "which"), CASES)
def test_movie_shows_every_frame_in_its_place(tmp_path, use_ffmpeg, burnt_in, start, handles, step, rate, which):
    known = burnt_in(use_ffmpeg(which))
    frame_range = FrameRange.parse(f"{start}-{start + LENGTH - 1}{step}{handles}")
    exact, base = RATES[rate]
    head, tail = {"": (0, 0), "+8": (8, 8), "+8+0": (8, 0), "+0+8": (0, 8), "+8+4": (8, 4)}[handles]
    first, last = start - head, start + LENGTH - 1 + tail
    frames = Frames(str(tmp_path / "sh010.%04d.png"), frame_range, frame_rate(rate), SIZE)
    stride = int(step[1:] or 1)
    for number in range(first, last + 1, stride):
        write_numbered(frames.path(number), number, SIZE, grey_below=45)

    movie = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"bottom right": "{frame}"}))

    info = probe(movie.path)
    assert (movie.frame_count, str(movie.fps)) == (LENGTH + head + tail, exact)
    assert (info.frame_count, str(info.fps), info.is_constant_rate) == (LENGTH + head + tail, exact, True)
    assert info.timecode == clock(first, base)
    images = frames_of(movie.path)
    held = [number - (number - first) % stride for number in range(first, last + 1)]
    assert [number_in(image, SIZE.width, BLOCKS) for image in images] == held
    assert [nearest(known, images[place]) for place in (0, -1)] == [first, last]


def clock(frame, base):
    """Return the timecode of a frame, counted from midnight."""
    day = frame % (24 * 60 * 60 * base)
    hours, minutes, seconds = day // base // 3600, day // base // 60 % 60, day // base % 60
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}:{day % base:02d}"


@pytest.mark.parametrize(
    ("frame", "base", "text"),
    [(1001, 24, "00:00:41:17"), (1001, 60, "00:00:16:41"), (-10, 25, "23:59:59:15"), (100, 30, "00:00:03:10")],
)
def test_reference_clock_is_correct(frame, base, text):
    assert clock(frame, base) == text


def frames_of(movie):
    raw = run_ffmpeg("-i", movie, "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = SIZE.width * SIZE.height
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@pytest.fixture(scope="module")
def burnt_in(tmp_path_factory):
    """Return a function that draws all numbers with an ffmpeg once, and returns their images."""
    return functools.cache(lambda _ffmpeg: drawn_numbers(tmp_path_factory.mktemp("numbers")))


def nearest(known, image):
    """Read a burnt-in number: the one whose drawn image is the nearest."""
    wanted = corner(image)
    return min(known, key=lambda number: sum(abs(a - b) for a, b in zip(known[number], wanted)))


def drawn_numbers(folder):
    """Return the corner of an image with each number and its neighbours, drawn as text."""
    ends = [end for start in STARTS for end in (start, start + LENGTH - 1)]
    numbers = sorted({number for end in ends for number in range(end - 10, end + 11)})
    frames = Frames(str(folder / "a.%d.png"), FrameRange(0, len(numbers) - 1), frame_rate("24"), SIZE)
    for place in range(len(numbers)):
        write_numbered(frames.path(place), place, SIZE, grey_below=45)
    texts = Burnin({"bottom right": "{text}"}, {"text": {place: str(number) for place, number in enumerate(numbers)}})
    movie = encode(frames, folder / "film.mp4", burnin=texts)
    return {number: corner(image) for number, image in zip(numbers, frames_of(movie.path))}


def corner(image):
    return b"".join(image[row * SIZE.width :][COLUMNS.start : COLUMNS.stop] for row in ROWS)


@pytest.mark.parametrize(
    ("text", "first", "last", "count", "images"),
    [
        ("1001-1100x2+8+4", 993, 1104, 112, 56),
        ("1001-1100x2", 1001, 1100, 100, 50),
        ("1001-1100+8", 993, 1108, 116, 116),
        ("-10-9x3+8+0", -18, 9, 28, 10),
    ],
)
def test_range_text_yields_frames_and_length(text, first, last, count, images):
    whole = FrameRange.parse(text).with_handles
    assert (whole.start, whole.end, len(whole.every_frame), len(whole)) == (first, last, count, images)
    assert FrameRange.parse(text) == FrameRange.parse(str(FrameRange.parse(text)))
