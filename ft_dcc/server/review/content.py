"""Read the content of the review page from the database: the session, its versions and their media."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from ft_dcc.review import stored_values
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.encoding.queue import MOVIE, STILL, versions_being_encoded
from ft_dcc.server.entities.review_rules import WRITE_RIGHTS
from ft_dcc.server.errors import NotFound
from ft_dcc.server.review import feedback, internal_notes
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.schema.tables import Tables


def read_head(connection: Connection, tables: Tables, access: ReviewAccess) -> dict[str, Any]:
    """Return the name and state of the session, and what the visitor may do; raises NotFound."""
    session, project, label = tables.families("ReviewSession", "Context", "NoteLabel")
    statement = (
        select(
            session.c.name, session.c.description, project.c.name.label("project"), project.c.full_name, project.c.id
        )
        .join_from(session, project, session.c.project_id == project.c.id, isouter=True)
        .where(session.c.id == access.review_session_id)
    )
    found = connection.execute(statement).first()
    if found is None:
        raise NotFound("This review session does not exist any more. Ask for a new link.")
    internal = internal_notes.internal_labels(connection, tables)
    labels = connection.execute(select(label.c.id, label.c.name, label.c.color).order_by(label.c.sort, label.c.name))
    return {
        "id": access.review_session_id,
        "name": found.name or "",
        "description": found.description or "",
        "project": found.full_name or found.project or "",
        # For the links of the studio's users.
        "project_id": found.id if access.user is not None else None,
        "is_open": not access.has_ended,
        "visitor": access.name if access.rights & WRITE_RIGHTS else None,
        "rights": sorted(access.rights),
        "is_user": access.user is not None,
        "is_moderated": access.is_moderated,
        "is_watermarked": access.is_watermarked,
        # The author of the visitor's verdicts, and of the visitor's notes.
        "visitor_id": access.invitee_id,
        "author_id": access.invitee_id if access.user is None else access.user.id,
        "labels": [
            {"id": row.id, "name": row.name or "", "colour": row.color, "is_internal": row.id in internal}
            for row in labels
            if access.user is not None or row.id not in internal
        ],
    }


def read_entries(connection: Connection, tables: Tables, access: ReviewAccess) -> list[dict[str, Any]]:
    """Return the versions with what the list shows of them (web/src/model.ts, Entry); empty values are left out."""
    rows = connection.execute(_versions_of(tables, access.review_session_id)).all()
    summaries = feedback.read_summaries(connection, tables, access)
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
    movie = _read_movie(connection, tables, row.version_id)
    is_encoding = movie is None and row.version_id in versions_being_encoded(connection, tables, {row.version_id})
    paths = _read_paths(connection, tables, {row.context_id} if row.context_id is not None else set())
    addressed = feedback.read_addressed_notes(connection, tables, access, row.version_id)
    # Paths of a studio's storage are not for its guests.
    files = [] if access.user is None else _read_files(connection, tables, row.version_id)
    return {
        "id": row.id,
        # Left out if there are none, as in most versions.
        **({"addresses": addressed} if addressed else {}),
        **({"files": files} if files else {}),
        "description": row.description or "",
        "asset": row.asset or "",
        "asset_type": row.asset_type or "",
        "path": paths.get(row.context_id, []),
        "author": feedback.full_name(row),
        "date": None if row.date is None else f"{row.date}Z",
        "comment": row.comment or "",
        "film": movie,
        "still": None if movie else _read_still(connection, tables, row.version_id),
        "is_encoding": is_encoding,
        **feedback.read_feedback(connection, tables, access, object_id),
    }


def component_file_type(
    connection: Connection, tables: Tables, access: ReviewAccess, component_id: str
) -> tuple[str | None, bool]:
    """Return a component's file type, and whether it is played here; raises NotFound if the visitor may not see it."""
    item, version, component = tables.families("ReviewSessionObject", "AssetVersion", "Component")
    shown = select(version.c.id).join_from(item, version, item.c.version_id == version.c.id)
    shown = shown.where(item.c.review_session_id == access.review_session_id)
    is_shown = component.c.name.in_((STILL, *stored_values.REVIEW_MOVIES)) & component.c.version_id.in_(shown)
    is_thumbnail = component.c.id.in_(shown.with_only_columns(version.c.thumbnail_id))
    columns = select(component.c.file_type, is_shown.label("is_played"))
    found = connection.execute(columns.where(component.c.id == component_id, is_shown | is_thumbnail)).first()
    if found is None:
        return feedback.note_file_type(connection, tables, access, component_id), False
    return found.file_type, bool(found.is_played)


def _versions_of(tables: Tables, review_session_id: str) -> Select[Any]:
    item, version, asset, status = tables.families("ReviewSessionObject", "AssetVersion", "Asset", "Status")
    kind, task, user = tables.families("AssetType", "Context", "Resource")
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


def _read_movie(connection: Connection, tables: Tables, version_id: str) -> dict[str, Any] | None:
    """Return the largest movie of a version with the others as its renditions, or None."""
    component, metadata = tables.families("Component", "Metadata")
    is_movie = component.c.name.in_(stored_values.REVIEW_MOVIES), component.c.version_id == version_id
    statement = (
        select(component.c.id, component.c.name, component.c.size, metadata.c.key, metadata.c.value)
        .join_from(component, metadata, component.c.id == metadata.c.parent_id, isouter=True)
        .where(*is_movie, _is_uploaded(tables))
        .order_by(component.c["__row__"])
    )
    values: dict[tuple[str, str, float | None], dict[str, str]] = {}
    for row in connection.execute(statement):
        values.setdefault((row.id, row.name, row.size), {})[row.key] = row.value
    # The newest one of each name.
    newest = {key[1]: (key, entries) for key, entries in values.items()}
    if MOVIE not in newest:
        return None
    own = newest[MOVIE][1].get(stored_values.MOVIE_KEY, "")
    stated = stored_values.json_object(own)
    movies = []
    for (component_id, name, byte_count), entries in newest.values():
        exact = stored_values.json_object(entries.get(stored_values.MOVIE_KEY))
        # All have the rate and number of frames of the one that each player knows, as far as they state them.
        if all(exact.get(part, stated.get(part)) == stated.get(part) for part in ("fps", "frame_count")):
            movie = _movie_to_json(component_id, byte_count, {stored_values.MOVIE_KEY: own, **entries})
            movies.append((stored_values.movie_lines(name, entries), name == MOVIE, movie))
    movies.sort(key=lambda each: each[:2], reverse=True)
    largest: dict[str, Any] = movies[0][2]
    for lines, _, movie in movies[1:]:
        largest["renditions"].append({"lines": lines, "url": movie["url"], "size": movie["size"]})
    return largest


def movie_component(connection: Connection, tables: Tables, review_session_id: str, object_id: str) -> str | None:
    """Return the id of the largest movie of one of the session's versions, or None."""
    item = tables.by_family["ReviewSessionObject"]
    is_shown = item.c.review_session_id == review_session_id, item.c.id == object_id
    version_id = connection.scalar(select(item.c.version_id).where(*is_shown))
    movie = None if version_id is None else _read_movie(connection, tables, version_id)
    return None if movie is None else str(movie["url"]).rpartition("/")[2]


def _read_still(connection: Connection, tables: Tables, version_id: str) -> str | None:
    """Return the URL of the image of a version without a movie, or None."""
    component = tables.by_family["Component"]
    is_still = (component.c.name == STILL, component.c.version_id == version_id, _is_uploaded(tables))
    found = connection.scalar(select(component.c.id).where(*is_still).order_by(component.c["__row__"].desc()).limit(1))
    return None if found is None else f"media/{found}"


def _read_files(connection: Connection, tables: Tables, version_id: str) -> list[dict[str, str]]:
    """Return the names and paths of the version's components on the studio's disk."""
    component, location = tables.families("Component", "ComponentLocation")
    statement = (
        select(component.c.name, location.c.resource_identifier)
        .join_from(component, location, location.c.component_id == component.c.id)
        .where(component.c.version_id == version_id, location.c.location_id != SERVER_LOCATION_ID)
        .order_by(component.c["__row__"])
    )
    return [{"name": row.name, "path": row.resource_identifier} for row in connection.execute(statement)]


def _is_uploaded(tables: Tables) -> ColumnElement[bool]:
    """Return the condition that a component is in the server's location; an unfinished encode is not there yet."""
    component, location = tables.families("Component", "ComponentLocation")
    is_on_server = location.c.component_id == component.c.id, location.c.location_id == SERVER_LOCATION_ID
    return select(location.c.id).where(*is_on_server).exists()


def _movie_to_json(component_id: str, byte_count: float | None, values: dict[str, str]) -> dict[str, Any]:
    keys = (stored_values.MOVIE_KEY, stored_values.FTRACK_MOVIE_KEY)
    exact, player = (stored_values.json_object(values.get(key)) for key in keys)
    has_rate = isinstance(exact.get("fps"), str) and all(
        isinstance(exact.get(name), int) for name in ("first_frame", "frame_count")
    )
    return {
        "url": f"media/{component_id}",
        "exact": {name: exact[name] for name in ("fps", "first_frame", "frame_count")} if has_rate else None,
        "width": stored_values.first_integer(player.get("width"), exact.get("width")),
        "height": stored_values.first_integer(player.get("height"), exact.get("height")),
        "size": byte_count,
        "renditions": [],
    }


def _read_paths(connection: Connection, tables: Tables, ids: set[str]) -> dict[str, list[str]]:
    """Return the names from the project down to each of these contexts."""
    context = tables.by_family["Context"]
    rows_by_id: dict[str, Row[Any]] = {}
    pending, statement = set(ids), select(context.c.id, context.c.name, context.c.parent_id)
    while pending:
        rows = connection.execute(statement.where(context.c.id.in_(pending))).all()
        rows_by_id.update({row.id: row for row in rows})
        pending = {row.parent_id for row in rows if row.parent_id is not None} - rows_by_id.keys()
    paths: dict[str, list[str]] = {context_id: [] for context_id in ids}
    for context_id, names in paths.items():
        current: str | None = context_id
        while current is not None and current in rows_by_id and len(names) <= len(rows_by_id):
            names.insert(0, rows_by_id[current].name)
            current = rows_by_id[current].parent_id
    return paths
