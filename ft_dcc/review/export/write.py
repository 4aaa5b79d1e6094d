"""Write an export in a process of its own, which reads a pickled request of the studio server that starts it."""

from __future__ import annotations

import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs

from ft_dcc.review.notes import Note, ReviewedSession
from ft_dcc.system import child_process

# What a movie of 4096x2160, its frames and a document need.
_MAX_MEMORY = 4 << 30


@attrs.frozen
class ExportRequest:
    """An export of a session, or with ``note_id`` the image of a note; ``ffmpeg`` is the start of its command."""

    format: str
    session: ReviewedSession
    target: Path
    media: Mapping[str, Path]
    ffmpeg: Sequence[str]
    note_id: str = ""


def _write_pdf(request: ExportRequest) -> None:
    from ft_dcc.review.export import document, raster

    frames = raster.MovieFrames(request.ffmpeg, request.media, request.target.parent)
    request.target.write_bytes(document.to_pdf(request.session, frames.images_of))


def _write_csv(request: ExportRequest) -> None:
    from ft_dcc.review.export import spreadsheet

    # With a byte order mark, because Excel reads UTF-8 only with one.
    request.target.write_bytes(spreadsheet.to_csv(request.session.versions).encode("utf-8-sig"))


def _write_timeline(request: ExportRequest) -> None:
    from ft_dcc.review.export import otio

    request.target.write_text(otio.to_otio(request.session, has_media=True), "utf-8")


def _write_drawings(request: ExportRequest) -> None:
    from ft_dcc.review.export import otio, raster

    frames = raster.MovieFrames(request.ffmpeg, request.media, request.target.parent)
    with zipfile.ZipFile(request.target, "w") as archive:
        for version in request.session.versions:
            stem = Path(otio.media_name(version)).stem
            raster.write_drawings(archive, version, partial(frames.size_of, version), stem, f"{stem}/")


def _write_movies(request: ExportRequest) -> None:
    from ft_dcc.review.export import otio

    with zipfile.ZipFile(request.target, "w", zipfile.ZIP_STORED) as archive:
        for number, version in enumerate(request.session.versions, 1):
            if version.media_id in request.media:
                archive.write(request.media[str(version.media_id)], f"{number:03}_{otio.media_name(version)}")


def _write_note_image(request: ExportRequest) -> None:
    """Write the frame of a note with its drawing; nothing without media."""
    from ft_dcc.review.export import raster

    (version,) = request.session.versions
    note: Note = next(each for root in version.notes for _, each in root.thread() if each.id == request.note_id)
    image = raster.MovieFrames(request.ffmpeg, request.media, request.target.parent).note_image(version, note)
    if image is not None:
        image.save(request.target, "PNG")


NOTE_IMAGE = "note-image"
WRITERS: dict[str, Callable[[ExportRequest], None]] = {
    "pdf": _write_pdf,
    "csv": _write_csv,
    "otio": _write_timeline,
    "drawings": _write_drawings,
    "movies": _write_movies,
    NOTE_IMAGE: _write_note_image,
}


def main() -> None:
    """Write the request in the file of the argument, with a low priority and limited memory."""
    if sys.platform != "win32":
        import resource

        os.nice(10)
        _, highest = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = _MAX_MEMORY if highest == resource.RLIM_INFINITY else min(_MAX_MEMORY, highest)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    child_process.after_parent(lambda: os._exit(1))
    request: ExportRequest = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301  from the server that started it
    WRITERS[request.format](request)


if __name__ == "__main__":
    main()
