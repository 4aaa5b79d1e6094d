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

from ft_dcc.server.entities.payload import read_values
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
    values = read_values(schema, entity_type, content, is_trusted=True)
    return Record(entity_type, values.columns, values.lists)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
