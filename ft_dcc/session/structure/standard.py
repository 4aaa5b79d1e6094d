"""Folders that people can read: project, shot, asset, version."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import StructureError
from ft_dcc.session.structure import Structure, container_of, extension, version_of

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class StandardStructure(Structure):
    """``project/sequence/shot/asset/v001/component.ext``, in lower case and plain letters.

    Versions of assets directly below a project go into ``project_versions_prefix``, where that is given.
    """

    def __init__(
        self, project_versions_prefix: str | None = None, illegal_character_substitute: str | None = "_"
    ) -> None:
        super().__init__()
        self.project_versions_prefix = project_versions_prefix
        self.illegal_character_substitute = illegal_character_substitute

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the path; raises StructureError for a component without a version, or what is no component."""
        if entity.entity_type == "FileComponent":
            container = container_of(entity)
            if container is None:
                return "/".join([*self._get_parts(entity), self._file_name(entity, entity["name"])])
            place = self.get_resource_identifier(container)
            if container.entity_type == "SequenceComponent":
                return f"{place.rpartition('/')[0]}/{self._file_name(entity, container['name'], entity['name'])}"
            return f"{place}/{self._file_name(entity, entity['name'])}"
        if entity.entity_type == "SequenceComponent":
            # The sign of the number is one of those that a name must not have.
            name = self.sanitise_for_filesystem(entity["name"])
            ending = self.sanitise_for_filesystem(extension(entity))
            return "/".join([*self._get_parts(entity), f"{name}.{self._get_sequence_expression(entity)}{ending}"])
        if entity.entity_type == "ContainerComponent":
            return "/".join([*self._get_parts(entity), self.sanitise_for_filesystem(entity["name"])])
        raise StructureError(f"A {entity.entity_type} has no place in a location; only components have.")

    def sanitise_for_filesystem(self, value: str) -> str:
        """Return the name as every file system takes it."""
        if self.illegal_character_substitute is None:
            return value
        plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode("ascii")
        return re.sub(r"[^\w.-]", self.illegal_character_substitute, plain).strip().lower()

    def _file_name(self, component: Entity, *parts: str) -> str:
        return self.sanitise_for_filesystem(".".join(parts) + extension(component))

    def _get_parts(self, entity: Entity) -> list[str]:
        """Return the names of the folders, from the project to the version."""
        version = version_of(entity)
        link = version["link"]
        if not link:
            raise StructureError(f"The version of {entity['name']} is below no project. Give its asset a parent.")
        project = entity.session.get("Project", link[0]["id"])
        # A link names the project as people do; folders have its short name.
        names = [project["name"] if project is not None else link[0]["name"]]
        names += [item["name"] for item in link[1:-1]]
        if len(names) == 1 and self.project_versions_prefix:
            names.append(self.project_versions_prefix)
        parts = [*names, version["asset"]["name"], self._format_version(version["version"])]
        return [self.sanitise_for_filesystem(part) for part in parts]

    def _format_version(self, number: int) -> str:
        """Return the name of the folder of a version."""
        return f"v{number:03d}"
