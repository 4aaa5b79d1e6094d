"""Frame identity in every combination of first frame, handles, step and rate.

What a movie shows is read back from it: the number in the blocks of each image, the number that was burnt in, the time
code of the start, and the texts of range, cut and handles. A normal run has every pair of start, handles and step, and
every rate, by one ffmpeg or another; FT_DCC_FRAME_MATRIX=all has all combinations by all.
"""

import functools
import itertools
import os

import pytest
from doubles.numbered_images import number_in, run_ffmpeg, write_flat, write_numbered

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import Burnin, encode, probe
from ft_dcc.media.burnin import timecode

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


IS_COMPLETE = os.environ.get("FT_DCC_FRAME_MATRIX") == "all"
CASES = EVERYTHING if IS_COMPLETE else pairwise()
# First frame, step, and the handles before and after.
TEXT_CASES = list(itertools.product((1, 0, -10, 993), (1, 2), ((0, 0), (8, 8), (8, 4))))


def test_pairwise_cases_cover_every_pair_and_every_value():
    for one, other in itertools.combinations(range(3), 2):
        assert {(case[one], case[other]) for case in CASES} == {(case[one], case[other]) for case in EVERYTHING}
    assert [{case[place] for case in CASES} for place in (3, 4)] == [set(RATES), set(WHICH)]


@pytest.mark.parametrize("rate", RATES)
def test_timecode_of_each_start_and_rate(rate):
    assert [timecode(start, frame_rate(rate)) for start in STARTS] == [clock(start, RATES[rate][1]) for start in STARTS]


@pytest.fixture
def use_ffmpeg(all_ffmpegs, monkeypatch):
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


@pytest.mark.parametrize(("start", "step", "handles"), TEXT_CASES if IS_COMPLETE else TEXT_CASES[::5])
def test_number_range_cut_and_handles_are_burnt_into_every_frame(tmp_path, drawn_texts, start, step, handles):
    head, tail = handles
    first, end, last = start - head, start + LENGTH - 1, start + LENGTH - 1 + tail
    frame_range = FrameRange(start, end, head, tail, step)
    look = Burnin({**PLACES, "bottom right": "{frame}"}, cut=frame_range, marks_handles=True)
    texts = read_texts(encode(grey_frames(tmp_path, frame_range), tmp_path / "film.mp4", burnin=look), drawn_texts)
    assert [int(text["bottom right"]) for text in texts] == list(range(first, last + 1))
    shown = {(text["top left"], text["top right"]) for text in texts}
    assert shown == {(f"{first}-{last}", f"{start}-{end}")}
    in_handles = [not start <= number <= end for number in range(first, last + 1)]
    assert [text["handle"] for text in texts] == in_handles


# The field at each position, and the part of the image that it is read from.
PLACES = {"top left": "{range}", "top right": "{cut}"}
PARTS = {
    "top left": (range(16), range(54)),
    "top right": (range(16), range(106, 160)),
    "bottom right": (ROWS, range(106, 160)),
    "handle": (range(46, 70), range(40, 120)),
}


@pytest.fixture(scope="module")
def drawn_texts(tmp_path_factory):
    """Return the image of each text that could be wrong, too: all numbers, and ranges with other handles."""
    folder = tmp_path_factory.mktemp("texts")
    starts = sorted({start for start, _, _ in TEXT_CASES})
    numbers = sorted({start + each for start in starts for each in range(-16, LENGTH + 17)})
    ends = itertools.product(starts, (16, 8, 4, 0), (0, 4, 8, 16))
    ranges = [f"{start - head}-{start + LENGTH - 1 + tail}" for start, head, tail in ends]
    texts = [*map(str, numbers), *ranges]
    look = Burnin(dict.fromkeys((*PLACES, "bottom right"), "{text}"), {"text": dict(enumerate(texts))})
    images = frames_of(encode(grey_frames(folder, FrameRange(0, len(texts) - 1)), folder / "a.mp4", burnin=look).path)
    places = {**dict.fromkeys(PLACES, ranges), "bottom right": list(map(str, numbers))}
    return {
        place: {text: part(images[texts.index(text)], place) for text in candidates}
        for place, candidates in places.items()
    }


def grey_frames(folder, frame_range):
    frames = Frames(str(folder / "grey.%04d.png"), frame_range, frame_rate("24"), SIZE)
    for number in frame_range.with_handles:
        write_flat(frames.path(number), (60, 60, 60), SIZE)
    return frames


def read_texts(movie, known):
    """Return the text at each position of each image, and whether it has a label of the handles."""
    found = []
    for image in frames_of(movie.path):
        texts = {}
        for place, candidates in known.items():
            wanted = part(image, place)
            texts[place] = min(candidates, key=lambda text: sum(abs(a - b) for a, b in zip(candidates[text], wanted)))
        found.append({**texts, "handle": sum(level > 140 for level in part(image, "handle")) > 60})
    return found


def part(image, place):
    rows, columns = PARTS[place]
    return b"".join(image[row * SIZE.width :][columns.start : columns.stop] for row in rows)
