"""Paint the shapes of drawings on transparent images, which Maya's Blue Pencil and Grease Pencil import."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    from ft_dcc.errors import MissingExtra

    raise MissingExtra("server", "An image of a drawing") from error

from ft_dcc.review.drawings import Drawing, Shape, Stroke, ink, rgb, strokes_of
from ft_dcc.review.notes import ReviewedVersion

FONT = Path(__file__).parents[2] / "media" / "fonts" / "DejaVuSans.ttf"
# Shapes are painted larger and then reduced, so that their edges are smooth, if they are not too many or too wide.
_OVERSAMPLING, _MAX_SMOOTH = 2, 30
# Of all shapes together; more are painted smaller. Each translucent one takes an image of its own.
_MAX_PIXELS = 150_000_000
_MIN_FONT_SIZE = 6


def paint(shapes: Sequence[Shape], size: tuple[int, int]) -> Image.Image:
    """Return a transparent image of this size with the shapes; later ones lie above."""
    apart = sum(shape.opacity < 1 or shape.kind == "text" for shape in shapes)
    inked, (width, height) = sum(map(ink, shapes)), size
    oversampling = _OVERSAMPLING if apart + inked <= _MAX_SMOOTH else 1
    scale = min(oversampling, sqrt(_MAX_PIXELS / max(apart * width * height + inked * height**2, 1)))
    large = (max(round(width * scale), 1), max(round(height * scale), 1))
    layer = Image.new("RGBA", large, (0, 0, 0, 0))
    for shape in shapes:
        # Only what is translucent is painted apart, so that its own strokes do not add up.
        is_opaque = shape.opacity >= 1 and shape.kind != "text"
        mark = layer if is_opaque else Image.new("RGBA", large, (0, 0, 0, 0))
        draw = ImageDraw.Draw(mark)
        if shape.kind == "text":
            # With a font that has all letters, which the strokes of hosts have not.
            font = ImageFont.truetype(str(FONT), max(round(shape.size * large[1]), _MIN_FONT_SIZE))
            x, y, _ = shape.points[0]
            colour = _colour(rgb(shape.colour), shape.opacity)
            draw.text((x * large[0], y * large[1]), shape.text, fill=colour, font=font)
        else:
            for stroke in strokes_of(shape, size[0] / size[1]):
                _paint_stroke(draw, stroke, large)
        box = None if is_opaque else mark.getbbox()
        if box is not None:
            layer.alpha_composite(mark, box[:2], box)
    if scale != _OVERSAMPLING:
        return layer if large == size else layer.resize(size)
    # Most of a frame is empty, and only what is not is reduced.
    left, top, right, bottom = layer.getbbox() or (0, 0, 1, 1)
    part = layer.crop((left - left % 2, top - top % 2, right + right % 2, bottom + bottom % 2))
    reduced = Image.new("RGBA", size)
    reduced.paste(part.reduce(_OVERSAMPLING), (left // 2, top // 2))
    return reduced


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


def write_drawings(
    archive: zipfile.ZipFile,
    version: ReviewedVersion,
    size_of: Callable[[Drawing], tuple[int, int]],
    stem: str,
    folder: str = "",
) -> None:
    """Write the drawings on a version into a folder of the archive, "" for its root: PNG files, and a list of them."""
    notes = (note for root in version.notes for _, note in root.thread())
    listed: list[tuple[str, Drawing]] = []
    for drawing in (note.drawing for note in notes if note.drawing is not None and note.drawing.shapes):
        name, content = f"{stem}.{drawing.frame:04}.{drawing.id[:8]}.png", io.BytesIO()
        paint(drawing.shapes, size_of(drawing)).save(content, "PNG")
        archive.writestr(f"{folder}{name}", content.getvalue())
        listed.append((name, drawing))
    if listed:
        rate = Fraction(24) if version.clip is None else version.clip.fps
        archive.writestr(f"{folder}greasePencil.xml", _list_frames(rate, listed))


def _list_frames(rate: Fraction, images: Iterable[tuple[str, Drawing]]) -> bytes:
    """Return the list: drawings on one frame are on layers of their own, and the next one on its layer ends each."""
    root, layers = ElementTree.Element("greasepencil"), Counter[int]()
    ElementTree.SubElement(ElementTree.SubElement(root, "settings"), "setting", fps=f"{float(rate):g}")
    frames = ElementTree.SubElement(root, "frames")
    placed = []
    for name, drawing in sorted(images, key=lambda each: each[1].frame):
        layers[drawing.frame] += 1
        placed.append((name, drawing, layers[drawing.frame]))
    for index, (name, drawing, layer) in enumerate(placed, 1):
        last = min([drawing.last_frame, *(other.frame - 1 for _, other, its in placed[index:] if its == layer)])
        facts = {"duration": last - drawing.frame + 1, "file": name, "layer": layer, "time": drawing.frame}
        ElementTree.SubElement(frames, "frame", {key: str(value) for key, value in facts.items()})
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text
