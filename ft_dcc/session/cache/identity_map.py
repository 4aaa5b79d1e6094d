"""The identity map: one object for each entity, and the decoding of responses into these objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from ft_dcc.errors import ServerError
from ft_dcc.session.entities import collection
from ft_dcc.session.entities.entity import Entity, FetchGroup
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.operations import (
    CreateEntityOperation,
    DeleteEntityOperation,
    Operation,
    UpdateEntityOperation,
)
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET
from ft_dcc.session.transport.codec import LazyDateTime


class IdentityMap:
    """The entities that a session has loaded, by type and key."""

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        # Keys are ids, or tuples where the primary key has several parts.
        self._by_type: dict[str, dict[Any, Entity]] = {}

    def find(self, entity_type: str, key: Sequence[str]) -> Entity | None:
        """Return the entity of this type and key, or None if it was not loaded."""
        return self._by_type.get(entity_type, {}).get(_map_key(key))

    def add(self, entity_type: str, values: dict[str, Any], state: Any = NOT_SET) -> Entity:
        """Return the entity with the key in these values, updated with the values."""
        entity_class = self._session.types[entity_type]
        # Callers may pass an id as a uuid.UUID; keys are text.
        values.update({name: str(values[name]) for name in entity_class.primary_key_attributes})
        key = tuple([values[name] for name in entity_class.primary_key_attributes])
        entities = self._by_type.setdefault(entity_type, {})
        entity = entities.get(_map_key(key))
        if entity is None:
            entity = entities.setdefault(_map_key(key), self._instantiate(entity_class, values))
        else:
            entity.update_from_server(values)
        if state is CREATED:
            entity.state = CREATED
        return entity

    def remove(self, entity: Entity) -> None:
        """Remove an entity."""
        self._by_type.get(entity.entity_type, {}).pop(_map_key(entity.primary_key), None)

    def merge(self, value: Any, merged: dict[int, Entity] | None = None) -> Any:
        """Return the session's own object for an entity, updated with the values of the given one.

        Lists and collections are merged item by item; other values are returned as they are.
        """
        # References can be circular.
        merged = {} if merged is None else merged
        if isinstance(value, collection.KeyValues):
            value = value.collection
        if isinstance(value, (list, tuple, collection.Collection)):
            return [self.merge(item, merged) for item in value]
        if not isinstance(value, Entity) or self.find(value.entity_type, value.primary_key) is value:
            return value
        if id(value) not in merged:
            own = self.add(value.entity_type, dict(zip(value.primary_key_attributes, value.primary_key)))
            merged[id(value)] = own
            persisted = {name: value.persisted_value(name) for name in value}
            own.update_from_server(
                {name: self.merge(item, merged) for name, item in persisted.items() if item is not NOT_SET}
            )
        return merged[id(value)]

    def clear(self) -> None:
        """Remove all entities; later responses create new objects."""
        self._by_type.clear()

    def __iter__(self) -> Iterator[Entity]:
        for entities in list(self._by_type.values()):
            yield from list(entities.values())

    def mark_committed(self, operations: Iterable[Operation]) -> list[Entity]:
        """Treat the changes of committed operations as the server's values; return the deleted entities."""
        deleted = []
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, DeleteEntityOperation) and _is_permanent(entity):
                entity.state = NOT_SET
                entity.invalidate("value")
            elif isinstance(operation, DeleteEntityOperation):
                self.remove(entity)
                deleted.append(entity)
            elif isinstance(operation, UpdateEntityOperation):
                entity.mark_committed(operation.attribute_name)
            elif isinstance(operation, CreateEntityOperation) and entity.state is CREATED:
                entity.state = NOT_SET
        for operation in operations:
            if isinstance(operation, UpdateEntityOperation):
                self._invalidate_twin(operation)
        return deleted

    def revert(self, operations: Iterable[Operation]) -> None:
        """Revert the changes of these operations."""
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, CreateEntityOperation):
                self.remove(entity)
            elif isinstance(operation, UpdateEntityOperation) and entity.is_changed(operation.attribute_name):
                entity.revert(operation.attribute_name)
            elif isinstance(operation, DeleteEntityOperation):
                entity.state = NOT_SET if entity.is_unchanged else MODIFIED

    def _invalidate_twin(self, operation: UpdateEntityOperation) -> None:
        """Invalidate the reference if its id was changed, and the id if the reference was."""
        name = operation.attribute_name
        twin = name[:-3] if name.endswith("_id") else f"{name}_id"
        entity = self.find(operation.entity_type, list(operation.entity_key.values()))
        if entity is not None and twin in entity.attributes:
            entity.invalidate(twin)

    def loads(self, body: bytes | str, group: FetchGroup) -> Any:
        """Return the decoded JSON, with the session's objects for the entities in it."""
        return json.loads(body, object_hook=self.object_hook(group))

    def object_hook(self, group: FetchGroup) -> Callable[[dict[str, Any]], Any]:
        """Return the ``object_hook`` for ``json`` that decodes entities and times."""
        # A response has a few types and thousands of objects, so the work for each type is done once.
        handlers: dict[str, Callable[[dict[str, Any]], Entity]] = {}

        def decode(data: dict[str, Any]) -> Any:
            entity_type = data.pop("__entity_type__", None)
            if entity_type is None:
                return LazyDateTime(data["value"]) if data.get("__type__") in ("datetime", "date") else _plain(data)
            handler = handlers.get(entity_type)
            if handler is None:
                handler = handlers[entity_type] = self._handler(entity_type, group)
            return handler(data)

        return decode

    def _handler(self, entity_type: str, group: FetchGroup) -> Callable[[dict[str, Any]], Entity]:
        entity_class = self._session.types[entity_type]
        key_of = itemgetter(*entity_class.primary_key_attributes)
        entities = self._by_type.setdefault(entity_type, {})
        members = group.members.setdefault(entity_type, [])
        is_stale, is_result = group.is_stale, group.is_result
        instantiate, key_size = self._instantiate, len(entity_class.primary_key_attributes)
        share = _make_share(entity_class)

        def handle(values: dict[str, Any]) -> Entity:
            try:
                key = key_of(values)
            except KeyError as error:
                raise ServerError(
                    f"The server returned a {entity_type} without {error}. Report this to its vendor."
                ) from error
            is_reference = len(values) == key_size
            if not is_reference:
                share(values)
            entity = entities.get(key)
            if entity is None:
                # If another thread was faster, its object is used.
                entity = entities.setdefault(key, instantiate(entity_class, values))
            elif is_stale:
                entity.fill_missing(values)
            elif not is_reference:
                entity.update_from_server(values)
            if entity._group is not group and (is_result or entity._group is None):
                entity._group = group
                members.append(entity)
            return entity

        return handle

    def _instantiate(self, entity_class: type[Entity], values: dict[str, Any]) -> Entity:
        entity = entity_class.__new__(entity_class)
        entity.session = self._session
        entity.state = NOT_SET
        entity._values = values
        entity._before = None
        entity._group = None
        return entity


def _make_share(entity_class: type[Entity]) -> Callable[[dict[str, Any]], None]:
    """Return a function that replaces equal texts by one: thousands of tasks have the ids of a few statuses."""
    names: list[str] | None = None
    texts: dict[Any, Any] = {}

    def share(values: dict[str, Any]) -> None:
        nonlocal names
        if names is None:
            # The entities of a response have the same attributes.
            names = [name for name in values if name in entity_class.shared_values]
        for name in names:
            value = values.get(name, NOT_SET)
            if value is not NOT_SET:
                values[name] = texts.setdefault(value, value)

    return share


def _is_permanent(entity: Entity) -> bool:
    """Return whether the server has this value for each custom attribute, so that a deletion only resets it."""
    return entity.entity_type.endswith("CustomAttributeValue") and "key" in entity.attributes


def _map_key(key: Sequence[str]) -> Any:
    return key[0] if len(key) == 1 else tuple(key)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object that is not an entity, with its times parsed."""
    for name, value in data.items():
        if value.__class__ is LazyDateTime:
            data[name] = value.parsed()
    return data
