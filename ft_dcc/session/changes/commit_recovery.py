"""Find out whether a batch of changes reached the server although its response did not arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ft_dcc.session import operations
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.populate import key_condition

Post = Callable[[Sequence[Any]], bytes]
Types = Mapping[str, type[Entity]]


def recover(post: Post, types: Types, batch: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Return what the server would have answered, or None if the batch has to be sent again.

    A batch is one transaction and its ids are chosen by the client, so one entity tells about all of them: the first
    created one exists, or the first deleted one does not. Repeated changes of values do no harm.
    """
    for action, exists_after_commit in (("create", True), ("delete", False)):
        witness = next((each for each in batch if each.get("action") == action), None)
        if witness is not None:
            if _exists(post, types, witness) is exists_after_commit:
                return json.dumps([_result(types, each) for each in batch]).encode()
            return None
    return None


def _exists(post: Post, types: Types, operation: Mapping[str, Any]) -> bool:
    names = types[operation["entity_type"]].primary_key_attributes
    condition = key_condition(names, _key(types, operation))
    response = post([operations.query(f"select {', '.join(names)} from {operation['entity_type']} where {condition}")])
    return bool(json.loads(response)[0]["data"])


def _result(types: Types, operation: Mapping[str, Any]) -> dict[str, Any]:
    if operation["action"] == "delete":
        return {"action": "delete", "data": True}
    entity_type = operation["entity_type"]
    reference = dict(zip(types[entity_type].primary_key_attributes, _key(types, operation)))
    return {"action": operation["action"], "data": {"__entity_type__": entity_type, **reference}}


def _key(types: Types, operation: Mapping[str, Any]) -> list[str]:
    if "entity_key" in operation:
        key = operation["entity_key"]
        return [key] if isinstance(key, str) else list(key)
    names = types[operation["entity_type"]].primary_key_attributes
    return [str(operation["entity_data"].get(name, "")) for name in names]


def is_recoverable(batch: Sequence[Any]) -> bool:
    """Return whether every creation names its ids, so that a repetition cannot create a second entity."""
    return all(
        isinstance(each, Mapping)
        and (each.get("action") != "create" or "entity_key" in each or "id" in each["entity_data"])
        for each in batch
    )
