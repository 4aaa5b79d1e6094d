"""Operations for the server: functions that make their payloads, and the recorded changes of a session."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Union

from ft_dcc.errors import OperationError
from ft_dcc.session.symbol import NOT_SET, SERVER_LOCATION_ID
from ft_dcc.session.transport.codec import new_id


def create(entity_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation that creates an entity, for ``Session.call()``.

    >>> create("Task", {"id": "7b1d", "name": "anim"})["entity_data"]
    {'id': '7b1d', 'name': 'anim', '__entity_type__': 'Task'}
    """
    return {"action": "create", "entity_type": entity_type, "entity_data": {**data, "__entity_type__": entity_type}}


def update(entity_type: str, key: str | Sequence[str], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation that updates attributes of an entity; ``key`` is its id, or all parts of its key."""
    return {**create(entity_type, data), "action": "update", "entity_key": _as_list(key)}


def delete(entity_type: str, key: str | Sequence[str]) -> dict[str, Any]:
    """Return the operation that deletes an entity; ``key`` is its id, or all parts of its key."""
    return {"action": "delete", "entity_type": entity_type, "entity_key": _as_list(key)}


def query(expression: str) -> dict[str, Any]:
    """Return the operation that runs a query expression."""
    return {"action": "query", "expression": expression}


def add_to_server_location(component_id: str) -> dict[str, Any]:
    """Return the operation that registers a component in the server's location."""
    data = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
    return create("ComponentLocation", {"id": new_id(), **data})


class CreateEntityOperation(NamedTuple):
    """A new entity, with its initial values."""

    entity_type: str
    entity_key: Mapping[str, str]
    entity_data: Mapping[str, Any]


class UpdateEntityOperation(NamedTuple):
    """A changed attribute of an entity."""

    entity_type: str
    entity_key: Mapping[str, str]
    attribute_name: str
    old_value: Any
    new_value: Any


class DeleteEntityOperation(NamedTuple):
    """A deleted entity."""

    entity_type: str
    entity_key: Mapping[str, str]


class UploadOperation(NamedTuple):
    """A file to upload as the bytes of a component, before the other operations are sent."""

    entity_type: str
    entity_key: Mapping[str, str]
    path: Path


class RequestOperation(NamedTuple):
    """A request about an entity to send after the other operations were committed."""

    entity_type: str
    entity_key: Mapping[str, str]
    request: Mapping[str, Any]


Change = Union[CreateEntityOperation, UpdateEntityOperation, DeleteEntityOperation]
Operation = Union[Change, UploadOperation, RequestOperation]


# Numbers the operations of all stacks, so that merged stacks keep their order.
_numbers = itertools.count()


class Operations:
    """A stack of operations, oldest first."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, Operation]] = []

    def push(self, operation: Operation) -> None:
        """Add an operation."""
        self._stack.append((next(_numbers), operation))

    def pop(self) -> Operation:
        """Remove and return the newest operation; raises OperationError if there is none."""
        if not self._stack:
            raise OperationError("There is no recorded operation to remove.")
        return self._stack.pop()[1]

    def discard(self, entity_type: str, entity_key: Mapping[str, str]) -> list[Operation]:
        """Remove the operations of one entity and return them."""
        identity = (entity_type, *entity_key.values())
        discarded = [operation for operation in self if _identity(operation) == identity]
        self._stack = [each for each in self._stack if _identity(each[1]) != identity]
        return discarded

    def remove(self, operations: Iterable[Operation]) -> None:
        """Remove these operations, and keep those that were added since they were read."""
        removed = {id(operation) for operation in operations}
        self._stack = [each for each in self._stack if id(each[1]) not in removed]

    def merge(self, other: Operations) -> None:
        """Move the operations of another stack into this one, in the order in which they were made."""
        self._stack = sorted([*self._stack, *other._stack], key=itemgetter(0))
        other._stack = []

    def clear(self) -> None:
        """Remove all operations."""
        self._stack.clear()

    def __len__(self) -> int:
        return len(self._stack)

    def __iter__(self) -> Iterator[Operation]:
        return iter([operation for _, operation in self._stack])


def payloads(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """Return the payloads to send for these operations, in their order.

    Nothing is sent for entities that were created and deleted, only the last value of an attribute is sent, and updates
    that directly follow the creation or another update of their entity are merged with it.
    """
    changes = [each for each in operations if not isinstance(each, (UploadOperation, RequestOperation))]
    created = {_identity(each) for each in changes if isinstance(each, CreateEntityOperation)}
    both = created & {_identity(each) for each in changes if isinstance(each, DeleteEntityOperation)}
    merged: list[dict[str, Any]] = []
    # The identity of the entity that the last payload creates or updates.
    last: tuple[str, ...] | None = None
    for operation in _last_updates([each for each in changes if _identity(each) not in both]):
        key, identity = list(operation.entity_key.values()), _identity(operation)
        if isinstance(operation, DeleteEntityOperation):
            merged.append(delete(operation.entity_type, key))
            last = None
            continue
        if isinstance(operation, CreateEntityOperation):
            data = {name: value for name, value in operation.entity_data.items() if value is not NOT_SET}
            merged.append({**create(operation.entity_type, data), "entity_key": key})
        elif identity == last:
            merged[-1]["entity_data"][operation.attribute_name] = operation.new_value
        else:
            merged.append(update(operation.entity_type, key, {operation.attribute_name: operation.new_value}))
        last = identity
    return [payload for payload in merged if payload["action"] == "delete" or len(payload["entity_data"]) > 1]


def _last_updates(operations: list[Change]) -> list[Change]:
    seen: set[tuple[Any, ...]] = set()
    kept: list[Change] = []
    for operation in reversed(operations):
        if isinstance(operation, UpdateEntityOperation):
            attribute = (*_identity(operation), operation.attribute_name)
            if attribute in seen:
                continue
            seen.add(attribute)
            if operation.new_value is NOT_SET:
                continue
        kept.append(operation)
    kept.reverse()
    return kept


def _identity(operation: Operation) -> tuple[str, ...]:
    return (operation.entity_type, *operation.entity_key.values())


def _as_list(key: str | Sequence[str]) -> list[str]:
    return [key] if isinstance(key, str) else [str(part) for part in key]
