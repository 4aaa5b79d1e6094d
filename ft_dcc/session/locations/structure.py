"""Structures: how a component's resource identifier in a location is made."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ft_dcc.errors import StructureError
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.symbol import CREATED


class Structure(ABC):
    """A scheme of resource identifiers; ``context`` may hold ``source_resource_identifier``."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.path_separator = "/"

    @abstractmethod
    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the identifier; raises StructureError if there is none."""

    # Structures of studios call and override methods with an underscore, so their names are those of ftrack_api.

    def _get_sequence_expression(self, sequence: Entity) -> str:
        """Return the number's placeholder in the file names of a sequence: ``%04d``."""
        padding = sequence["padding"]
        return f"%0{padding}d" if padding else "%d"


class OriginStructure(Structure):
    """The identifier of a component is that of its source."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return ``source_resource_identifier`` of the context; raises ValueError without one."""
        identifier = (context or {}).get("source_resource_identifier")
        if identifier is None:
            raise ValueError(f"The source of {entity!r} is unknown. Pass source_resource_identifier in the context.")
        return str(identifier)


class EntityIdStructure(Structure):
    """The identifier of a component is its id, like on the server."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the id."""
        return str(entity["id"])


class IdStructure(Structure):
    """``prefix/1/2/3/4/rest of the id.ext``: folders by id, so that no folder has too many entries."""

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the path; members lie below their container. Raises StructureError if it is not a component."""
        if entity.entity_type == "FileComponent":
            container = entity["container"]
            if not container:
                return self._folder(entity) + _extension(entity)
            if container.entity_type == "SequenceComponent":
                return f"{self._folder(container)}/file.{entity['name']}{_extension(entity)}"
            return f"{self._folder(container)}/{entity['id']}{_extension(entity)}"
        if entity.entity_type == "SequenceComponent":
            return f"{self._folder(entity)}/file.{self._get_sequence_expression(entity)}{_extension(entity)}"
        if entity.entity_type == "ContainerComponent":
            return self._folder(entity)
        raise _not_a_component(entity)

    def _folder(self, entity: Entity) -> str:
        key = str(entity["id"])
        return "/".join(filter(None, (self.prefix, *key[:4], key[4:])))


class StandardStructure(Structure):
    """``project/sequence/shot/asset/v001/component.ext``, in lower case ASCII.

    Versions of assets directly below a project go into ``project_versions_prefix`` if it is given.
    """

    def __init__(
        self, project_versions_prefix: str | None = None, illegal_character_substitute: str | None = "_"
    ) -> None:
        super().__init__()
        self.project_versions_prefix = project_versions_prefix
        self.illegal_character_substitute = illegal_character_substitute

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the path; raises StructureError if it is not a component, or has no version."""
        if entity.entity_type == "FileComponent":
            container = entity["container"]
            if not container:
                return "/".join([*self._get_parts(entity), self._file_name(entity, entity["name"])])
            path = self.get_resource_identifier(container)
            if container.entity_type == "SequenceComponent":
                return f"{path.rpartition('/')[0]}/{self._file_name(entity, container['name'], entity['name'])}"
            return f"{path}/{self._file_name(entity, entity['name'])}"
        if entity.entity_type == "SequenceComponent":
            # The % of the number's placeholder must not be sanitised.
            name = self.sanitise_for_filesystem(entity["name"])
            extension = self.sanitise_for_filesystem(_extension(entity))
            return "/".join([*self._get_parts(entity), f"{name}.{self._get_sequence_expression(entity)}{extension}"])
        if entity.entity_type == "ContainerComponent":
            return "/".join([*self._get_parts(entity), self.sanitise_for_filesystem(entity["name"])])
        raise _not_a_component(entity)

    def sanitise_for_filesystem(self, value: str) -> str:
        """Return the name with the characters that some file systems refuse replaced."""
        if self.illegal_character_substitute is None:
            return value
        ascii_text = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode("ascii")
        return re.sub(r"[^\w.-]", self.illegal_character_substitute, ascii_text).strip().lower()

    def _file_name(self, component: Entity, *parts: str) -> str:
        return self.sanitise_for_filesystem(".".join(parts) + _extension(component))

    def _get_parts(self, entity: Entity) -> list[str]:
        """Return the names of the folders, from the project to the version."""
        version = _version(entity)
        link = version["link"]
        if not link:
            raise StructureError(f"The version of {entity['name']} is below no project. Set the parent of its asset.")
        project = entity.session.get("Project", link[0]["id"])
        # A link has the full name of the project; folders have its short name.
        names = [project["name"] if project is not None else link[0]["name"]]
        names += [item["name"] for item in link[1:-1]]
        if len(names) == 1 and self.project_versions_prefix:
            names.append(self.project_versions_prefix)
        parts = [*names, version["asset"]["name"], self._format_version(version["version"])]
        return [self.sanitise_for_filesystem(part) for part in parts]

    def _format_version(self, number: int) -> str:
        return f"v{number:03d}"


def _extension(component: Entity) -> str:
    """Return the component's file type with its dot, or that of its container."""
    container = component["container"]
    return str(component["file_type"] or (container and container["file_type"]) or "")


def _version(component: Entity) -> Entity:
    """Return the committed version of the component; raises StructureError if there is none."""
    version: Entity | None = component["version"] or None
    if version is None and component["version_id"]:
        version = component.session.get("AssetVersion", component["version_id"])
    if version is None:
        raise StructureError(f"The component {component['name']} belongs to no version. Set its version first.")
    if version.state is CREATED:
        raise StructureError(f"The version of {component['name']} is not on the server yet. Commit it first.")
    return version


def _not_a_component(entity: Entity) -> StructureError:
    return StructureError(f"A {entity.entity_type} cannot be stored in a location. Pass a component.")
