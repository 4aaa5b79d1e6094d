"""Text as polylines, so that every host and export can draw it with the same pen as a stroke."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterator
from importlib import resources

Polyline = tuple[tuple[float, float], ...]

# Units of the font: capitals are 21 high, a line 32.
_TOP, _LINE = -12.0, 32.0
_UNKNOWN = ord("?")


def text_polylines(text: str, size: float) -> Iterator[Polyline]:
    """Yield the polylines of a text whose first line begins below (0, 0), y down; a line is ``size`` high.

    Letters with accents are drawn without them, other characters that the font lacks as a question mark.
    """
    glyphs, scale = _glyphs(), size / _LINE
    for row, line in enumerate(text.splitlines()):
        left = 0.0
        for character in _plain(line):
            first, last, polylines = glyphs.get(ord(character), glyphs[_UNKNOWN])
            for polyline in polylines:
                yield tuple(((left + x - first) * scale, (y - _TOP + row * _LINE) * scale) for x, y in polyline)
            left += last - first


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("\t", " "))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


@functools.cache
def _glyphs() -> dict[int, tuple[float, float, tuple[Polyline, ...]]]:
    """Return left side, right side and polylines by character code."""
    text = resources.files("ft_dcc.review").joinpath("stroke_font.txt").read_text(encoding="utf-8")
    return dict(_glyph(line) for line in text.splitlines() if not line.startswith("#"))


def _glyph(line: str) -> tuple[int, tuple[float, float, tuple[Polyline, ...]]]:
    code, left, right, *polylines = line.split(" ")
    points = tuple(tuple(_point(part) for part in polyline.split(";")) for polyline in polylines)
    return int(code), (float(left), float(right), points)


def _point(text: str) -> tuple[float, float]:
    x, _, y = text.partition(",")
    return float(x), float(y)
