"""Paint the shapes of drawings on transparent images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    from ft_dcc.errors import MissingExtra

    raise MissingExtra("server", "An image of a drawing") from error

from ft_dcc.review.drawings import Shape, Stroke, rgb, strokes_of

FONT = Path(__file__).parents[2] / "media" / "fonts" / "DejaVuSans.ttf"
# Shapes are painted larger and then reduced, so that their edges are smooth.
_OVERSAMPLING = 2
_MIN_FONT_SIZE = 6


def paint(shapes: Iterable[Shape], size: tuple[int, int]) -> Image.Image:
    """Return a transparent image of this size with the shapes; later ones lie above."""
    large = (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING)
    layer = Image.new("RGBA", large, (0, 0, 0, 0))
    for shape in shapes:
        mark = Image.new("RGBA", large, (0, 0, 0, 0))
        draw = ImageDraw.Draw(mark)
        if shape.kind == "text":
            _paint_text(draw, shape, large)
        else:
            for stroke in strokes_of(shape, size[0] / size[1]):
                _paint_stroke(draw, stroke, large)
        layer.alpha_composite(mark)
    return layer.resize(size, Image.Resampling.LANCZOS)


def _paint_text(draw: ImageDraw.ImageDraw, shape: Shape, size: tuple[int, int]) -> None:
    """Paint a text with a font that has all letters, which the strokes of hosts have not."""
    font = ImageFont.truetype(str(FONT), max(round(shape.size * size[1]), _MIN_FONT_SIZE))
    x, y, _ = shape.points[0]
    draw.text((x * size[0], y * size[1]), shape.text, fill=_colour(rgb(shape.colour), shape.opacity), font=font)


def _paint_stroke(draw: ImageDraw.ImageDraw, stroke: Stroke, size: tuple[int, int]) -> None:
    colour = _colour(stroke.colour, stroke.opacity)
    x0, y0, _ = stroke.points[0]
    for x, y, width in stroke.points:
        thickness = max(size[1] * width, 1)
        centre, radius = (x * size[0], y * size[1]), thickness / 2
        draw.line(((x0 * size[0], y0 * size[1]), centre), fill=colour, width=round(thickness))
        draw.ellipse((centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius), fill=colour)
        x0, y0 = x, y


def _colour(values: tuple[float, float, float], opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = (round(value * 255) for value in values)
    return red, green, blue, round(255 * opacity)
