"""What was said about the versions of a review session: notes, drawings, and a status from each invitee."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import attrs
from sqlalchemy import Connection, Row, Select, select

from ft_dcc.server.drawings import shapes_in
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.visits import Visit

# Metadata of a note: {"frame": 1010, "invitee_id": …, "annotation_id": …}, each where there is one.
NOTE_KEY = "ft_dcc"


def read_feedback(
    connection: Connection, tables: Tables, object_ids: Collection[str], visit: Visit
) -> dict[str, dict[str, Any]]:
    """Return by object what the page shows (web/src/server.ts, Feedback)."""
    invitees = _names(connection, tables, visit.review_session_id)
    drawings = _read_drawings(connection, tables, object_ids)
    found: dict[str, dict[str, Any]] = {
        object_id: {"notes": [], "drawings": [], "statuses": [], "own_status": None} for object_id in object_ids
    }
    for row in connection.execute(_notes(tables, object_ids)):
        about = _read_object(row.about)
        drawing = drawings.pop(str(about.get("annotation_id")), None)
        if drawing is not None and drawing.object_id != row.parent_id:
            drawing = None
        note = _note(row, about, invitees)
        found[row.parent_id]["notes"].append({**note, "drawing": [] if drawing is None else drawing.shapes})
    for drawing in drawings.values():
        found[drawing.object_id]["drawings"].append({"frame": drawing.frame, "shapes": drawing.shapes})
    for row in connection.execute(_statuses(tables, object_ids)):
        told = found[row.review_session_object_id]
        if row.review_session_invitee_id in invitees:
            told["statuses"].append({"name": invitees[row.review_session_invitee_id], "status": row.status})
        if row.review_session_invitee_id == visit.invitee_id is not None:
            told["own_status"] = row.status
    return found


@attrs.frozen
class _Drawing:
    object_id: str
    frame: int
    shapes: list[dict[str, Any]]


def _read_drawings(connection: Connection, tables: Tables, object_ids: Collection[str]) -> dict[str, _Drawing]:
    annotation = tables.by_family.get("ReviewSessionObjectAnnotation")
    if annotation is None:
        return {}  # The schema of a studio's own site may be older than drawings.
    asked = select(annotation).where(annotation.c.review_session_object_id.in_(object_ids))
    return {
        row.id: _Drawing(row.review_session_object_id, int(row.frame_number), shapes_in(row.data))
        for row in connection.execute(asked.order_by(annotation.c["__row__"]))
        if row.frame_number is not None
    }


def _names(connection: Connection, tables: Tables, review_session_id: str) -> dict[str, str]:
    invitee = tables.by_family["ReviewSessionInvitee"]
    asked = select(invitee.c.id, invitee.c.name).where(invitee.c.review_session_id == review_session_id)
    return {row.id: row.name or "" for row in connection.execute(asked)}


def _notes(tables: Tables, object_ids: Collection[str]) -> Select[Any]:
    note, user, about = (tables.by_family[name] for name in ("Note", "Resource", "Metadata"))
    is_about = (about.c.parent_id == note.c.id) & (about.c.key == NOTE_KEY)
    return (
        select(note.c.id, note.c.parent_id, note.c.content, note.c.date, note.c.in_reply_to_id)
        .add_columns(user.c.first_name, user.c.last_name, user.c.username, about.c.value.label("about"))
        .join_from(note, user, note.c.user_id == user.c.id, isouter=True)
        .join(about, is_about, isouter=True)
        .where(note.c.parent_id.in_(object_ids))
        .order_by(note.c.date, note.c["__row__"])
    )


def _statuses(tables: Tables, object_ids: Collection[str]) -> Select[Any]:
    status = tables.by_family["ReviewSessionObjectStatus"]
    return select(status).where(status.c.review_session_object_id.in_(object_ids)).order_by(status.c["__row__"])


def _note(row: Row[Any], about: dict[str, Any], invitees: dict[str, str]) -> dict[str, Any]:
    frame, guest = about.get("frame"), invitees.get(str(about.get("invitee_id")))
    return {
        "id": row.id,
        "author": full_name(row) or guest or "Guest",
        "is_guest": row.username is None,
        "content": row.content or "",
        "date": None if row.date is None else f"{row.date}Z",
        "frame": frame if isinstance(frame, int) and not isinstance(frame, bool) else None,
        "in_reply_to": row.in_reply_to_id,
    }


def full_name(row: Row[Any]) -> str:
    """Return the name of the user in a row, or "" when there is none."""
    return " ".join(name for name in (row.first_name, row.last_name) if name) or row.username or ""


def _read_object(text: str | None) -> dict[str, Any]:
    """Return the object that a metadata value holds; anyone can write there, so it may be anything."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
