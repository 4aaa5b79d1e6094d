"""Who changed what, and when: written in the transaction that changes it, so that neither is there without the other.

The names of attributes are kept, not their values: notes and keys are nobody's business here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, select, update

from ft_dcc.server.access import Caller

_METADATA = MetaData()
_ENTRIES = Table(
    "ft_dcc_audit",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("user_id", String, nullable=False),
    Column("username", String, nullable=False),
    Column("action", String, nullable=False),
    Column("entity_type", String, nullable=False),
    Column("entity_id", String, nullable=False, index=True),
    Column("attributes", String, nullable=False),
)
_INSERT = _ENTRIES.insert()
_LONGEST = 1000


@attrs.frozen
class Entry:
    """One change: seconds since 1970, the user, what was done to which entity, and to which attributes."""

    at: float
    username: str
    action: str
    entity_type: str
    entity_id: str
    attributes: tuple[str, ...]


def create_tables(connection: Connection) -> None:
    """Have the table in the database; harmless when it is there."""
    _METADATA.create_all(connection)


def record(connection: Connection, caller: Caller, done: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    """These changes (operations and their answers) are in the log once the transaction is."""
    if not done:
        return
    who = {"at": time.time(), "user_id": caller.id, "username": caller.username}
    connection.execute(_INSERT, [{**who, **_subject(operation, answer)} for operation, answer in done])


def own_up(connection: Connection, caller: Caller) -> None:
    """What was changed while the studio had no user yet was changed by this one."""
    nobody = _ENTRIES.c.user_id == ""
    connection.execute(update(_ENTRIES).where(nobody).values(user_id=caller.id, username=caller.username))


def entries(
    connection: Connection, *, entity_id: str | None = None, username: str | None = None, most: int = 100
) -> list[Entry]:
    """Return the newest changes, of one entity or of all, by one user or by all, the newest first."""
    statement = select(_ENTRIES).order_by(_ENTRIES.c.id.desc()).limit(most)
    if entity_id is not None:
        statement = statement.where(_ENTRIES.c.entity_id == entity_id)
    if username is not None:
        statement = statement.where(_ENTRIES.c.username == username)
    return [
        Entry(row.at, row.username, row.action, row.entity_type, row.entity_id, tuple(row.attributes.split()))
        for row in connection.execute(statement)
    ]


def _subject(operation: Mapping[str, Any], answer: Any) -> dict[str, str]:
    given = operation.get("entity_data")
    attributes = [name for name in given if not name.startswith("__")] if isinstance(given, dict) else []
    key = operation.get("entity_key") or operation.get("component_id") or _id_in(answer)
    named = ",".join(map(str, key)) if isinstance(key, list) else str(key)
    return {
        "action": str(operation["action"]),
        "entity_type": str(operation.get("entity_type") or "")[:_LONGEST],
        "entity_id": named[:_LONGEST],
        "attributes": " ".join(sorted(attributes))[:_LONGEST],
    }


def _id_in(answer: Any) -> str:
    data = answer.get("data") if isinstance(answer, dict) else None
    return str(data.get("id", "")) if isinstance(data, dict) else ""
