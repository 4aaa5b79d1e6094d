"""Folders that people can read: project, shot, asset, version."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import StructureError
from ft_dcc.session.structure import extension, persisted_version, sequence_expression

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class StandardStructure:
    """``project/sequence/shot/asset/v001/component.ext``, in lower case and plain letters.

    Versions of assets directly below a project go into ``project_versions_prefix``, where that is given.
    """

    def __init__(
        self, project_versions_prefix: str | None = None, illegal_character_substitute: str | None = "_"
    ) -> None:
        self.project_versions_prefix = project_versions_prefix
        self.illegal_character_substitute = illegal_character_substitute

    def get_resource_identifier(self, entity: Entity, context: Mapping[str, Any] | None = None) -> str:
        """Return the path; raises StructureError for a component without a version, or what is no component."""
        if entity.entity_type == "FileComponent":
            container = entity["container"]
            if container is None:
                return "/".join([*self._folders(entity), self._file_name(entity["name"], entity)])
            place = self.get_resource_identifier(container)
            if container.entity_type == "SequenceComponent":
                name = f"{self.sanitise_for_filesystem(container['name'])}.{entity['name']}{extension(entity)}"
                return f"{place.rpartition('/')[0]}/{name}"
            return f"{place}/{self._file_name(entity['name'], entity)}"
        if entity.entity_type == "SequenceComponent":
            name = f"{self.sanitise_for_filesystem(entity['name'])}.{sequence_expression(entity)}{extension(entity)}"
            return "/".join([*self._folders(entity), name])
        if entity.entity_type == "ContainerComponent":
            return "/".join([*self._folders(entity), self.sanitise_for_filesystem(entity["name"])])
        raise StructureError(f"A {entity.entity_type} has no place in a location; only components have.")

    def sanitise_for_filesystem(self, value: str) -> str:
        """Return the name as every file system takes it."""
        if self.illegal_character_substitute is None:
            return value
        plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode("ascii")
        return re.sub(r"[^\w.-]", self.illegal_character_substitute, plain).strip().lower()

    def _file_name(self, name: str, component: Entity) -> str:
        return self.sanitise_for_filesystem(name) + extension(component)

    def _folders(self, component: Entity) -> list[str]:
        version = persisted_version(component)
        link = version["link"]
        if not link or version.state:
            raise StructureError("The version is not on the server yet, so that it has no place. Commit it first.")
        names = [item["name"] for item in link[:-1]]
        # What stands between the project and the version; the asset is no part of a link.
        if len(names) == 1 and self.project_versions_prefix:
            names.append(self.project_versions_prefix)
        parts = [*names, version["asset"]["name"], f"v{version['version']:03d}"]
        return [self.sanitise_for_filesystem(part) for part in parts]
