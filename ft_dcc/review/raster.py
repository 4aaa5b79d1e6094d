"""Paint strokes on a transparent image, in Python alone, because hosts have no imaging library in common."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable

from ft_dcc.review.drawings import Stroke

# A thinner line may vanish between two pixels.
_MIN_RADIUS = 0.75


def to_png(strokes: Iterable[Stroke], width: int, height: int) -> bytes:
    """Return an RGBA PNG with the strokes, with straight alpha and smooth edges; later strokes lie above."""
    pixels = bytearray(width * height * 4)
    for stroke in strokes:
        _blend(pixels, width, stroke, _coverage(stroke, width, height))
    rows = (b"\0" + bytes(pixels[row * width * 4 : (row + 1) * width * 4]) for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _coverage(stroke: Stroke, width: int, height: int) -> dict[int, float]:
    """Return how much of each pixel the stroke covers, by index; overlapping parts count once."""
    dots = [(x * width, y * height, max(_MIN_RADIUS, size * height / 2)) for x, y, size in stroke.points]
    found: dict[int, float] = {}
    for start, end in zip(dots, dots[1:] or dots):
        _cover_segment(found, start, end, width, height)
    return found


def _cover_segment(
    found: dict[int, float],
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    width: int,
    height: int,
) -> None:
    """Add the pixels within the radius of a segment; the radius changes evenly from its start to its end."""
    (x0, y0, r0), (x1, y1, r1) = start, end
    across, down, reach = x1 - x0, y1 - y0, max(r0, r1) + 1
    length = across * across + down * down
    for row in range(max(0, math.floor(min(y0, y1) - reach)), min(height, math.ceil(max(y0, y1) + reach))):
        # Only the part of the segment near this row is searched: a long diagonal has a large box.
        near = [0.0, 1.0]
        if abs(down) > 1e-9:
            near = sorted(min(1.0, max(0.0, (row + 0.5 + side - y0) / down)) for side in (-reach, reach))
        left, right = sorted(x0 + along * across for along in near)
        for column in range(max(0, math.floor(left - reach)), min(width, math.ceil(right + reach))):
            x, y = column + 0.5 - x0, row + 0.5 - y0
            along = min(1.0, max(0.0, (x * across + y * down) / length)) if length else 0.0
            distance = math.hypot(x - along * across, y - along * down)
            covered = min(1.0, r0 + along * (r1 - r0) + 0.5 - distance)
            index = row * width + column
            if covered > found.get(index, 0.0):
                found[index] = covered


def _blend(pixels: bytearray, width: int, stroke: Stroke, coverage: dict[int, float]) -> None:
    """Lay the stroke over the pixels (Porter and Duff, over, with straight alpha)."""
    colour = [value * 255 for value in stroke.colour]
    for index, covered in coverage.items():
        at = index * 4
        above, below = covered * stroke.opacity, pixels[at + 3] / 255
        alpha = above + below * (1 - above)
        if alpha <= 0:
            continue
        for channel in range(3):
            mixed = colour[channel] * above + pixels[at + channel] * below * (1 - above)
            pixels[at + channel] = round(mixed / alpha)
        pixels[at + 3] = round(alpha * 255)
