"""Entities as JSON text, with all or some of their attributes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.symbol import NOT_SET
from ft_dcc.session.transport.codec import to_wire

_STRATEGIES: dict[str, Callable[[Entity, str], Any]] = {
    "all": lambda entity, name: entity[name],
    "set_only": lambda entity, name: entity.stored_value(name),
    "modified_only": lambda entity, name: entity.stored_value(name) if entity.is_changed(name) else NOT_SET,
    "persisted_only": lambda entity, name: entity.persisted_value(name),
}


def encode(value: Any, entity_attribute_strategy: str = "set_only") -> str:
    """Return the value as JSON text; entities become objects of their attributes, and related entities references.

    The strategy is ``all``, ``set_only``, ``modified_only`` or ``persisted_only``. Raises ValueError for another.
    """
    if entity_attribute_strategy not in _STRATEGIES:
        raise ValueError(f"{entity_attribute_strategy!r} is not one of the strategies {', '.join(_STRATEGIES)}.")

    def plain(item: Any) -> Any:
        return _expanded(item, entity_attribute_strategy) if isinstance(item, Entity) else to_wire(item)

    return json.dumps(value, default=plain, sort_keys=True)


def _expanded(entity: Entity, strategy: str) -> dict[str, Any]:
    data = entity.to_wire()
    for name, attribute in entity.attributes.items():
        if strategy == "persisted_only" and attribute.computed:
            continue
        value = _STRATEGIES[strategy](entity, name)
        if value is not NOT_SET:
            data[name] = _reference(value)
    return data


def _reference(value: Any) -> Any:
    if isinstance(value, list):
        return [_reference(item) for item in value]
    return value.to_wire() if hasattr(value, "to_wire") else value
