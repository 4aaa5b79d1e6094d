"""Export a review session as a file, or a note as an image: what is seen, for the process that writes it."""

from __future__ import annotations

import logging
import pickle
import re
import sys
from contextlib import ExitStack
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Any

import attrs
from sqlalchemy import select
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from ft_dcc import errors, plain_text
from ft_dcc.review.drawings import Drawing, parse_shapes
from ft_dcc.review.export import write
from ft_dcc.review.export.write import ExportRequest
from ft_dcc.review.notes import Attachment, Clip, Note, ReviewedSession, ReviewedVersion, Verdict, VerdictChange
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.permissions import UNLIMITED
from ft_dcc.server.context import ServerContext
from ft_dcc.server.errors import Forbidden, InsufficientStorage, NotFound, TooManyRequests, writing_to_disk
from ft_dcc.server.identity import Caller
from ft_dcc.server.review import attachments, content, feedback, user_actions
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.storage import derived_media
from ft_dcc.server.work import budgets, queue

_log = logging.getLogger(__name__)

_NOTE_IMAGES = "note-images"
# A still is one frame.
_DEFAULT_RATE = "24"
# By the last part of the URL: the suffix of the file, and its media type.
FORMATS = {
    "pdf": (".pdf", "application/pdf"),
    "csv": (".csv", "text/csv"),
    "otio": (".otio", "application/json"),
    "drawings": ("-drawings.zip", "application/zip"),
    "movies": ("-movies.zip", "application/zip"),
}


def read_exported(context: ServerContext, access: ReviewAccess, format_name: str) -> ReviewedSession:
    """Return what the visitor can see, for an export; raises NotFound, or Forbidden without the right to download."""
    if format_name not in FORMATS:
        raise NotFound(f"There is no export '{format_name[:40]}'. Use one of {', '.join(FORMATS)}.")
    if format_name == "movies":
        user_actions.require_right(access, "download")
        if access.is_watermarked:
            raise Forbidden("Movies of this review carry the name of the viewer. Ask the studio for the files.")
    with context.store.reading() as connection:
        found = content.read_review(connection, context.store.tables, access)
    if not found["entries"]:
        raise NotFound(f"The review session '{found['name']}' has no versions yet. Add one, then export it.")
    labels = {label["id"]: label["name"] for label in found["labels"]}
    versions = tuple(_to_version(entry, found["name"], labels) for entry in found["entries"])
    media_ids = [version.media_id for version in versions if version.media_id is not None]
    if format_name == "movies" and not any(map(context.media.exists, media_ids)):
        raise NotFound("The review session has no movies yet. Wait until they are encoded, then export them.")
    notes = (note for version in versions for root in version.notes for _, note in root.thread())
    if format_name == "drawings" and not any(note.drawing is not None and note.drawing.shapes for note in notes):
        raise NotFound("The review session has no drawings yet. Draw on a frame, then export them.")
    if access.is_watermarked:
        # Neither do its frames leave the review without that name.
        versions = tuple(attrs.evolve(version, media_id=None) for version in versions)
    return ReviewedSession(found["name"], found["project"], versions)


def export_response(context: ServerContext, access: ReviewAccess, format_name: str, work: queue.Work) -> Response:
    """Return the response with an export, written in a process of its own; raises as read, and EncodeFailed."""
    session = read_exported(context, access, format_name)
    suffix, media_type = FORMATS[format_name]
    with ExitStack() as stack:
        # In the data folder: the system's temporary folder may be small.
        path = stack.enter_context(work.folder()) / "export"
        write_export(context, ExportRequest(format_name, session, path, {}, ()), work)
        cleanup = BackgroundTask(stack.pop_all().close)
    headers = {"Cache-Control": "no-store"}
    # A file name, and not the path that the name of a session may look like.
    stem = re.sub(r"[\\/:*?\"<>|]+", "_", plain_text.single_line(session.name)).strip(" .")
    name = f"{stem or 'review'}{suffix}"
    return FileResponse(path, media_type=media_type, filename=name, headers=headers, background=cleanup)


def write_export(context: ServerContext, request: ExportRequest, work: queue.Work) -> None:
    """Write an export with the media of its versions; raises Cancelled and EncodeFailed."""
    media = {
        version.media_id: context.media.path(version.media_id)
        for version in request.session.versions
        if version.media_id is not None and context.media.exists(version.media_id)
    }
    try:
        ffmpeg = derived_media.ffmpeg_command()
    except (errors.MissingExtra, errors.SettingInvalid):
        ffmpeg, media = [], (media if request.format == "movies" else {})  # The export has no images.
    path = request.target.with_name("request")
    path.write_bytes(pickle.dumps(attrs.evolve(request, media=media, ffmpeg=ffmpeg)))
    work.run([sys.executable, "-m", write.__name__, str(path)])


def read_note_export(context: ServerContext, note_id: str) -> tuple[ReviewedVersion, Note] | None:
    """Return a note on a version with its version, or None if it was deleted meanwhile."""
    tables = context.store.tables
    note, item = tables.families("Note", "ReviewSessionObject")
    statement = select(item.c.id, item.c.review_session_id).join_from(note, item, note.c.parent_id == item.c.id)
    with context.store.reading() as connection:
        row = connection.execute(statement.where(note.c.id == note_id)).first()
        if row is None:
            return None
        # As the server: an internal note has its image as well, which is a file on that note.
        server = Caller("", "server", is_guest=True)
        access = ReviewAccess(row.review_session_id, None, has_ended=False, user=server)
        (entry,) = (each for each in content.read_entries(connection, tables, access) if each["id"] == row.id)
        details = content.read_entry(connection, tables, access, row.id)
    version = _to_version({"task": "", **entry, **details}, "", {})
    threads = (each for root in version.notes for _, each in root.thread())
    found = next((each for each in threads if each.id == note_id), None)
    return None if found is None else (version, found)


class FlattenedNotes:
    """Images of notes as files on them, for other ftrack clients: the frame and its drawing, made as background work.

    A file for each note that waits keeps the work over a restart of the server.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher, self._folder = dispatcher, dispatcher.context.folder / _NOTE_IMAGES

    def resume(self) -> None:
        """Continue with the notes that waited when the server stopped."""
        for path in sorted(self._folder.glob("*")):
            self.add(path.name, budgets.Owner())

    def remember(self, note_id: str) -> None:
        """Keep the work for a note that is about to be written: a server that is killed after that makes the image."""
        with writing_to_disk():
            self._folder.mkdir(exist_ok=True)
            (self._folder / note_id).touch()

    def forget(self, note_id: str) -> None:
        """Drop the work for a note that was not written, or has its image."""
        (self._folder / note_id).unlink(missing_ok=True)

    def add(self, note_id: str, owner: budgets.Owner) -> None:
        """Make the image of a note with a drawing."""
        try:
            make = partial(self._make, note_id)
            self._dispatcher.context.work.submit("note image", owner, make, is_background=True, key=note_id)
        except TooManyRequests:
            _log.warning("The image of note %s waits for the next start: too many wait.", note_id)

    def _make(self, note_id: str, work: queue.Work) -> None:
        try:
            self._write(note_id, work)
        except (errors.Cancelled, InsufficientStorage):
            raise  # The next server makes it, or this one when there is space.
        except Exception as error:  # noqa: BLE001  whatever the reason is, it would be the same again
            _log.warning("The image of note %s was not made.", note_id, exc_info=error)
        self.forget(note_id)

    def _write(self, note_id: str, work: queue.Work) -> None:
        context = self._dispatcher.context
        found = read_note_export(context, note_id)
        component_id = feedback.note_image_id(note_id)
        # The media of a server that was killed here may be without their component.
        with context.store.reading() as connection:
            row = connection.execute(context.store.tables.by_id["Component"], {"id": component_id}).first()
        if found is None or row is not None:
            return
        version, note = found
        with work.folder() as folder:
            target = folder / "note.png"
            request = ExportRequest(write.NOTE_IMAGE, ReviewedSession("", "", (version,)), target, {}, (), note_id)
            write_export(context, request, work)
            if not target.is_file():
                return
            size = target.stat().st_size
            context.media.import_file(target, component_id)
        name = f"{version.title}.png" if note.frame is None else f"{version.title} {note.frame}.png"
        operations = attachments.note_file_operations(component_id, note_id, name, size)
        try:
            self._dispatcher.answer(Caller("", "server", is_guest=True), operations, permissions=UNLIMITED)
        except errors.Error:
            context.media.remove(component_id)
            raise


def _to_version(entry: dict[str, Any], review: str, labels: dict[str, str]) -> ReviewedVersion:
    movie = entry["film"] or {}
    exact, size = movie.get("exact") or {}, [movie.get("width"), movie.get("height")]
    width, height = (side if isinstance(side, int) else 0 for side in size)
    rate, url, verdicts = Fraction(exact.get("fps") or _DEFAULT_RATE), movie.get("url") or entry["still"], []
    for status in entry["statuses"]:
        history = tuple(
            VerdictChange(str(each.get("status")), _to_date(each.get("date"))) for each in status["history"]
        )
        date = _to_date(status["date"])
        verdicts.append(Verdict(status["name"], status["status"], date, review or "review", history))
    return ReviewedVersion(
        id=entry["id"],
        number=entry["version"],
        asset=entry["name"],
        task_id=None,
        path="/".join(entry["path"]),
        artist=entry["author"],
        date=None,
        status="",
        clip=Clip(rate, exact.get("first_frame", 0), max(exact.get("frame_count", 0), 1), width, height),
        verdicts=tuple(verdicts),
        notes=_threads(entry["notes"], None, labels),
        comment=entry["comment"],
        task=entry["task"],
        media_id=None if url is None else url.rpartition("/")[2],
        is_still=not movie,
    )


def _threads(notes: list[dict[str, Any]], parent_id: str | None, labels: dict[str, str]) -> tuple[Note, ...]:
    """Return the notes that answer this one, or no other, with their replies."""
    ids = {note["id"] for note in notes}
    # A visitor may not see the note that a reply answers.
    own = (note for note in notes if (note["in_reply_to"] if note["in_reply_to"] in ids else None) == parent_id)
    return tuple(_to_note(note, _threads(notes, note["id"], labels), labels) for note in own)


def _to_note(note: dict[str, Any], replies: tuple[Note, ...], labels: dict[str, str]) -> Note:
    author, text, frame = note["author"], note["content"], note["frame"]
    drawing = None
    if note["drawing"]:
        shapes = parse_shapes(note["drawing"])
        drawing = Drawing(note["id"], author, frame or 0, shapes, note["drawing_end"], text=text)
    return Note(
        id=note["id"],
        parent=("ReviewSessionObject", ""),
        author=author,
        date=_to_date(note["date"]),
        text=text,
        frame=frame,
        end_frame=note["end_frame"],
        drawing=drawing,
        labels=tuple(labels[label] for label in note["labels"] if label in labels),
        replies=replies,
        attachments=tuple(Attachment(file["id"], file["name"], "", None) for file in note["files"]),
        done_at=_to_date(note["done"]),
        done_by=note["done_by"] or "",
        addressed_in=note["addressed_in"] or "",
    )


def _to_date(text: Any) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
