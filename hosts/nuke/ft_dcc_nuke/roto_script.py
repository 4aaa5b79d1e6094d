"""Strokes in the text form of a RotoPaint's curves.

The text loads thousands of strokes in a second; calls of the Python interface for each stroke take a minute. Earlier
strokes lie above later ones, pixels are counted from the bottom left, and colours are linear.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import attrs

from ft_dcc.review.drawings import Stroke

# A longer segment gets points near its ends: the curve through the points would round the corners off.
_MIN_SEGMENT = 6.0
_NEAR_END = 1.0
_MIN_BRUSH = 1.5


@attrs.frozen
class Canvas:
    """The image of a node in pixels, and the image that was drawn on, which has the node's image in its middle.

    ``aspect`` is width by height of the image that was drawn on.
    """

    width: int
    height: int
    pixel_aspect: float
    aspect: float

    @property
    def drawn_height(self) -> float:
        """The height, in pixels of the node, of the image that was drawn on, with its black bars."""
        return max(float(self.height), self.width * self.pixel_aspect / self.aspect)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point of the image that was drawn on."""
        across = (x - 0.5) * self.aspect * self.drawn_height / self.pixel_aspect
        return self.width / 2 + across, self.height / 2 + (0.5 - y) * self.drawn_height


def curves_text(strokes: Sequence[Stroke], canvas: Canvas) -> str:
    """Return the curves of a RotoPaint with these strokes; later strokes lie above earlier ones."""
    numbered = reversed(list(enumerate(strokes, 1)))
    brushes = " ".join(_brush_text(number, stroke, canvas) for number, stroke in numbered)
    centre = f"{_number(canvas.width / 2)} {_number(canvas.height / 2)}"
    return f"{{{{v x3f99999a}} {{f 0}} {{n {{layer Root {{f 0}} {{t {centre}}} {{a}} {brushes}}}}}}}"


def _brush_text(number: int, stroke: Stroke, canvas: Canvas) -> str:
    points = _with_corners([canvas.point(x, y) for x, y, _ in stroke.points])
    places = " ".join(f"{{{_number(x)} {_number(y)} 1}}" for x, y in points)
    # One size for a stroke: the mean of its pen pressure.
    size = sum(width for *_, width in stroke.points) / len(stroke.points) * canvas.drawn_height
    red, green, blue = map(_number, stroke.colour)
    attributes = (
        f"r {red} g {green} b {blue} opc {_number(stroke.opacity)} bs {_number(max(_MIN_BRUSH, size))} "
        "h 1 bu 0 str 1 bsh 1"
    )
    return f"{{cubiccurve Brush{number} 512 catmullrom {{cc {{f 2080}} {{p {places}}}}} {{t 0}} {{a {attributes}}}}}"


def _with_corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points with others close to the ends of long segments; a single point becomes a short line."""
    if len(points) == 1:
        (x, y) = points[0]
        return [(x, y), (x + 0.01, y)]
    found = [points[0]]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        across, up = x1 - x0, y1 - y0
        length = (across * across + up * up) ** 0.5
        if length > _MIN_SEGMENT:
            share = _NEAR_END / length
            found += [(x0 + across * part, y0 + up * part) for part in (share, 1 - share)]
        found.append((x1, y1))
    return found


def _number(value: float) -> str:
    """Return a number as Nuke writes it: whole ones as they are, others as the bits of a 32-bit float."""
    if value == int(value):
        return str(int(value))
    return f"x{struct.unpack('<I', struct.pack('<f', value))[0]:08x}"
