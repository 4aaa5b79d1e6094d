"""The log of changes, written in the transaction of each change.

It has the names of attributes, not their values, which may be private. The detail of an entry is the name of a closed
review session that an administrator has deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, select, update

from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import AUDIT_ENTRIES
from ft_dcc.server.identity import Caller

_INSERT = AUDIT_ENTRIES.insert()
_MAX_LENGTH = 1000


@attrs.frozen
class Entry:
    """One change: seconds since 1970, the user, the action, the entity, and the attributes that were given."""

    at: float
    username: str
    action: str
    entity_type: str
    entity_id: str
    attributes: tuple[str, ...]
    detail: str = ""


def record(
    connection: Connection, caller: Caller, operations: Sequence[tuple[Mapping[str, Any], Any]], detail: str = ""
) -> None:
    """Add operations, each with its answer, to the log, in the current transaction."""
    if not operations:
        return
    common: dict[str, Any] = {"at": clock.now(), "user_id": caller.id, "username": caller.username}
    common["detail"] = detail[:_MAX_LENGTH] or None
    connection.execute(_INSERT, [{**common, **_describe(operation, answer)} for operation, answer in operations])


def backfill_user(connection: Connection, caller: Caller) -> None:
    """Make this user the author of the changes from before the first user existed."""
    without_user = AUDIT_ENTRIES.c.user_id == ""
    connection.execute(update(AUDIT_ENTRIES).where(without_user).values(user_id=caller.id, username=caller.username))


def entries(
    connection: Connection, *, entity_id: str | None = None, username: str | None = None, limit: int = 100
) -> list[Entry]:
    """Return the newest changes, the newest first; of one entity or of all, by one user or by all."""
    statement = select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id.desc()).limit(limit)
    if entity_id is not None:
        statement = statement.where(AUDIT_ENTRIES.c.entity_id == entity_id)
    if username is not None:
        statement = statement.where(AUDIT_ENTRIES.c.username == username)
    return [
        Entry(
            row.at,
            row.username,
            row.action,
            row.entity_type,
            row.entity_id,
            tuple(row.attributes.split()),
            row.detail or "",
        )
        for row in connection.execute(statement)
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
    key = operation.get("entity_key") or operation.get("component_id") or _id_in(answer)
    entity_id = ",".join(map(str, key)) if isinstance(key, list) else str(key)
    return {
        "action": str(operation["action"]),
        "entity_type": str(operation.get("entity_type") or "")[:_MAX_LENGTH],
        "entity_id": entity_id[:_MAX_LENGTH],
        "attributes": " ".join(sorted(attributes))[:_MAX_LENGTH],
    }


def _id_in(answer: Any) -> str:
    data = answer.get("data") if isinstance(answer, dict) else None
    return str(data.get("id", "")) if isinstance(data, dict) else ""
