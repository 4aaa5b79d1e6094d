"""Read the content of the review page from the database: the session, its versions and their media."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from ft_dcc.review.stored_values import json_object
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.encoding.queue import MOVIE, STILL, versions_being_encoded
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.feedback import (
    full_name,
    note_file_type,
    read_addressed_notes,
    read_feedback,
    read_summaries,
)
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.storage.renditions import LINES

# Metadata of a movie: the exact rate and frames, and the values that every ftrack player reads (decision 0004).
_MOVIE_KEY, _FTRACK_KEY = "ft_dcc", "ftr_meta"
# The smaller outputs of a publish that the page plays on slow connections.
_LINES_BY_NAME = {f"{MOVIE}-{lines}": lines for lines in LINES}


def read_head(connection: Connection, tables: Tables, access: ReviewAccess) -> dict[str, Any]:
    """Return the name and state of the session, and what the visitor may do; raises NotFound."""
    session, project = tables.by_family["ReviewSession"], tables.by_family["Context"]
    statement = (
        select(session.c.name, session.c.description, project.c.name.label("project"), project.c.full_name)
        .join_from(session, project, session.c.project_id == project.c.id, isouter=True)
        .where(session.c.id == access.review_session_id)
    )
    found = connection.execute(statement).first()
    if found is None:
        raise NotFound("This review session does not exist any more. Ask for a new link.")
    label = tables.by_family["NoteLabel"]
    labels = connection.execute(select(label.c.id, label.c.name, label.c.color).order_by(label.c.sort, label.c.name))
    return {
        "id": access.review_session_id,
        "name": found.name or "",
        "description": found.description or "",
        "project": found.full_name or found.project or "",
        "is_open": not access.has_ended,
        "visitor": access.name if access.may_write else None,
        "rights": sorted(access.rights),
        "is_user": access.user is not None,
        # The author of the visitor's verdicts, and of the visitor's notes.
        "visitor_id": access.invitee_id,
        "author_id": access.invitee_id if access.user is None else access.user.id,
        "labels": [{"id": row.id, "name": row.name or "", "colour": row.color} for row in labels],
    }


def read_entries(connection: Connection, tables: Tables, access: ReviewAccess) -> list[dict[str, Any]]:
    """Return the versions of the session with what the list shows of them (web/src/model.ts, Entry).

    Values that are empty are left out: a session may have hundreds of versions.
    """
    rows = connection.execute(_versions_of(tables, access.review_session_id)).all()
    summaries = read_summaries(connection, tables, access)
    paths = _read_paths(connection, tables, {row.context_id for row in rows if row.context_id is not None})
    stacks = Counter(row.asset_id for row in rows)
    numbers = {asset_id: number for number, asset_id in enumerate(stacks)}
    return [
        {
            "id": row.id,
            "name": row.name or row.asset or "",
            "version": row.number,
            **{
                name: value
                for name, value in (
                    ("thumbnail", row.thumbnail_id),
                    ("task", row.task),
                    # The sequence of a shot: the name above that of the context.
                    ("group", "".join(paths.get(row.context_id, [])[-2:-1])),
                    ("stack", numbers[row.asset_id] if stacks[row.asset_id] > 1 else None),
                    ("status", row.status),
                    ("date", None if row.date is None else f"{row.date}Z"),
                )
                if value is not None and value != ""
            },
            **summaries.get(row.id, {}),
        }
        for row in rows
    ]


def read_review(connection: Connection, tables: Tables, access: ReviewAccess) -> dict[str, Any]:
    """Return the session with the details of all its versions, for exports; raises NotFound."""
    entries = [
        {"task": "", **entry, **read_entry(connection, tables, access, entry["id"])}
        for entry in read_entries(connection, tables, access)
    ]
    return {**read_head(connection, tables, access), "entries": entries}


def read_entry(connection: Connection, tables: Tables, access: ReviewAccess, object_id: str) -> dict[str, Any]:
    """Return one version with its media and feedback (web/src/model.ts, Details); raises NotFound."""
    item = tables.by_family["ReviewSessionObject"]
    row = connection.execute(_versions_of(tables, access.review_session_id).where(item.c.id == object_id)).first()
    if row is None:
        raise NotFound("This review session has no such version. Load the page again.")
    movie = _read_movies(connection, tables, [row.version_id]).get(row.version_id)
    is_encoding = movie is None and row.version_id in versions_being_encoded(connection, tables, {row.version_id})
    paths = _read_paths(connection, tables, {row.context_id} if row.context_id is not None else set())
    addressed = read_addressed_notes(connection, tables, access, row.version_id)
    return {
        "id": row.id,
        # Left out if there are none, as in most versions.
        **({"addresses": addressed} if addressed else {}),
        "description": row.description or "",
        "asset": row.asset or "",
        "asset_type": row.asset_type or "",
        "path": paths.get(row.context_id, []),
        "author": full_name(row),
        "date": None if row.date is None else f"{row.date}Z",
        "comment": row.comment or "",
        "film": movie,
        "still": None if movie else _read_stills(connection, tables, [row.version_id]).get(row.version_id),
        "is_encoding": is_encoding,
        **read_feedback(connection, tables, access, object_id),
    }


def version_ids(connection: Connection, tables: Tables, review_session_id: str) -> dict[str, str]:
    """Return the ids of the session's objects by the ids of their versions."""
    item = tables.by_family["ReviewSessionObject"]
    statement = select(item.c.version_id, item.c.id).where(item.c.review_session_id == review_session_id)
    return {row.version_id: row.id for row in connection.execute(statement)}


def component_file_type(connection: Connection, tables: Tables, access: ReviewAccess, component_id: str) -> str | None:
    """Return the file type of a component that the visitor may see in this session; raises NotFound for any other."""
    item, version, component = (tables.by_family[name] for name in ("ReviewSessionObject", "AssetVersion", "Component"))
    shown = select(version.c.id).join_from(item, version, item.c.version_id == version.c.id)
    shown = shown.where(item.c.review_session_id == access.review_session_id)
    is_shown = component.c.name.in_((MOVIE, STILL, *_LINES_BY_NAME)) & component.c.version_id.in_(shown)
    is_thumbnail = component.c.id.in_(shown.with_only_columns(version.c.thumbnail_id))
    statement = select(component.c.file_type).where(component.c.id == component_id, is_shown | is_thumbnail)
    found = connection.execute(statement).first()
    if found is None:
        return note_file_type(connection, tables, access, component_id)
    file_type: str | None = found.file_type
    return file_type


def _versions_of(tables: Tables, review_session_id: str) -> Select[Any]:
    item, version, asset = (tables.by_family[name] for name in ("ReviewSessionObject", "AssetVersion", "Asset"))
    status = tables.by_family["Status"]
    kind, task, user = (tables.by_family[name] for name in ("AssetType", "Context", "Resource"))
    return (
        select(item.c.id, item.c.name, item.c.description, item.c.version_id)
        .add_columns(version.c.version.label("number"), version.c.comment, version.c.date, version.c.thumbnail_id)
        .add_columns(asset.c.id.label("asset_id"), asset.c.name.label("asset"), asset.c.context_id)
        .add_columns(kind.c.name.label("asset_type"), status.c.name.label("status"))
        .add_columns(task.c.name.label("task"), user.c.first_name, user.c.last_name, user.c.username)
        .join_from(item, version, item.c.version_id == version.c.id)
        .join(asset, version.c.asset_id == asset.c.id)
        .join(kind, asset.c.type_id == kind.c.id, isouter=True)
        .join(status, version.c.status_id == status.c.id, isouter=True)
        .join(task, version.c.task_id == task.c.id, isouter=True)
        .join(user, version.c.user_id == user.c.id, isouter=True)
        .where(item.c.review_session_id == review_session_id)
        .order_by(item.c.sort_order.is_(None), item.c.sort_order, item.c["__row__"])
    )


def _read_movies(connection: Connection, tables: Tables, version_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    component, metadata = tables.by_family["Component"], tables.by_family["Metadata"]
    is_movie = component.c.name.in_((MOVIE, *_LINES_BY_NAME)), component.c.version_id.in_(version_ids)
    statement = (
        select(component.c.id, component.c.version_id, component.c.name, component.c.size)
        .add_columns(metadata.c.key, metadata.c.value)
        .join_from(component, metadata, component.c.id == metadata.c.parent_id, isouter=True)
        .where(*is_movie, _is_uploaded(tables))
        .order_by(component.c["__row__"])
    )
    values: dict[tuple[str, str, str, float | None], dict[str, str]] = {}
    for row in connection.execute(statement):
        values.setdefault((row.id, row.version_id, row.name, row.size), {})[row.key] = row.value
    found: dict[str, dict[str, Any]] = {}
    for (component_id, version_id, name, size), entries in values.items():
        if name == MOVIE:
            found[version_id] = _movie_to_json(component_id, size, entries)
    for (component_id, version_id, name, _size), entries in values.items():
        movie = found.get(version_id)
        if name != MOVIE and movie is not None and _has_same_frames(movie, entries):
            movie["renditions"].append({"lines": _LINES_BY_NAME[name], "url": f"media/{component_id}"})
    return found


def _has_same_frames(movie: dict[str, Any], values: dict[str, str]) -> bool:
    """Return whether a rendition has the rate and number of frames of its movie, as far as it states them."""
    exact = json_object(values.get(_MOVIE_KEY))
    stated = movie["exact"] or {}
    return all(exact.get(name, stated.get(name)) == stated.get(name) for name in ("fps", "frame_count"))


def movie_component(connection: Connection, tables: Tables, review_session_id: str, object_id: str) -> str | None:
    """Return the id of the movie of one of the session's versions, or None."""
    item, component = tables.by_family["ReviewSessionObject"], tables.by_family["Component"]
    statement = (
        select(component.c.id)
        .join_from(item, component, component.c.version_id == item.c.version_id)
        .where(item.c.review_session_id == review_session_id, item.c.id == object_id)
        .where(component.c.name == MOVIE, _is_uploaded(tables))
        .order_by(component.c["__row__"].desc())
    )
    found: str | None = connection.scalar(statement.limit(1))
    return found


def _read_stills(connection: Connection, tables: Tables, version_ids: Iterable[str]) -> dict[str, str]:
    """Return the URLs of the images of versions without a movie."""
    component = tables.by_family["Component"]
    is_still = (component.c.name == STILL, component.c.version_id.in_(version_ids), _is_uploaded(tables))
    statement = select(component.c.version_id, component.c.id).where(*is_still).order_by(component.c["__row__"])
    return {version_id: f"media/{component_id}" for version_id, component_id in connection.execute(statement)}


def _is_uploaded(tables: Tables) -> ColumnElement[bool]:
    """Return the condition that a component is in the server's location; an unfinished encode is not there yet."""
    component, location = tables.by_family["Component"], tables.by_family["ComponentLocation"]
    is_on_server = location.c.component_id == component.c.id, location.c.location_id == SERVER_LOCATION_ID
    return select(location.c.id).where(*is_on_server).exists()


def _movie_to_json(component_id: str, byte_count: float | None, values: dict[str, str]) -> dict[str, Any]:
    exact, size = json_object(values.get(_MOVIE_KEY)), json_object(values.get(_FTRACK_KEY))
    has_rate = isinstance(exact.get("fps"), str) and all(
        isinstance(exact.get(name), int) for name in ("first_frame", "frame_count")
    )
    return {
        "url": f"media/{component_id}",
        "exact": {name: exact[name] for name in ("fps", "first_frame", "frame_count")} if has_rate else None,
        "width": size.get("width"),
        "height": size.get("height"),
        "size": byte_count,
        "renditions": [],
    }


def _read_paths(connection: Connection, tables: Tables, ids: set[str]) -> dict[str, list[str]]:
    """Return the names from the project down to each of these contexts."""
    context = tables.by_family["Context"]
    rows_by_id: dict[str, Row[Any]] = {}
    pending = set(ids)
    while pending:
        rows = connection.execute(
            select(context.c.id, context.c.name, context.c.parent_id).where(context.c.id.in_(pending))
        ).all()
        rows_by_id.update({row.id: row for row in rows})
        pending = {row.parent_id for row in rows if row.parent_id is not None} - rows_by_id.keys()
    return {context_id: _path_names(rows_by_id, context_id) for context_id in ids}


def _path_names(rows_by_id: dict[str, Row[Any]], context_id: str) -> list[str]:
    names: list[str] = []
    current: str | None = context_id
    while current is not None and current in rows_by_id and len(names) <= len(rows_by_id):
        names.insert(0, rows_by_id[current].name)
        current = rows_by_id[current].parent_id
    return names
