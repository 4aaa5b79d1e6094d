"""The logs that are written in the transaction of each change: that of all changes, and that of new feedback.

The log of changes has the names of attributes, not their values, which may be private. The detail of an entry is the
name of a closed review session that an administrator has deleted, or the address of a guest who has opened a version;
the views of guests are forgotten after some months. New versions, review entries, notes and verdicts are
recorded as events: a worker turns them into mails and webhook deliveries, so that a server that stops loses none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, delete, select, update

from ft_dcc.server.database import clock, connections
from ft_dcc.server.database.private_tables import AUDIT_ENTRIES, RECORDED_EVENTS
from ft_dcc.server.identity import Caller

_INSERT, _INSERT_EVENT = connections.Prepared(AUDIT_ENTRIES.insert()), connections.Prepared(RECORDED_EVENTS.insert())
_MAX_LENGTH = 1000
VERSION, ENTRY, NOTE, VERDICT = "version", "entry", "note", "verdict"
_KINDS = {"AssetVersion": VERSION, "ReviewSessionObject": ENTRY, "Note": NOTE, "ReviewSessionObjectStatus": VERDICT}
_MAX_EVENTS = 500
_VIEW, VIEW_RETENTION_DAYS = "view", 90


def record(
    connection: Connection, caller: Caller, operations: Sequence[tuple[Mapping[str, Any], Any]], detail: str = ""
) -> None:
    """Add operations, each with its answer, to the log, in the current transaction."""
    common: dict[str, Any] = {"at": clock.now(), "user_id": caller.id, "username": caller.username}
    common["detail"] = detail[:_MAX_LENGTH] or None
    for operation, answer in operations:
        _INSERT.change(connection, {**common, **_describe(operation, answer)})


def record_view(connection: Connection, guest: Caller, object_id: str, address: str) -> None:
    """Add to the log that a guest has opened a version of a review session."""
    operation = {"action": _VIEW, "entity_type": "ReviewSessionObject", "entity_key": [object_id]}
    record(connection, guest, [(operation, None)], address)


def forget_views(connection: Connection) -> None:
    """Remove the views of guests that are older than the retention."""
    is_old = AUDIT_ENTRIES.c.at < clock.now() - VIEW_RETENTION_DAYS * 86_400
    connection.execute(delete(AUDIT_ENTRIES).where(is_old, AUDIT_ENTRIES.c.action == _VIEW))


def backfill_user(connection: Connection, caller: Caller) -> None:
    """Make this user the author of the changes from before the first user existed."""
    without_user = AUDIT_ENTRIES.c.user_id == ""
    connection.execute(update(AUDIT_ENTRIES).where(without_user).values(user_id=caller.id, username=caller.username))


def entries(
    connection: Connection, *, entity_id: str | None = None, username: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Return the newest changes, the newest first; of one entity or of all, by one user or by all.

    Each has the seconds since 1970, the user, the action, the entity, and the attributes that were given.
    """
    statement = select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id.desc()).limit(limit)
    if entity_id is not None:
        statement = statement.where(AUDIT_ENTRIES.c.entity_id == entity_id)
    if username is not None:
        statement = statement.where(AUDIT_ENTRIES.c.username == username)
    names = ("at", "username", "action", "entity_type", "entity_id")
    return [
        {
            **{name: row[name] for name in names},
            "attributes": tuple(row["attributes"].split()),
            "detail": row["detail"] or "",
        }
        for row in connection.execute(statement).mappings()
    ]


def last_user(connection: Connection, entity_id: str, action: str, since: float = 0) -> str | None:
    """Return the id of the user who was the last to do this with an entity since then, or None."""
    found: str | None = connection.scalar(
        select(AUDIT_ENTRIES.c.user_id)
        .where(AUDIT_ENTRIES.c.entity_id == entity_id, AUDIT_ENTRIES.c.action == action, AUDIT_ENTRIES.c.at >= since)
        .order_by(AUDIT_ENTRIES.c.id.desc())
        .limit(1)
    )
    return found


def newest_moment(connection: Connection) -> float:
    """Return the time of the last entry, 0 without one."""
    return connection.scalar(select(AUDIT_ENTRIES.c.at).order_by(AUDIT_ENTRIES.c.id.desc()).limit(1)) or 0.0


def _describe(operation: Mapping[str, Any], answer: Any) -> dict[str, str]:
    given = operation.get("entity_data")
    attributes = [name for name in given if not name.startswith("__")] if isinstance(given, dict) else []
    return {
        "action": str(operation["action"]),
        "entity_type": str(operation.get("entity_type") or "")[:_MAX_LENGTH],
        "entity_id": _entity_id(operation, answer)[:_MAX_LENGTH],
        "attributes": " ".join(sorted(attributes))[:_MAX_LENGTH],
    }


def _entity_id(operation: Mapping[str, Any], answer: Any) -> str:
    """Return the key in the operation, or the id in its answer; "" without one."""
    data = answer.get("data") if isinstance(answer, dict) else None
    made_id = str(data.get("id", "")) if isinstance(data, dict) else ""
    key = operation.get("entity_key") or operation.get("component_id") or made_id
    parts = list(key.values()) if isinstance(key, dict) else key
    return ",".join(map(str, parts)) if isinstance(parts, list) else str(parts)


@attrs.frozen
class RecordedEvent:
    """One new entity: seconds since 1970, what it is, its id, and the id of the user or invitee who wrote it."""

    id: int
    at: float
    kind: str
    entity_id: str
    actor_id: str


def record_events(connection: Connection, caller: Caller, operations: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    """Record what operations, each with its answer, have created, in the current transaction."""
    for operation, answer in operations:
        if (kind := _kind(operation)) is not None and (entity_id := _entity_id(operation, answer)):
            row = {"at": clock.now(), "kind": kind, "entity_id": entity_id, "actor_id": caller.id}
            _INSERT_EVENT.change(connection, row)


def oldest_events(connection: Connection) -> list[RecordedEvent]:
    """Return the events that were not processed yet, the oldest first; at most some hundreds."""
    statement = select(RECORDED_EVENTS).order_by(RECORDED_EVENTS.c.id).limit(_MAX_EVENTS)
    return [RecordedEvent(**row._mapping) for row in connection.execute(statement)]


def remove_events(connection: Connection, events: Sequence[RecordedEvent]) -> None:
    """Remove events that were processed."""
    connection.execute(delete(RECORDED_EVENTS).where(RECORDED_EVENTS.c.id.in_([event.id for event in events])))


def _kind(operation: Mapping[str, Any]) -> str | None:
    kind = _KINDS.get(str(operation.get("entity_type")))
    data = operation.get("entity_data")
    if operation["action"] == "create":
        return kind
    # A second verdict changes the first one.
    is_verdict = kind == VERDICT and isinstance(data, dict) and "status" in data
    return kind if is_verdict and operation["action"] == "update" else None
