"""The SQL tables, made from the declaration: one for each family of types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert

from ft_dcc.server.schema.model import Attribute, EntityType, Schema
from ft_dcc.server.schema.notation import snake

# The concrete type of a row, in tables that several types share; no attribute of ftrack has such a name.
TYPE_COLUMN = "__entity_type__"
# The order in which rows were made; queries without an order of their own come in it.
ROW_COLUMN = "__row__"
_COLUMN_TYPES = {"integer": Integer, "boolean": Integer, "number": Float}


@attrs.frozen(eq=False)
class Tables:
    """The tables of a schema by the family root whose rows they hold, and the statements that every batch needs.

    ``insertions`` do nothing where a row stands in the way; ``by_id`` takes the parameter ``id``.
    """

    metadata: MetaData
    by_family: Mapping[str, Table]
    insertions: Mapping[str, Insert]
    by_id: Mapping[str, Select[Any]]

    def __getitem__(self, entity_type: EntityType) -> Table:
        return self.by_family[entity_type.family]


def make_tables(schema: Schema) -> Tables:
    """Return the tables for all types of a schema that are stored."""
    metadata = MetaData()
    roots = [found for found in schema if found.family == found.name and not found.flags & {"dense", "mixin"}]
    made = {root.name: _make_table(metadata, schema, root) for root in roots}
    insertions = {name: insert(table).on_conflict_do_nothing() for name, table in made.items()}
    with_id = {name: table for name, table in made.items() if "id" in table.c}
    by_id = {name: select(table).where(table.c.id == bindparam("id")) for name, table in with_id.items()}
    return Tables(metadata, made, insertions, by_id)


def _make_table(metadata: MetaData, schema: Schema, root: EntityType) -> Table:
    family = schema.family_of(root.name)
    columns: dict[str, Attribute] = {}
    for attribute in (attribute for member in family for attribute in member.attributes.values()):
        if attribute.column is not None:
            columns.setdefault(attribute.column, attribute)
    parts: list[Column[object]] = [Column(ROW_COLUMN, Integer, primary_key=True)]
    if len(family) > 1:
        parts.append(Column(TYPE_COLUMN, Text, nullable=False, index=True))
    parts.extend(
        _make_column(schema, name, attribute, nullable=name not in root.key) for name, attribute in columns.items()
    )
    unique = [root.key, *(tuple(names.split()) for names in _listed(family, "unique"))]
    table = Table(snake(root.name), metadata, *parts, *(UniqueConstraint(*names) for names in unique))
    for name in _listed(family, "indexed"):
        Index(f"ix_{table.name}_{name}", table.c[name])
    led = {names[0] for names in unique}
    for name, attribute in columns.items():
        # Whoever deletes the target looks for its keys; a unique constraint that starts with one serves as well.
        if attribute.kind == "foreign key" and name not in led:
            Index(f"ix_{table.name}_{name}", table.c[name])
    return table


def _make_column(schema: Schema, name: str, attribute: Attribute, *, nullable: bool) -> Column[object]:
    if attribute.kind != "foreign key" or attribute.rows == "*":
        return Column(name, _COLUMN_TYPES.get(attribute.kind, Text), nullable=nullable)
    target = schema[schema[attribute.rows].family]
    key = target.key[0]
    kind = _COLUMN_TYPES.get(target.attributes[key].kind, Text)
    # A batch names entities in any order, so the keys are checked when it is committed.
    reference = ForeignKey(f"{snake(target.name)}.{key}", deferrable=True, initially="DEFERRED")
    return Column(name, kind, reference, nullable=nullable)


def _listed(family: list[EntityType], name: str) -> Iterator[str]:
    return iter(dict.fromkeys(listed for member in family for listed in member.lists.get(name, ())))
