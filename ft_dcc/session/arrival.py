"""Whether changes arrived although their answer did not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ft_dcc.session import operations
from ft_dcc.session.populating import key_condition

if TYPE_CHECKING:
    from ft_dcc.session.session import Session


def recover(session: Session, batch: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Return what the server would have answered, or None when the batch has to be sent again.

    A batch is one transaction and the ids of what it creates are chosen here, so that one entity tells about all of
    them: the first created one is there, or the first deleted one is gone. Changes of values do no harm twice.
    """
    for action, arrived_when_there in (("create", True), ("delete", False)):
        witness = next((each for each in batch if each.get("action") == action), None)
        if witness is not None:
            if _is_there(session, witness) is arrived_when_there:
                return json.dumps([_answer(session, each) for each in batch]).encode()
            return None
    return None


def _is_there(session: Session, operation: Mapping[str, Any]) -> bool:
    names = session.types[operation["entity_type"]].primary_key_attributes
    condition = key_condition(names, _key(session, operation))
    answer = session.post(
        [operations.query(f"select {', '.join(names)} from {operation['entity_type']} where {condition}")]
    )
    return bool(json.loads(answer)[0]["data"])


def _answer(session: Session, operation: Mapping[str, Any]) -> dict[str, Any]:
    if operation["action"] == "delete":
        return {"action": "delete", "data": True}
    entity_type = operation["entity_type"]
    names = session.types[entity_type].primary_key_attributes
    reference = dict(zip(names, _key(session, operation)))
    return {"action": operation["action"], "data": {"__entity_type__": entity_type, **reference}}


def _key(session: Session, operation: Mapping[str, Any]) -> list[str]:
    if "entity_key" in operation:
        key = operation["entity_key"]
        return [key] if isinstance(key, str) else list(key)
    names = session.types[operation["entity_type"]].primary_key_attributes
    return [str(operation["entity_data"].get(name, "")) for name in names]


def is_recoverable(batch: Sequence[Any]) -> bool:
    """Whether every creation names its ids, so that a second attempt cannot make a second entity."""
    return all(
        isinstance(each, Mapping)
        and (each.get("action") != "create" or "entity_key" in each or "id" in each["entity_data"])
        for each in batch
    )
