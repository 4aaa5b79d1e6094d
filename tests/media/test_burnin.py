from __future__ import annotations

from fractions import Fraction

import attrs
import pytest
from doubles.numbered_pictures import numbers_in, run_ffmpeg, write_flat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import encode, probe, transcode
from ft_dcc.media.burnin import Burnin, Pictures, script, timecode

CANVAS = Resolution(640, 360)
EVERYWHERE = dict.fromkeys(("top left", "top", "top right", "bottom left", "bottom", "bottom right"), "{comment}")


@pytest.fixture
def grey_frames(tmp_path):
    """Return a function that makes frames without anything on them."""

    def make(frame_range="1001-1004", fps="24"):
        frames = Frames(
            str(tmp_path / "grey.%04d.png"), FrameRange.parse(frame_range), frame_rate(fps), Resolution(640, 360)
        )
        for number in frames.frame_range.with_handles:
            write_flat(frames.path(number), (60, 60, 60), frames.resolution)
        return frames

    return make


def pictures_of(film):
    """The luma of every picture."""
    raw = run_ffmpeg("-i", f"file:{film.path}", "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = film.resolution.width * film.resolution.height
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def looks_like(one, other):
    """Whether hardly a pixel differs by more than what encoding does."""
    return sum(abs(a - b) > 40 for a, b in zip(one, other)) < 12


def drawn_pixels(picture):
    return sum(level > 140 for level in picture)


@pytest.mark.parametrize("rate", ["23.976", "59.94", "120"])
@pytest.mark.parametrize("frame_range", ["-3-2", "998-1003"])
def test_each_picture_shows_its_own_number_and_time_code(grey_frames, tmp_path, frame_range, rate):
    frames = grey_frames(frame_range, rate)
    film = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"top left": "{frame} {timecode}"}))
    numbers = list(frames.frame_range)
    for number in (numbers[0], numbers[-1]):
        text = f"{number} {timecode(number, frames.fps)}"
        still = encode(frames, tmp_path / "still.mp4", burnin=Burnin({"top left": "{text}"}, {"text": text}))
        assert [looks_like(picture, pictures_of(still)[0]) for picture in pictures_of(film)] == [
            other == number for other in numbers
        ]


@pytest.mark.parametrize(
    ("frame", "rate", "text"),
    [
        (0, "24", "00:00:00:00"),
        (1001, "24", "00:00:41:17"),
        (1001, "23.976", "00:00:41:17"),
        (527, "23.976", "00:00:21:23"),
        (100, "29.97", "00:00:03:10"),
        (1001, "59.94", "00:00:16:41"),
        (86400, "24", "01:00:00:00"),
        (-10, "24", "23:59:59:14"),
    ],
)
def test_time_code_counts_frames_from_midnight(frame, rate, text):
    assert timecode(frame, frame_rate(rate)) == text


@pytest.mark.parametrize(
    ("frame_range", "rate", "slate", "start"),
    [
        ("1001-1004", "24", (), "00:00:41:17"),
        ("1001-1004", "24", ("a",), "00:00:41:16"),
        ("993-996", "23.976", (), "00:00:41:09"),
        ("-10--7", "25", (), "23:59:59:15"),
        ("100-103", "59.94", (), "00:00:01:40"),
    ],
)
def test_the_film_starts_at_the_time_code_of_its_first_picture(make_frames, tmp_path, frame_range, rate, slate, start):
    film = encode(make_frames(frame_range, frame_rate(rate)), tmp_path / "film.mp4", burnin=Burnin(slate=slate))
    header = run_ffmpeg("-i", film.path, "-map", "0", "-c", "copy", "-f", "ffmetadata", "-").decode()
    streams = run_ffmpeg(
        "-i", film.path, "-map", "0:v:0", "-c", "copy", "-map_metadata", "0:s:v:0", "-f", "ffmetadata", "-"
    )
    assert f"timecode={start}" in header + streams.decode()


def test_numbered_pictures_stay_in_place_under_the_burn_in(make_frames, tmp_path):
    frames = make_frames("1001-1012", frame_rate("23.976"), "640x360")
    film = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"bottom right": "{frame}"}))
    assert numbers_in(film.path, frames.resolution) == list(range(1001, 1013))
    assert str(probe(film.path).fps) == "24000/1001"


def test_a_slate_is_one_picture_before_the_first(make_frames, tmp_path):
    frames = make_frames("1001-1006", frame_rate("29.97"), "640x360")
    told = []
    look = Burnin({"top left": "{frame}"}, {"shot": "sh010"}, slate=("{shot}", "{range} at {fps}", "{resolution}"))
    film = encode(frames, tmp_path / "film.mp4", burnin=look, on_frame=told.append)
    assert (film.frame_count, film.lead, probe(film.path).frame_count) == (7, 1, 7)
    assert numbers_in(film.path, frames.resolution)[1:] == list(range(1001, 1007))
    assert told == [1001, 1002, 1003, 1004, 1005, 1006]
    slate = pictures_of(film)[0]
    assert 300 < drawn_pixels(slate) < 20_000


def test_a_film_gets_its_burn_in_by_the_number_of_its_first_picture(make_frames, tmp_path):
    frames = make_frames("1001-1006", frame_rate("23.976"), "640x360")
    film = encode(frames, tmp_path / "plain.mp4")
    look = Burnin({"top left": "{frame}"}, slate=("slate",))
    again = transcode(film.path, tmp_path / "film.mp4", first_frame=1001, burnin=look)
    assert (again.frame_count, again.lead, str(again.fps)) == (7, 1, "24000/1001")
    direct = encode(frames, tmp_path / "direct.mp4", burnin=look)
    for picture, other in zip(pictures_of(again), pictures_of(direct)):
        assert looks_like(picture, other)


def test_a_field_may_have_a_text_of_its_own_on_each_frame(grey_frames, tmp_path):
    frames = grey_frames("1-4")
    look = Burnin({"bottom": "{focal} mm"}, {"focal": {1: "35", 2: "35", 3: "50"}})
    film = encode(frames, tmp_path / "film.mp4", burnin=look)
    first, second, third, last = pictures_of(film)
    assert looks_like(first, second)
    assert not looks_like(second, third)
    assert drawn_pixels(last) < drawn_pixels(third)


AWKWARD = [
    "50% done",
    'it\'s "quoted" and `this`',
    r"C:\new\Nice\hello \\server\share \N \n \h",
    r"{\b1}not bold{\b0} {} }{ {frame}",
    "%{n} %{pts} %d %% ${HOME} $(id)",
    "a:b;c,d[e]=f|g",
    "\N{CLAPPER BOARD} \N{GRINNING FACE} emoji",
    "\u0645\u0631\u062d\u0628\u0627 right to left \u05e9\u05dc\u05d5\u05dd",
    "first\nsecond\r\nthird\u2028fourth",
    "tab\tbell\x07 null\x00 escape\x1b",
    "<b>html</b> &amp; Dialogue: 0,0:00:00.00",
    "\ud800 lone surrogate",
    " ",
    "x" * 3000,
]


@pytest.mark.parametrize("comment", AWKWARD, ids=range(len(AWKWARD)))
def test_any_text_is_only_a_text(grey_frames, tmp_path, comment):
    look = Burnin(EVERYWHERE, {"comment": comment}, slate=("{comment}",), watermark="{comment}")
    film = encode(grey_frames("1-2"), tmp_path / "film.mp4", burnin=look)
    assert film.frame_count == 3
    assert comment.isspace() or drawn_pixels(pictures_of(film)[1]) > 20


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        # What libass would take for a command looks the same as its letters one by one.
        (r"a\Nb", "a\\\N{ZERO WIDTH SPACE}Nb"),
        (r"a\hb", "a\\\N{ZERO WIDTH SPACE}hb"),
        ("50%", "50\N{ZERO WIDTH SPACE}%"),
    ],
)
def test_a_backslash_is_drawn_as_one(grey_frames, tmp_path, text, alike):
    frames = grey_frames("1-1")
    one = encode(frames, tmp_path / "one.mp4", burnin=Burnin({"top left": "{t}"}, {"t": text}))
    other = encode(frames, tmp_path / "other.mp4", burnin=Burnin({"top left": "{t}"}, {"t": alike}))
    assert looks_like(pictures_of(one)[0], pictures_of(other)[0])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_no_text_leaves_its_line_or_becomes_a_command(text):
    written = script(Burnin({"top": "{c}"}, {"c": text}), Pictures((1,), Fraction(24), CANVAS), CANVAS)
    plain = script(Burnin({"top": "{c}"}, {"c": ""}), Pictures((1,), Fraction(24), CANVAS), CANVAS)
    assert len(written.split("\n")) == len(plain.split("\n"))
    drawn = written.split("\n")[-2].split(",", 4)[4]
    for command in (r"\n", r"\h"):
        assert command not in drawn
    assert drawn.count(r"\{") == drawn.count("{") == text.count("{")
    written.encode("utf-8")


def test_an_unknown_field_is_refused_with_the_nearest_known():
    with pytest.raises(SettingInvalid, match=r"no field called 'shto'\. Did you mean shot"):
        Burnin({"top": "{shto}"}, {"shot": "sh010"})


def test_an_unknown_place_is_refused():
    with pytest.raises(SettingInvalid, match=r"no place in the picture called 'topleft'\. Did you mean top left"):
        Burnin({"topleft": "{frame}"})


@pytest.mark.parametrize(("aspect", "bars"), [(Fraction(239, 100), 46), (Fraction(16, 9), 0)])
def test_a_letterbox_covers_what_lies_outside(grey_frames, tmp_path, aspect, bars):
    film = encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin(aspect=aspect))
    rows = [picture[320] for picture in _rows(pictures_of(film)[0])]
    assert sum(level < 30 for level in rows) == 2 * bars
    assert all(level < 30 for level in (*rows[:bars], *rows[360 - bars :]))


def test_a_pillarbox_covers_the_sides(grey_frames, tmp_path):
    film = encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin(aspect=Fraction(4, 3)))
    row = pictures_of(film)[0][:640]
    assert (sum(level < 30 for level in row[:90]), sum(level < 30 for level in row)) == (80, 160)


def _rows(picture):
    return [picture[at : at + 640] for at in range(0, len(picture), 640)]


def test_a_watermark_lies_across_the_middle(grey_frames, tmp_path):
    film = encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin({}, {"who": "A & B"}, watermark="{who}"))
    rows = _rows(pictures_of(film)[0])
    # See-through: brighter than the grey below it, and far from white.
    assert 80 < max(max(row[200:440]) for row in rows[120:240]) < 140
    assert max(max(row) for row in rows[:60]) < 75


@pytest.mark.parametrize(
    ("gone", "shown"),
    [((1003,), [1001, 1002, 1002, 1004, 1005]), ((1001, 1002, 1005), [1003, 1003, 1003, 1004, 1004])],
)
def test_filling_shows_the_frame_before_and_says_so(make_frames, tmp_path, gone, shown):
    frames = make_frames("1001-1005", size="640x360")
    for number in gone:
        frames.path(number).unlink()
    film = encode(frames, tmp_path / "film.mp4", is_filling=True)
    marked = [picture != other for picture, other in zip(_middles(film), _middles(_unmarked(frames, shown, tmp_path)))]
    assert marked == [number in gone for number in range(1001, 1006)]
    assert film.frame_count == 5
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_long_text_pushes_no_other_out_of_the_picture(grey_frames, tmp_path):
    frames = grey_frames("1001-1003")
    frames.path(1002).unlink()
    long = {"c": "every word of it " * 200}
    look = Burnin({"top left": "{c}", "bottom left": "{c}", "bottom right": "{frame}"}, long, watermark="{c}")
    film = encode(frames, tmp_path / "film.mp4", burnin=look, is_filling=True)
    corner, middle = [
        [sum(level > bright for row in _rows(picture)[rows] for level in row[columns]) for picture in pictures_of(film)]
        for rows, columns, bright in ((slice(330, 360), slice(560, 640), 140), (slice(140, 220), slice(260, 560), 200))
    ]
    assert min(corner) > 20
    # The words of the watermark are see-through; those of the mark are not.
    assert (middle[0] < 50, middle[1] > 400, middle[2] < 50) == (True, True, True)


def _unmarked(frames, shown, tmp_path):
    other = attrs.evolve(frames, pattern=str(tmp_path / "other.%04d.png"))
    for number, source in zip(range(1001, 1006), shown):
        other.path(number).write_bytes(frames.path(source).read_bytes())
    return encode(other, tmp_path / "other.mp4")


def _middles(film):
    """What lies in the middle of each picture, coarse enough that encoding changes nothing."""
    return [
        tuple(level > 127 for row in _rows(picture)[140:220] for level in row[180:460]) for picture in pictures_of(film)
    ]


def test_nothing_can_be_filled_from_nothing(make_frames, tmp_path):
    frames = make_frames("1-2")
    for number in (1, 2):
        frames.path(number).unlink()
    with pytest.raises(FramesMissing, match="missing: 1-2"):
        encode(frames, tmp_path / "film.mp4", is_filling=True)


def test_the_font_comes_with_it_and_its_folder_goes(grey_frames, tmp_path):
    encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin({"top": "{frame}"}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "grey.0001.png"]
