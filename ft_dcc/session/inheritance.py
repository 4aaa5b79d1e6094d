"""Custom attributes that are handed down from a project or a shot to what lies below it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ft_dcc.session.expression import field, find
from ft_dcc.session.symbol import NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.session import Session

# Few enough that a server's limit for one statement is far away.
_IN_ONE_QUERY = 500


class Inheritance:
    """The values that were set by hand, by configuration and entity; one is fetched together with its peers'."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # NOT_SET stands for "asked, and nobody set it".
        self._set_by_hand: dict[tuple[str, str], Any] = {}
        self._hierarchical: frozenset[str] | None = None

    def forget(self) -> None:
        """Ask again next time."""
        self._set_by_hand.clear()
        self._hierarchical = None

    def value(self, owner: Entity, configuration_id: str, own: Any) -> Any:
        """Return the value of the nearest entity that has one: the owner, or one above; ``own`` when there is none.

        The server itself hands nothing down: it answers the attribute's default.
        """
        if not self._is_hierarchical(configuration_id) or "link" not in owner.attributes:
            return own
        upwards = _upwards(owner)
        if any((configuration_id, entity_id) not in self._set_by_hand for entity_id in upwards):
            self._fetch(configuration_id, [owner, *owner.peers()])
        for entity_id in upwards:
            value = self._set_by_hand.get((configuration_id, entity_id), NOT_SET)
            if value is not NOT_SET:
                return value
        return own

    def _is_hierarchical(self, configuration_id: str) -> bool:
        if self._hierarchical is None:
            configurations = self._session.custom_attribute_configurations()
            self._hierarchical = frozenset(each["id"] for each in configurations if each["is_hierarchical"])
        return configuration_id in self._hierarchical

    def _fetch(self, configuration_id: str, owners: Iterable[Entity]) -> None:
        wanted = list(dict.fromkeys(entity_id for owner in owners for entity_id in _upwards(owner)))
        for start in range(0, len(wanted), _IN_ONE_QUERY):
            some = wanted[start : start + _IN_ONE_QUERY]
            self._set_by_hand.update({(configuration_id, entity_id): NOT_SET for entity_id in some})
            expression = find("CustomAttributeValue").select("value", "entity_id")
            rows = self._session.query(
                expression.where(field("configuration_id") == configuration_id, field("entity_id").is_in(some))
            )
            self._set_by_hand.update({(configuration_id, row["entity_id"]): row["value"] for row in rows})


def _upwards(owner: Entity) -> list[str]:
    return [step["id"] for step in reversed(owner["link"] or [])]
