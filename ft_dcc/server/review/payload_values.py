"""Values that review pages send in requests and live messages: numbers, frames and drawings."""

from __future__ import annotations

import json
from typing import Any

from ft_dcc.errors import DrawingUnreadable
from ft_dcc.review import drawings
from ft_dcc.server.errors import ValidationError

_MAX_FRAME, _MAX_NUMBER = 10**7, 1e12


def parse_shapes(value: object) -> tuple[drawings.Shape, ...]:
    """Return the shapes of a client; raises ValidationError."""
    try:
        shapes = drawings.parse_shapes(value)
        drawings.check_limits(shapes)
    except DrawingUnreadable as error:
        raise ValidationError(str(error)) from error
    return shapes


def is_number(value: Any) -> bool:
    """Return whether a value is a number of a sensible size, and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER


def parse_frame(value: Any) -> int | None:
    """Return a frame number, or None for a note or a movie without numbers; raises ValidationError."""
    if value is not None and (not is_number(value) or not isinstance(value, int) or abs(value) > _MAX_FRAME):
        raise ValidationError("A frame is a whole number. Send one, or none.")
    found: int | None = value
    return found


def parse_end_frame(value: Any, first: int | None) -> int | None:
    """Return the last frame of a note or drawing that begins at ``first``; raises ValidationError."""
    if value is None or value == first:
        return None
    last = parse_frame(value)
    if last is None or first is None or last <= first:
        raise ValidationError("The last frame is a whole number after the first frame. Send one, or none.")
    return last


def to_annotation_data(
    shapes: tuple[drawings.Shape, ...], author: str, aspect: list[int] | None = None, end_frame: int | None = None
) -> str:
    """Return the data of an annotation with these shapes; ``aspect`` is the image's width and height in pixels."""
    data = {"version": drawings.VERSION, "author": author, "aspect": aspect, "end_frame": end_frame}
    return json.dumps({**data, "shapes": [shape.to_json() for shape in shapes]}, separators=(",", ":"))
