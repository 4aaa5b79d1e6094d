"""What the review page shows of a session, read from the studio's tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from ft_dcc.errors import NoSuchThing
from ft_dcc.server.encoding import FILM, STILL, versions_in_work
from ft_dcc.server.feedback import full_name, read_feedback
from ft_dcc.server.files import SERVER_LOCATION_ID
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.visits import Visit

# The exact rate and frames of a film, and what every ftrack player reads: docs/decisions/0004.
_EXACT, _FTRACK = "ft_dcc", "ftr_meta"


def read_review(connection: Connection, tables: Tables, visit: Visit) -> dict[str, Any]:
    """Return the session and its versions as the page takes them (web/src/server.ts); raises NoSuchThing."""
    session, project = tables.by_family["ReviewSession"], tables.by_family["Context"]
    statement = (
        select(session.c.name, project.c.name.label("project"), project.c.full_name)
        .join_from(session, project, session.c.project_id == project.c.id, isouter=True)
        .where(session.c.id == visit.review_session_id)
    )
    found = connection.execute(statement).first()
    if found is None:
        raise NoSuchThing("There is no such review session.")
    return {
        "name": found.name or "",
        "project": found.full_name or found.project or "",
        "is_open": not visit.has_ended,
        "visitor": visit.name if visit.may_write else None,
        "entries": _read_entries(connection, tables, visit),
    }


def file_type_of(connection: Connection, tables: Tables, review_session_id: str, component_id: str) -> str | None:
    """Return the file type of a component that the page of this session shows; raises NoSuchThing for any other."""
    item, version, component = (tables.by_family[name] for name in ("ReviewSessionObject", "AssetVersion", "Component"))
    shown = select(version.c.id).join_from(item, version, item.c.version_id == version.c.id)
    shown = shown.where(item.c.review_session_id == review_session_id)
    is_shown = component.c.name.in_((FILM, STILL)) & component.c.version_id.in_(shown)
    is_thumbnail = component.c.id.in_(shown.with_only_columns(version.c.thumbnail_id))
    statement = select(component.c.file_type).where(component.c.id == component_id, is_shown | is_thumbnail)
    found = connection.execute(statement).first()
    if found is None:
        raise NoSuchThing("This review session has no such film or picture.")
    file_type: str | None = found.file_type
    return file_type


def _read_entries(connection: Connection, tables: Tables, visit: Visit) -> list[dict[str, Any]]:
    rows = connection.execute(_versions_of(tables, visit.review_session_id)).all()
    feedback = read_feedback(connection, tables, [row.id for row in rows], visit)
    films = _read_films(connection, tables, {row.version_id for row in rows})
    stills = _read_stills(connection, tables, {row.version_id for row in rows} - films.keys())
    in_work = versions_in_work(connection, tables, {row.version_id for row in rows} - films.keys())
    paths = _read_paths(connection, tables, {row.context_id for row in rows if row.context_id is not None})
    return [
        {
            "id": row.id,
            "name": row.name or row.asset or "",
            "description": row.description or "",
            "version": row.number,
            "asset": row.asset or "",
            "asset_type": row.asset_type or "",
            "path": paths.get(row.context_id, []),
            "task": row.task or "",
            "author": full_name(row),
            "date": None if row.date is None else f"{row.date}Z",
            "comment": row.comment or "",
            "thumbnail": None if row.thumbnail_id is None else f"media/{row.thumbnail_id}",
            "film": films.get(row.version_id),
            "still": stills.get(row.version_id),
            "is_encoding": row.version_id in in_work,
            **feedback[row.id],
        }
        for row in rows
    ]


def _versions_of(tables: Tables, review_session_id: str) -> Select[Any]:
    item, version, asset = (tables.by_family[name] for name in ("ReviewSessionObject", "AssetVersion", "Asset"))
    kind, task, user = (tables.by_family[name] for name in ("AssetType", "Context", "Resource"))
    return (
        select(item.c.id, item.c.name, item.c.description, item.c.version_id)
        .add_columns(version.c.version.label("number"), version.c.comment, version.c.date, version.c.thumbnail_id)
        .add_columns(asset.c.name.label("asset"), asset.c.context_id, kind.c.name.label("asset_type"))
        .add_columns(task.c.name.label("task"), user.c.first_name, user.c.last_name, user.c.username)
        .join_from(item, version, item.c.version_id == version.c.id)
        .join(asset, version.c.asset_id == asset.c.id)
        .join(kind, asset.c.type_id == kind.c.id, isouter=True)
        .join(task, version.c.task_id == task.c.id, isouter=True)
        .join(user, version.c.user_id == user.c.id, isouter=True)
        .where(item.c.review_session_id == review_session_id)
        .order_by(item.c.sort_order.is_(None), item.c.sort_order, item.c["__row__"])
    )


def _read_films(connection: Connection, tables: Tables, version_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    component, metadata = tables.by_family["Component"], tables.by_family["Metadata"]
    statement = (
        select(component.c.id, component.c.version_id, metadata.c.key, metadata.c.value)
        .join_from(component, metadata, component.c.id == metadata.c.parent_id, isouter=True)
        .where(component.c.name == FILM, component.c.version_id.in_(version_ids), _is_whole(tables))
        .order_by(component.c["__row__"])
    )
    facts: dict[tuple[str, str], dict[str, str]] = {}
    for row in connection.execute(statement):
        facts.setdefault((row.version_id, row.id), {})[row.key] = row.value
    return {version_id: _film(component_id, told) for (version_id, component_id), told in facts.items()}


def _read_stills(connection: Connection, tables: Tables, version_ids: Iterable[str]) -> dict[str, str]:
    """Return the addresses of the pictures of versions that have no film."""
    component = tables.by_family["Component"]
    is_still = (component.c.name == STILL, component.c.version_id.in_(version_ids), _is_whole(tables))
    statement = select(component.c.version_id, component.c.id).where(*is_still).order_by(component.c["__row__"])
    return {version_id: f"media/{component_id}" for version_id, component_id in connection.execute(statement)}


def _is_whole(tables: Tables) -> ColumnElement[bool]:
    """Whether a component is in the server's location: one that is being encoded is not there yet."""
    component, place = tables.by_family["Component"], tables.by_family["ComponentLocation"]
    is_there = place.c.component_id == component.c.id, place.c.location_id == SERVER_LOCATION_ID
    return select(place.c.id).where(*is_there).exists()


def _film(component_id: str, facts: dict[str, str]) -> dict[str, Any]:
    exact, size = _read_object(facts.get(_EXACT)), _read_object(facts.get(_FTRACK))
    has_rate = isinstance(exact.get("fps"), str) and all(
        isinstance(exact.get(name), int) for name in ("first_frame", "frame_count")
    )
    return {
        "url": f"media/{component_id}",
        "exact": {name: exact[name] for name in ("fps", "first_frame", "frame_count")} if has_rate else None,
        "width": size.get("width"),
        "height": size.get("height"),
    }


def _read_object(text: str | None) -> dict[str, Any]:
    """Return the object that a metadata value holds; anyone can write there, so it may be anything."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _read_paths(connection: Connection, tables: Tables, ids: set[str]) -> dict[str, list[str]]:
    """Return the names from the project down to each of these contexts."""
    context = tables.by_family["Context"]
    above: dict[str, Row[Any]] = {}
    wanted = set(ids)
    while wanted:
        rows = connection.execute(
            select(context.c.id, context.c.name, context.c.parent_id).where(context.c.id.in_(wanted))
        ).all()
        above.update({row.id: row for row in rows})
        wanted = {row.parent_id for row in rows if row.parent_id is not None} - above.keys()
    return {context_id: _names(above, context_id) for context_id in ids}


def _names(above: dict[str, Row[Any]], context_id: str) -> list[str]:
    names: list[str] = []
    here: str | None = context_id
    while here is not None and here in above and len(names) <= len(above):
        names.insert(0, above[here].name)
        here = above[here].parent_id
    return names
