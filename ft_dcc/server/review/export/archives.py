"""Zip files of a review session: its drawings as transparent images, and its movies."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from ft_dcc.errors import NotFound
from ft_dcc.server.review.export.frame_images import drawing_layer, frame_image
from ft_dcc.server.review.export.session_content import ExportSession
from ft_dcc.server.review.export.tables import movie_name


def write_drawings(session: ExportSession, target: Path) -> None:
    """Write an image of each drawing, named by version and frame; raises NotFound if there are none."""
    with zipfile.ZipFile(target, "w") as archive:
        for version in session.versions:
            for note in (each for root in version.notes for _, each in root.thread() if each.shapes):
                image = frame_image(session, version, note.frame)
                layer = drawing_layer(note.shapes) if image is None else drawing_layer(note.shapes, image.size)
                content = io.BytesIO()
                layer.save(content, "PNG")
                stem = Path(movie_name(version)).stem
                archive.writestr(f"{stem}/{stem}.{note.frame or 0:04}.{note.id[:8]}.png", content.getvalue())
        if not archive.namelist():
            raise NotFound("The review session has no drawings yet. Draw on a frame, then export them.")


def write_movies(session: ExportSession, target: Path) -> None:
    """Write the movies and images of the versions, without compression; raises NotFound if there are none."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, version in enumerate(session.versions, 1):
            component_id = version.movie_id or version.still_id
            if component_id is not None and session.media.exists(component_id):
                archive.write(session.media.path(component_id), f"{number:03}_{movie_name(version)}")
        if not archive.namelist():
            raise NotFound("The review session has no movies yet. Wait until they are encoded, then export them.")
