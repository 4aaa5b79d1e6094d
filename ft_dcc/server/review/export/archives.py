"""Zip files of a review session: its drawings as transparent images, and its movies."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.export.frame_images import drawing_layer, frame_image
from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion
from ft_dcc.server.review.export.timeline import movie_name


def write_drawings(session: ExportSession, target: Path) -> None:
    """Write an image of each drawing, named by version and frame; raises NotFound if there are none."""
    with zipfile.ZipFile(target, "w") as archive:
        for version in session.versions:
            painted: dict[str, list[tuple[str, ExportNote]]] = {}
            for note in (each for root in version.notes for _, each in root.thread() if each.shapes):
                image = frame_image(session, version, note.frame)
                layer = drawing_layer(note.shapes) if image is None else drawing_layer(note.shapes, image.size)
                content = io.BytesIO()
                layer.save(content, "PNG")
                stem = Path(movie_name(version)).stem
                name = f"{stem}.{note.frame or 0:04}.{note.id[:8]}.png"
                archive.writestr(f"{stem}/{name}", content.getvalue())
                painted.setdefault(stem, []).append((name, note))
            for stem, images in painted.items():
                archive.writestr(f"{stem}/greasePencil.xml", _list_frames(version, images))
        if not archive.namelist():
            raise NotFound("The review session has no drawings yet. Draw on a frame, then export them.")


def _list_frames(version: ExportVersion, images: list[tuple[str, ExportNote]]) -> bytes:
    """Return the list of frames that Maya's Blue Pencil and Grease Pencil import; notes on one frame are layers."""
    root = ElementTree.Element("greasepencil")
    rate = Fraction(version.rate) if version.rate else Fraction(24)
    ElementTree.SubElement(ElementTree.SubElement(root, "settings"), "setting", fps=f"{float(rate):g}")
    frames, layers = ElementTree.SubElement(root, "frames"), Counter[int]()
    for name, note in sorted(images, key=lambda each: each[1].frame or 0):
        frame = note.frame or 0
        layers[frame] += 1
        duration = max((note.drawing_end or frame) - frame, 0) + 1
        facts = {"duration": duration, "file": name, "layer": layers[frame], "time": frame}
        ElementTree.SubElement(frames, "frame", {key: str(value) for key, value in facts.items()})
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def require_movies(session: ExportSession) -> None:
    """Raise NotFound if no version has a movie or an image."""
    if not any(_media_of(session, version) for version in session.versions):
        raise NotFound("The review session has no movies yet. Wait until they are encoded, then export them.")


def write_movies(session: ExportSession, target: Path) -> None:
    """Write the movies and images of the versions, without compression."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, version in enumerate(session.versions, 1):
            path = _media_of(session, version)
            if path is not None:
                archive.write(path, f"{number:03}_{movie_name(version)}")


def _media_of(session: ExportSession, version: ExportVersion) -> Path | None:
    """Return the path of the movie or image of a version, or None if the server has none."""
    component_id = version.movie_id or version.still_id
    if component_id is None or not session.media.exists(component_id):
        return None
    return session.media.path(component_id)
