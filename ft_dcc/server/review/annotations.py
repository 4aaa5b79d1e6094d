"""Drawings that the review page sends: their shapes and frames, and the data of their annotation."""

from __future__ import annotations

import json

from ft_dcc.errors import DrawingUnreadable
from ft_dcc.review import drawings
from ft_dcc.review.drawings import Shape
from ft_dcc.server.errors import ValidationError

_MAX_FRAME = 10**7


def parse_shapes(value: object) -> tuple[Shape, ...]:
    """Return the shapes of a client; raises ValidationError."""
    try:
        shapes = drawings.parse_shapes(value)
        drawings.check_limits(shapes)
    except DrawingUnreadable as error:
        raise ValidationError(str(error)) from error
    return shapes


def parse_end_frame(value: object, first: int | None) -> int | None:
    """Return the last frame of a note or drawing that begins at ``first``; raises ValidationError."""
    if value is None or value == first:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or first is None or not first < value <= _MAX_FRAME:
        raise ValidationError("The last frame is a whole number after the first frame. Send one, or none.")
    return value


def to_annotation_data(
    shapes: tuple[Shape, ...], author: str, aspect: list[int] | None = None, end_frame: int | None = None
) -> str:
    """Return the data of an annotation with these shapes; ``aspect`` is the image's width and height in pixels."""
    data = {"version": drawings.VERSION, "author": author, "aspect": aspect, "end_frame": end_frame}
    return json.dumps({**data, "shapes": [shape.to_json() for shape in shapes]}, separators=(",", ":"))
