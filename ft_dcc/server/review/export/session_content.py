"""Read what an export contains: the versions of a session with the feedback that the visitor can see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from sqlalchemy import select

from ft_dcc.server.context import ServerContext
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review import content
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.storage.media_store import MediaStore

VERDICTS = {"approved": "Approved", "require_changes": "Changes required"}


@attrs.frozen
class ExportNote:
    """A note with its replies; ``frame`` is the number in the shot, and ``labels`` are names."""

    id: str
    author: str
    text: str
    date: str
    frame: int | None
    end_frame: int | None
    shapes: list[dict[str, Any]]
    drawing_end: int | None
    replies: list[ExportNote]
    labels: list[str] = attrs.field(factory=list)
    is_done: bool = False

    @property
    def place(self) -> str:
        """The frame or the range of the note in words: "frame 1005", "frame 1005-1012", or ""."""
        if self.frame is None:
            return ""
        if self.end_frame is None or self.end_frame == self.frame:
            return f"frame {self.frame}"
        return f"frame {self.frame}-{self.end_frame}"

    def thread(self) -> Iterator[tuple[int, ExportNote]]:
        """Yield the note and its replies at any depth, each with its depth."""
        yield 0, self
        for reply in self.replies:
            for depth, note in reply.thread():
                yield depth + 1, note


@attrs.frozen
class ExportVerdict:
    """The verdict of one person, with its date and the earlier ones, oldest first; dates are texts or None."""

    name: str
    verdict: str
    date: str | None
    history: list[tuple[str, str | None]]

    @property
    def text(self) -> str:
        """The person, the verdict with its date, and the earlier verdicts."""
        earlier = ", ".join(_dated(*each) for each in self.history)
        return f"{self.name}: {_dated(self.verdict, self.date)}" + (f" (before: {earlier})" if earlier else "")


@attrs.frozen
class ExportVersion:
    """A version in the session; ``rate`` is the exact frame rate, such as ``24000/1001``, or None."""

    id: str
    name: str
    version: int
    path: list[str]
    task: str
    author: str
    comment: str
    verdicts: list[ExportVerdict]
    notes: list[ExportNote]
    movie_id: str | None
    still_id: str | None
    rate: str | None
    first_frame: int
    frame_count: int
    size: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """The name with the number of the version."""
        return f"{self.name} v{self.version:03}"


@attrs.frozen
class ExportSession:
    """A review session as it is exported."""

    name: str
    project: str
    versions: list[ExportVersion]
    media: MediaStore


def read_export(context: ServerContext, access: ReviewAccess) -> ExportSession:
    """Return the content of the session that the visitor can see; raises NotFound."""
    tables = context.store.tables
    with context.store.reading() as connection:
        found = content.read_review(connection, tables, access)
    labels = {label["id"]: label["name"] for label in found["labels"]}
    versions = [_to_version(entry, labels) for entry in found["entries"]]
    return ExportSession(found["name"], found["project"], versions, context.media)


def read_note_export(context: ServerContext, note_id: str) -> tuple[ExportSession, ExportVersion, ExportNote] | None:
    """Return a note on a version with its session and version, or None if it was deleted meanwhile."""
    tables = context.store.tables
    note, item = tables.by_family["Note"], tables.by_family["ReviewSessionObject"]
    statement = select(item.c.id, item.c.review_session_id).join_from(note, item, note.c.parent_id == item.c.id)
    with context.store.reading() as connection:
        row = connection.execute(statement.where(note.c.id == note_id)).first()
        if row is None:
            return None
        access = ReviewAccess(row.review_session_id, None, has_ended=False)
        head = content.read_head(connection, tables, access)
        (entry,) = (each for each in content.read_entries(connection, tables, access) if each["id"] == row.id)
        details = content.read_entry(connection, tables, access, row.id)
    version = _to_version({"task": "", **entry, **details}, {})
    threads = (each for root in version.notes for _, each in root.thread())
    found = next((each for each in threads if each.id == note_id), None)
    return None if found is None else (ExportSession(head["name"], head["project"], [], context.media), version, found)


def _to_verdict(status: dict[str, Any]) -> ExportVerdict:
    given = [each for each in status["history"] if each.get("status") in VERDICTS]
    is_last = bool(given) and given[-1]["status"] == status["status"]
    history = [(VERDICTS[each["status"]], each.get("date")) for each in (given[:-1] if is_last else given)]
    return ExportVerdict(status["name"], VERDICTS[status["status"]], status["date"], history)


def _dated(verdict: str, date: str | None) -> str:
    return verdict if date is None else f"{verdict} {date[:16].replace('T', ' ')} UTC"


def _to_version(entry: dict[str, Any], labels: dict[str, str]) -> ExportVersion:
    movie = entry["film"] or {}
    exact = movie.get("exact") or {}
    width, height = movie.get("width"), movie.get("height")
    return ExportVersion(
        id=entry["id"],
        name=entry["name"],
        version=entry["version"],
        path=entry["path"],
        task=entry["task"],
        author=entry["author"],
        comment=entry["comment"],
        verdicts=[_to_verdict(status) for status in entry["statuses"] if status["status"] in VERDICTS],
        notes=_threads(entry["notes"], labels),
        movie_id=_component_id(movie.get("url")),
        still_id=_component_id(entry["still"]),
        rate=exact.get("fps"),
        first_frame=exact.get("first_frame", 0),
        frame_count=exact.get("frame_count", 0),
        size=(width, height) if isinstance(width, int) and isinstance(height, int) else None,
    )


def _component_id(url: str | None) -> str | None:
    return None if url is None else url.rpartition("/")[2]


def _threads(notes: list[dict[str, Any]], labels: dict[str, str]) -> list[ExportNote]:
    """Return the notes that answer no other note, with their replies."""
    by_id = {note["id"]: _to_note(note, labels) for note in notes}
    roots: list[ExportNote] = []
    for note in notes:
        parent = by_id.get(note["in_reply_to"])
        (roots if parent is None else parent.replies).append(by_id[note["id"]])
    return roots


def _to_note(note: dict[str, Any], labels: dict[str, str]) -> ExportNote:
    date = (note["date"] or "")[:16].replace("T", " ")
    return ExportNote(
        id=note["id"],
        author=note["author"],
        text=note["content"],
        date=date,
        frame=note["frame"],
        end_frame=note["end_frame"],
        shapes=note["drawing"],
        drawing_end=note["drawing_end"],
        replies=[],
        labels=[labels[label] for label in note["labels"] if label in labels],
        is_done=note["done"] is not None,
    )


def require_versions(session: ExportSession) -> None:
    """Raise NotFound for a session without versions, of which nothing can be exported."""
    if not session.versions:
        raise NotFound(f"The review session '{session.name}' has no versions yet. Add one, then export it.")
