"""Entities as lines of JSON: what one line says about a row, and what a row is as a line.

A line is an object with ``__entity_type__`` and attributes as they go over the wire: values, references such as
``{"__entity_type__": "Task", "id": …}`` or their foreign keys, lists of references, ``metadata`` and
``custom_attributes`` as objects. Types that clients do not see have lines as well: a studio is more than they see.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

import attrs

from ft_dcc.errors import ValidationError
from ft_dcc.server.query.values import shown, stored
from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN

Row = dict[str, Any]


@attrs.frozen(eq=False)
class Record:
    """One line as a row: the columns that it gives, and the lists that it assigns."""

    entity_type: EntityType
    columns: Row
    lists: Mapping[str, Any]


@attrs.frozen(eq=False)
class Form:
    """What lines of one entity type look like: the columns that are told, and what is in those that are not."""

    entity_type: EntityType
    told: Mapping[str, Attribute]
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, entity_type: EntityType) -> Form:
        """Return the form of a type that has rows of its own."""
        told: dict[str, Attribute] = {}
        for attribute in entity_type.attributes.values():
            if attribute.column is not None:
                told.setdefault(attribute.column, attribute)
        defaults = {
            column: stored("variable", found.default, "") if found.kind == "variable" else found.default
            for column, found in told.items()
        }
        return cls(entity_type, told, defaults)

    def write(self, row: Mapping[str, Any], derived: Collection[str]) -> bytes:
        """Return the line of a row; no value is left out where a line without it says the same."""
        line: Row = {TYPE_COLUMN: self.entity_type.name}
        for column, attribute in self.told.items():
            value = row[column]
            if value is None and column not in derived and self.defaults[column] is None:
                continue
            show = shown(attribute.kind)
            line[attribute.name] = value if show is None or value is None else show(value)
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def complete(self, columns: Row) -> Row:
        """Return the columns with the defaults of the type where none is given."""
        row = {**self.defaults, **columns}
        return {name: str(uuid4()) if value == "{uid}" else value for name, value in row.items()}


def read_line(schema: Schema, line: bytes) -> Record:
    """Return what a line says; raises ValidationError with the reason when it cannot be stored."""
    try:
        said = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValidationError("This is not JSON.") from error
    if not isinstance(said, dict) or not isinstance(said.get(TYPE_COLUMN), str):
        raise ValidationError("This is no JSON object with an __entity_type__.")
    entity_type = schema[said.pop(TYPE_COLUMN)]
    if entity_type.is_abstract or "mixin" in entity_type.flags:
        kinds = ", ".join(schema.with_subtypes(entity_type.name)[1:]) or "another type"
        raise ValidationError(f"{entity_type.name} is a common base: name one of {kinds}.")
    if entity_type.is_dense:
        said.pop("key", None)
        entity_type = schema["CustomAttributeValue"]
    columns: Row = {}
    lists: dict[str, Any] = {}
    for name, value in said.items():
        _read_value(schema, entity_type, name, value, columns, lists)
    return Record(entity_type, columns, lists)


def _read_value(
    schema: Schema, entity_type: EntityType, name: str, value: Any, columns: Row, lists: dict[str, Any]
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
    # What the server computes is told in every answer; a line may have it and says nothing with it.


def _read_scalar(entity_type: EntityType, attribute: Attribute, value: Any) -> Any:
    name = f"{entity_type.name}.{attribute.name}"
    if value is None:
        return "null" if attribute.kind == "variable" else None
    if attribute.kind == "foreign key" and isinstance(value, dict):
        return value.get("id")
    found = stored(attribute.kind, value, name)
    if attribute.choices and found not in attribute.choices:
        raise ValidationError(f"{name} must be one of {', '.join(attribute.choices)}.")
    return found


def read_key(schema: Schema, type_name: str, reference: Any) -> tuple[Any, ...]:
    """Return the primary key of a reference; an id alone will do where the key has one part."""
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
