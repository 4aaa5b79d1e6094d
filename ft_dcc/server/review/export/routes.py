"""The route that exports a review session as a file, for signed-in users, API clients and invitees."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from ft_dcc.server.context import ServerContext
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.export.archives import require_movies, write_drawings, write_movies
from ft_dcc.server.review.export.document import write_document
from ft_dcc.server.review.export.session_content import ExportSession, read_export, require_versions
from ft_dcc.server.review.export.tables import write_csv
from ft_dcc.server.review.export.timeline import write_timeline
from ft_dcc.server.review.user_actions import require_right
from ft_dcc.server.storage.upload_file import writing_to_disk

# By the last part of the URL: the suffix of the file, its media type, and the function that writes it.
FORMATS: dict[str, tuple[str, str, Callable[[ExportSession, Path], None]]] = {
    "pdf": (".pdf", "application/pdf", write_document),
    "csv": (".csv", "text/csv", write_csv),
    "otio": (".otio", "application/json", write_timeline),
    "drawings": ("-drawings.zip", "application/zip", write_drawings),
    "movies": ("-movies.zip", "application/zip", write_movies),
}


def read_exported(context: ServerContext, access: ReviewAccess, format_name: str) -> ExportSession:
    """Return what an export contains; raises NotFound, and Forbidden for movies without the right to download."""
    if format_name not in FORMATS:
        raise NotFound(f"There is no export '{format_name[:40]}'. Use one of {', '.join(FORMATS)}.")
    if format_name == "movies":
        require_right(access, "download")
    session = read_export(context, access)
    require_versions(session)
    if format_name == "movies":
        require_movies(session)
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
            write(session, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    cleanup = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    headers = {"Cache-Control": "no-store"}
    name = f"{session.name or 'review'}{suffix}"
    return FileResponse(path, media_type=media_type, filename=name, headers=headers, background=cleanup)
