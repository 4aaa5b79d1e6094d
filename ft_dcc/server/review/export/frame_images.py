"""Images of frames, with the drawings of notes on them."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageFont

from ft_dcc.errors import EncodeFailed, MissingExtra, SettingInvalid
from ft_dcc.server.errors import HttpError
from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion
from ft_dcc.server.storage.ffmpeg import run_ffmpeg

FONT = Path(__file__).parents[3] / "media" / "fonts" / "DejaVuSans.ttf"
_MAX_WIDTH = 1280
_EXTRACT_TIMEOUT_SECONDS = 120
_DEFAULT_SIZE = (1280, 720)
# Shapes are painted larger and then reduced, so that their edges are smooth.
_OVERSAMPLING = 2


def frame_image(session: ExportSession, version: ExportVersion, frame: int | None) -> Image.Image | None:
    """Return the image of a frame, or the first frame for None; None if there is no media or it cannot be read."""
    component_id = version.movie_id or version.still_id
    if component_id is None:
        return None
    index = 0
    if frame is not None and version.movie_id is not None:
        index = min(max(frame - version.first_frame, 0), max(version.frame_count - 1, 0))
    with tempfile.TemporaryDirectory(prefix="frame-") as folder:
        target = Path(folder) / "frame.png"
        scale = f"scale='min({_MAX_WIDTH},iw)':-2"
        arguments = ["-vf", f"select=eq(n\\,{index}),{scale}", "-frames:v", "1", f"file:{target}"]
        try:
            run_ffmpeg(session.media.path(component_id), arguments, _EXTRACT_TIMEOUT_SECONDS)
            with Image.open(target) as image:
                return image.convert("RGB")
        except (EncodeFailed, MissingExtra, SettingInvalid, HttpError, OSError):
            return None  # The document has the note without an image.


def note_image(session: ExportSession, version: ExportVersion, note: ExportNote) -> Image.Image | None:
    """Return the image of the note's frame with the note's drawing on it, or None without media."""
    return _drawn_frame(session, version, note, note.frame)


def note_images(
    session: ExportSession, version: ExportVersion, note: ExportNote
) -> list[tuple[int | None, Image.Image]]:
    """Return the frame of the note with its image; of a range the first and the last frame, as far as they exist.

    The drawing is on the frames that it belongs to.
    """
    frames = [note.frame]
    shown = range(version.first_frame, version.first_frame + version.frame_count)
    if version.movie_id is not None and note.end_frame in shown and note.end_frame != note.frame:
        frames.append(note.end_frame)
    images = ((frame, _drawn_frame(session, version, note, frame)) for frame in frames)
    return [(frame, image) for frame, image in images if image is not None]


def _drawn_frame(
    session: ExportSession, version: ExportVersion, note: ExportNote, frame: int | None
) -> Image.Image | None:
    image = frame_image(session, version, frame)
    is_drawn = frame == note.frame or (note.drawing_end is not None and (frame or 0) <= note.drawing_end)
    if image is None or not note.shapes or not is_drawn:
        return image
    layer = drawing_layer(note.shapes, image.size)
    image.paste(layer, (0, 0), layer)
    return image


def drawing_layer(shapes: list[dict[str, Any]], size: tuple[int, int] = _DEFAULT_SIZE) -> Image.Image:
    """Return a transparent image of this size with the shapes, whose positions are from 0 to 1."""
    large = (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING)
    layer = Image.new("RGBA", large, (0, 0, 0, 0))
    for shape in shapes:
        mark = Image.new("RGBA", large, (0, 0, 0, 0))
        _paint(ImageDraw.Draw(mark), shape, large)
        layer.alpha_composite(mark)
    return layer.resize(size, Image.Resampling.LANCZOS)


def _paint(draw: ImageDraw.ImageDraw, shape: dict[str, Any], size: tuple[int, int]) -> None:
    opacity = round(255 * float(shape.get("opacity", 1)))
    colour = (*ImageColor.getrgb(shape["colour"])[:3], opacity)
    kind = shape["kind"]
    if kind == "text":
        font = ImageFont.truetype(str(FONT), max(round(shape["size"] * size[1]), 6))
        draw.text(_place(shape["at"], size), shape["text"], fill=colour, font=font)
        return
    width = max(round(shape["width"] * size[1]), 1)
    if kind == "pen":
        _paint_stroke(draw, shape, size, colour)
        return
    (left, top), (right, bottom) = _place(shape["from"], size), _place(shape["to"], size)
    if kind in ("rectangle", "ellipse"):
        box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        outline = draw.rectangle if kind == "rectangle" else draw.ellipse
        outline(box, outline=colour, width=width)
        return
    draw.line(((left, top), (right, bottom)), fill=colour, width=width)
    if kind == "arrow":
        _paint_head(draw, (left, top), (right, bottom), width, colour)


def _paint_stroke(
    draw: ImageDraw.ImageDraw, shape: dict[str, Any], size: tuple[int, int], colour: tuple[int, ...]
) -> None:
    """Paint a stroke as the page does: half of its width to one and a half times, by the pressure."""
    before = shape["points"][0]
    for point in shape["points"]:
        width = max(size[1] * shape["width"] * (0.5 + point[2]), 1)
        start, end, radius = _place(before, size), _place(point, size), width / 2
        draw.line((start, end), fill=colour, width=round(width))
        draw.ellipse((end[0] - radius, end[1] - radius, end[0] + radius, end[1] + radius), fill=colour)
        before = point


def _paint_head(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    width: int,
    colour: tuple[int, ...],
) -> None:
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    for side in (-0.5, 0.5):
        back = (end[0] - 5 * width * math.cos(angle + side), end[1] - 5 * width * math.sin(angle + side))
        draw.line((end, back), fill=colour, width=width)


def _place(point: list[float], size: tuple[int, int]) -> tuple[float, float]:
    return point[0] * size[0], point[1] * size[1]
