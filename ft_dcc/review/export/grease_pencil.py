"""Write drawings as images, with the list of frames that Maya's Blue Pencil and Grease Pencil import.

Each folder of the archive has one transparent PNG for each drawing, and ``greasePencil.xml``, which lists them.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from xml.etree import ElementTree

from ft_dcc.review.drawings import Drawing
from ft_dcc.review.export.raster import paint
from ft_dcc.review.notes import ReviewedVersion

_DEFAULT_RATE = Fraction(24)


def write_drawings(
    archive: zipfile.ZipFile,
    version: ReviewedVersion,
    size_of: Callable[[Drawing], tuple[int, int]],
    stem: str,
    folder: str = "",
) -> None:
    """Write the drawings on a version into a folder of the archive, "" for its root."""
    notes = (note for root in version.notes for _, note in root.thread())
    listed: list[tuple[str, Drawing]] = []
    for drawing in (note.drawing for note in notes if note.drawing is not None and note.drawing.shapes):
        name, content = f"{stem}.{drawing.frame:04}.{drawing.id[:8]}.png", io.BytesIO()
        paint(drawing.shapes, size_of(drawing)).save(content, "PNG")
        archive.writestr(f"{folder}{name}", content.getvalue())
        listed.append((name, drawing))
    if listed:
        rate = _DEFAULT_RATE if version.clip is None else version.clip.fps
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
