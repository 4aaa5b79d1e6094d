"""Fetch missing and inherited values of entities, in as few requests as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ft_dcc.errors import OperationError
from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.entity import Entity, FetchGroup, require_entity
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.query.expression import field, find, quoted

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


class Inheritance:
    """Hierarchical custom attributes, which entities inherit from a project or a shot above them.

    The values that were set are kept by configuration and entity; those of a fetch group are fetched at once.
    """

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        # symbol.NOT_SET stands for a value that was requested and is not set.
        self._values: dict[tuple[str, str], Any] = {}
        self._hierarchical: frozenset[str] | None = None

    def clear(self) -> None:
        """Discard all values, so that they are fetched again."""
        self._values.clear()
        self._hierarchical = None

    def value(self, owner: Entity, configuration_id: str, own: Any) -> Any:
        """Return the value of the owner or the nearest entity above that has one, or ``own``.

        The server does not resolve inheritance: it returns the attribute's default.
        """
        if not self._is_hierarchical(configuration_id) or "link" not in owner.attributes:
            return own
        lineage = _lineage(owner)
        if any((configuration_id, entity_id) not in self._values for entity_id in lineage):
            self._fetch(configuration_id, [owner, *owner.peers()])
        for entity_id in lineage:
            value = self._values.get((configuration_id, entity_id), symbol.NOT_SET)
            if value is not symbol.NOT_SET:
                return value
        return own

    def _is_hierarchical(self, configuration_id: str) -> bool:
        if self._hierarchical is None:
            configurations = self._session.custom_attribute_configurations()
            self._hierarchical = frozenset(each["id"] for each in configurations if each["is_hierarchical"])
        return configuration_id in self._hierarchical

    def _fetch(self, configuration_id: str, owners: Iterable[Entity]) -> None:
        entity_ids = list(dict.fromkeys(entity_id for owner in owners for entity_id in _lineage(owner)))
        for start in range(0, len(entity_ids), MAX_KEYS_PER_QUERY):
            batch = entity_ids[start : start + MAX_KEYS_PER_QUERY]
            self._values.update({(configuration_id, entity_id): symbol.NOT_SET for entity_id in batch})
            expression = find("CustomAttributeValue").select("value", "entity_id")
            rows = self._session.query(
                expression.where(field("configuration_id") == configuration_id, field("entity_id").is_in(batch))
            )
            self._values.update({(configuration_id, row["entity_id"]): row["value"] for row in rows})


def _lineage(owner: Entity) -> list[str]:
    """Return the ids of the owner and the entities above it, nearest first."""
    return [step["id"] for step in reversed(owner["link"] or [])]
