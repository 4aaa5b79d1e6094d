"""What gives a component its place in a location."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import StructureError
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity

_MODULES = ("entity_id", "id", "origin", "standard")


class Structure(ABC):
    """Names the place of a component; ``context`` may hold ``source_resource_identifier``."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.path_separator = "/"

    @abstractmethod
    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the identifier; raises StructureError where none can be made."""

    # Studios' own structures call what begins with an underscore, and replace it: the names are ftrack's.

    def _get_sequence_expression(self, sequence: Entity) -> str:
        """Return what stands for the number in the files of a sequence: ``%04d``."""
        padding = sequence["padding"]
        return f"%0{padding}d" if padding else "%d"


def container_of(component: Entity) -> Entity | None:
    """Return what the component is a member of, or None."""
    return component["container"] or None


def extension(component: Entity) -> str:
    """Return the component's file type with its dot; a member of a container has its own, or the container's."""
    container = container_of(component)
    return str(component["file_type"] or (container is not None and container["file_type"]) or "")


def version_of(component: Entity) -> Entity:
    """Return the version of the component, which the server has; raises StructureError."""
    version: Entity | None = component["version"] or None
    if version is None and component["version_id"]:
        version = component.session.get("AssetVersion", component["version_id"])
    if version is None:
        raise StructureError(f"The component {component['name']} belongs to no version. Give it one first.")
    if version.state is CREATED:
        raise StructureError(f"The version of {component['name']} is not on the server yet. Commit it first.")
    return version


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
