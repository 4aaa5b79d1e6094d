"""Load the schema of an ftrack site from a file and serve it unchanged.

The file is the answer of ``query_schemas``, which is also the schema cache of the official client. Types and attributes
that our own schema declares behave as they do there; all others are stored and served as data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.schema import dsl_parser, json_schema, model, site_types

SCHEMA_FILE = "schema.json"
# Types that authentication and publishing need.
_REQUIRED_TYPES = (
    *("User", "Project", "TypedContext", "Task", "Asset", "AssetType", "AssetVersion", "Status", "Type"),
    *("Component", "FileComponent", "Location", "ComponentLocation", "Metadata"),
)

Described = list[dict[str, Any]]


@attrs.frozen(eq=False)
class SiteSchema:
    """The schema that a studio works with, and the description for clients; ``is_own`` without a site's file."""

    schema: model.Schema
    described: Described
    is_own: bool


def load_schema(folder: Path, file: Path | None) -> SiteSchema:
    """Return the schema of the file, else the one that is stored in the folder, else our own.

    Raises SettingInvalid for a file that is no schema or lacks required types, and StorageError for a damaged folder.
    """
    stored = folder / SCHEMA_FILE
    if file is not None:
        return read_site_schema(file)
    if stored.exists():
        try:
            return read_site_schema(stored)
        except SettingInvalid as error:
            raise StorageError(f"{error} Restore it from a backup, or name a schema again.") from error
    own = dsl_parser.read_schema()
    return SiteSchema(own, json_schema.describe_schema(own), is_own=True)


def differs_from_stored(folder: Path, described: Described) -> bool:
    """Return whether the folder stores no schema, or another one than this."""
    stored = folder / SCHEMA_FILE
    return not stored.exists() or bool(json.loads(stored.read_text("utf-8")) != described)


def read_site_schema(file: Path) -> SiteSchema:
    """Return the schema of a file; raises SettingInvalid with the reason when it cannot be used."""
    described = list(_read(file))
    by_name = {found["id"]: found for found in described}
    missing = [name for name in _REQUIRED_TYPES if name not in by_name]
    if missing:
        raise SettingInvalid(f"{file} lacks required types: {', '.join(missing)}. Export the whole schema of a site.")
    own = dsl_parser.read_schema()
    types = {found.name: _restrict_to_site(found, by_name.get(found.name), file) for found in own}
    try:
        site_types.add_site_types(types, by_name)
        for name, entity_type in list(types.items()):
            if name in by_name and not entity_type.is_materialised:
                types[name] = site_types.with_site_attributes(types, entity_type, by_name[name])
        site_types.join_collections(types, by_name)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SettingInvalid(f"{file} is damaged: unexpected value {error!s:.200}. Export the schema again.") from error
    return SiteSchema(model.Schema(types), described, is_own=False)


def _read(file: Path) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingInvalid(f"The schema {file} cannot be read: {error.strerror}. Check the name.") from error
    except (ValueError, RecursionError) as error:
        raise SettingInvalid(f"The schema {file} is damaged: it is not JSON. Export the schema again.") from error
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]  # The whole answer of the request, not just that of its one operation.
    if not isinstance(found, list) or not found:
        raise SettingInvalid(f"{file} is not a schema. Save the answer of query_schemas, which is a list.")
    for number, described in enumerate(found, 1):
        if not _is_valid_description(described):
            raise SettingInvalid(f"{file} is damaged: its entity type {number} has no name, no key or no properties.")
        yield described


def _is_valid_description(described: Any) -> bool:
    if not isinstance(described, dict) or not isinstance(described.get("properties"), dict):
        return False
    key, properties = described.get("primary_key"), described["properties"]
    names = [described.get("id"), *properties]
    return (
        isinstance(key, list)
        and bool(key)
        and all(isinstance(name, str) and name.isidentifier() and not name.startswith("__") for name in names)
        and all(name in properties for name in key)
        and all(isinstance(fragment, dict) for fragment in properties.values())
    )


def _restrict_to_site(own: model.EntityType, described: dict[str, Any] | None, file: Path) -> model.EntityType:
    """Return our type with the attributes hidden that the site does not have; raises SettingInvalid."""
    if own.is_private:
        return own
    if described is None:
        return attrs.evolve(own, flags=own.flags | {"private"})
    if tuple(described["primary_key"]) != own.key and sorted(described["primary_key"]) != sorted(own.key):
        found, wanted = ", ".join(described["primary_key"]), ", ".join(own.key)
        raise SettingInvalid(f"The primary key of {own.name} in {file} is {found}; expected {wanted}.")
    properties = described["properties"]
    attributes = {
        # The scalars of extensions stay: they are not described, but a client that knows them can query them.
        name: attribute
        if name in properties or (attribute.is_extension and attribute.is_scalar)
        else attrs.evolve(attribute, is_hidden=True)
        for name, attribute in own.attributes.items()
    }
    shows = tuple(name for name in described.get("default_projections", own.key) if name in properties)
    key = tuple(described["primary_key"])
    return attrs.evolve(own, attributes=attributes, key=key, lists={**own.lists, "shows": shows})
