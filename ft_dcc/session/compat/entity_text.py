"""Entities as text: readable, and as JSON; and the identity and the state of entities, as ``ftrack_api`` has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ft_dcc.session.entities.collection import Collection
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.symbol import NOT_SET, Symbol
from ft_dcc.session.transport.codec import to_wire

AttributeFilter = Callable[[Entity, str, Any], bool]

FILTER: dict[str, AttributeFilter] = {"ignore_unset": lambda _entity, _name, value: value is not NOT_SET}
_STRATEGIES: dict[str, Callable[[Entity, str], Any]] = {
    "all": lambda entity, name: entity[name],
    "set_only": lambda entity, name: entity.stored_value(name),
    "modified_only": lambda entity, name: entity.stored_value(name) if entity.is_changed(name) else NOT_SET,
    "persisted_only": lambda entity, name: entity.persisted_value(name),
}


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


def format(
    entity: Entity,
    formatters: Mapping[str, Callable[[str], str]] | None = None,
    attribute_filter: AttributeFilter | None = None,
    recursive: bool = False,
    indent: int = 0,
    indent_first_line: bool = True,
) -> str:
    """Return one line for each attribute of the entity, with ``recursive`` also those of the entities it refers to.

    ``formatters`` are functions for the ``header`` (the type) and each ``label`` (an attribute's name). Missing values
    are fetched if the session populates; with ``recursive`` that can be all entities of a site.
    """
    text = _lines(entity, dict(formatters or {}), attribute_filter or (lambda *_: True), recursive, set())
    lines = [" " * indent + line for line in text]
    return "\n".join(lines if indent_first_line else [text[0], *lines[1:]])


def _lines(
    entity: Entity,
    formatters: Mapping[str, Callable[[str], str]],
    attribute_filter: AttributeFilter,
    recursive: bool,
    seen: set[str],
) -> list[str]:
    header, label = formatters.get("header", str), formatters.get("label", str)
    key = str(identity(entity))
    if key in seen:
        return [f"{header(entity.entity_type)}{{...}}"]
    seen.add(key)
    lines = [header(entity.entity_type)]
    for name, value in sorted(entity.items()):
        if not attribute_filter(entity, name, value):
            continue
        if recursive and isinstance(value, (Entity, Collection)):
            related = [value] if isinstance(value, Entity) else list(value)
            texts = [_lines(each, formatters, attribute_filter, recursive, seen) for each in related]
            inner = [line for text in texts for line in text] or ["[]"]
        else:
            inner = [repr(value) if isinstance(value, Entity) else str(value)]
        lines += [f" {label(name)}: {inner[0]}", *(" " * (len(name) + 3) + line for line in inner[1:])]
    return lines


def encode(value: Any, entity_attribute_strategy: str = "set_only") -> str:
    """Return the value as JSON text; entities become objects of their attributes, and related entities references.

    The strategy is ``all``, ``set_only``, ``modified_only`` or ``persisted_only``. Raises ValueError for another.
    """
    if entity_attribute_strategy not in _STRATEGIES:
        raise ValueError(f"{entity_attribute_strategy!r} is not one of the strategies {', '.join(_STRATEGIES)}.")

    def plain(item: Any) -> Any:
        if not isinstance(item, Entity):
            return to_wire(item)
        data = item.to_wire()
        for name, attribute in item.attributes.items():
            if entity_attribute_strategy == "persisted_only" and attribute.computed:
                continue
            value = _STRATEGIES[entity_attribute_strategy](item, name)
            if value is not NOT_SET:
                data[name] = _reference(value)
        return data

    return json.dumps(value, default=plain, sort_keys=True)


def _reference(value: Any) -> Any:
    if isinstance(value, list):
        return [_reference(item) for item in value]
    return value.to_wire() if hasattr(value, "to_wire") else value
