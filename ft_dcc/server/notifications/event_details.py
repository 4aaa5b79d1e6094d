"""Read what a recorded event is about: the version, its project and artist, the review session, the note or verdict."""

from __future__ import annotations

from typing import Any

import attrs
from sqlalchemy import Connection, Row, select

from ft_dcc.review.stored_values import json_object
from ft_dcc.server.database.audit_log import ENTRY, NOTE, VERDICT, VERSION
from ft_dcc.server.review.feedback import frame_of, full_name, notes_statement
from ft_dcc.server.review.internal_notes import internal_notes
from ft_dcc.server.schema.tables import Tables


@attrs.frozen
class EventDetails:
    """The values of a new version, note or verdict that messages show; empty where there is none."""

    kind: str
    entity_id: str
    project_id: str
    project: str
    version_id: str
    version: str
    comment: str
    artist_id: str | None
    review_session_id: str = ""
    review: str = ""
    review_project_id: str = ""
    author: str = ""
    text: str = ""
    frame: int | None = None
    has_drawing: bool = False
    status: str = ""
    # Whether the event is a note that only users of the studio may read.
    is_internal: bool = False


def read_details(connection: Connection, tables: Tables, kind: str, entity_id: str) -> EventDetails | None:
    """Return the details of an event, or None if it was deleted, or is no note or verdict on a version."""
    values = _READERS[kind](connection, tables, entity_id)
    version = None if values is None else _read_version(connection, tables, values.pop("version_id"))
    if values is None or version is None:
        return None
    review = connection.execute(tables.by_id["ReviewSession"], {"id": values.pop("review_session_id")}).first()
    if review is not None:
        values.update(review_session_id=review.id, review=review.name or "", review_project_id=review.project_id or "")
    return EventDetails(kind=kind, entity_id=entity_id, **version, **values)


def _read_version(connection: Connection, tables: Tables, version_id: str) -> dict[str, Any] | None:
    version, asset, context = (tables.by_family[name] for name in ("AssetVersion", "Asset", "Context"))
    project = context.alias()
    statement = (
        select(version.c.id, version.c.version, version.c.comment, version.c.user_id, asset.c.name.label("asset"))
        .add_columns(context.c.name.label("context"), project.c.id.label("project_id"))
        .add_columns(project.c.name.label("project"), project.c.full_name)
        .join_from(version, asset, version.c.asset_id == asset.c.id)
        .join(context, asset.c.context_id == context.c.id)
        .join(project, project.c.id == context.c.project_id)
        .where(version.c.id == version_id)
    )
    found = connection.execute(statement).first()
    if found is None:
        return None
    return {
        "version_id": found.id,
        "version": f"{found.context} {found.asset} v{found.version or 0:03d}",
        "comment": found.comment or "",
        "artist_id": found.user_id,
        "project_id": found.project_id,
        "project": found.full_name or found.project or "",
    }


def _of_version(connection: Connection, tables: Tables, version_id: str) -> dict[str, Any] | None:
    user, version = tables.by_family["Resource"], tables.by_family["AssetVersion"]
    names = select(user.c.first_name, user.c.last_name, user.c.username)
    joined = names.join_from(version, user, version.c.user_id == user.c.id).where(version.c.id == version_id)
    author: Any = connection.execute(joined).first()
    item = tables.by_family["ReviewSessionObject"]
    sessions = select(item.c.review_session_id).where(item.c.version_id == version_id).order_by(item.c["__row__"])
    found = {"version_id": version_id, "review_session_id": connection.scalar(sessions.limit(1)) or ""}
    return {**found, "author": "" if author is None else full_name(author)}


def _of_entry(connection: Connection, tables: Tables, entry_id: str) -> dict[str, Any] | None:
    found = _read_entry(connection, tables, entry_id)
    return None if found is None else {"version_id": found.version_id, "review_session_id": found.review_session_id}


def _read_entry(connection: Connection, tables: Tables, entry_id: str) -> Row[Any] | None:
    return connection.execute(tables.by_id["ReviewSessionObject"], {"id": entry_id}).first()


def _of_note(connection: Connection, tables: Tables, note_id: str) -> dict[str, Any] | None:
    is_note = tables.by_family["Note"].c.id == note_id
    found = connection.execute(notes_statement(tables, [is_note])).first()
    if found is None:
        return None
    entry, values = _read_entry(connection, tables, found.parent_id), json_object(found.metadata)
    return {
        "version_id": found.parent_id if entry is None else entry.version_id,
        "review_session_id": "" if entry is None else entry.review_session_id,
        "author": full_name(found) or _invitee_name(connection, tables, values.get("invitee_id")) or "Guest",
        "text": found.content or "",
        "frame": frame_of(found, values),
        "has_drawing": "annotation_id" in values,
        "is_internal": bool(internal_notes(connection, tables, is_note)),
    }


def _of_verdict(connection: Connection, tables: Tables, status_id: str) -> dict[str, Any] | None:
    table = tables.by_family["ReviewSessionObjectStatus"]
    found = connection.execute(select(table).where(table.c.id == status_id)).first()
    entry = None if found is None else _read_entry(connection, tables, found.review_session_object_id)
    if found is None or entry is None or found.status == "seen":
        return None
    return {
        "version_id": entry.version_id,
        "review_session_id": entry.review_session_id,
        "author": _invitee_name(connection, tables, found.review_session_invitee_id),
        "status": found.status or "",
    }


def _invitee_name(connection: Connection, tables: Tables, invitee_id: object) -> str:
    invitee = tables.by_family["ReviewSessionInvitee"]
    return connection.scalar(select(invitee.c.name).where(invitee.c.id == str(invitee_id))) or ""


_READERS = {VERSION: _of_version, ENTRY: _of_entry, NOTE: _of_note, VERDICT: _of_verdict}
