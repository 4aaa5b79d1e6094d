"""Write drawings as the archive that Maya's Blue Pencil and Grease Pencil import, which other review tools write, too.

The archive has ``greasePencil.xml`` at its root, which lists the frames, and a transparent PNG for each of them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from xml.etree import ElementTree

from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.raster import to_png


def to_archive(drawings: Iterable[Drawing], resolution: Resolution, fps: Fraction, name: str = "notes") -> bytes:
    """Return the ZIP archive of the drawings; those of one frame are painted together, the first one below.

    A drawing is listed with the number of frames that it is held; the next drawn frame ends it.
    """
    by_frame: dict[int, list[Drawing]] = {}
    for drawing in drawings:
        if drawing.shapes:
            by_frame.setdefault(drawing.frame, []).append(drawing)
    root = ElementTree.Element("greasepencil")
    ElementTree.SubElement(ElementTree.SubElement(root, "settings"), "setting", fps=f"{float(fps):g}")
    listed = ElementTree.SubElement(root, "frames")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        frames = sorted(by_frame)
        for frame, following in zip(frames, [*frames[1:], None]):
            image = f"{name}.{frame:04d}.png"
            duration = _duration(by_frame[frame], frame, following)
            attributes = {"duration": str(duration), "file": image, "layer": "1", "time": str(frame)}
            ElementTree.SubElement(listed, "frame", attributes)
            file.writestr(image, _paint(by_frame[frame], resolution))
        file.writestr("greasePencil.xml", ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    return archive.getvalue()


def _duration(drawings: Sequence[Drawing], frame: int, following: int | None) -> int:
    last = max(drawing.last_frame for drawing in drawings)
    return (last if following is None else min(last, following - 1)) - frame + 1


def _paint(drawings: Sequence[Drawing], resolution: Resolution) -> bytes:
    aspect = resolution.width / resolution.height
    strokes = [stroke for drawing in drawings for stroke in drawing.strokes(aspect)]
    return to_png(strokes, resolution.width, resolution.height)
