"""Drawings of reviewers on frames: the stored form, versions 1 and 2, and the strokes that draw them.

A image reaches from (0, 0) at its top left to (1, 1) at its bottom right. Widths and sizes are fractions of the
image's height.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.errors import DrawingUnreadable
from ft_dcc.review.stroke_font import text_polylines

Point = tuple[float, float]
# x, y and width.
StrokePoint = tuple[float, float, float]

KINDS = ("pen", "line", "arrow", "rectangle", "ellipse", "text")
_VERSIONS = (1, 2)
_MAX_POINTS = 1_000_000
_ELLIPSE_POINTS = 64
_MIDDLE_PRESSURE = 0.5
_TEXT_WIDTH = 0.08
# As on the review page.
_ARROW_HEAD, _ARROW_TURN = 5, 0.45
# Derives the ids of shapes of version 1, which have none; the review page derives the same.
_NAMESPACE = uuid.UUID("b2f0a7d6-8c47-4f55-9d4c-5f6f2f1c8a10")


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
        """Return the strokes for a image of this aspect, width by height."""
        return [stroke for shape in self.shapes for stroke in _strokes_of(shape, aspect)]


def parse_drawing(
    data: str | None, frame: int, *, drawing_id: str = "", author: str = "", text: str = "", label: str = ""
) -> Drawing:
    """Return the drawing in the data of an annotation; raise DrawingUnreadable for another form.

    ``author`` is used if the data names none.
    """
    try:
        found = json.loads(data or "")
    except (ValueError, RecursionError) as error:
        raise DrawingUnreadable("The drawing is not in the form of ft-dcc. See it on the review page.") from error
    # The first drawings were a list of strokes only.
    stored: Mapping[str, Any] = found if isinstance(found, dict) else {"version": 1, "shapes": found}
    version = stored.get("version", 1)
    if version not in _VERSIONS:
        raise DrawingUnreadable(f"The drawing has the form {version!r}, known are 1 and 2. Install a newer ft-dcc.")
    shapes = stored.get("shapes")
    if not isinstance(shapes, list):
        raise DrawingUnreadable("The drawing has no list of shapes. See it on the review page.")
    parsed = tuple(_parse_shape(shape, f"{drawing_id}/{index}") for index, shape in enumerate(shapes))
    if sum(len(shape.points) for shape in parsed) > _MAX_POINTS:
        raise DrawingUnreadable(f"The drawing has more than {_MAX_POINTS} points. See it on the review page.")
    name = stored.get("author")
    return Drawing(
        id=drawing_id,
        author=author or (name if isinstance(name, str) else ""),
        frame=frame,
        shapes=parsed,
        end_frame=_end_frame(stored.get("end_frame")),
        aspect=_aspect(stored.get("aspect")),
        text=text,
        label=label,
    )


def _parse_shape(shape: object, path: str) -> Shape:
    if not isinstance(shape, dict) or shape.get("kind") not in KINDS:
        kind = shape.get("kind") if isinstance(shape, dict) else shape
        raise DrawingUnreadable(f"The drawing has a shape of the unknown kind {kind!r}. Install a newer ft-dcc.")
    kind = shape["kind"]
    return Shape(
        id=str(shape.get("id") or uuid.uuid5(_NAMESPACE, path)),
        kind=kind,
        colour=_colour(shape.get("colour")),
        width=_number(shape.get("width", 0.004), "width"),
        points=_points(shape, kind),
        opacity=min(1.0, max(0.0, _number(shape.get("opacity", 1.0), "opacity"))),
        text=str(shape.get("text") or "") if kind == "text" else "",
        size=_number(shape.get("size", 0.05), "size") if kind == "text" else 0.0,
    )


def _points(shape: Mapping[str, Any], kind: str) -> tuple[tuple[float, float, float], ...]:
    if kind == "pen":
        given = shape.get("points")
        if not isinstance(given, list) or not given:
            raise DrawingUnreadable("The drawing has a stroke without points. See it on the review page.")
        return tuple(_point(point) for point in given)
    names = ("at",) if kind == "text" else ("from", "to")
    return tuple(_point(shape.get(name)) for name in names)


def _point(point: object) -> tuple[float, float, float]:
    if not isinstance(point, (list, tuple)) or not 2 <= len(point) <= 3:
        raise DrawingUnreadable(f"The drawing has an invalid point, {point!r}. See it on the review page.")
    x, y, *pressure = (_number(part, "point") for part in point)
    return x, y, pressure[0] if pressure else _MIDDLE_PRESSURE


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise DrawingUnreadable(f"The drawing has an invalid {name}, {value!r}. See it on the review page.")
    return float(value)


def _colour(value: object) -> str:
    if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
        try:
            int(value[1:], 16)
        except ValueError:
            pass
        else:
            return value.lower()
    raise DrawingUnreadable(f"The drawing has an invalid colour, {value!r}. See it on the review page.")


def _end_frame(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _aspect(value: object) -> float | None:
    if isinstance(value, (list, tuple)) and len(value) == 2:
        width, height = value
        if all(isinstance(side, (int, float)) and not isinstance(side, bool) and side > 0 for side in value):
            return float(width) / float(height)
    return None


def _strokes_of(shape: Shape, aspect: float) -> Iterator[Stroke]:
    """Yield the strokes of a shape; a pen's width is ``width * (0.5 + pressure)``."""
    colour = rgb(shape.colour)
    for outline in _outlines(shape, aspect):
        yield Stroke(colour, shape.opacity, outline)


def _outlines(shape: Shape, aspect: float) -> Iterator[tuple[StrokePoint, ...]]:
    if shape.kind == "pen":
        yield tuple((x, y, shape.width * (0.5 + pressure)) for x, y, pressure in shape.points)
        return
    if shape.kind == "text":
        left, top, _ = shape.points[0]
        width = shape.size * _TEXT_WIDTH
        for polyline in text_polylines(shape.text, shape.size):
            yield tuple((left + x / aspect, top + y, width) for x, y in polyline)
        return
    (x0, y0, _), (x1, y1, _) = shape.points
    for line in _TWO_POINT_OUTLINES[shape.kind](x0, y0, x1, y1, shape.width, aspect):
        yield tuple((x, y, shape.width) for x, y in line)


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


def rgb(colour: str) -> tuple[float, float, float]:
    """Return the three values of ``#rrggbb``, from 0 to 1, encoded as sRGB.

    >>> rgb("#ff0033")
    (1.0, 0.0, 0.2)
    """
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255
