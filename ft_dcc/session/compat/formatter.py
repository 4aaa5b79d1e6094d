"""Entities as readable text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ft_dcc.session.compat.inspection import identity
from ft_dcc.session.entities.collection import Collection
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.symbol import NOT_SET

AttributeFilter = Callable[[Entity, str, Any], bool]

FILTER: dict[str, AttributeFilter] = {"ignore_unset": lambda _entity, _name, value: value is not NOT_SET}


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
    text = _lines(entity, dict(formatters or {}), attribute_filter, recursive, set())
    lines = [" " * indent + line for line in text]
    return "\n".join(lines if indent_first_line else [text[0], *lines[1:]])


def _lines(
    entity: Entity,
    formatters: Mapping[str, Callable[[str], str]],
    attribute_filter: AttributeFilter | None,
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
        if attribute_filter is not None and not attribute_filter(entity, name, value):
            continue
        if isinstance(value, Entity):
            inner = _lines(value, formatters, attribute_filter, recursive, seen) if recursive else [repr(value)]
        elif isinstance(value, Collection) and recursive:
            inner = [line for each in value for line in _lines(each, formatters, attribute_filter, recursive, seen)]
        else:
            inner = [str(value)]
        first, *others = inner or ["[]"]
        lines += [f" {label(name)}: {first}", *(" " * (len(name) + 3) + line for line in others)]
    return lines
