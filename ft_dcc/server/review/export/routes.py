"""The route that exports a review session as a file, for signed-in users, API clients and invitees."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from ft_dcc.review.export.document import to_pdf
from ft_dcc.review.export.grease_pencil import write_drawings
from ft_dcc.review.export.otio import media_name, to_otio
from ft_dcc.review.export.spreadsheet import to_csv
from ft_dcc.review.notes import ReviewedSession
from ft_dcc.server.context import ServerContext
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.export.drawn_frames import drawing_size, drawn_frames
from ft_dcc.server.review.export.session_content import read_export
from ft_dcc.server.review.user_actions import require_right
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.storage.upload_file import writing_to_disk


def _write_pdf(media: MediaStore, session: ReviewedSession, target: Path) -> None:
    target.write_bytes(to_pdf(session, partial(drawn_frames, media)))


def _write_csv(media: MediaStore, session: ReviewedSession, target: Path) -> None:
    # With a byte order mark, because Excel reads UTF-8 only with one.
    target.write_bytes(to_csv(session.versions).encode("utf-8-sig"))


def _write_timeline(media: MediaStore, session: ReviewedSession, target: Path) -> None:
    target.write_text(to_otio(session, has_media=True), "utf-8")


def _write_drawings(media: MediaStore, session: ReviewedSession, target: Path) -> None:
    """Write a folder of drawings for each version; raises NotFound if there are none."""
    with zipfile.ZipFile(target, "w") as archive:
        for version in session.versions:
            stem = Path(media_name(version)).stem
            write_drawings(archive, version, partial(drawing_size, media, version), stem, f"{stem}/")
        if not archive.namelist():
            raise NotFound("The review session has no drawings yet. Draw on a frame, then export them.")


def _write_movies(media: MediaStore, session: ReviewedSession, target: Path) -> None:
    """Write the movies and images of the versions, without compression."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, version in enumerate(session.versions, 1):
            if version.media_id is not None and media.exists(version.media_id):
                archive.write(media.path(version.media_id), f"{number:03}_{media_name(version)}")


# By the last part of the URL: the suffix of the file, its media type, and the function that writes it.
FORMATS: dict[str, tuple[str, str, Callable[[MediaStore, ReviewedSession, Path], None]]] = {
    "pdf": (".pdf", "application/pdf", _write_pdf),
    "csv": (".csv", "text/csv", _write_csv),
    "otio": (".otio", "application/json", _write_timeline),
    "drawings": ("-drawings.zip", "application/zip", _write_drawings),
    "movies": ("-movies.zip", "application/zip", _write_movies),
}


def read_exported(context: ServerContext, access: ReviewAccess, format_name: str) -> ReviewedSession:
    """Return what an export contains; raises NotFound, and Forbidden for movies without the right to download."""
    if format_name not in FORMATS:
        raise NotFound(f"There is no export '{format_name[:40]}'. Use one of {', '.join(FORMATS)}.")
    if format_name == "movies":
        require_right(access, "download")
    session = read_export(context, access)
    media_ids = [version.media_id for version in session.versions if version.media_id is not None]
    if format_name == "movies" and not any(map(context.media.exists, media_ids)):
        raise NotFound("The review session has no movies yet. Wait until they are encoded, then export them.")
    return session


def export_response(context: ServerContext, access: ReviewAccess, format_name: str) -> Response:
    """Return the response with an export; raises what :func:`read_exported` raises."""
    session = read_exported(context, access, format_name)
    suffix, media_type, write = FORMATS[format_name]
    # In the data folder: the system's temporary folder may be small.
    with writing_to_disk():
        folder = tempfile.mkdtemp(prefix="export-", dir=context.folder)
    try:
        with writing_to_disk():
            path = Path(folder) / "export"
            write(context.media, session, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    cleanup = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    headers = {"Cache-Control": "no-store"}
    name = f"{session.name or 'review'}{suffix}"
    return FileResponse(path, media_type=media_type, filename=name, headers=headers, background=cleanup)
