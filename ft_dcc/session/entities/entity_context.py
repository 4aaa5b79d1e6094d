"""What an entity refers to beside its values: the session's interface, and the entities that it is fetched with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ft_dcc.session.symbol import NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity import Entity
    from ft_dcc.session.operations import Operations


class QueriedEntities(Protocol):
    """The result of a query."""

    def __iter__(self) -> Iterator[Entity]: ...
    def __len__(self) -> int: ...
    def all(self) -> list[Entity]:
        """Return every entity."""

    def one(self) -> Entity:
        """Return the only entity."""

    def first(self) -> Entity | None:
        """Return the first entity, or None."""


class InheritedAttributes(Protocol):
    """The custom attributes that are inherited from entities above."""

    def value(self, owner: Entity, configuration_id: str, own: Any) -> Any:
        """Return the value of the nearest entity that has one, or ``own``."""


class EntitySession(Protocol):
    """The part of a session that entities use."""

    @property
    def types(self) -> Mapping[str, type[Entity]]:
        """The class of each entity type."""

    @property
    def inheritance(self) -> InheritedAttributes:
        """The inherited custom attributes."""

    @property
    def auto_populate(self) -> bool:
        """Whether a missing value is fetched when it is read."""

    @property
    def record_operations(self) -> bool:
        """Whether changes are recorded for the next commit."""

    @property
    def recorded_operations(self) -> Operations:
        """The changes that are not committed."""

    @property
    def unrecorded_operations(self) -> Operations:
        """The assignments that no commit sends."""

    def get(self, entity_type: str, entity_key: str | Sequence[str]) -> Entity | None:
        """Return the entity with this key, or None."""

    def get_loaded(self, entity_type: str, entity_key: str) -> Entity | None:
        """Return the entity with this id if it was loaded before, without a request."""

    def load_from_cache(self, entity: Entity) -> None:
        """Complete the entity with the values that the user's cache has."""

    def query(self, expression: Any) -> QueriedEntities:
        """Return the result of a query expression."""

    def create(self, entity_type: str, data: Mapping[str, Any] | None = None) -> Entity:
        """Return a new entity."""

    def reconstruct(self, entity_type: str, values: Mapping[str, Any]) -> Entity:
        """Return the entity with these values, which the server has already."""

    def delete(self, entity: Entity) -> None:
        """Delete the entity with the next commit."""

    def populate(self, entities: Entity | Iterable[Entity], projections: str) -> None:
        """Fetch the projections of the entities."""

    def commit(self) -> None:
        """Send the recorded changes."""

    def custom_attribute_configurations(self) -> list[Entity]:
        """Return the site's configurations of custom attributes."""


class FetchGroup:
    """Entities that came with one response and are completed together: a missing value is fetched for all of them."""

    __slots__ = ("is_result", "is_stale", "members")

    def __init__(self, *, is_result: bool = True, is_stale: bool = False) -> None:
        # A response that only completes other results does not regroup their entities.
        self.is_result = is_result
        # Values from a cache never overwrite what the session has.
        self.is_stale = is_stale
        self.members: dict[str, list[Entity]] = {}

    def lacking(self, entity_type: str, name: str) -> list[Entity]:
        """Return the entities of a type that have no value for this attribute."""
        return [entity for entity in self.members.get(entity_type, ()) if entity.stored_value(name) is NOT_SET]
