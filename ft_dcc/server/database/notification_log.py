"""New versions, review entries, notes and verdicts, recorded in the transaction that writes them.

A worker turns them into mails and webhook deliveries, so that a server that stops in between loses none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, delete, select

from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import RECORDED_EVENTS
from ft_dcc.server.identity import Caller

VERSION, ENTRY, NOTE, VERDICT = "version", "entry", "note", "verdict"
_KINDS = {
    "AssetVersion": VERSION,
    "ReviewSessionObject": ENTRY,
    "Note": NOTE,
    "ReviewSessionObjectStatus": VERDICT,
}
_MAX_EVENTS = 500


@attrs.frozen
class RecordedEvent:
    """One new entity: seconds since 1970, what it is, its id, and the id of the user or invitee who wrote it."""

    id: int
    at: float
    kind: str
    entity_id: str
    actor_id: str


def record(connection: Connection, caller: Caller, operations: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    """Record what operations, each with its answer, have created, in the current transaction."""
    rows = [
        {"at": clock.now(), "kind": kind, "entity_id": entity_id, "actor_id": caller.id}
        for operation, answer in operations
        if (kind := _kind(operation)) is not None and (entity_id := _entity_id(operation, answer))
    ]
    if rows:
        connection.execute(RECORDED_EVENTS.insert(), rows)


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


def _entity_id(operation: Mapping[str, Any], answer: Any) -> str:
    key = operation.get("entity_key")
    if isinstance(key, list) and key:
        return str(key[0])
    for source in (operation.get("entity_data"), answer.get("data") if isinstance(answer, dict) else None):
        if isinstance(source, dict) and source.get("id"):
            return str(source["id"])
    return ""
