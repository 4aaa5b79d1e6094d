"""The entities that came with one answer, or with all pages of one result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft_dcc.session.symbol import NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class Group:
    """Entities that are completed together: what one of them lacks is asked for all of them."""

    __slots__ = ("is_old", "is_result", "members")

    def __init__(self, *, is_result: bool = True, is_old: bool = False) -> None:
        # What only completes a result leaves its entities together as they are.
        self.is_result = is_result
        # What was kept from another day says nothing about what is known already.
        self.is_old = is_old
        self.members: dict[str, list[Entity]] = {}

    def lacking(self, entity_type: str, name: str) -> list[Entity]:
        """Return those of a type that have no value for this attribute."""
        return [entity for entity in self.members.get(entity_type, ()) if entity.stored(name) is NOT_SET]
