"""Whatever is put into the location stays where it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.session.structure import Structure

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class OriginStructure(Structure):
    """The place of a component is the one it came from."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return ``source_resource_identifier`` of the context; raises ValueError without one."""
        identifier = (context or {}).get("source_resource_identifier")
        if identifier is None:
            raise ValueError(f"It is not said where {entity!r} comes from. Give source_resource_identifier.")
        return str(identifier)
