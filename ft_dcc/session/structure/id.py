"""Components are spread over folders by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import StructureError
from ft_dcc.session.structure import Structure, container_of, extension

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class IdStructure(Structure):
    """``prefix/1/2/3/4/rest of the id.ext``, so that no folder holds too much."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the path; members lie below their container. Raises StructureError for what is no component."""
        if entity.entity_type == "FileComponent":
            container = container_of(entity)
            if container is None:
                return self._folder(entity) + extension(entity)
            if container.entity_type == "SequenceComponent":
                return f"{self._folder(container)}/file.{entity['name']}{extension(entity)}"
            return f"{self._folder(container)}/{entity['id']}{extension(entity)}"
        if entity.entity_type == "SequenceComponent":
            return f"{self._folder(entity)}/file.{self._get_sequence_expression(entity)}{extension(entity)}"
        if entity.entity_type == "ContainerComponent":
            return self._folder(entity)
        raise StructureError(f"A {entity.entity_type} has no place in a location; only components have.")

    def _folder(self, entity: Entity) -> str:
        key = str(entity["id"])
        return "/".join(filter(None, (self.prefix, *key[:4], key[4:])))
