"""Drawings of reviewers on frames: the stored form, its parser, and the strokes that draw the shapes.

The stored form is version 2 (decision 0241). An image reaches from (0, 0) at its top left to (1, 1) at its bottom
right. Widths and sizes are fractions of the image's height.
"""

from __future__ import annotations

import functools
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs

from ft_dcc.errors import DrawingUnreadable

Point = tuple[float, float]
Polyline = tuple[Point, ...]
# x, y and width.
StrokePoint = tuple[float, float, float]

VERSION = 2
KINDS = ("pen", "line", "arrow", "rectangle", "ellipse", "text")
MAX_SHAPES, MAX_POINTS, _MAX_TEXT_LENGTH = 200, 20_000, 500
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_DIGITS, _MAX_NUMBER = 5, 1e9
_WIDTHS, _SIZES = (0.0005, 0.2), (0.005, 0.5)
_ELLIPSE_POINTS = 64
# What painting a drawing may cost, in squares of the image's height.
MAX_INK, _MIN_INK, _MIN_LETTER_INK, _WIDE = 25.0, 0.002, 0.004, 16 / 9
_MIDDLE_PRESSURE = 0.5
_TEXT_WIDTH = 0.08
# Units of the font of strokes: capitals are 21 high, a line 32.
_FONT_TOP, _FONT_LINE = -12.0, 32.0
# As on the review page.
_ARROW_HEAD, _ARROW_TURN = 5, 0.45
# Derives the ids of stored shapes without one, so that each reader finds the same.
_NAMESPACE = UUID("b2f0a7d6-8c47-4f55-9d4c-5f6f2f1c8a10")


@attrs.frozen
class Shape:
    """One shape: a pen stroke with many points, a line, arrow, rectangle or ellipse with two, or a text with one.

    A pen's ``points`` are (x, y, pressure); all other points have the pressure 0.5, which draws ``width`` itself.
    ``size`` is the height of a line of text.
    """

    id: str
    kind: str
    colour: str
    width: float
    points: tuple[tuple[float, float, float], ...]
    opacity: float = 1.0
    text: str = ""
    size: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        common = {"id": self.id, "kind": self.kind, "colour": self.colour, "opacity": self.opacity}
        if self.kind == "text":
            return {**common, "at": list(self.points[0][:2]), "text": self.text, "size": self.size}
        if self.kind == "pen":
            return {**common, "width": self.width, "points": [list(point) for point in self.points]}
        start, end = (list(point[:2]) for point in self.points)
        return {**common, "width": self.width, "from": start, "to": end}


@attrs.frozen
class Stroke:
    """A line of round dots: points (x, y, width), its colour as three values from 0 to 1, and its opacity."""

    colour: tuple[float, float, float]
    opacity: float
    points: tuple[StrokePoint, ...]


@attrs.frozen
class Drawing:
    """What one author drew on a frame; it is held until ``end_frame``, or for this frame only if that is None.

    ``label`` names the version if it is not the current one, and what has changed since, as in "v002, lens changed";
    ``text`` is the note's text. ``aspect`` is width by height of the image that was drawn on, None if it was not
    stored.
    """

    id: str
    author: str
    frame: int
    shapes: tuple[Shape, ...]
    end_frame: int | None = None
    aspect: float | None = None
    text: str = ""
    label: str = ""

    @property
    def last_frame(self) -> int:
        """The last frame that shows the drawing."""
        return self.frame if self.end_frame is None else max(self.frame, self.end_frame)

    def strokes(self, aspect: float) -> list[Stroke]:
        """Return the strokes for an image of this aspect, width by height."""
        return [stroke for shape in self.shapes for stroke in strokes_of(shape, aspect)]


def parse_drawing(
    data: str | None, frame: int, *, drawing_id: str = "", author: str = "", text: str = "", label: str = ""
) -> Drawing:
    """Return the drawing in the data of an annotation; raise DrawingUnreadable for another form."""
    try:
        stored: Any = json.loads(data or "")
    except (ValueError, RecursionError) as error:
        raise DrawingUnreadable("The drawing is not in the form of ft-dcc. See it on the review page.") from error
    version = stored.get("version") if isinstance(stored, dict) else None
    if version != VERSION:
        raise DrawingUnreadable(f"The drawing has the form {version!r}, known is {VERSION}. Install a newer ft-dcc.")
    name, end_frame = stored.get("author"), stored.get("end_frame")
    return Drawing(
        id=drawing_id,
        author=author or (name if isinstance(name, str) else ""),
        frame=frame,
        shapes=parse_shapes(stored.get("shapes"), drawing_id),
        end_frame=end_frame if isinstance(end_frame, int) and not isinstance(end_frame, bool) else None,
        aspect=_aspect(stored.get("aspect")),
        text=text,
        label=label,
    )


def parse_shapes(value: object, drawing_id: str = "") -> tuple[Shape, ...]:
    """Return the shapes in a list, with rounded values; raise DrawingUnreadable."""
    # Shapes without an id get new ones, or with a drawing's id those that are derived from it.
    if not isinstance(value, list):
        raise DrawingUnreadable("The drawing has no list of shapes. See it on the review page.")
    return tuple(
        _parse_shape(shape, f"{drawing_id}/{index}" if drawing_id else "") for index, shape in enumerate(value)
    )


def check_limits(shapes: Sequence[Shape]) -> None:
    """Raise DrawingUnreadable for shapes that are too many or too large for a review page."""
    if len(shapes) > MAX_SHAPES or sum(len(shape.points) for shape in shapes) > MAX_POINTS:
        raise DrawingUnreadable(f"A drawing has at most {MAX_SHAPES} shapes and {MAX_POINTS} points. Draw less.")
    if sum(map(ink, shapes)) > MAX_INK:
        raise DrawingUnreadable("The drawing has too many letters or wide strokes. Draw less, or thinner.")
    if len({shape.id for shape in shapes}) < len(shapes):
        raise DrawingUnreadable("Two shapes of the drawing have the same id. Give each its own.")
    for shape in shapes:
        name, value, (lowest, highest) = "width", shape.width, _WIDTHS
        if shape.kind == "text":
            name, value, (lowest, highest) = "size", shape.size, _SIZES
            if len(shape.text) > _MAX_TEXT_LENGTH:
                raise DrawingUnreadable(f"A text on the image has at most {_MAX_TEXT_LENGTH} characters. Shorten it.")
        if not lowest <= value <= highest:
            raise DrawingUnreadable(f"The {name} of a shape is a fraction of the image height, at most {highest}.")
        # A shape may leave the image and return.
        if not all(-1 <= part <= 2 for point in shape.points for part in point):
            raise DrawingUnreadable("The points of a shape are in the image, from 0 to 1, or near it.")


def _parse_shape(shape: object, path: str) -> Shape:
    if not isinstance(shape, dict) or shape.get("kind") not in KINDS:
        kind = shape.get("kind") if isinstance(shape, dict) else shape
        raise DrawingUnreadable(f"The drawing has a shape of the unknown kind {kind!r}. Install a newer ft-dcc.")
    kind, is_text = shape["kind"], shape["kind"] == "text"
    new_id, colour = uuid5(_NAMESPACE, path) if path else uuid4(), shape.get("colour")
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise DrawingUnreadable(f"The drawing has an invalid colour, {colour!r}. It is written as #rrggbb.")
    text = shape.get("text") if is_text else ""
    if is_text and (not isinstance(text, str) or not text.strip()):
        raise DrawingUnreadable("The drawing has a text without characters. Remove it.")
    try:
        shape_id = str(UUID(str(shape.get("id", new_id))))
    except ValueError as error:
        raise DrawingUnreadable("The drawing has a shape whose id is no UUID. Send a UUID, or none.") from error
    return Shape(
        id=shape_id,
        kind=kind,
        colour=colour.lower(),
        width=0.0 if is_text else _positive(shape, "width"),
        points=_parse_points(shape),
        opacity=min(_positive(shape, "opacity", 1), 1.0),
        text=str(text),
        size=_positive(shape, "size") if is_text else 0.0,
    )


def _parse_points(shape: Mapping[str, Any]) -> tuple[StrokePoint, ...]:
    """Return the points of a pen with their pressures, or those of another shape with the middle pressure."""
    if shape["kind"] != "pen":
        names = ("at",) if shape["kind"] == "text" else ("from", "to")
        ends = [_parse_point(shape.get(name), 2) for name in names]
        return tuple((x, y, _MIDDLE_PRESSURE) for x, y in ends)
    points = shape.get("points")
    if not isinstance(points, list) or not points:
        raise DrawingUnreadable("The drawing has a stroke without points. Remove it.")
    return tuple((x, y, pressure) for x, y, pressure in (_parse_point(point, 3) for point in points))


def _parse_point(point: Any, length: int) -> tuple[float, ...]:
    if not isinstance(point, list) or len(point) != length or not all(map(_is_number, point)):
        raise DrawingUnreadable(f"The drawing has an invalid point, {point!r}. It has {length} numbers.")
    return tuple(round(float(value), _DIGITS) for value in point)


def _positive(shape: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value: Any = shape.get(name, default)
    if not _is_number(value) or value <= 0:
        raise DrawingUnreadable(f"The drawing has an invalid {name}, {value!r}. It is a number above 0.")
    return round(float(value), _DIGITS)


def _is_number(value: Any) -> bool:
    # A whole number may be too large for a float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER


def _aspect(value: object) -> float | None:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(side) and side > 0 for side in value):
        return float(value[0]) / float(value[1])
    return None


def strokes_of(shape: Shape, aspect: float) -> Iterator[Stroke]:
    """Yield the strokes of a shape; a pen's width is ``width * (0.5 + pressure)``."""
    outlines: list[tuple[StrokePoint, ...]] = []
    if shape.kind == "pen":
        outlines.append(tuple((x, y, shape.width * (0.5 + pressure)) for x, y, pressure in shape.points))
    elif shape.kind == "text":
        left, top, _ = shape.points[0]
        width = shape.size * _TEXT_WIDTH
        for polyline in text_polylines(shape.text, shape.size):
            outlines.append(tuple((left + x / aspect, top + y, width) for x, y in polyline))
    else:
        (x0, y0, _), (x1, y1, _) = shape.points
        for line in _TWO_POINT_OUTLINES[shape.kind](x0, y0, x1, y1, shape.width, aspect):
            outlines.append(tuple((x, y, shape.width) for x, y in line))
    for outline in outlines:
        yield Stroke(rgb(shape.colour), shape.opacity, outline)


def _line(x0: float, y0: float, x1: float, y1: float, _width: float, _aspect: float) -> list[list[Point]]:
    return [[(x0, y0), (x1, y1)]]


def _arrow(x0: float, y0: float, x1: float, y1: float, width: float, aspect: float) -> list[list[Point]]:
    """Return the shaft and a head with its tip at the second point."""
    across, down = (x1 - x0) * aspect, y1 - y0
    length = math.hypot(across, down)
    head = min(_ARROW_HEAD * width, length)
    angle = math.atan2(down, across)
    ends = [
        (x1 - head * math.cos(angle + turn) / aspect, y1 - head * math.sin(angle + turn))
        for turn in (_ARROW_TURN, -_ARROW_TURN)
    ]
    return [[(x0, y0), (x1, y1)], [ends[0], (x1, y1), ends[1]]]


def _rectangle(x0: float, y0: float, x1: float, y1: float, _width: float, _aspect: float) -> list[list[Point]]:
    return [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]]


def _ellipse(x0: float, y0: float, x1: float, y1: float, _width: float, _aspect: float) -> list[list[Point]]:
    """Return the ellipse that touches the sides of the box between the two points."""
    centre, radius = ((x0 + x1) / 2, (y0 + y1) / 2), ((x1 - x0) / 2, (y1 - y0) / 2)
    turns = (2 * math.pi * index / _ELLIPSE_POINTS for index in range(_ELLIPSE_POINTS + 1))
    return [[(centre[0] + radius[0] * math.cos(turn), centre[1] + radius[1] * math.sin(turn)) for turn in turns]]


_TWO_POINT_OUTLINES = {"line": _line, "arrow": _arrow, "rectangle": _rectangle, "ellipse": _ellipse}


def ink(shape: Shape) -> float:
    """Return about how much is painted for a shape, in squares of the image's height; overlaps count again."""
    if shape.kind == "text":
        return len(shape.text) * max(shape.size**2, _MIN_LETTER_INK)
    pieces = (piece for stroke in strokes_of(shape, _WIDE) for piece in zip(stroke.points, stroke.points[1:]))
    return sum(
        max(width, _MIN_INK) * (width + _WIDE * abs(x - x0) + abs(y - y0)) for (x0, y0, _), (x, y, width) in pieces
    )


def rgb(colour: str) -> tuple[float, float, float]:
    """Return the three values of ``#rrggbb``, from 0 to 1, encoded as sRGB.

    >>> rgb("#ff0033")
    (1.0, 0.0, 0.2)
    """
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def text_polylines(text: str, size: float) -> Iterator[Polyline]:
    """Yield the polylines of a text whose first line begins below (0, 0), y down; a line is ``size`` high.

    Letters with accents are drawn without them, other characters that the font lacks as a question mark.
    """
    glyphs, scale = _glyphs(), size / _FONT_LINE
    for row, line in enumerate(text.splitlines()):
        left = 0.0
        for character in _plain(line):
            first, last, polylines = glyphs.get(ord(character), glyphs[ord("?")])
            for polyline in polylines:
                yield tuple(
                    ((left + x - first) * scale, (y - _FONT_TOP + row * _FONT_LINE) * scale) for x, y in polyline
                )
            left += last - first


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("\t", " "))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


@functools.cache
def _glyphs() -> dict[int, tuple[float, float, tuple[Polyline, ...]]]:
    """Return left side, right side and polylines by character code."""
    text = resources.files("ft_dcc.review").joinpath("stroke_font.txt").read_text(encoding="utf-8")
    glyphs: dict[int, tuple[float, float, tuple[Polyline, ...]]] = {}
    for line in (line for line in text.splitlines() if not line.startswith("#")):
        code, left, right, *polylines = line.split(" ")
        points = [[part.partition(",") for part in polyline.split(";")] for polyline in polylines]
        lines = tuple(tuple((float(x), float(y)) for x, _, y in polyline) for polyline in points)
        glyphs[int(code)] = (float(left), float(right), lines)
    return glyphs
