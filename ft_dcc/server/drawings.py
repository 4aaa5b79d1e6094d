"""Drawings on frames: what a ReviewSessionObjectAnnotation holds as its data."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ft_dcc.errors import ValidationError

_MOST_SHAPES, _MOST_POINTS = 200, 20_000
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_DIGITS = 5
_THINNEST, _THICKEST = 0.0005, 0.2


def read_shapes(given: object) -> list[dict[str, Any]]:
    """Return the pen strokes that somebody sent, with nothing else in them; raises ValidationError."""
    if not isinstance(given, list) or len(given) > _MOST_SHAPES:
        raise ValidationError(f"A drawing is a list of at most {_MOST_SHAPES} strokes. Send fewer.")
    shapes = [_read_shape(shape) for shape in given]
    if sum(len(shape["points"]) for shape in shapes) > _MOST_POINTS:
        raise ValidationError(f"A drawing has at most {_MOST_POINTS} points. Draw less on one frame.")
    return shapes


def write_data(shapes: list[dict[str, Any]], author: str) -> str:
    """Return the data of an annotation with these strokes."""
    return json.dumps({"version": 1, "author": author, "shapes": shapes}, separators=(",", ":"))


def shapes_in(data: str | None) -> list[dict[str, Any]]:
    """Return the strokes in the data of an annotation that anybody may have written; [] when there are none to see."""
    try:
        found = json.loads(data or "{}")
        return read_shapes(found.get("shapes") if isinstance(found, dict) else found)
    except (ValueError, RecursionError, ValidationError):
        return []


def _read_shape(shape: object) -> dict[str, Any]:
    if not isinstance(shape, dict) or shape.get("kind") != "pen":
        raise ValidationError("A drawing is made of strokes of the kind 'pen'. Send those.")
    points, colour, width = (shape.get(name) for name in ("points", "colour", "width"))
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise ValidationError("The colour of a stroke is written as #rrggbb. Send that.")
    if not isinstance(width, (int, float)) or not _THINNEST <= width <= _THICKEST:
        raise ValidationError(f"The width of a stroke is a part of the picture's height, at most {_THICKEST}.")
    if not isinstance(points, list) or not points or not all(_is_point(point) for point in points):
        raise ValidationError("The points of a stroke are [x, y, pressure], each from 0 to 1. Send those.")
    rounded = [[round(float(part), _DIGITS) for part in point] for point in points]
    return {"kind": "pen", "colour": colour, "width": round(float(width), _DIGITS), "points": rounded}


def _is_point(point: object) -> bool:
    # A stroke may leave the picture, and come back.
    return isinstance(point, list) and len(point) == 3 and all(_is_number(part) and -1 <= part <= 2 for part in point)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
