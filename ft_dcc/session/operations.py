"""What a session will tell the server: recorded operations as plain data, and the form in which they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Union

from ft_dcc.errors import OperationError
from ft_dcc.session.symbol import NOT_SET


def create(entity_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation that creates an entity, for ``Session.call()``.

    >>> create("Task", {"id": "7b1d", "name": "anim"})["entity_data"]
    {'id': '7b1d', 'name': 'anim', '__entity_type__': 'Task'}
    """
    return {
        "action": "create",
        "entity_type": entity_type,
        "entity_data": {**data, "__entity_type__": entity_type},
    }


def update(entity_type: str, key: str | Sequence[str], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation that changes these attributes of an entity; ``key`` is its id, or all parts of its key."""
    return {
        "action": "update",
        "entity_type": entity_type,
        "entity_key": _as_list(key),
        "entity_data": {**data, "__entity_type__": entity_type},
    }


def delete(entity_type: str, key: str | Sequence[str]) -> dict[str, Any]:
    """Return the operation that deletes an entity; ``key`` is its id, or all parts of its key."""
    return {"action": "delete", "entity_type": entity_type, "entity_key": _as_list(key)}


def query(expression: str) -> dict[str, Any]:
    """Return the operation that answers a query expression."""
    return {"action": "query", "expression": expression}


class CreateEntityOperation(NamedTuple):
    """An entity of this type and key was made, with these values."""

    entity_type: str
    entity_key: Mapping[str, str]
    entity_data: Mapping[str, Any]


class UpdateEntityOperation(NamedTuple):
    """One attribute was given another value."""

    entity_type: str
    entity_key: Mapping[str, str]
    attribute_name: str
    old_value: Any
    new_value: Any


class DeleteEntityOperation(NamedTuple):
    """An entity is to be deleted."""

    entity_type: str
    entity_key: Mapping[str, str]


class UploadOperation(NamedTuple):
    """A file is to be uploaded as the bytes of a component, before the other operations are sent."""

    entity_type: str
    entity_key: Mapping[str, str]
    path: Path


class RequestOperation(NamedTuple):
    """The server is to be asked for something about an entity, after the other operations were committed."""

    entity_type: str
    entity_key: Mapping[str, str]
    request: Mapping[str, Any]


Change = Union[CreateEntityOperation, UpdateEntityOperation, DeleteEntityOperation]
Operation = Union[Change, UploadOperation, RequestOperation]


class Operations:
    """A stack of operations, oldest first."""

    def __init__(self) -> None:
        self._stack: list[Operation] = []

    def push(self, operation: Operation) -> None:
        """Put one on top."""
        self._stack.append(operation)

    def pop(self) -> Operation:
        """Take the newest off; raises OperationError when there is none."""
        if not self._stack:
            raise OperationError("There is no recorded operation to take back.")
        return self._stack.pop()

    def withdraw(self, entity_type: str, entity_key: Mapping[str, str]) -> list[Operation]:
        """Take those about one entity out, and return them."""
        identity = (entity_type, *entity_key.values())
        taken = [operation for operation in self._stack if _identity(operation) == identity]
        self._stack = [operation for operation in self._stack if _identity(operation) != identity]
        return taken

    def clear(self) -> None:
        """Forget all of them."""
        self._stack.clear()

    def __len__(self) -> int:
        return len(self._stack)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._stack)

    def __repr__(self) -> str:
        return f"<Operations {self._stack!r}>"


def payloads(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """Return what is sent for these operations, in their order.

    Nothing is sent for what was created and deleted, only the last value of an attribute counts, and changes that
    follow directly on the creation of their entity, or on one another, are sent with it.
    """
    changes = [each for each in operations if not isinstance(each, (UploadOperation, RequestOperation))]
    pending = _without_stillborn(changes)
    sent: list[dict[str, Any]] = []
    for operation in _last_updates(pending):
        payload = _payload(operation)
        before = sent[-1] if sent else None
        if payload["action"] == "update" and before is not None and _is_same(before, payload):
            before["entity_data"].update(payload["entity_data"])
        else:
            sent.append(payload)
    return [payload for payload in sent if payload["action"] == "delete" or len(payload["entity_data"]) > 1]


def _without_stillborn(operations: list[Change]) -> list[Change]:
    created = {_identity(each) for each in operations if isinstance(each, CreateEntityOperation)}
    stillborn = created & {_identity(each) for each in operations if isinstance(each, DeleteEntityOperation)}
    return [each for each in operations if _identity(each) not in stillborn] if stillborn else operations


def _last_updates(operations: list[Change]) -> list[Change]:
    seen: set[tuple[Any, ...]] = set()
    kept: list[Change] = []
    for operation in reversed(operations):
        if isinstance(operation, UpdateEntityOperation):
            place = (*_identity(operation), operation.attribute_name)
            if place in seen:
                continue
            seen.add(place)
            if operation.new_value is NOT_SET:
                continue
        kept.append(operation)
    kept.reverse()
    return kept


def _payload(operation: Change) -> dict[str, Any]:
    key = list(operation.entity_key.values())
    if isinstance(operation, DeleteEntityOperation):
        return delete(operation.entity_type, key)
    if isinstance(operation, UpdateEntityOperation):
        return update(operation.entity_type, key, {operation.attribute_name: operation.new_value})
    data = {name: value for name, value in operation.entity_data.items() if value is not NOT_SET}
    return {**create(operation.entity_type, data), "entity_key": key}


def _is_same(before: dict[str, Any], payload: dict[str, Any]) -> bool:
    return bool(
        before["action"] in ("create", "update")
        and before["entity_key"] == payload["entity_key"]
        and before["entity_type"] == payload["entity_type"]
    )


def _identity(operation: Operation) -> tuple[str, ...]:
    return (operation.entity_type, *operation.entity_key.values())


def _as_list(key: str | Sequence[str]) -> list[str]:
    return [key] if isinstance(key, str) else [str(part) for part in key]
