"""Fetch missing values of entities, in as few requests as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ft_dcc.errors import OperationError
from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.entity import Entity, FetchGroup, require_entity
from ft_dcc.session.query.expression import quoted

# The results of operations; their entities are added to a fetch group.
Fetch = Callable[[Sequence[Any], FetchGroup], "list[Any]"]

# Far below the servers' limits for one statement.
MAX_KEYS_PER_QUERY = 500


def populate(
    fetch: Fetch, entities: Entity | Iterable[Entity], projections: str, translate: Callable[[str], str]
) -> None:
    """Fetch the projections of the entities; new entities are skipped, because the server does not have them.

    ``translate`` returns a query in the terms of the schema.
    """
    if not isinstance(projections, str) or not projections.strip():
        raise OperationError(f'{projections!r} names no attributes. Pass a text such as "name, status.name".')
    by_type: dict[str, list[Entity]] = {}
    for entity in [entities] if isinstance(entities, Entity) else entities:
        require_entity(entity, "populated")
        if entity.state is not symbol.CREATED:
            by_type.setdefault(entity.entity_type, []).append(entity)
    expressions = [
        translate(f"select {projections} from {name} where {_condition(members[start : start + MAX_KEYS_PER_QUERY])}")
        for name, members in by_type.items()
        for start in range(0, len(members), MAX_KEYS_PER_QUERY)
    ]
    _fetch_pages(fetch, expressions)


def _fetch_pages(fetch: Fetch, expressions: Iterable[str]) -> None:
    """Fetch the results of the expressions, the first page of each in one request, and so on."""
    group, pending = FetchGroup(is_result=False), [(expression, expression) for expression in expressions]
    while pending:
        results = fetch([operations.query(page) for _, page in pending], group)
        pending = [
            (expression, f"{expression} offset {offset} limit {MAX_KEYS_PER_QUERY}")
            for (expression, _), result in zip(pending, results)
            if (offset := ((result.get("metadata") or {}).get("next") or {}).get("offset")) is not None
        ]


def _condition(entities: list[Entity]) -> str:
    names = entities[0].primary_key_attributes
    if len(names) == 1:
        keys = [quoted(entity.primary_key[0]) for entity in entities]
        return f"{names[0]} is {keys[0]}" if len(keys) == 1 else f"{names[0]} in ({', '.join(keys)})"
    return " or ".join(f"({key_condition(names, entity.primary_key)})" for entity in entities)


def key_condition(names: Iterable[str], key: Iterable[str]) -> str:
    """Return the condition that selects the entity with this key."""
    return " and ".join(f"{name} is {quoted(part)}" for name, part in zip(names, key))
