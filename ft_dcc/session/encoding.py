"""Entities as JSON text: whole, or what is known of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ft_dcc.session.codec import to_wire
from ft_dcc.session.entity import Entity
from ft_dcc.session.symbol import NOT_SET

_STRATEGIES: dict[str, Callable[[Entity, str], Any]] = {
    "all": lambda entity, name: entity[name],
    "set_only": lambda entity, name: entity.stored(name),
    "modified_only": lambda entity, name: entity.stored(name) if entity.is_changed(name) else NOT_SET,
    "persisted_only": lambda entity, name: entity.persisted(name),
}


def encode(value: Any, entity_attribute_strategy: str = "set_only") -> str:
    """Return the value as JSON text; an entity in it becomes its attributes, and those in it references.

    The strategy is ``all``, ``set_only``, ``modified_only`` or ``persisted_only``. Raises ValueError for another.
    """
    if entity_attribute_strategy not in _STRATEGIES:
        raise ValueError(f"{entity_attribute_strategy!r} is none of the strategies {', '.join(_STRATEGIES)}.")

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
