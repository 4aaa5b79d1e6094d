"""Load the schema of an ftrack site from a file and serve it unchanged.

The file is the answer of ``query_schemas``, which is also the schema cache of the official client. Types and attributes
that our own schema declares behave as they do there; all others are stored and served as data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.schema import dsl_parser, json_schema
from ft_dcc.server.schema.model import Attribute, EntityType, Join, Schema

SCHEMA_FILE = "schema.json"
# Types that authentication and publishing need.
_REQUIRED_TYPES = (
    *("User", "Project", "TypedContext", "Task", "Asset", "AssetType", "AssetVersion", "Status", "Type"),
    *("Component", "FileComponent", "Location", "ComponentLocation", "Metadata"),
)

_TARGET = re.compile(r"Foreign key\(s\): (\w+)\.(\w+)")
_KINDS = {"boolean": "boolean", "integer": "integer", "number": "number", "variable": "variable", "object": "object"}
# The lists of a description, and ours.
_LISTS = (("required", "required"), ("immutable", "immutable"), ("default_projections", "shows"))

Described = list[dict[str, Any]]
Types = dict[str, EntityType]
Description = Mapping[str, Any]
Descriptions = Mapping[str, Description]


@attrs.frozen(eq=False)
class SiteSchema:
    """The schema that a studio works with, and the description for clients."""

    schema: Schema
    described: Described


def load_schema(folder: Path, file: Path | None) -> SiteSchema:
    """Return the schema of the file, of the folder, or ours; raises SettingInvalid, or StorageError for the folder."""
    stored = folder / SCHEMA_FILE
    if file is not None:
        return read_site_schema(file)
    if stored.exists():
        try:
            return read_site_schema(stored)
        except SettingInvalid as error:
            raise StorageError(f"{error} Restore it from a backup, or name a schema again.") from error
    own = dsl_parser.read_schema()
    return SiteSchema(own, json_schema.describe_schema(own))


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
        _add_site_types(types, by_name)
        for name, entity_type in list(types.items()):
            if name in by_name and not entity_type.is_materialised:
                types[name] = _with_site_attributes(types, entity_type, by_name[name])
        _join_collections(types, by_name)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SettingInvalid(f"{file} is damaged: unexpected value {error!s:.200}. Export the schema again.") from error
    return SiteSchema(Schema(types), described)


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


def _restrict_to_site(own: EntityType, described: dict[str, Any] | None, file: Path) -> EntityType:
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


def _add_site_types(types: Types, descriptions: Descriptions) -> None:
    """Add the types that only the site has, each below the base that its description names."""
    pending = {name: found for name, found in descriptions.items() if name not in types}
    while pending:
        ready = [name for name, found in pending.items() if _base_name(types, found) not in pending] or list(pending)
        for name in ready:
            described = pending.pop(name)
            key = tuple(described["primary_key"])
            lists = {ours: tuple(described.get(theirs, ())) for theirs, ours in _LISTS}
            base = types.get(_base_name(types, described))
            if base is None or base.is_materialised or base.is_view or base.key != key:
                types[name] = EntityType(name, "", name, "", {}, key, lists, frozenset())
            else:
                lists = {**base.lists, **lists}
                types[name] = EntityType(name, base.name, base.family, "", base.attributes, key, lists, frozenset())


def _base_name(types: Types, described: Description) -> str:
    """Return the name of the type that shares the rows of this one, or an empty string."""
    mixin, alias = described.get("$mixin"), described.get("alias_for")
    if isinstance(mixin, dict) and isinstance(mixin.get("$ref"), str):
        return str(mixin["$ref"])
    if isinstance(alias, dict) and alias.get("classifiers"):
        tables = {found.table: found.name for found in reversed(types.values()) if found.table and not found.is_view}
        return tables.get(str(alias.get("id")), "")
    return ""


def _with_site_attributes(types: Types, entity_type: EntityType, described: Description) -> EntityType:
    """Return the type with the attributes that only the site has, except collections."""
    attributes = dict(entity_type.attributes)
    properties: Mapping[str, Any] = described["properties"]
    for name, fragment in properties.items():
        known = attributes.get(name)
        if known is None:
            attributes.update((found.name, found) for found in _attributes(types, name, fragment, properties))
        elif "default" in fragment and known.kind == "foreign key" and known.default != fragment["default"]:
            # Types of typed contexts differ only in the id of their object type.
            attributes[name] = attrs.evolve(known, default=fragment["default"])
    return attrs.evolve(entity_type, attributes=attributes)


def _attributes(types: Types, name: str, fragment: Description, properties: Description) -> Iterator[Attribute]:
    alias = str(fragment.get("alias_for") or "")
    if "type" not in fragment and "$ref" in fragment:
        yield from _reference(types, name, str(fragment["$ref"]), properties)
    elif fragment.get("type") in ("array", "mapped_array"):
        return  # Joined by keys of the other type, which may not exist yet: see _join_collections.
    else:
        kind, target = _scalar_kind(types, fragment)
        default = fragment.get("default")
        if default is not None and isinstance(default, (dict, list)) and kind not in ("variable", "object"):
            default = None
        choices = tuple(map(str, fragment.get("enum") or ()))
        yield Attribute(name, kind, target, target, alias, name, default, choices=choices)


def _scalar_kind(types: Types, fragment: Description) -> tuple[str, str]:
    kind, form = fragment.get("type"), fragment.get("format")
    if "transform" in fragment:
        return "entity_type", ""
    if form == "foreign_key":
        match = _TARGET.match(str(fragment.get("description")))
        if match and match[1] in types and types[match[1]].key == (match[2],) and not types[match[1]].is_materialised:
            return "foreign key", match[1]
    if kind == "string":
        return {"date-time": "date", "json": "json"}.get(str(form), "text"), ""
    return _KINDS.get(str(kind), "variable"), ""


def _reference(types: Types, name: str, target: str, properties: Description) -> Iterator[Attribute]:
    found = types.get(target)
    if found is None or found.is_materialised or len(found.key) != 1:
        yield Attribute(name, "variable", column=name)
        return
    local = f"{name}_id"
    if local not in properties:
        own = [key for key, fragment in properties.items() if _leads_to(fragment, (target,))]
        if len(own) == 1:
            local = own[0]
        else:
            yield Attribute(local, "foreign key", target, target, column=local, is_hidden=True)
    yield Attribute(name, "reference", target, target, join=Join("to one", (local,), found.key))


def _leads_to(fragment: Any, names: tuple[str, ...]) -> bool:
    match = _TARGET.match(str(fragment.get("description"))) if fragment.get("format") == "foreign_key" else None
    return match is not None and match[1] in names


def _join_collections(types: Types, descriptions: Descriptions) -> None:
    """Add the collections that only the site has, joined by a key of their members or by a link table of ours."""
    for name, described in descriptions.items():
        for attribute_name, fragment in described["properties"].items():
            entity_type = types[name]
            if attribute_name in entity_type.attributes or fragment.get("type") not in ("array", "mapped_array"):
                continue
            items = fragment.get("items")
            target = types.get(str(items.get("$ref"))) if isinstance(items, dict) else None
            made = _collection(types, entity_type, attribute_name, target, descriptions)
            types[name] = attrs.evolve(entity_type, attributes={**entity_type.attributes, attribute_name: made})


def _collection(
    types: Types, owner: EntityType, name: str, target: EntityType | None, descriptions: Descriptions
) -> Attribute:
    if target is None or target.is_materialised or owner.key != ("id",) or len(target.key) != 1:
        return Attribute(name, "variable", column=name)
    owners = [owner]
    while owners[-1].base:
        owners.append(types[owners[-1].base])
    names, properties = tuple(each.name for each in owners), descriptions.get(target.name, {}).get("properties", {})
    keys = [key for key, fragment in properties.items() if _leads_to(fragment, names) and key in target.attributes]
    if len(keys) == 1 and target.attributes[keys[0]].column is not None:
        join = Join("to many", ("id",), (str(target.attributes[keys[0]].column),))
        return Attribute(name, "collection", target.name, target.name, join=join)
    link = f"{owner.name}{name.title().replace('_', '')}Link"
    while link in types:
        link += "_"
    ends = {"owner_id": owner, "member_id": target}
    attributes = {
        end: Attribute(end, "foreign key", found.name, found.name, column=end, rule="owned")
        for end, found in ends.items()
    }
    types[link] = EntityType(link, "", link, "", attributes, tuple(ends), {}, frozenset({"private"}))
    join = Join("through", ("id",), target.key, link, "owner_id", "member_id")
    return Attribute(name, "collection", target.name, target.name, join=join)
