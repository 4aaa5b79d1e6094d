"""Notes on earlier versions of an asset, and marks of notes that a later version answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid5

import attrs
from sqlalchemy import Connection, Row, Select, select

from ft_dcc.review.stored_values import ADDRESSED_KEY, addressed_mark
from ft_dcc.server.entities.batch import Operation, create_operation, update_operation
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.feedback import read_feedback
from ft_dcc.server.schema.tables import Tables

_MAX_VERSIONS = 20
_NO_VERSION = "This review session has no such version. Load the page again."
_REPLY_NAMESPACE = UUID("3f0c2a53-7b56-4d0e-9f5b-2f5a9e0c6d11")


def read_earlier(connection: Connection, tables: Tables, access: ReviewAccess, object_id: str) -> list[dict[str, Any]]:
    """Return the earlier versions of the asset that have notes, the newest first; raises NotFound.

    Invitees and visitors of a link see those in this session, users also those in other sessions of the project.
    """
    shown = _shown(connection, tables, object_id)
    if shown.review_session_id != access.review_session_id:
        raise NotFound(_NO_VERSION)
    found = []
    for row in connection.execute(_earlier(tables, access, shown)).all():
        own = attrs.evolve(access, review_session_id=row.review_session_id)
        notes = read_feedback(connection, tables, own, row.id)["notes"]
        if notes:
            found.append({"object": row.id, "version": row.version, "session": row.session, "notes": notes})
    return found


def entries_of_same_assets(
    connection: Connection, tables: Tables, review_session_id: str, object_ids: Collection[str]
) -> list[str]:
    """Return the objects of a session that show another version of the assets of these objects."""
    item, version = tables.families("ReviewSessionObject", "AssetVersion")
    joined = select(version.c.asset_id).join_from(item, version, item.c.version_id == version.c.id)
    assets = joined.where(item.c.id.in_(object_ids))
    shown = select(item.c.id).join_from(item, version, item.c.version_id == version.c.id)
    shown = shown.where(item.c.review_session_id == review_session_id, version.c.asset_id.in_(assets))
    return sorted(connection.scalars(shown))


def session_of_note(
    connection: Connection, tables: Tables, access: ReviewAccess, note_id: object, object_id: object
) -> str:
    """Return the session of a note on an earlier version of the asset of an object; raises NotFound."""
    note = tables.by_family["Note"]
    parent_id = connection.scalar(select(note.c.parent_id).where(note.c.id == str(note_id)))
    shown = connection.execute(_objects(tables).where(tables.by_family["ReviewSessionObject"].c.id == str(object_id)))
    row = shown.first()
    for each in [] if row is None else connection.execute(_earlier(tables, access, row)):
        if each.id == parent_id:
            return str(each.review_session_id)
    raise NotFound("This note was deleted meanwhile, or belongs to no earlier version. Load the page again.")


def addressed_operations(connection: Connection, tables: Tables, note: Row[Any], object_id: str) -> list[Operation]:
    """Return the operations that mark a note as answered, with a reply that says so; none if it is marked so."""
    metadata, shown = tables.by_family["Metadata"], _shown(connection, tables, object_id)
    name = f"{shown.asset} v{shown.version:03d}"
    value, text = addressed_mark(shown.version_id, name)
    is_mark = (metadata.c.parent_id == note.id) & (metadata.c.key == ADDRESSED_KEY)
    known = connection.scalar(select(metadata.c.value).where(is_mark))
    if known == value:
        return []
    entry = {"parent_id": note.id, "parent_type": "Note", "key": ADDRESSED_KEY, "value": value}
    mark = create_operation("Metadata", entry)
    if known is not None:
        mark = update_operation("Metadata", note.id, {"value": value}, ADDRESSED_KEY)
    reply = {"id": str(uuid5(_REPLY_NAMESPACE, f"{note.id}/{shown.version_id}")), "content": text}
    place = {"in_reply_to_id": note.id, "parent_id": note.parent_id, "parent_type": "ReviewSessionObject"}
    return [mark, create_operation("Note", {**reply, **place})]


def _shown(connection: Connection, tables: Tables, object_id: str) -> Row[Any]:
    """Return an object with its session, asset and version; raises NotFound."""
    is_shown = tables.by_family["ReviewSessionObject"].c.id == object_id
    if (found := connection.execute(_objects(tables).where(is_shown)).first()) is None:
        raise NotFound(_NO_VERSION)
    return found


def _objects(tables: Tables) -> Select[Any]:
    """Return the query of review session objects with their session, asset and version."""
    item, version, asset, session = tables.families("ReviewSessionObject", "AssetVersion", "Asset", "ReviewSession")
    return (
        select(item.c.id, item.c.review_session_id, item.c.version_id, version.c.version, version.c.asset_id)
        .add_columns(asset.c.name.label("asset"), session.c.name.label("session"))
        .join_from(item, version, item.c.version_id == version.c.id)
        .join(asset, version.c.asset_id == asset.c.id)
        .join(session, item.c.review_session_id == session.c.id)
    )


def _earlier(tables: Tables, access: ReviewAccess, shown: Row[Any]) -> Select[Any]:
    item, version, session = tables.families("ReviewSessionObject", "AssetVersion", "ReviewSession")
    is_visible = item.c.review_session_id == access.review_session_id
    if access.user is not None:
        is_visible |= session.c.project_id == access.project_id
    return (
        _objects(tables)
        .where(version.c.asset_id == shown.asset_id, version.c.version < shown.version, is_visible)
        .order_by(version.c.version.desc(), item.c["__row__"])
        .limit(_MAX_VERSIONS)
    )
