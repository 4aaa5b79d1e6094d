"""The slate as boxes and as pixels of the movie, and texts in writing systems that the built-in font does not have."""

import re
from fractions import Fraction

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg

from ft_dcc.errors import SettingInvalid
from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import Burnin, SlateImages, encode, presets, slate, start_live_encode, thumbnail
from ft_dcc.media import fonts as font_files
from ft_dcc.media.burnin import BurninTarget, script

ALL = SlateImages(thumbnail=True, colour_bars=True, logo="logo.png")
# 75 % bars of SMPTE RP 219 in BT.709, in full range RGB.
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191)]


def is_inside(box, canvas):
    return min(box.x, box.y) >= 0 and box.x + box.width <= canvas.width and box.y + box.height <= canvas.height


def overlap(one, other):
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("size", ["1920x1080", "1920x800", "4096x2160", "886x1920", "1080x1080", "640x360", "240x240"])
def test_boxes_of_a_slate_are_inside_the_image_and_do_not_overlap(size):
    canvas = Resolution.parse(size)
    found = slate.layout(ALL, canvas)
    lines = [("", "Project  SH010"), *((f"Label {n}", f"text {n}") for n in range(6)), ("Comment", "word " * 40)]
    boxes = [found.thumbnail, found.bars, found.logo, *(row.box for row in slate.rows(lines, found))]
    assert all(box is not None and is_inside(box, canvas) for box in boxes)
    assert [(one, other) for i, one in enumerate(boxes) for other in boxes[i + 1 :] if overlap(one, other)] == []


@pytest.mark.parametrize("size", ["64x36", "2x2", "238x400"])
def test_small_slate_has_no_images(size):
    found = slate.layout(ALL, Resolution.parse(size))
    assert (found.thumbnail, found.bars) == (None, None)


def test_first_line_is_the_title_and_empty_lines_are_left_out():
    found = slate.layout(SlateImages(), Resolution(1920, 1080))
    rows = slate.rows([("", "SH010"), ("Task", "Animation"), ("Comment", "  "), ("", "free text")], found)
    assert [(row.style, row.text) for row in rows] == [
        (slate.TITLE, "SH010"),
        (slate.LABEL, "Task"),
        (slate.VALUE, "Animation"),
        (slate.VALUE, "free text"),
    ]
    assert rows[2].box.x > rows[1].box.x == rows[3].box.x


def test_long_texts_get_a_smaller_font():
    found = slate.layout(ALL, Resolution(1280, 720))
    short, long = (slate.rows([("", "T"), ("Comment", "word " * count)], found)[-1].size for count in (5, 400))
    assert long < short
    assert slate.rows([("", "title " * 60)], found)[0].size < found.title.height


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("Shot: {shot}", ("Shot", "{shot}")),
        ("{project}  {shot}", ("", "{project}  {shot}")),
        ("{shot}: {task}", ("", "{shot}: {task}")),
        ("10:20", ("", "10:20")),
    ],
)
def test_label_of_a_line(line, parts):
    assert slate.split_label(line) == parts


@pytest.fixture
def logo(tmp_path):
    path = tmp_path / "A logo's file, 1.PNG"
    logo = ("-f", "lavfi", "-i", "color=c=0xE04030:s=300x100,format=rgba", "-frames:v", "1")
    run_ffmpeg(*logo, "-c:v", "png", "-f", "image2", path)
    return path


def pixels(movie, index=0):
    size = movie.resolution
    scale = f"select=eq(n\\,{index}),scale=in_color_matrix=bt709:out_range=full,format=rgb24"
    data = run_ffmpeg("-i", movie.path, "-vf", scale, "-frames:v", "1", "-f", "rawvideo", "-")
    assert len(data) == size.width * size.height * 3

    def at(x, y):
        start = (y * size.width + x) * 3
        return tuple(data[start : start + 3])

    return at


def is_near(one, other, tolerance=6):
    return all(abs(a - b) <= tolerance for a, b in zip(one, other))


@pytest.mark.parametrize("output", [presets.REVIEW, presets.EDITORIAL], ids=["h264", "prores"])
def test_slate_shows_the_first_frame_the_logo_and_colour_bars(make_frames, tmp_path, logo, output):
    frames = make_frames("1001-1002", frame_rate("24"), "1280x720")
    images = SlateImages(thumbnail=True, colour_bars=True, logo=str(logo))
    look = Burnin({"top": "{frame}"}, slate=("Title", "Frames: {range}"), slate_images=images)
    movie = encode(frames, tmp_path / f"movie{output.container[-1]}", burnin=look, output=output)
    assert (movie.frame_count, movie.lead) == (3, 1)
    found, shown = slate.layout(images, frames.resolution), pixels(movie)
    bars, thumbnail, corner = found.bars, found.thumbnail, found.logo
    # The seven bars take six of the eight widths between the grey ones.
    places = [bars.x + bars.width * (2 * n + 3) // 18 + bars.width // 36 for n in range(7)]
    measured = [shown(x, bars.y + bars.height // 2) for x in places]
    assert [(a, b) for a, b in zip(measured, BARS) if not is_near(a, b)] == []
    assert is_near(shown(corner.x + corner.width - 20, corner.y + 20), (0xE0, 0x40, 0x30))
    first = pixels(encode(frames, tmp_path / "plain.mov", output=presets.EDITORIAL))
    x, y = thumbnail.width // 2, thumbnail.height * 3 // 4
    assert is_near(
        shown(thumbnail.x + x, thumbnail.y + y),
        first(x * frames.resolution.width // thumbnail.width, y * frames.resolution.height // thumbnail.height),
        tolerance=12,
    )
    assert is_near(shown(4, 4), (0, 0, 0))


def test_images_of_a_slate_do_not_change_the_frames(make_frames, tmp_path, logo):
    frames = make_frames("1001-1006", frame_rate("24"), "640x360")
    images = SlateImages(thumbnail=True, colour_bars=True, logo=str(logo))
    movies = [
        encode(
            frames,
            tmp_path / f"{number}.mov",
            burnin=Burnin(slate=("Title",), slate_images=each),
            output=presets.EDITORIAL,
        )
        for number, each in enumerate((SlateImages(), images))
    ]
    assert numbers_in(movies[1].path, frames.resolution)[1:] == list(range(1001, 1007))
    plain, pictured = (
        run_ffmpeg("-i", movie.path, "-f", "framemd5", "-").decode().splitlines()[-6:] for movie in movies
    )
    assert plain == pictured


def test_slate_of_a_live_encode_shows_its_first_frame(make_frames, tmp_path):
    frames = make_frames("1001-1004", frame_rate("24"), "640x360")
    look = Burnin(slate=("Title",), slate_images=SlateImages(thumbnail=True))
    with start_live_encode(frames, tmp_path / "live.mp4", burnin=look) as live_encode:
        for number in (1001, 1003, 1002, 1004):
            live_encode.add(number)
        live = live_encode.finish()
    assert sha256_of(live.path) == sha256_of(encode(frames, tmp_path / "whole.mp4", burnin=look).path)


def test_logo_that_is_gone_is_named(make_frames, tmp_path):
    look = Burnin(slate=("Title",), slate_images=SlateImages(logo=str(tmp_path / "gone.png")))
    frames = make_frames("1001-1002", frame_rate("24"), "640x360")
    with pytest.raises(SettingInvalid, match=r"The logo .*gone\.png of the slate cannot be read: No such file"):
        encode(frames, tmp_path / "movie.mp4", burnin=look)
    assert not (tmp_path / "movie.mp4").exists()


CANVAS = Resolution(128, 64)
# A CJK character outside of the basic plane, so that both kinds of tables are read.
TEXT = "中𠀀"


@pytest.fixture
def no_system_fonts(monkeypatch):
    monkeypatch.setattr(font_files, "_system_folders", list)


@pytest.fixture
def square_font(tmp_path, monkeypatch):
    """Write a font in which two CJK characters are filled squares, and set it."""
    builder_module = pytest.importorskip("fontTools.fontBuilder")
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 1000), (1000, 1000), (1000, 0)]):
        pen.lineTo(point) if number else pen.moveTo(point)
    pen.closePath()
    builder = builder_module.FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap(dict.fromkeys(map(ord, TEXT), "square"))
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    folder = tmp_path / "fonts of the studio"
    folder.mkdir()
    builder.save(folder / "squares.ttf")
    monkeypatch.setenv("FT_DCC_FONTS", str(folder))
    return folder / "squares.ttf"


def drawn(text):
    return script(Burnin({"top": "{c}"}, {"c": text}), BurninTarget((1,), Fraction(24), CANVAS), CANVAS)


def test_font_of_the_setting_draws_the_characters_that_it_has(no_system_fonts, square_font):
    choice = font_files.choose_fonts([f"Shot {TEXT} 日"])
    assert (choice.files, choice.missing) == ((square_font,), ("日",))
    assert f"Shot {{\\fnSquares}}{TEXT}{{\\fn}} ?" in drawn(f"Shot {TEXT} 日")


def test_movie_shows_the_glyphs_of_the_chosen_font(no_system_fonts, square_font, make_frames, tmp_path):
    made = encode(make_frames("1-2", size="640x360"), tmp_path / "m.mp4", burnin=Burnin({}, slate=(TEXT * 2,)))
    assert "no font has" not in made.remark
    raw = run_ffmpeg("-i", f"file:{made.path}", "-f", "rawvideo", "-frames:v", "1", "-pix_fmt", "gray", "-")
    # Four squares without a gap; boxes of missing glyphs would be hollow.
    assert re.search(rb"[\xc8-\xff]{40}", raw)


def test_missing_character_is_named_in_the_report_and_drawn_as_a_question_mark(no_system_fonts, tmp_path):
    assert "प" not in drawn("प ok")
    assert ",? ok" in drawn("प ok")
    assert font_files.missing_remark(font_files.choose_fonts(["प"]).missing) == (
        "no font has प (U+092A): install a Noto font, or set FT_DCC_FONTS to a folder with one"
    )


def test_thumbnail_with_a_missing_character_has_the_remark(no_system_fonts, make_frames, tmp_path):
    made = thumbnail(make_frames("1-1").path(1), tmp_path / "t.jpg", burnin=Burnin(watermark="中"))
    assert made.remark.startswith("no font has 中 (U+4E2D)")


@pytest.mark.parametrize("content", [b"", b"not a font at all", b"\x00\x01\x00\x00\x00\x09" + b"\x00" * 6])
def test_file_that_is_no_font_is_skipped(no_system_fonts, tmp_path, monkeypatch, content):
    (tmp_path / "broken.ttf").write_bytes(content)
    monkeypatch.setenv("FT_DCC_FONTS", str(tmp_path))
    assert font_files.choose_fonts(["中"]).missing == ("中",)


def test_latin_and_arabic_need_no_other_font(no_system_fonts):
    assert font_files.choose_fonts(["Große Straße", "اختبار", "Проба"]) == font_files.FontChoice()
