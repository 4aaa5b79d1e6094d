"""Read what an export contains: the versions of a session with the feedback that the visitor can see."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select

from ft_dcc.review.drawings import Drawing, parse_shapes
from ft_dcc.review.notes import Attachment, Clip, Note, ReviewedSession, ReviewedVersion, Verdict, VerdictChange
from ft_dcc.server.context import ServerContext
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review import content
from ft_dcc.server.review.access import ReviewAccess

# A still is one frame.
_DEFAULT_RATE = "24"


def read_export(context: ServerContext, access: ReviewAccess) -> ReviewedSession:
    """Return the content of the session that the visitor can see; raises NotFound."""
    with context.store.reading() as connection:
        found = content.read_review(connection, context.store.tables, access)
    if not found["entries"]:
        raise NotFound(f"The review session '{found['name']}' has no versions yet. Add one, then export it.")
    labels = {label["id"]: label["name"] for label in found["labels"]}
    versions = tuple(_to_version(entry, found["name"], labels) for entry in found["entries"])
    return ReviewedSession(found["name"], found["project"], versions)


def read_note_export(context: ServerContext, note_id: str) -> tuple[ReviewedVersion, Note] | None:
    """Return a note on a version with its version, or None if it was deleted meanwhile."""
    tables = context.store.tables
    note, item = tables.by_family["Note"], tables.by_family["ReviewSessionObject"]
    statement = select(item.c.id, item.c.review_session_id).join_from(note, item, note.c.parent_id == item.c.id)
    with context.store.reading() as connection:
        row = connection.execute(statement.where(note.c.id == note_id)).first()
        if row is None:
            return None
        access = ReviewAccess(row.review_session_id, None, has_ended=False)
        (entry,) = (each for each in content.read_entries(connection, tables, access) if each["id"] == row.id)
        details = content.read_entry(connection, tables, access, row.id)
    version = _to_version({"task": "", **entry, **details}, "", {})
    threads = (each for root in version.notes for _, each in root.thread())
    found = next((each for each in threads if each.id == note_id), None)
    return None if found is None else (version, found)


def _to_version(entry: dict[str, Any], review: str, labels: dict[str, str]) -> ReviewedVersion:
    movie = entry["film"] or {}
    exact, size = movie.get("exact") or {}, [movie.get("width"), movie.get("height")]
    width, height = (side if isinstance(side, int) else 0 for side in size)
    rate = Fraction(exact.get("fps") or _DEFAULT_RATE)
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
        verdicts=tuple(_to_verdict(status, review) for status in entry["statuses"]),
        notes=_threads(entry["notes"], None, labels),
        comment=entry["comment"],
        task=entry["task"],
        media_id=_component_id(movie.get("url") or entry["still"]),
        is_still=not movie,
    )


def _component_id(url: str | None) -> str | None:
    return None if url is None else url.rpartition("/")[2]


def _to_verdict(status: dict[str, Any], review: str) -> Verdict:
    history = (VerdictChange(str(each.get("status")), _to_date(each.get("date"))) for each in status["history"])
    return Verdict(status["name"], status["status"], _to_date(status["date"]), review or "review", tuple(history))


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
