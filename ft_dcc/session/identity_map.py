"""The identity map: one object for each entity, the decoding of responses into these objects, and caches below it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, Union

from ft_dcc.errors import ServerError, SettingInvalid
from ft_dcc.session.cache import Cache, KeyMaker, LayeredCache, StringKeyMaker
from ft_dcc.session.entities import collection
from ft_dcc.session.entities.entity import Entity, FetchGroup, SessionInterface
from ft_dcc.session.operations import CreateEntityOperation, DeleteEntityOperation, Operation, UpdateEntityOperation
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET
from ft_dcc.session.transport.codec import LazyDateTime

# A cache, or a function that returns one for a session.
CacheSource = Union[Cache, Callable[[Any], "Cache | None"], None]


class IdentityMap(Cache):
    """The entities that a session has loaded, by type and key, as a cache.

    The user's cache is read before the server is asked, and gets the entities of responses.
    """

    def __init__(self, session: SessionInterface, cache: CacheSource, key_maker: KeyMaker | None) -> None:
        if key_maker is not None and not isinstance(key_maker, KeyMaker):
            raise SettingInvalid(f"{key_maker!r} is not a key maker. Pass an instance of a subclass of KeyMaker.")
        if cache is not None and not isinstance(cache, Cache) and not callable(cache):
            raise SettingInvalid(f"{cache!r} is not a cache. Pass an instance of a subclass of Cache, or a function.")
        self._session = session
        self.key_maker = key_maker or StringKeyMaker()
        self._user_cache = cache if cache is None or isinstance(cache, Cache) else cache(session)
        # The entities in memory, and below them the user's cache.
        self.cache = LayeredCache([self] if self._user_cache is None else [self, self._user_cache])
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

    def discard(self, entity: Entity) -> None:
        """Remove an entity."""
        self._by_type.get(entity.entity_type, {}).pop(_map_key(entity.primary_key), None)

    def cache_key(self, entity_type: str, entity_key: Sequence[str]) -> Any:
        """Return the key of an entity in caches."""
        return self.key_maker.key((entity_type, list(entity_key)))

    def get(self, key: Any) -> Entity:
        """Return the entity with this key of caches."""
        for entity in self:
            if self.cache_key(entity.entity_type, entity.primary_key) == key:
                return entity
        raise KeyError(key)

    def set(self, key: Any, value: Entity) -> None:
        """Merge the entity into the identity map."""
        self.merge(value)

    def remove(self, key: Any) -> None:
        """Remove the entity with this key of caches."""
        self.discard(self.get(key))

    def keys(self) -> list[Any]:
        """Return all keys of caches."""
        return [self.cache_key(entity.entity_type, entity.primary_key) for entity in self]

    def values(self) -> list[Entity]:
        """Return all entities."""
        return list(self)

    def read_cached(self, entity_type: str, entity_key: Sequence[str]) -> Entity | None:
        """Return the entity from the user's cache, or None."""
        if self._user_cache is not None:
            with suppress(KeyError):
                found: Entity = self._user_cache.get(self.cache_key(entity_type, entity_key))
                return found
        return None

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
            persisted = {name: item for name in value if (item := value.persisted_value(name)) is not NOT_SET}
            own.update_from_server({name: self.merge(item, merged) for name, item in persisted.items()})
        return merged[id(value)]

    def clear(self, pattern: str | None = None) -> None:
        """Remove all entities, or those whose key in caches matches; later responses create new objects."""
        if pattern is None:
            self._by_type.clear()
        else:
            super().clear(pattern)

    def __iter__(self) -> Iterator[Entity]:
        for entities in list(self._by_type.values()):
            yield from list(entities.values())

    def mark_committed(self, operations: Iterable[Operation]) -> None:
        """Treat the changes of committed operations as the server's values."""
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, DeleteEntityOperation):
                self._mark_deleted(entity)
            elif isinstance(operation, UpdateEntityOperation):
                entity.mark_committed(operation.attribute_name)
            elif isinstance(operation, CreateEntityOperation) and entity.state is CREATED:
                entity.state = NOT_SET
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is not None and isinstance(operation, UpdateEntityOperation):
                # A reference whose id was changed, or the id of a reference that was.
                name = operation.attribute_name
                twin = name[:-3] if name.endswith("_id") else f"{name}_id"
                if twin in entity.attributes:
                    entity.invalidate(twin)

    def _mark_deleted(self, entity: Entity) -> None:
        if entity.entity_type.endswith("CustomAttributeValue") and "key" in entity.attributes:
            # The server has a value for each custom attribute, so that a deletion only resets it.
            entity.state = NOT_SET
            entity.invalidate("value")
            return
        self.discard(entity)
        if self._user_cache is not None:
            # It may never have been stored, or another program may have removed it.
            with suppress(KeyError):
                self._user_cache.remove(self.cache_key(entity.entity_type, entity.primary_key))

    def revert(self, operations: Iterable[Operation]) -> None:
        """Revert the changes of these operations."""
        for operation in operations:
            entity = self.find(operation.entity_type, list(operation.entity_key.values()))
            if entity is None:
                continue
            if isinstance(operation, CreateEntityOperation):
                self.discard(entity)
            elif isinstance(operation, UpdateEntityOperation) and entity.is_changed(operation.attribute_name):
                entity.revert(operation.attribute_name)
            elif isinstance(operation, DeleteEntityOperation):
                entity.state = NOT_SET if entity._before is None else MODIFIED

    def loads(self, body: bytes | str, group: FetchGroup) -> Any:
        """Return the decoded JSON, with the session's objects for the entities in it."""
        # A response has a few types and thousands of objects, so the work for each type is done once.
        handlers: dict[str, Callable[[dict[str, Any]], Entity]] = {}

        def decode(data: dict[str, Any]) -> Any:
            entity_type = data.pop("__entity_type__", None)
            if entity_type is None:
                if data.get("__type__") in ("datetime", "date"):
                    return LazyDateTime(data["value"])
                for name, value in data.items():
                    if value.__class__ is LazyDateTime:
                        data[name] = value.parsed()
                return data
            handler = handlers.get(entity_type)
            if handler is None:
                handler = handlers[entity_type] = self._handler(entity_type, group)
            return handler(data)

        decoded = json.loads(body, object_hook=decode)
        if self._user_cache is not None and not group.is_stale:
            for entity in [each for members in group.members.values() for each in members]:
                if entity.state is not CREATED:
                    self._user_cache.set(self.cache_key(entity.entity_type, entity.primary_key), entity)
        return decoded

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
                message = f"The server returned a {entity_type} without {error}. Report this to its vendor."
                raise ServerError(message) from error
            is_reference = len(values) == key_size
            if not is_reference:
                share(values)
            entity = entities.get(key)
            if entity is None:
                # If another thread was faster, its object is used.
                entity = entities.setdefault(key, instantiate(entity_class, values))
            elif is_stale:
                for name, value in values.items():
                    entity._values.setdefault(name, value)
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


def _map_key(key: Sequence[str]) -> Any:
    return key[0] if len(key) == 1 else tuple(key)
