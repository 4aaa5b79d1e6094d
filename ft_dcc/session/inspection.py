"""What an entity is and what is about to happen to it."""

from __future__ import annotations

from collections.abc import Iterable

from ft_dcc.session.entity import Entity
from ft_dcc.session.symbol import Symbol


def identity(entity: Entity) -> tuple[str, list[str]]:
    """Return the type and the key, which no two entities share."""
    return entity.entity_type, list(entity.primary_key)


def primary_key(entity: Entity) -> dict[str, str]:
    """Return the values that identify the entity among those of its type, under their names."""
    return dict(zip(entity.primary_key_attributes, entity.primary_key))


def state(entity: Entity) -> Symbol:
    """Return CREATED, MODIFIED or DELETED for what the next commit does to the entity, NOT_SET for nothing."""
    return entity.state


def states(entities: Iterable[Entity]) -> list[Symbol]:
    """Return the state of each, in their order."""
    return [entity.state for entity in entities]
