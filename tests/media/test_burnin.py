import itertools
import re
from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat
from media.test_burnin_random_text import comments

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import encode, probe, transcode
from ft_dcc.media import fonts as font_files
from ft_dcc.media.burnin import Burnin, BurninTarget, script, timecode

CANVAS = Resolution(640, 360)

pytestmark = pytest.mark.usefixtures("each_ffmpeg")


@pytest.fixture
def grey_frames(tmp_path):
    def make(frame_range="1001-1004", fps="24"):
        frames = Frames(
            str(tmp_path / "grey.%04d.png"), FrameRange.parse(frame_range), frame_rate(fps), Resolution(640, 360)
        )
        for number in frames.frame_range.with_handles:
            write_flat(frames.path(number), (60, 60, 60), frames.resolution)
        return frames

    return make


def frames_of(movie):
    raw = run_ffmpeg("-i", f"file:{movie.path}", "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = movie.resolution.width * movie.resolution.height
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def looks_like(one, other):
    return sum(abs(a - b) > 40 for a, b in zip(one, other)) < 12


def drawn_pixels(image):
    return sum(level > 140 for level in image)


def test_each_frame_shows_its_number_and_timecode(grey_frames, tmp_path):
    frames = grey_frames("998-1003", "59.94")
    movie = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"top left": "{frame} {timecode}"}))
    texts = {number: f"{number} {timecode(number, frames.fps)}" for number in frames.frame_range}
    expected = encode(frames, tmp_path / "texts.mp4", burnin=Burnin({"top left": "{text}"}, {"text": texts}))
    top, images, others = slice(0, 640 * 30), frames_of(movie), frames_of(expected)
    found = [[looks_like(image[top], other[top]) for other in others] for image in images]
    assert found == [[one == other for other in texts] for one in texts]


def test_slate_is_one_frame_before_the_first(make_frames, tmp_path):
    frames = make_frames("1001-1006", frame_rate("29.97"), "640x360")
    reported = []
    look = Burnin({"top left": "{frame}"}, {"shot": "sh010"}, slate=("{shot}", "{range} at {fps}", "{resolution}"))
    movie = encode(frames, tmp_path / "film.mp4", burnin=look, on_frame=reported.append)
    info = probe(movie.path)
    # Frame 1001 is 00:00:33:11 at 30 frames a second.
    assert (movie.frame_count, movie.lead, info.frame_count, info.timecode) == (7, 1, 7, "00:00:33:10")
    assert numbers_in(movie.path, frames.resolution)[1:] == list(range(1001, 1007))
    assert reported == [1001, 1002, 1003, 1004, 1005, 1006]
    assert 300 < drawn_pixels(frames_of(movie)[0]) < 20_000


def test_movie_burnin_starts_at_the_given_first_frame(make_frames, tmp_path):
    frames = make_frames("1001-1006", frame_rate("23.976"), "640x360")
    movie = encode(frames, tmp_path / "plain.mp4")
    look = Burnin({"top left": "{frame}"}, slate=("slate",))
    again = transcode(movie.path, tmp_path / "film.mp4", first_frame=1001, burnin=look)
    assert (again.frame_count, again.lead, str(again.fps)) == (7, 1, "24000/1001")
    for image, other in zip(frames_of(again), frames_of(encode(frames, tmp_path / "direct.mp4", burnin=look))):
        assert looks_like(image, other)


def test_field_may_have_a_different_text_at_each_frame(grey_frames, tmp_path):
    frames = grey_frames("1-4")
    look = Burnin({"bottom": "{focal} mm"}, {"focal": {1: "35", 2: "35", 3: "50"}})
    first, second, third, last = frames_of(encode(frames, tmp_path / "film.mp4", burnin=look))
    assert looks_like(first, second)
    assert not looks_like(second, third)
    assert drawn_pixels(last) < drawn_pixels(third)
    # The folder of the font is deleted.
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".png"] == ["film.mp4"]


def test_backslash_is_drawn_literally(grey_frames, tmp_path):
    """Text that looks like a command looks like its characters drawn one by one."""
    joined = ("a\\\N{ZERO WIDTH SPACE}Nb", "a\\\N{ZERO WIDTH SPACE}hb", "50\N{ZERO WIDTH SPACE}%")
    texts = dict(enumerate(itertools.chain(*zip((r"a\Nb", r"a\hb", "50%"), joined)), 1))
    movie = encode(grey_frames("1-6"), tmp_path / "one.mp4", burnin=Burnin({"top left": "{t}"}, {"t": texts}))
    images = frames_of(movie)
    assert [looks_like(one, other) for one, other in zip(images[::2], images[1::2])] == [True] * 3
    assert not looks_like(images[0], images[2])


def test_escaped_text_contains_no_libass_command(monkeypatch):
    # The fonts of the system are searched for each character that the bundled one does not have.
    monkeypatch.setattr(font_files, "_system_folders", list)
    plain = script(Burnin({"top": "{c}"}, {"c": ""}), BurninTarget((1,), Fraction(24), CANVAS), CANVAS)
    for text in comments(200):
        written = script(Burnin({"top": "{c}"}, {"c": text}), BurninTarget((1,), Fraction(24), CANVAS), CANVAS)
        assert len(written.split("\n")) == len(plain.split("\n")), ascii(text)
        # The commands that choose a font are not from the text, whose backslashes are followed by a word joiner.
        burnt_in = re.sub(r"\{\\fn[^{}\\]*\}", "", written.split("\n")[-2].split(",", 4)[4])
        assert r"\n" not in burnt_in and r"\h" not in burnt_in, ascii(text)
        assert burnt_in.count(r"\{") == burnt_in.count("{") == text.count("{"), ascii(text)
        written.encode("utf-8")


def test_unknown_field_is_rejected_with_a_suggestion():
    with pytest.raises(SettingInvalid, match=r"no field called 'shto'\. Did you mean shot"):
        Burnin({"top": "{shto}"}, {"shot": "sh010"})


def test_unknown_position_is_rejected():
    with pytest.raises(SettingInvalid, match=r"no position in the image called 'topleft'\. Did you mean top left"):
        Burnin({"topleft": "{frame}"})


@pytest.mark.parametrize(
    ("aspect", "bars", "sides"), [(Fraction(239, 100), 46, 0), (Fraction(16, 9), 0, 0), (Fraction(4, 3), 0, 80)]
)
def test_area_outside_of_the_aspect_ratio_is_black(grey_frames, tmp_path, aspect, bars, sides):
    image = frames_of(encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin(aspect=aspect)))[0]
    for levels, width in (([row[320] for row in _rows(image)], bars), (image[180 * 640 :][:640], sides)):
        assert sum(level < 30 for level in levels) == 2 * width
        assert all(level < 30 for level in (*levels[:width], *levels[len(levels) - width :]))


def _rows(image):
    return [image[at : at + 640] for at in range(0, len(image), 640)]


def test_watermark_crosses_the_centre(grey_frames, tmp_path):
    movie = encode(grey_frames("1-1"), tmp_path / "film.mp4", burnin=Burnin({}, {"who": "A & B"}, watermark="{who}"))
    rows = _rows(frames_of(movie)[0])
    # Transparent: brighter than the grey below it, and far from white.
    assert 80 < max(max(row[200:440]) for row in rows[120:240]) < 140
    assert max(max(row) for row in rows[:60]) < 75


def test_filled_frame_shows_the_previous_one_with_a_label(make_frames, tmp_path):
    """The first frames have no previous one, and show the first that exists."""
    frames, gone, shown = make_frames("1001-1005", size="640x360"), (1001, 1002, 1005), [1003, 1003, 1003, 1004, 1004]
    for number in gone:
        frames.path(number).unlink()
    movie = encode(frames, tmp_path / "film.mp4", fill_missing=True)
    marked = [image != other for image, other in zip(_middles(movie), _middles(_unmarked(frames, shown, tmp_path)))]
    assert marked == [number in gone for number in range(1001, 1006)]
    assert movie.frame_count == 5
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_long_text_does_not_displace_other_texts(grey_frames, tmp_path):
    frames = grey_frames("1001-1003")
    frames.path(1002).unlink()
    long = {"c": "every word of it " * 60}
    look = Burnin({"top left": "{c}", "bottom left": "{c}", "bottom right": "{frame}"}, long, watermark="{c}")
    movie = encode(frames, tmp_path / "film.mp4", burnin=look, fill_missing=True)
    corner, middle = [
        [sum(level > bright for row in _rows(image)[rows] for level in row[columns]) for image in frames_of(movie)]
        for rows, columns, bright in ((slice(330, 360), slice(560, 640), 140), (slice(140, 220), slice(260, 560), 200))
    ]
    assert min(corner) > 20
    # The text of the watermark is transparent; that of the label is not.
    assert (middle[0] < 50, middle[1] > 400, middle[2] < 50) == (True, True, True)


def _unmarked(frames, shown, tmp_path):
    other = attrs.evolve(frames, pattern=str(tmp_path / "other.%04d.png"))
    for number, source in zip(range(1001, 1006), shown):
        other.path(number).write_bytes(frames.path(source).read_bytes())
    return encode(other, tmp_path / "other.mp4")


def _middles(movie):
    """Return the centre of each image, so coarse that encoding does not change it."""
    return [tuple(level > 127 for row in _rows(image)[140:220] for level in row[180:460]) for image in frames_of(movie)]


def test_fill_missing_without_any_frame_is_rejected(make_frames, tmp_path):
    frames = make_frames("1-2")
    for number in (1, 2):
        frames.path(number).unlink()
    with pytest.raises(FramesMissing, match="missing: 1-2"):
        encode(frames, tmp_path / "film.mp4", fill_missing=True)
