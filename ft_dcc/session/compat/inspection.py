"""The identity and the state of entities."""

from __future__ import annotations

from collections.abc import Iterable

from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.symbol import Symbol


def identity(entity: Entity) -> tuple[str, list[str]]:
    """Return the type and the key, which identify the entity."""
    return entity.entity_type, list(entity.primary_key)


def primary_key(entity: Entity) -> dict[str, str]:
    """Return the parts of the key by name."""
    return dict(zip(entity.primary_key_attributes, entity.primary_key))


def state(entity: Entity) -> Symbol:
    """Return what the next commit does to the entity: CREATED, MODIFIED, DELETED, or NOT_SET for nothing."""
    return entity.state


def states(entities: Iterable[Entity]) -> list[Symbol]:
    """Return the state of each entity, in their order."""
    return [entity.state for entity in entities]
