"""A studio with a site's own schema: what the site's file says is served as it is, and what we know of it works.

The file is the answer of ``query_schemas``, which is also what the official client keeps as its schema cache. Types and
attributes that we declare behave as ours do, as far as the file has them; all others are kept and served as data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import DiskUnusable, SettingInvalid
from ft_dcc.server.schema.foreign_types import add_foreign_types, join_collections, with_foreign_attributes
from ft_dcc.server.schema.model import EntityType, Schema
from ft_dcc.server.schema.notation import read_schema
from ft_dcc.server.schema.wire import describe

KEPT = "schema.json"
# Without these, nobody can come in, and nothing can be published.
_NEEDED = (
    *("User", "Project", "TypedContext", "Task", "Asset", "AssetType", "AssetVersion", "Status", "Type"),
    *("Component", "FileComponent", "Location", "ComponentLocation", "Metadata"),
)

Described = list[dict[str, Any]]


@attrs.frozen(eq=False)
class SiteSchema:
    """The schema that a studio works with, and the one that it tells clients; ``is_own`` when both are ours."""

    schema: Schema
    described: Described
    is_own: bool


def studio_schema(folder: Path, file: Path | None) -> SiteSchema:
    """Return the schema of the file, else the one that the folder has kept, else our own.

    Raises SettingInvalid when the file is none, or lacks what a studio needs, and DiskUnusable for a damaged folder.
    """
    kept = folder / KEPT
    if file is not None:
        return read_site_schema(file)
    if kept.exists():
        try:
            return read_site_schema(kept)
        except SettingInvalid as error:
            raise DiskUnusable(f"{error} Restore it from a backup, or name a schema again.") from error
    own = read_schema()
    return SiteSchema(own, describe(own), is_own=True)


def is_another(folder: Path, described: Described) -> bool:
    """Whether the folder keeps another schema than this one, or none."""
    kept = folder / KEPT
    return not kept.exists() or bool(json.loads(kept.read_text("utf-8")) != described)


def read_site_schema(file: Path) -> SiteSchema:
    """Return the schema of a file; raises SettingInvalid with what is wrong with it."""
    described = list(_read(file))
    by_name = {found["id"]: found for found in described}
    missing = [name for name in _NEEDED if name not in by_name]
    if missing:
        raise SettingInvalid(f"{file} lacks what a studio needs: {', '.join(missing)}. Take a site's whole schema.")
    own = read_schema()
    types = {found.name: _as_described(found, by_name.get(found.name), file) for found in own}
    try:
        add_foreign_types(types, by_name)
        for name, entity_type in list(types.items()):
            if name in by_name and not entity_type.is_dense:
                types[name] = with_foreign_attributes(types, entity_type, by_name[name])
        join_collections(types, by_name)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SettingInvalid(f"{file} is damaged: {error!s:.200} is not what a schema has there.") from error
    return SiteSchema(Schema(types), described, is_own=False)


def _read(file: Path) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingInvalid(f"The schema {file} cannot be read: {error.strerror}. Check the name.") from error
    except (ValueError, RecursionError) as error:
        raise SettingInvalid(f"The schema {file} is damaged: it is not JSON. Fetch it once more.") from error
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]  # The whole answer of the request, not just that of its one operation.
    if not isinstance(found, list) or not found:
        raise SettingInvalid(f"{file} is no schema: that is the list that query_schemas answers.")
    for number, described in enumerate(found, 1):
        if not _is_sound(described):
            raise SettingInvalid(f"{file} is damaged: its entity type {number} has no name, no key or no properties.")
        yield described


def _is_sound(described: Any) -> bool:
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


def _as_described(own: EntityType, described: dict[str, Any] | None, file: Path) -> EntityType:
    """Return our type with what the site does not have of it hidden."""
    if own.is_private:
        return own
    if described is None:
        return attrs.evolve(own, flags=own.flags | {"private"})
    if tuple(described["primary_key"]) != own.key and sorted(described["primary_key"]) != sorted(own.key):
        found, wanted = ", ".join(described["primary_key"]), ", ".join(own.key)
        raise SettingInvalid(f"{file} knows a {own.name} by {found}, and a studio by {wanted}. It cannot be served.")
    properties = described["properties"]
    attributes = {
        # A value of our own is not described, and told to a client who knows of it and asks.
        name: attribute
        if name in properties or (attribute.is_ours and attribute.is_scalar)
        else attrs.evolve(attribute, is_hidden=True)
        for name, attribute in own.attributes.items()
    }
    shows = tuple(name for name in described.get("default_projections", own.key) if name in properties)
    key = tuple(described["primary_key"])
    return attrs.evolve(own, attributes=attributes, key=key, lists={**own.lists, "shows": shows})
