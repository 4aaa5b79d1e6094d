"""What gives a component its place in a location."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ft_dcc.errors import StructureError

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity

_MODULES = ("entity_id", "id", "origin", "standard")


class Structure(Protocol):
    """Names the place of a component; ``context`` may hold ``source_resource_identifier``."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the identifier; raises StructureError where none can be made."""


def sequence_expression(component: Entity) -> str:
    """Return what stands for the number in the files of a sequence: ``%04d``."""
    padding = component["padding"]
    return f"%0{padding}d" if padding else "%d"


def extension(component: Entity) -> str:
    """Return the component's file type with its dot; a member of a container has its own, or the container's."""
    file_type = component["file_type"]
    if not file_type and component["container"] is not None:
        file_type = component["container"]["file_type"]
    return str(file_type or "")


def persisted_version(component: Entity) -> Entity:
    """Return the version that the component, or what it is a member of, belongs to; raises StructureError."""
    container = component["container"]
    version: Entity | None = component["version"] if container is None else container["version"]
    if version is None:
        raise StructureError(f"The component {component['name']} belongs to no version. Give it one first.")
    return version


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
