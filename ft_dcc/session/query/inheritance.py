"""Hierarchical custom attributes, which entities inherit from a project or a shot above them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.query.expression import field, find
from ft_dcc.session.query.populate import MAX_KEYS_PER_QUERY
from ft_dcc.session.symbol import NOT_SET


class Inheritance:
    """The values that were set on entities, by configuration and entity; those of a fetch group are fetched at once."""

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        # NOT_SET stands for a value that was requested and is not set.
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
            value = self._values.get((configuration_id, entity_id), NOT_SET)
            if value is not NOT_SET:
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
            self._values.update({(configuration_id, entity_id): NOT_SET for entity_id in batch})
            expression = find("CustomAttributeValue").select("value", "entity_id")
            rows = self._session.query(
                expression.where(field("configuration_id") == configuration_id, field("entity_id").is_in(batch))
            )
            self._values.update({(configuration_id, row["entity_id"]): row["value"] for row in rows})


def _lineage(owner: Entity) -> list[str]:
    """Return the ids of the owner and the entities above it, nearest first."""
    return [step["id"] for step in reversed(owner["link"] or [])]
