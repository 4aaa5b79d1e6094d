"""Paint drawings on the frames of movies, and on transparent images, which Blue Pencil and Grease Pencil import."""

from __future__ import annotations

import functools
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Optional
from xml.etree import ElementTree

import attrs

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    from ft_dcc.errors import MissingExtra

    raise MissingExtra("server", "An image of a drawing") from error

from ft_dcc.files.atomic import make_temporary_folder
from ft_dcc.review.drawings import Drawing, Shape, Stroke, ink, rgb, strokes_of
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.system import child_process

FONT = Path(__file__).parents[2] / "media" / "fonts" / "DejaVuSans.ttf"
# Shapes are painted larger and then reduced, so that their edges are smooth, if they are not too many or too wide.
_OVERSAMPLING, _MAX_SMOOTH = 2, 30
# Of the boxes of translucent shapes and of what is painted, together; larger drawings are painted smaller and enlarged.
_MAX_PIXELS = 30_000_000
_MIN_FONT_SIZE = 6
# Narrower lines, in pixels, have no round ends and corners that one could see.
_THIN = 2.5

Box = tuple[int, int, int, int]
# With their frame numbers.
Images = list[tuple[Optional[int], Image.Image]]


def paint(shapes: Sequence[Shape], size: tuple[int, int]) -> Image.Image:
    """Return a transparent image of this size with the shapes; later ones lie above."""
    # Only what is translucent is painted apart, so that its own strokes do not add up.
    apart = {shape.id for shape in shapes if shape.opacity < 1 or shape.kind == "text"}
    strokes = {shape.id: list(strokes_of(shape, size[0] / size[1])) for shape in shapes if shape.kind != "text"}
    boxes = [_box(shape, strokes.get(shape.id, ()), size) for shape in shapes if shape.id in apart]
    pixels = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    inked, (width, height) = sum(map(ink, shapes)), size
    oversampling = _OVERSAMPLING if len(apart) + inked <= _MAX_SMOOTH else 1
    scale = min(oversampling, sqrt(_MAX_PIXELS / max(pixels + inked * height**2, 1)))
    large = (max(round(width * scale), 1), max(round(height * scale), 1))
    layer = Image.new("RGBA", large, (0, 0, 0, 0))
    for shape in shapes:
        box = _box(shape, strokes.get(shape.id, ()), large) if shape.id in apart else (0, 0, *large)
        if box[0] >= box[2] or box[1] >= box[3]:
            continue  # It is outside of the image.
        mark = Image.new("RGBA", (box[2] - box[0], box[3] - box[1]), (0, 0, 0, 0)) if shape.id in apart else layer
        draw = ImageDraw.Draw(mark)
        if shape.kind == "text":
            x, y, _ = shape.points[0]
            position, colour = (x * large[0] - box[0], y * large[1] - box[1]), _colour(rgb(shape.colour), shape.opacity)
            draw.text(position, shape.text, fill=colour, font=_font(shape.size * large[1]))
        for stroke in strokes.get(shape.id, ()):
            _paint_stroke(draw, stroke, large, box[:2])
        if mark is not layer:
            layer.alpha_composite(mark, box[:2])
    if scale != _OVERSAMPLING:
        return layer if large == size else layer.resize(size, Image.Resampling.BILINEAR)
    return layer.reduce(_OVERSAMPLING)


def _box(shape: Shape, strokes: Iterable[Stroke], size: tuple[int, int]) -> Box:
    """Return the box around a shape in an image, from left and top to right and bottom; it may be empty."""
    if shape.kind == "text":
        draw, (x, y, _) = ImageDraw.Draw(Image.new("L", (1, 1))), shape.points[0]
        left, top, right, bottom = draw.textbbox((x * size[0], y * size[1]), shape.text, _font(shape.size * size[1]))
    else:
        points = [point for stroke in strokes for point in stroke.points]
        margin = max(max(width for _, _, width in points) * size[1], 1)
        left, right = (found(x for x, _, _ in points) * size[0] for found in (min, max))
        top, bottom = (found(y for _, y, _ in points) * size[1] for found in (min, max))
        left, top, right, bottom = left - margin, top - margin, right + margin, bottom + margin
    return max(int(left), 0), max(int(top), 0), min(int(right) + 1, size[0]), min(int(bottom) + 1, size[1])


@functools.lru_cache(maxsize=16)
def _font(height: float) -> ImageFont.FreeTypeFont:
    # It has all letters, which the strokes of hosts have not.
    return ImageFont.truetype(str(FONT), max(round(height), _MIN_FONT_SIZE))


def _paint_stroke(draw: ImageDraw.ImageDraw, stroke: Stroke, size: tuple[int, int], origin: tuple[int, int]) -> None:
    colour, (left, top) = _colour(stroke.colour, stroke.opacity), origin
    x0, y0, _ = stroke.points[0]
    for x, y, width in stroke.points:
        thickness = max(size[1] * width, 1)
        start, (across, down) = (x0 * size[0] - left, y0 * size[1] - top), (x * size[0] - left, y * size[1] - top)
        draw.line((start, (across, down)), fill=colour, width=round(thickness))
        if thickness > _THIN:
            radius = thickness / 2
            draw.ellipse((across - radius, down - radius, across + radius, down + radius), fill=colour)
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


_MAX_WIDTH = 1280
_DEFAULT_SIZE = (1280, 720)
# The command line of Windows has 32,767 characters.
_MAX_FRAMES_PER_RUN = 1_000


@attrs.define
class MovieFrames:
    """Reads frames by the command ``ffmpeg`` into files of a folder; ``media`` has the paths of components."""

    ffmpeg: Sequence[str]
    media: Mapping[str, Path]
    folder: Path
    # By the id of a version, the files of the decoded frames by their indices.
    _files: dict[str, dict[int, Path]] = attrs.field(factory=dict)

    def images_of(self, version: ReviewedVersion, note: Note | None) -> Images:
        """Return the frame of the note with its image; of a range the first and the last frame, as far as they exist.

        The drawing is on the frames that it belongs to. Without a note, the first frame of the version is returned.
        """
        if version.id not in self._files:
            notes = [None, *(each for root in version.notes for _, each in root.thread())]
            self._decode(version, [frame for each in notes for frame in _frames_of(version, each)])
        images = ((frame, self._drawn(version, note, frame)) for frame in _frames_of(version, note))
        return [(frame, image) for frame, image in images if image is not None]

    def note_image(self, version: ReviewedVersion, note: Note) -> Image.Image | None:
        """Return the frame of a note with its drawing, or None without media."""
        self._decode(version, [note.frame], "png")
        return self._drawn(version, note, note.frame)

    def size_of(self, version: ReviewedVersion, drawing: Drawing) -> tuple[int, int]:
        """Return the size of the image of a drawing, which is that of a frame."""
        if version.id not in self._files:
            self._decode(version, [None])
        image = self._read(version, None)
        return _DEFAULT_SIZE if image is None else image.size

    def _drawn(self, version: ReviewedVersion, note: Note | None, frame: int | None) -> Image.Image | None:
        image, drawing = self._read(version, frame), None if note is None else note.drawing
        if note is None or image is None or drawing is None:
            return image
        is_drawn = frame == note.frame or (drawing.end_frame is not None and (frame or 0) <= drawing.end_frame)
        if not is_drawn or not drawing.shapes:
            return image
        layer, image = paint(drawing.shapes, image.size), image.convert("RGB")
        image.paste(layer, (0, 0), layer)
        return image

    def _read(self, version: ReviewedVersion, frame: int | None) -> Image.Image | None:
        path = self._files[version.id].get(_index(version, frame))
        try:
            # It is not decoded: a document takes the file as it is.
            return None if path is None else Image.open(path)
        except OSError:
            return None  # The document has the note without an image.

    def _decode(self, version: ReviewedVersion, frames: Iterable[int | None], suffix: str = "jpg") -> None:
        """Write frames of a movie into files, in one run; a file that ffmpeg cannot read has none."""
        files = self._files[version.id] = {}
        source = None if version.media_id is None else self.media.get(version.media_id)
        if source is None:
            return
        indices = sorted({_index(version, frame) for frame in frames})
        for start in range(0, len(indices), _MAX_FRAMES_PER_RUN):
            files.update(self._run(source, indices[start : start + _MAX_FRAMES_PER_RUN], suffix))

    def _run(self, source: Path, indices: Sequence[int], suffix: str) -> dict[int, Path]:
        folder = make_temporary_folder(parent=self.folder)
        chosen = "+".join(f"eq(n\\,{index})" for index in indices)
        filters = f"select={chosen},scale='min({_MAX_WIDTH},iw)':-2"
        # No frame after the last one is decoded.
        output = ["-vf", filters, "-fps_mode", "passthrough", "-frames:v", str(len(indices)), "-q:v", "2"]
        command = [*self.ffmpeg, "-i", f"file:{source}", *output, f"file:{folder / f'%d.{suffix}'}"]
        child_process.run(command, capture_output=True)
        made = ((index, folder / f"{number}.{suffix}") for number, index in enumerate(indices, 1))
        return {index: path for index, path in made if path.is_file()}


def _index(version: ReviewedVersion, frame: int | None) -> int:
    clip = version.clip
    if frame is None or clip is None or version.is_still:
        return 0
    return min(max(frame - clip.first_frame, 0), clip.frame_count - 1)


def _frames_of(version: ReviewedVersion, note: Note | None) -> list[int | None]:
    frames, clip = [None if note is None else note.frame], version.clip
    if note is not None and clip is not None and not version.is_still and note.end_frame != note.frame:
        frames += [note.end_frame] if note.end_frame in clip.frames else []
    return frames
