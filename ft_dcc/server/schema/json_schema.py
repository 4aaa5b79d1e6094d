"""Describe the schema for clients: the answer of ``query_schemas`` and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ft_dcc.server.schema.model import Attribute, EntityType, Schema


def describe_schema(schema: Schema) -> list[dict[str, Any]]:
    """Return one object for each public entity type, with the keys of protocol section 3.1."""
    described = []
    for entity_type in schema:
        if not entity_type.is_private:
            public = {name: found for name, found in entity_type.attributes.items() if not found.is_hidden}
            key, lists = entity_type.key, entity_type.lists
            optional = {
                "computed": _named(public, lists.get("computed", ())),
                "system_projections": list(lists.get("system", ())),
                "alias_for": _table(schema, entity_type),
            }
            described.append(
                {
                    "id": entity_type.name,
                    "type": "object",
                    "primary_key": list(key),
                    "properties": {name: _describe_attribute(schema, found) for name, found in public.items()},
                    "required": _named(public, (*key, *lists.get("required", ()))),
                    "immutable": _named(public, (*key, *lists.get("immutable", ()))),
                    "default_projections": _named(public, lists.get("shows", key)),
                    **{name: value for name, value in optional.items() if value},
                }
            )
    return described


def schema_hash(described: list[dict[str, Any]]) -> str:
    """Return the MD5 that clients compute of the same list (default separators, sorted keys, ASCII escapes)."""
    return hashlib.md5(json.dumps(described, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _named(public: dict[str, Attribute], names: tuple[str, ...]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in public]


def _table(schema: Schema, entity_type: EntityType) -> str | dict[str, Any]:
    """Return ftrack's table name, with the column that distinguishes the types of a family."""
    root_first = [entity_type]
    while root_first[0].base:
        root_first.insert(0, schema[root_first[0].base])
    for name in entity_type.lists.get("classifier", ()):
        root = next(each for each in root_first if name in each.lists.get("classifier", ()))
        attribute = entity_type.attributes[name]
        if entity_type is not root and attribute.default is not None:
            return {"id": root.table or root.name, "classifiers": {attribute.alias: attribute.default}}
    return entity_type.table


def _describe_attribute(schema: Schema, attribute: Attribute) -> dict[str, Any]:
    described = _describe_kind(schema, attribute)
    if attribute.alias:
        described["alias_for"] = attribute.alias
    if attribute.default is not None:
        described["default"] = attribute.default
    if attribute.choices:
        described["enum"] = list(attribute.choices)
    return described


def _describe_kind(schema: Schema, attribute: Attribute) -> dict[str, Any]:
    kind, target = attribute.kind, attribute.target
    if kind == "reference":
        return {"$ref": target}
    if kind == "collection":
        return {"type": "array", "items": {"$ref": target}}
    if kind == "mapping":
        described: dict[str, Any] = {"type": "mapped_array", "items": {"$ref": target}}
        if target.startswith("CustomAttributeLink"):
            return {**described, "restricted_projection": True}
        return {**described, "key_value_attributes": {"key": "key", "value": "value"}}
    if kind == "foreign key":
        if target == "*":
            return {"type": "string"}
        key = schema[target].key[0]
        found = "integer" if schema[target].attributes[key].kind == "integer" else "string"
        return {"type": found, "format": "foreign_key", "description": f"Foreign key(s): {target}.{key}"}
    if kind == "entity_type":
        return {"type": "string", "transform": {"client": "{schema_id}", "server": "{table_name}"}}
    if kind in ("date", "json"):
        return {"type": "string", "format": "date-time" if kind == "date" else kind}
    return {"type": "string" if kind in ("text", "secret") else kind}
