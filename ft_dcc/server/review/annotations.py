"""Parse and write drawings on frames, which are the data of a ReviewSessionObjectAnnotation.

The stored form is version 2 (decision 0241): shapes with ids, in the space of the image from 0 to 1 with y down.
Drawings of version 1, pen strokes without ids, are read as well.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs

from ft_dcc.server.errors import ValidationError

MAX_SHAPES, MAX_POINTS, _MAX_TEXT_LENGTH = 200, 20_000, 500
_MAX_FRAME = 10**7
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_DIGITS = 5
_MIN_WIDTH, _MAX_WIDTH = 0.0005, 0.2
_MIN_SIZE, _MAX_SIZE = 0.005, 0.5
_ID_NAMESPACE = UUID("b2f0a7d6-8c47-4f55-9d4c-5f6f2f1c8a10")
_TWO_POINT_KINDS = ("line", "arrow", "rectangle", "ellipse")


@attrs.frozen
class Drawing:
    """The shapes on a frame, which are shown until ``end_frame`` if there is one."""

    shapes: list[dict[str, Any]]
    end_frame: int | None = None


def parse_shapes(value: object) -> list[dict[str, Any]]:
    """Return the shapes of a client, with known and rounded values only; raises ValidationError.

    A shape without an id gets a new one; ids must be unique.
    """
    if not isinstance(value, list) or len(value) > MAX_SHAPES:
        raise ValidationError(f"A drawing is a list of at most {MAX_SHAPES} shapes. Send fewer.")
    shapes = [_parse_shape(shape) for shape in value]
    if sum(len(shape.get("points", ())) for shape in shapes) > MAX_POINTS:
        raise ValidationError(f"A drawing has at most {MAX_POINTS} points. Draw less on one frame.")
    if len({shape["id"] for shape in shapes}) < len(shapes):
        raise ValidationError("Two shapes of the drawing have the same id. Give each its own.")
    return shapes


def parse_end_frame(value: object, first: int | None) -> int | None:
    """Return the last frame of a note or drawing that begins at ``first``; raises ValidationError."""
    if value is None or value == first:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or first is None or not first < value <= _MAX_FRAME:
        raise ValidationError("The last frame is a whole number after the first frame. Send one, or none.")
    return value


def to_annotation_data(
    shapes: list[dict[str, Any]], author: str, aspect: list[int] | None = None, end_frame: int | None = None
) -> str:
    """Return the data of an annotation with these shapes; ``aspect`` is the image's width and height in pixels."""
    data = {"version": 2, "author": author, "aspect": aspect, "end_frame": end_frame, "shapes": shapes}
    return json.dumps(data, separators=(",", ":"))


def drawing_of_annotation(annotation_id: str, data: str | None) -> Drawing:
    """Return the drawing in the data of an annotation, an empty one when another client has written something else.

    Shapes of version 1 get ids that are derived from the annotation's, so that each reader finds the same ones.
    """
    try:
        found = json.loads(data or "{}")
        content = found if isinstance(found, dict) else {"shapes": found}
        shapes = content.get("shapes")
        if isinstance(shapes, list):
            shapes = [_with_id(shape, annotation_id, index) for index, shape in enumerate(shapes)]
        end_frame = content.get("end_frame")
        is_frame = isinstance(end_frame, int) and not isinstance(end_frame, bool)
        return Drawing(parse_shapes(shapes), end_frame if is_frame else None)
    except (ValueError, RecursionError, ValidationError):
        return Drawing([])


def _with_id(shape: object, annotation_id: str, index: int) -> object:
    if not isinstance(shape, dict) or "id" in shape:
        return shape
    return {**shape, "id": str(uuid5(_ID_NAMESPACE, f"{annotation_id}/{index}"))}


def _parse_shape(shape: object) -> dict[str, Any]:
    if not isinstance(shape, dict) or shape.get("kind") not in _PARSERS:
        raise ValidationError(f"The kind of a shape is one of {', '.join(_PARSERS)}. Send one of them.")
    colour, opacity = shape.get("colour"), shape.get("opacity", 1)
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise ValidationError("The colour of a shape is written as #rrggbb. Send that.")
    if not _is_number(opacity) or not 0 < opacity <= 1:
        raise ValidationError("The opacity of a shape is a number above 0 and at most 1. Send that.")
    try:
        shape_id = str(UUID(str(shape["id"]))) if "id" in shape else str(uuid4())
    except ValueError as error:
        raise ValidationError("The id of a shape is a UUID. Send one, or none.") from error
    values = _PARSERS[shape["kind"]](shape)
    return {"id": shape_id, "kind": shape["kind"], "colour": colour, "opacity": _rounded(opacity), **values}


def _parse_pen(shape: dict[str, Any]) -> dict[str, Any]:
    points = shape.get("points")
    if not isinstance(points, list) or not points or not all(_is_point(point, 3) for point in points):
        raise ValidationError("The points of a stroke must be [x, y, pressure], each from 0 to 1. Send those.")
    return {"width": _parse_width(shape), "points": [[_rounded(part) for part in point] for point in points]}


def _parse_two_points(shape: dict[str, Any]) -> dict[str, Any]:
    ends = shape.get("from"), shape.get("to")
    if not all(_is_point(end, 2) for end in ends):
        raise ValidationError("A line, arrow, rectangle or ellipse needs from and to, each [x, y]. Send those.")
    start, end = ([_rounded(part) for part in point] for point in ends if point is not None)
    return {"width": _parse_width(shape), "from": start, "to": end}


def _parse_text(shape: dict[str, Any]) -> dict[str, Any]:
    place, text = shape.get("at"), shape.get("text")
    size: Any = shape.get("size")
    if not _is_point(place, 2) or place is None:
        raise ValidationError("A text needs its place in at, as [x, y]. Send that.")
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_TEXT_LENGTH:
        raise ValidationError(f"A text on the image has 1 to {_MAX_TEXT_LENGTH} characters. Write a shorter one.")
    if not _is_number(size) or not _MIN_SIZE <= size <= _MAX_SIZE:
        raise ValidationError(f"The size of a text is a fraction of the image height, at most {_MAX_SIZE}.")
    return {"at": [_rounded(part) for part in place], "text": text, "size": _rounded(size)}


def _parse_width(shape: dict[str, Any]) -> float:
    width: Any = shape.get("width")
    if not _is_number(width) or not _MIN_WIDTH <= width <= _MAX_WIDTH:
        raise ValidationError(f"The width of a shape is a fraction of the image height, at most {_MAX_WIDTH}.")
    return _rounded(width)


_PARSERS: dict[Any, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pen": _parse_pen,
    **dict.fromkeys(_TWO_POINT_KINDS, _parse_two_points),
    "text": _parse_text,
}


def _is_point(point: Any, length: int) -> bool:
    # A shape may leave the image and return.
    is_list = isinstance(point, list) and len(point) == length
    return is_list and all(_is_number(part) and -1 <= part <= 2 for part in point)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _rounded(value: Any) -> float:
    return round(float(value), _DIGITS)
