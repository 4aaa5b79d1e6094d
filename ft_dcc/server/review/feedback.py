"""Read the feedback on the versions of a review session: notes, drawings, and a status of each invitee."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, Table, cast, func, select

from ft_dcc.errors import DrawingUnreadable
from ft_dcc.review.drawings import Drawing, check_limits, parse_drawing
from ft_dcc.review.stored_values import ADDRESSED_KEY, NOTE_KEY, first_integer, json_object, person_name
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.internal_notes import internal_notes, with_replies
from ft_dcc.server.schema.tables import Tables

_NOTE_IMAGE_NAMESPACE = UUID("0b0f5e3a-52ad-4f5e-8b5c-2a3d7a3b1c77")

Conditions = list[ColumnElement[bool]]


def note_image_id(note_id: str) -> str:
    """Return the id of the component with the flattened image of a note."""
    return str(uuid5(_NOTE_IMAGE_NAMESPACE, note_id))


def read_feedback(
    connection: Connection,
    tables: Tables,
    access: ReviewAccess,
    object_id: str,
    note_ids: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the feedback on one version that the visitor may see, in the format of the page (web/src/model.ts).

    With ``note_ids``, only these notes are read, and no drawings without a note.
    """
    invitees = _invitee_names(connection, tables, access.review_session_id)
    drawings = _read_drawings(connection, tables, object_id)
    note, label, recipient = tables.families("Note", "NoteLabelLink", "Recipient")
    conditions = [note.c.parent_id == object_id]
    if note_ids is not None:
        conditions.append(note.c.id.in_(note_ids))
    rows = connection.execute(notes_statement(tables, conditions)).all()
    labels = _read_links(connection, label, label.c.label_id, tables, conditions)
    files = _read_files(connection, tables, conditions)
    mentions = _read_links(connection, recipient, recipient.c.text_mentioned, tables, conditions)
    hidden = hidden_notes(connection, tables, access, object_id)
    is_any_addressed = any(row.addressed for row in rows)
    entries = entries_by_version(connection, tables, access.review_session_id) if is_any_addressed else {}
    notes = []
    for row in rows:
        metadata = json_object(row.metadata)
        found = drawings.pop(str(metadata.get("annotation_id")), None)
        if row.id not in hidden:
            drawing = None if found is None else _to_drawing(found)
            links = {"labels": labels[row.id], "files": files[row.id], "mentions": mentions[row.id]}
            notes.append({**_note_to_json(row, metadata, invitees, entries, drawing), **links})
    found_drawings = [
        {"frame": each.frame, "end_frame": each.end_frame, "shapes": [shape.to_json() for shape in each.shapes]}
        for each in (map(_to_drawing, drawings.values()) if note_ids is None else ())
    ]
    statuses = _read_statuses(connection, tables, access, object_id, invitees)
    return {"notes": notes, "drawings": found_drawings, "statuses": statuses}


def read_addressed_notes(
    connection: Connection, tables: Tables, access: ReviewAccess, version_id: str
) -> list[dict[str, Any]]:
    """Return the notes of the session that a version answers and that the visitor may see, the oldest first."""
    item, note, metadata = tables.families("ReviewSessionObject", "Note", "Metadata")
    shown = select(item.c.id).where(item.c.review_session_id == access.review_session_id)
    marked = select(metadata.c.parent_id).where(metadata.c.key == ADDRESSED_KEY)
    conditions: Conditions = [note.c.parent_id.in_(shown), note.c.id.in_(marked)]
    invitees = _invitee_names(connection, tables, access.review_session_id)
    rows = connection.execute(notes_statement(tables, conditions)).all()
    answered = [row for row in rows if json_object(row.addressed).get("version_id") == version_id]
    objects = {row.parent_id for row in answered}
    hidden = {note_id for each in objects for note_id in hidden_notes(connection, tables, access, each)}
    found = []
    for row in answered:
        if row.id not in hidden:
            values = json_object(row.metadata)
            author = full_name(row) or invitees.get(str(values.get("invitee_id"))) or "Guest"
            shown_values = {"id": row.id, "entry": row.parent_id, "author": author, "content": row.content or ""}
            found.append({**shown_values, "frame": frame_of(row, values), "done": _date(row.completed_at)})
    return found


def entries_by_version(connection: Connection, tables: Tables, review_session_id: str) -> dict[str, str]:
    """Return the ids of the session's objects by the ids of their versions."""
    item = tables.by_family["ReviewSessionObject"]
    statement = select(item.c.version_id, item.c.id).where(item.c.review_session_id == review_session_id)
    return {row.version_id: row.id for row in connection.execute(statement)}


def _read_statuses(
    connection: Connection, tables: Tables, access: ReviewAccess, object_id: str, invitees: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the status of each invitee on one version that the visitor may see, with its history."""
    status, metadata = tables.families("ReviewSessionObjectStatus", "Metadata")
    is_own = (metadata.c.parent_id == status.c.id) & (metadata.c.key == NOTE_KEY)
    statement = (
        select(status.c.status, status.c.created_at, status.c.review_session_invitee_id.label("invitee"))
        .add_columns(metadata.c.value.label("metadata"))
        .join_from(status, metadata, is_own, isouter=True)
        .where(status.c.review_session_object_id == object_id)
        .order_by(status.c["__row__"])
    )
    found = []
    for row in connection.execute(statement):
        if row.invitee in invitees and _is_visible_from(row.invitee, access):
            history = json_object(row.metadata).get("history")
            past = [each for each in history if isinstance(each, dict)] if isinstance(history, list) else []
            # Another client may have set the status without a history.
            is_recorded = bool(past) and past[-1].get("status") == row.status
            date = past[-1].get("date") if is_recorded else _date(row.created_at)
            own = {"author_id": row.invitee, "name": invitees[row.invitee], "status": row.status}
            found.append({**own, "date": date, "history": past})
    return found


def read_change(
    store: Store, access: ReviewAccess, object_id: str, note_ids: Collection[str], *, commit: int | None = None
) -> dict[str, Any]:
    """Return the present state of these notes and of the statuses of one version, for open pages (model.ts, Change).

    ``commit`` is the number of a commit that the state contains at least; pages discard what is older than they know.
    """
    commit = store.commits if commit is None else commit
    with store.reading() as connection:
        feedback = read_feedback(connection, store.tables, access, object_id, note_ids)
        summary = read_summaries(connection, store.tables, access, object_id).get(object_id, {})
        note = store.tables.by_family["Note"]
        stored = set(connection.scalars(select(note.c.id).where(note.c.id.in_(note_ids))))
    return {
        "type": "change",
        "commit": commit,
        "entry": object_id,
        "notes": feedback["notes"],
        "removed": sorted(set(note_ids) - stored),
        "statuses": feedback["statuses"],
        "summary": summary,
    }


def read_summaries(
    connection: Connection, tables: Tables, access: ReviewAccess, object_id: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return the number of notes, of open threads, and the verdicts of each version, without values that are 0.

    With ``object_id``, only the summary of this version is read. Visitors who do not see all feedback get none.
    """
    if access.is_moderated and access.user is None:
        return {}
    item, note, status = tables.families("ReviewSessionObject", "Note", "ReviewSessionObjectStatus")
    is_shown = item.c.review_session_id == access.review_session_id
    if object_id is not None:
        is_shown &= item.c.id == object_id
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    is_open = note.c.completed_at.is_(None) & note.c.in_reply_to_id.is_(None)
    conditions: Conditions = [is_shown]
    of_session = select(item.c.id).where(item.c.review_session_id == access.review_session_id)
    if access.user is None and (internal := internal_notes(connection, tables, note.c.parent_id.in_(of_session))):
        conditions.append(note.c.id.not_in(internal))
    counts = (
        select(note.c.parent_id, func.count().label("notes"), func.sum(cast(is_open, Integer)).label("open"))
        .join_from(item, note, note.c.parent_id == item.c.id)
        .where(*conditions)
        .group_by(note.c.parent_id)
    )
    for row in connection.execute(counts):
        found[row.parent_id]["notes"] = row.notes
        if row.open:
            found[row.parent_id]["open"] = row.open
    verdicts = (
        select(status.c.review_session_object_id, status.c.status, func.count().label("count"))
        .join_from(item, status, status.c.review_session_object_id == item.c.id)
        .where(is_shown, status.c.status.in_(("approved", "require_changes")))
        .group_by(status.c.review_session_object_id, status.c.status)
    )
    for row in connection.execute(verdicts):
        found[row.review_session_object_id].setdefault("verdicts", {})[row.status] = row.count
    return found


def viewer_of(access: ReviewAccess) -> str | None:
    """Return what the visible feedback depends on: None for users, who see all, and the same text for equal guests.

    In a moderated session, each invitee sees the own feedback and that of users.
    """
    if access.user is not None:
        return None
    return f"invitee {access.invitee_id or ''}" if access.is_moderated else "guest"


def _is_visible_from(invitee_id: object, access: ReviewAccess) -> bool:
    return not access.is_moderated or access.user is not None or (invitee_id == access.invitee_id is not None)


def hidden_notes(connection: Connection, tables: Tables, access: ReviewAccess, object_id: str) -> set[str]:
    """Return the ids of the notes on a version that the visitor does not see, and of all their replies."""
    if access.user is not None:
        return set()
    is_on_object = tables.by_family["Note"].c.parent_id == object_id
    hidden = internal_notes(connection, tables, is_on_object)
    if not access.is_moderated:
        return hidden
    rows = connection.execute(notes_statement(tables, [is_on_object])).all()
    for row in rows:
        if row.username is None and not _is_visible_from(json_object(row.metadata).get("invitee_id"), access):
            hidden.add(row.id)
    return with_replies({row.id: row.in_reply_to_id for row in rows}, hidden)


def _read_drawings(connection: Connection, tables: Tables, object_id: str) -> dict[str, Row[Any]]:
    annotation = tables.by_family["ReviewSessionObjectAnnotation"]
    has_frame = annotation.c.review_session_object_id == object_id, annotation.c.frame_number.is_not(None)
    statement = select(annotation).where(*has_frame).order_by(annotation.c["__row__"])
    return {row.id: row for row in connection.execute(statement)}


def _to_drawing(row: Row[Any]) -> Drawing:
    """Return a drawing, without shapes if another client has written what the page cannot show."""
    with suppress(DrawingUnreadable):
        drawing = parse_drawing(row.data, int(row.frame_number), drawing_id=row.id)
        check_limits(drawing.shapes)
        return drawing
    return Drawing(row.id, "", int(row.frame_number), ())


def _invitee_names(connection: Connection, tables: Tables, review_session_id: str) -> dict[str, str]:
    invitee = tables.by_family["ReviewSessionInvitee"]
    statement = select(invitee.c.id, invitee.c.name).where(invitee.c.review_session_id == review_session_id)
    return {row.id: row.name or "" for row in connection.execute(statement)}


def notes_statement(tables: Tables, conditions: Conditions) -> Select[Any]:
    """Return the query of notes that meet conditions, with their authors, ``metadata`` and ``addressed`` marks."""
    note, user, metadata = tables.families("Note", "Resource", "Metadata")
    is_note_metadata = (metadata.c.parent_id == note.c.id) & (metadata.c.key == NOTE_KEY)
    mark = metadata.alias()
    is_mark = (mark.c.parent_id == note.c.id) & (mark.c.key == ADDRESSED_KEY)
    return (
        select(note.c.id, note.c.parent_id, note.c.content, note.c.date, note.c.in_reply_to_id, note.c.user_id)
        .add_columns(note.c.completed_at, note.c.frame_number)
        .add_columns(user.c.first_name, user.c.last_name, user.c.username, metadata.c.value.label("metadata"))
        .add_columns(mark.c.value.label("addressed"))
        .join_from(note, user, note.c.user_id == user.c.id, isouter=True)
        .join(metadata, is_note_metadata, isouter=True)
        .join(mark, is_mark, isouter=True)
        .where(*conditions)
        .order_by(note.c.date, note.c["__row__"])
    )


def _read_links(
    connection: Connection, link: Table, value: ColumnElement[Any], tables: Tables, conditions: Conditions
) -> dict[str, list[Any]]:
    """Return a value of each link of each note, if it has one."""
    note = tables.by_family["Note"]
    statement = select(link.c.note_id, value).join_from(note, link, link.c.note_id == note.c.id)
    found: dict[str, list[Any]] = defaultdict(list)
    for note_id, each in connection.execute(statement.where(*conditions, value.is_not(None))):
        found[note_id].append(each)
    return found


def _read_files(connection: Connection, tables: Tables, conditions: Conditions) -> dict[str, list[dict[str, Any]]]:
    """Return the files of each note; the page paints the drawing itself, so that its flattened image is left out."""
    note, link, component = tables.families("Note", "NoteComponent", "Component")
    statement = (
        select(link.c.note_id, component.c.id, component.c.name, component.c.file_type, component.c.size)
        .join_from(note, link, link.c.note_id == note.c.id)
        .join(component, component.c.id == link.c.component_id)
        .order_by(component.c["__row__"])
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(statement.where(*conditions)):
        if row.id != note_image_id(row.note_id):
            name = f"{row.name or 'file'}{row.file_type or ''}"
            found[row.note_id].append({"id": row.id, "name": name, "size": row.size})
    return found


def note_file_type(connection: Connection, tables: Tables, access: ReviewAccess, component_id: str) -> str | None:
    """Return the file type of a file on a note that the visitor may see; raises NotFound for any other component."""
    note, link, component, item = tables.families("Note", "NoteComponent", "Component", "ReviewSessionObject")
    statement = (
        select(component.c.file_type, link.c.note_id, note.c.parent_id)
        .join_from(component, link, component.c.id == link.c.component_id)
        .join(note, link.c.note_id == note.c.id)
        .join(item, note.c.parent_id == item.c.id)
        .where(component.c.id == component_id, item.c.review_session_id == access.review_session_id)
    )
    for row in connection.execute(statement):
        # The image of a note shows the frame without the name of the viewer.
        is_frame = access.is_watermarked and component_id == note_image_id(row.note_id)
        if not is_frame and row.note_id not in hidden_notes(connection, tables, access, row.parent_id):
            return row.file_type or ""
    raise NotFound("This review session has no such movie, image or file. Load the page again.")


def _note_to_json(
    row: Row[Any], metadata: dict[str, Any], invitees: dict[str, str], entries: dict[str, str], drawing: Drawing | None
) -> dict[str, Any]:
    guest, mark = invitees.get(str(metadata.get("invitee_id"))), json_object(row.addressed)
    version, version_id = mark.get("version"), mark.get("version_id")
    return {
        "id": row.id,
        "author": full_name(row) or guest or "Guest",
        "author_id": row.user_id or (metadata.get("invitee_id") if guest is not None else None),
        "is_guest": row.username is None,
        "content": row.content or "",
        "date": _date(row.date),
        "edited": metadata.get("edited"),
        "done": _date(row.completed_at),
        "done_by": metadata.get("done_by"),
        "frame": frame_of(row, metadata),
        "end_frame": first_integer(metadata.get("end_frame")),
        "in_reply_to": row.in_reply_to_id,
        "drawing": [] if drawing is None else [shape.to_json() for shape in drawing.shapes],
        "drawing_end": None if drawing is None else drawing.end_frame,
        # The name of the version that answers the note, and its entry in the session.
        "addressed_in": version if isinstance(version, str) else None,
        "addressed_entry": entries.get(version_id) if isinstance(version_id, str) else None,
    }


def frame_of(row: Row[Any], metadata: dict[str, Any]) -> int | None:
    """Return the frame of a note: what any client has set, otherwise the one in the metadata."""
    return first_integer(row.frame_number, metadata.get("frame"))


def _date(value: str | None) -> str | None:
    return None if value is None else f"{value}Z"


def full_name(row: Row[Any]) -> str:
    """Return the name of the user in a row, or "" without a user."""
    return person_name(row._asdict())
