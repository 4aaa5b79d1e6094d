"""A component is stored under its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.session.structure import Structure

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class EntityIdStructure(Structure):
    """The place of a component is its id, as on the server."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the id."""
        return str(entity["id"])
