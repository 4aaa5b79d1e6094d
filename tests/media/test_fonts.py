"""Texts in writing systems that the built-in font does not have."""

import re
from fractions import Fraction

import pytest
from doubles.numbered_images import run_ffmpeg

from ft_dcc.frames import Resolution
from ft_dcc.media import Burnin, encode, thumbnail
from ft_dcc.media import fonts as font_files
from ft_dcc.media.burnin import BurninTarget, script

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
