"""The caches of a session: the entities in memory, and below them the cache that the user configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Union

from ft_dcc.errors import SettingInvalid
from ft_dcc.session.cache.cache import Cache, KeyMaker, LayeredCache, StringKeyMaker
from ft_dcc.session.cache.identity_map import IdentityMap
from ft_dcc.session.entities.entity import Entity, FetchGroup
from ft_dcc.session.symbol import CREATED

# A cache, or a function that returns one for a session.
CacheSource = Union[Cache, Callable[[Any], "Cache | None"], None]


class IdentityMapCache(Cache):
    """The entities that a session has in memory, as a cache."""

    def __init__(self, identity_map: IdentityMap, key_of: Callable[[str, Sequence[str]], Any]) -> None:
        self._identity_map = identity_map
        self._key_of = key_of

    def get(self, key: Any) -> Entity:
        """Return the entity with this key."""
        for entity in self._identity_map:
            if self._key_of(entity.entity_type, entity.primary_key) == key:
                return entity
        raise KeyError(key)

    def set(self, key: Any, value: Entity) -> None:
        """Merge the entity into the identity map."""
        self._identity_map.merge(value)

    def remove(self, key: Any) -> None:
        """Remove the entity with this key."""
        self._identity_map.remove(self.get(key))

    def keys(self) -> list[Any]:
        """Return all keys."""
        return [self._key_of(entity.entity_type, entity.primary_key) for entity in self._identity_map]

    def values(self) -> list[Entity]:
        """Return all entities."""
        return list(self._identity_map)


class EntityCache:
    """The caches that a session reads before it asks the server, and that it writes responses to."""

    def __init__(
        self, session: object, identity_map: IdentityMap, cache: CacheSource, key_maker: KeyMaker | None
    ) -> None:
        if key_maker is not None and not isinstance(key_maker, KeyMaker):
            raise SettingInvalid(f"{key_maker!r} is not a key maker. Pass an instance of a subclass of KeyMaker.")
        if cache is not None and not isinstance(cache, Cache) and not callable(cache):
            raise SettingInvalid(f"{cache!r} is not a cache. Pass an instance of a subclass of Cache, or a function.")
        self.key_maker = key_maker or StringKeyMaker()
        self._user_cache = cache if cache is None or isinstance(cache, Cache) else cache(session)
        user_caches = [] if self._user_cache is None else [self._user_cache]
        self.cache = LayeredCache([IdentityMapCache(identity_map, self.key), *user_caches])

    def key(self, entity_type: str, entity_key: Sequence[str]) -> Any:
        """Return the cache key of an entity."""
        return self.key_maker.key((entity_type, list(entity_key)))

    def get(self, entity_type: str, entity_key: Sequence[str]) -> Entity | None:
        """Return the entity from the user's cache, or None."""
        if self._user_cache is None:
            return None
        try:
            found: Entity = self._user_cache.get(self.key(entity_type, entity_key))
        except KeyError:
            return None
        return found

    def store(self, group: FetchGroup) -> None:
        """Write the entities of a response to the user's cache."""
        if self._user_cache is not None:
            for members in list(group.members.values()):
                for entity in members:
                    if entity.state is not CREATED:
                        self._user_cache.set(self.key(entity.entity_type, entity.primary_key), entity)

    def remove(self, entity: Entity) -> None:
        """Remove a deleted entity from the user's cache."""
        if self._user_cache is not None:
            try:
                self._user_cache.remove(self.key(entity.entity_type, entity.primary_key))
            except KeyError:
                # It was never stored, or another program removed it.
                return
