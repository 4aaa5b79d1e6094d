"""Convert rows to lines of JSON and back.

A line is an object with ``__entity_type__`` and attributes in the format of the API: values, references such as
``{"__entity_type__": "Task", "id": …}`` or their foreign keys, lists of references, ``metadata`` and
``custom_attributes`` as objects. Types that clients do not see have lines as well.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

import attrs

from ft_dcc.server.errors import ValidationError
from ft_dcc.server.query.type_conversion import to_db, to_json
from ft_dcc.server.schema import model, tables

Row = dict[str, Any]


@attrs.frozen(eq=False)
class Record:
    """One parsed line: the columns that it gives, and the lists that it assigns."""

    entity_type: model.EntityType
    columns: Row
    lists: Mapping[str, Any]


@attrs.frozen(eq=False)
class JsonlFormat:
    """The format of one entity type's lines: the attributes of its columns, and the defaults of columns."""

    entity_type: model.EntityType
    attributes: Mapping[str, model.Attribute]
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, entity_type: model.EntityType) -> JsonlFormat:
        """Return the format of a type that has its own rows."""
        attributes: dict[str, model.Attribute] = {}
        for attribute in entity_type.attributes.values():
            if attribute.column is not None:
                attributes.setdefault(attribute.column, attribute)
        defaults = {
            column: to_db("variable", found.default, "") if found.kind == "variable" else found.default
            for column, found in attributes.items()
        }
        return cls(entity_type, attributes, defaults)

    def write(self, row: Mapping[str, Any], server_columns: Collection[str]) -> bytes:
        """Return the line of a row, without the values that importing a line without them would restore."""
        line: Row = {tables.TYPE_COLUMN: self.entity_type.name}
        for column, attribute in self.attributes.items():
            value = row[column]
            if value is None and column not in server_columns and self.defaults[column] is None:
                continue
            convert = to_json(attribute.kind)
            line[attribute.name] = value if convert is None or value is None else convert(value)
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def complete(self, columns: Row) -> Row:
        """Return the columns, with the defaults of the type for missing ones."""
        row = {**self.defaults, **columns}
        return {name: str(uuid4()) if value == "{uid}" else value for name, value in row.items()}


def read_line(schema: model.Schema, line: bytes) -> Record:
    """Parse a line; raises ValidationError with the reason when it cannot be stored."""
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValidationError("This is not JSON.") from error
    if not isinstance(content, dict) or not isinstance(content.get(tables.TYPE_COLUMN), str):
        raise ValidationError("This is not a JSON object with an __entity_type__.")
    entity_type = schema[content.pop(tables.TYPE_COLUMN)]
    if entity_type.is_abstract or "mixin" in entity_type.flags:
        kinds = ", ".join(schema.with_subtypes(entity_type.name)[1:]) or "another type"
        raise ValidationError(f"{entity_type.name} is a common base: name one of {kinds}.")
    if entity_type.is_materialised:
        content.pop("key", None)
        entity_type = schema["CustomAttributeValue"]
    columns: Row = {}
    lists: dict[str, Any] = {}
    for name, value in content.items():
        _read_value(schema, entity_type, name, value, columns, lists)
    return Record(entity_type, columns, lists)


def _read_value(
    schema: model.Schema, entity_type: model.EntityType, name: str, value: Any, columns: Row, lists: dict[str, Any]
) -> None:
    attribute = entity_type.attributes.get(name)
    if attribute is None:
        raise ValidationError(f"{entity_type.name} has no attribute '{name[:80]}'.")
    if attribute.is_many:
        lists[name] = value
    elif attribute.kind == "reference":
        for local, key in zip(attribute.related.local, read_key(schema, attribute.rows, value)):
            found = entity_type.attributes.get(local)
            if found is not None and found.column is not None:
                columns[found.column] = key
    elif attribute.column is not None:
        columns[attribute.column] = _read_scalar(entity_type, attribute, value)
    # Computed attributes are part of every answer; in a line they are ignored.


def _read_scalar(entity_type: model.EntityType, attribute: model.Attribute, value: Any) -> Any:
    name = f"{entity_type.name}.{attribute.name}"
    if value is None:
        return "null" if attribute.kind == "variable" else None
    if attribute.kind == "foreign key" and isinstance(value, dict):
        return value.get("id")
    found = to_db(attribute.kind, value, name)
    if attribute.choices and found not in attribute.choices:
        raise ValidationError(f"{name} must be one of {', '.join(attribute.choices)}.")
    return found


def read_key(schema: model.Schema, type_name: str, reference: Any) -> tuple[Any, ...]:
    """Return the primary key of a reference, which may be an id alone where the key has one part."""
    key = schema[type_name].key
    if reference is None:
        return (None,) * len(key)
    if isinstance(reference, str) and len(key) == 1:
        return (reference,)
    if isinstance(reference, dict) and all(isinstance(reference.get(part), (str, int)) for part in key):
        return tuple(str(reference[part]) for part in key)
    raise ValidationError(f"A reference to {type_name} needs its {' and '.join(key)}.")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
