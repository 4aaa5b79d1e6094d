"""Build entity types and attributes of a site from their description alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.schema.model import Attribute, EntityType, Join

Types = dict[str, EntityType]
Description = Mapping[str, Any]
Descriptions = Mapping[str, Description]

_TARGET = re.compile(r"Foreign key\(s\): (\w+)\.(\w+)")
_KINDS = {"boolean": "boolean", "integer": "integer", "number": "number", "variable": "variable", "object": "object"}
_LISTS = {"required": "required", "immutable": "immutable", "default_projections": "shows"}


def add_site_types(types: Types, descriptions: Descriptions) -> None:
    """Add the types that only the site has, each below the base that its description names."""
    pending = {name: found for name, found in descriptions.items() if name not in types}
    while pending:
        ready = [name for name, found in pending.items() if _base_name(found, types) not in pending] or list(pending)
        for name in ready:
            types[name] = _make_type(types, pending.pop(name))


def _base_name(described: Description, types: Types) -> str:
    """Return the name of the type that shares the rows of this one, or an empty string."""
    mixin, alias = described.get("$mixin"), described.get("alias_for")
    if isinstance(mixin, dict) and isinstance(mixin.get("$ref"), str):
        return str(mixin["$ref"])
    if isinstance(alias, dict) and alias.get("classifiers"):
        tables = {found.table: found.name for found in reversed(types.values()) if found.table and not found.is_view}
        return tables.get(str(alias.get("id")), "")
    return ""


def _make_type(types: Types, described: Description) -> EntityType:
    base = types.get(_base_name(described, types))
    if base is not None and (base.is_materialised or base.is_view or base.key != tuple(described["primary_key"])):
        base = None
    lists = {ours: tuple(described.get(theirs, ())) for theirs, ours in _LISTS.items()}
    return EntityType(
        name=described["id"],
        base=base.name if base else "",
        family=base.family if base else described["id"],
        table="",
        attributes=dict(base.attributes) if base else {},
        key=tuple(described["primary_key"]),
        lists={**base.lists, **lists} if base else lists,
        flags=frozenset(),
    )


def with_site_attributes(types: Types, entity_type: EntityType, described: Description) -> EntityType:
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
        return  # Joined by keys of the other type, which may not exist yet: see join_collections.
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


def join_collections(types: Types, descriptions: Descriptions) -> None:
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
    owners = tuple(_with_bases(types, owner))
    properties = descriptions.get(target.name, {}).get("properties", {})
    keys = [key for key, fragment in properties.items() if _leads_to(fragment, owners) and key in target.attributes]
    if len(keys) == 1 and target.attributes[keys[0]].column is not None:
        join = Join("to many", ("id",), (str(target.attributes[keys[0]].column),))
        return Attribute(name, "collection", target.name, target.name, join=join)
    link = f"{owner.name}{name.title().replace('_', '')}Link"
    while link in types:
        link += "_"
    ends = {"owner_id": owner, "member_id": target}
    types[link] = EntityType(
        name=link,
        base="",
        family=link,
        table="",
        attributes={
            end: Attribute(end, "foreign key", found.name, found.name, column=end, rule="owned")
            for end, found in ends.items()
        },
        key=("owner_id", "member_id"),
        lists={},
        flags=frozenset({"private"}),
    )
    join = Join("through", ("id",), target.key, link, "owner_id", "member_id")
    return Attribute(name, "collection", target.name, target.name, join=join)


def _with_bases(types: Types, entity_type: EntityType) -> Iterator[str]:
    yield entity_type.name
    while entity_type.base:
        entity_type = types[entity_type.base]
        yield entity_type.name
