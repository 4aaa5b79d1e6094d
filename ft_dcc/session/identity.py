"""One object for each entity: where answers are decoded to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ServerError
from ft_dcc.session.codec import Moment
from ft_dcc.session.collection import Collection, KeyValues
from ft_dcc.session.entity import Entity
from ft_dcc.session.group import Group
from ft_dcc.session.operations import (
    CreateEntityOperation,
    DeleteEntityOperation,
    Operation,
    UpdateEntityOperation,
)
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.session import Session


class IdentityMap:
    """The entities that a session has seen, by type and key."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # The key is the id, or a tuple of all parts where the key has several.
        self._by_type: dict[str, dict[Any, Entity]] = {}

    def find(self, entity_type: str, key: Sequence[str]) -> Entity | None:
        """Return the entity of this type and key, or None when it was not seen."""
        return self._by_type.get(entity_type, {}).get(_place(key))

    def add(self, entity_type: str, values: dict[str, Any], state: Any = NOT_SET) -> Entity:
        """Return the entity with the key in these values, and the values with it."""
        make = self._session.types[entity_type]
        # Somebody may give an id as a uuid.UUID; a key is text.
        values.update({name: str(values[name]) for name in make.primary_key_attributes})
        key = tuple([values[name] for name in make.primary_key_attributes])
        shelf = self._by_type.setdefault(entity_type, {})
        entity = shelf.get(_place(key))
        if entity is None:
            entity = shelf.setdefault(_place(key), self._made(make, values))
        else:
            entity.receive(values)
        if state is CREATED:
            entity.state = CREATED
        return entity

    def forget(self, entity: Entity) -> None:
        """Hold this one no longer."""
        self._by_type.get(entity.entity_type, {}).pop(_place(entity.primary_key), None)

    def merge(self, value: Any, merged: dict[int, Entity] | None = None) -> Any:
        """Return the session's own object for an entity, with all that the given one knows; the same for many."""
        # References go in circles.
        merged = {} if merged is None else merged
        if isinstance(value, KeyValues):
            value = value.collection
        if isinstance(value, (list, tuple, Collection)):
            return [self.merge(item, merged) for item in value]
        if not isinstance(value, Entity) or self.find(value.entity_type, value.primary_key) is value:
            return value
        if id(value) not in merged:
            own = self.add(value.entity_type, dict(zip(value.primary_key_attributes, value.primary_key)))
            merged[id(value)] = own
            known = {name: value.persisted(name) for name in value}
            own.receive({name: self.merge(item, merged) for name, item in known.items() if item is not NOT_SET})
        return merged[id(value)]

    def clear(self) -> None:
        """No entity is known; those that somebody holds are another object from the next answer on."""
        self._by_type.clear()

    def __iter__(self) -> Iterator[Entity]:
        for shelf in list(self._by_type.values()):
            yield from list(shelf.values())

    def settle(self, operations: Iterable[Operation]) -> list[Entity]:
        """Take what these operations did for the server's own, after they were committed; return what is gone."""
        gone = []
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, DeleteEntityOperation) and _is_always_there(entity):
                entity.state = NOT_SET
                entity.drop("value")
            elif isinstance(operation, DeleteEntityOperation):
                self.forget(entity)
                gone.append(entity)
            elif isinstance(operation, UpdateEntityOperation):
                entity.settle(operation.attribute_name)
            elif isinstance(operation, CreateEntityOperation) and entity.state is CREATED:
                entity.state = NOT_SET
        for operation in operations:
            if isinstance(operation, UpdateEntityOperation):
                self._drop_twin(operation)
        return gone

    def revert(self, operations: Iterable[Operation]) -> None:
        """Take back what these operations did."""
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, CreateEntityOperation):
                self.forget(entity)
            elif isinstance(operation, UpdateEntityOperation) and entity.is_changed(operation.attribute_name):
                entity.revert(operation.attribute_name)
            elif isinstance(operation, DeleteEntityOperation):
                entity.state = NOT_SET if entity.is_unchanged else MODIFIED

    def _drop_twin(self, operation: UpdateEntityOperation) -> None:
        """Forget the status when its id was changed, and the id when the status was."""
        name = operation.attribute_name
        twin = name[:-3] if name.endswith("_id") else f"{name}_id"
        entity = self.find(operation.entity_type, list(operation.entity_key.values()))
        if entity is not None and twin in entity.attributes:
            entity.drop(twin)

    def loads(self, body: bytes | str, group: Group) -> Any:
        """Return what the JSON says, with the one object for each entity in it."""
        return json.loads(body, object_hook=self.receiver(group))

    def receiver(self, group: Group) -> Callable[[dict[str, Any]], Any]:
        """Return the function that turns a JSON object, the inner ones before the outer, into what it stands for."""
        # An answer has a few types and thousands of objects: everything that a type decides is decided once.
        handlers: dict[str, Callable[[dict[str, Any]], Entity]] = {}

        def receive(data: dict[str, Any]) -> Any:
            entity_type = data.pop("__entity_type__", None)
            if entity_type is None:
                return Moment(data["value"]) if data.get("__type__") in ("datetime", "date") else _plain(data)
            handler = handlers.get(entity_type)
            if handler is None:
                handler = handlers[entity_type] = self._handler(entity_type, group)
            return handler(data)

        return receive

    def _handler(self, entity_type: str, group: Group) -> Callable[[dict[str, Any]], Entity]:
        make = self._session.types[entity_type]
        place_of = itemgetter(*make.primary_key_attributes)
        shelf = self._by_type.setdefault(entity_type, {})
        members = group.members.setdefault(entity_type, [])
        is_old, is_result = group.is_old, group.is_result
        made, key_size = self._made, len(make.primary_key_attributes)
        # Thousands of tasks have one project and a few statuses: they share the texts of those ids, too.
        shared: list[str] | None = None
        texts: dict[Any, Any] = {}

        def handle(values: dict[str, Any]) -> Entity:
            nonlocal shared
            try:
                place = place_of(values)
            except KeyError as error:
                raise ServerError(
                    f"The server answered with a {entity_type} that has no {error}. Report this to its vendor."
                ) from error
            is_reference = len(values) == key_size
            if not is_reference:
                if shared is None:
                    shared = [name for name in values if name in make.shared_values]
                for name in shared:
                    value = values.get(name, NOT_SET)
                    if value is not NOT_SET:
                        values[name] = texts.setdefault(value, value)
            entity = shelf.get(place)
            if entity is None:
                # Another thread may have come first: then its object is the one.
                entity = shelf.setdefault(place, made(make, values))
            elif is_old:
                entity.complete(values)
            elif not is_reference:
                entity.receive(values)
            if entity._group is not group and (is_result or entity._group is None):
                entity._group = group
                members.append(entity)
            return entity

        return handle

    def _made(self, make: type[Entity], values: dict[str, Any]) -> Entity:
        entity = make.__new__(make)
        entity.session = self._session
        entity.state = NOT_SET
        entity._values = values
        entity._before = None
        entity._group = None
        return entity


def _is_always_there(entity: Entity) -> bool:
    """Whether the server has it, set or not, for each custom attribute, so that deleting it only sets it back."""
    return entity.entity_type.endswith("CustomAttributeValue") and "key" in entity.attributes


def _place(key: Sequence[str]) -> Any:
    return key[0] if len(key) == 1 else tuple(key)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """Return what is no entity, and so has no attribute that would parse a time when it is read."""
    for name, value in data.items():
        if value.__class__ is Moment:
            data[name] = value.parsed()
    return data
