"""The caches of a session: its own memory on top, and below it what the user gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import SettingInvalid
from ft_dcc.session.cache import Cache, KeyMaker, LayeredCache, StringKeyMaker
from ft_dcc.session.entity import Entity
from ft_dcc.session.group import Group
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.identity import IdentityMap
    from ft_dcc.session.session import Session


class KnownEntities(Cache):
    """The entities that a session holds, as a cache."""

    def __init__(self, identities: IdentityMap, key_of: Callable[[str, Sequence[str]], Any]) -> None:
        self._identities = identities
        self._key_of = key_of

    def get(self, key: Any) -> Entity:
        """Return the entity with this key."""
        for entity in self._identities:
            if self._key_of(entity.entity_type, entity.primary_key) == key:
                return entity
        raise KeyError(key)

    def set(self, key: Any, value: Entity) -> None:
        """Hold the entity; the session does that itself for each that it decodes."""
        self._identities.merge(value)

    def remove(self, key: Any) -> None:
        """Hold the entity with this key no longer."""
        self._identities.forget(self.get(key))

    def keys(self) -> list[Any]:
        """Return all keys."""
        return [self._key_of(entity.entity_type, entity.primary_key) for entity in self._identities]

    def values(self) -> list[Entity]:
        """Return all entities."""
        return list(self._identities)


class Layers:
    """Where a session looks for an entity before it asks the server, and where it puts what the server says."""

    def __init__(
        self,
        session: Session,
        identities: IdentityMap,
        cache: Cache | Callable[[Session], Cache | None] | None,
        key_maker: KeyMaker | None,
    ) -> None:
        if key_maker is not None and not isinstance(key_maker, KeyMaker):
            raise SettingInvalid(f"{key_maker!r} makes no keys. Give an instance of a class below KeyMaker.")
        if cache is not None and not isinstance(cache, Cache) and not callable(cache):
            raise SettingInvalid(f"{cache!r} is no cache. Give an instance of a class below Cache, or a function.")
        self.key_maker = key_maker or StringKeyMaker()
        self._below = cache if cache is None or isinstance(cache, Cache) else cache(session)
        below = [] if self._below is None else [self._below]
        self.cache = LayeredCache([KnownEntities(identities, self.key), *below])

    def key(self, entity_type: str, entity_key: Sequence[str]) -> Any:
        """Return the key under which an entity lies in a cache."""
        return self.key_maker.key((entity_type, list(entity_key)))

    def find(self, entity_type: str, entity_key: Sequence[str]) -> Entity | None:
        """Return what the user's cache has, or None."""
        if self._below is None:
            return None
        try:
            found: Entity = self._below.get(self.key(entity_type, entity_key))
        except KeyError:
            return None
        return found

    def keep(self, group: Group) -> None:
        """Put the entities of an answer into the user's cache."""
        if self._below is not None:
            for members in list(group.members.values()):
                for entity in members:
                    if entity.state is not CREATED:
                        self._below.set(self.key(entity.entity_type, entity.primary_key), entity)

    def forget(self, entity: Entity) -> None:
        """Take an entity, which is no more, out of the user's cache."""
        if self._below is not None:
            try:
                self._below.remove(self.key(entity.entity_type, entity.primary_key))
            except KeyError:
                # It was never put there, or another program took it out.
                return
