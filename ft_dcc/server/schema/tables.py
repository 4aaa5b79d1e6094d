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
# Rows of a large studio: in a table, in a table of its vocabulary, and for one value that says much.
_MANY, _FEW, _SOME = 1_000_000, 500, 20
_COLUMN_TYPES = {"integer": Integer, "boolean": Integer, "number": Float}


@attrs.frozen(eq=False)
class Tables:
    """The tables of a schema by the family root whose rows they hold, and the statements that every batch needs.

    ``insertions`` do nothing where a row stands in the way; ``by_id`` takes the parameter ``id``. ``expected_rows``
    says how many rows a value of each index finds, for the planner.
    """

    metadata: MetaData
    by_family: Mapping[str, Table]
    insertions: Mapping[str, Insert]
    by_id: Mapping[str, Select[Any]]
    expected_rows: list[dict[str, str]]

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
    expected_rows = [found for root in roots for found in _expected_rows(schema, root, made[root.name])]
    return Tables(metadata, made, insertions, by_id, expected_rows)


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
    table = Table(snake(root.name), metadata, *parts)
    unique = {" ".join(root.key): None, **dict.fromkeys(_listed(family, "unique"))}
    led = {_add_index(table, names, is_unique=True) for names in unique}
    led.update(_add_index(table, names, is_unique=False) for names in _listed(family, "indexed"))
    for name, attribute in columns.items():
        # Whoever deletes the target looks for its keys; an index that starts with one serves as well.
        if attribute.kind == "foreign key" and name not in led:
            _add_index(table, name, is_unique=False)
    return table


def _add_index(table: Table, names: str, *, is_unique: bool) -> str:
    """Add an index and return the column that it starts with."""
    columns = names.split()
    Index(
        "_".join(("uq" if is_unique else "ix", table.name, *columns)),
        *(table.c[name] for name in columns),
        unique=is_unique,
    )
    return columns[0]


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


def _expected_rows(schema: Schema, root: EntityType, table: Table) -> Iterator[dict[str, str]]:
    """Yield what SQLite's planner should believe of each index: all rows, and rows for each value.

    These are the proportions of a large studio. They are given once, so that a query is planned the same way in a
    small database and in one that has grown (sqlite.org/lang_analyze.html calls this fixed results of ANALYZE).
    """
    rows = _FEW if "few" in root.flags else _MANY
    family = schema.family_of(root.name)
    attributes = {found.column: found for member in family for found in member.attributes.values()}
    for index in table.indexes:
        expected = [rows]
        for column in index.columns:
            if column.name == TYPE_COLUMN and len(expected) > 1:
                # Most of what a project has are tasks, so that to know the type as well is worth little before a sort.
                expected.append(expected[-1] * 3 // 4)
                continue
            attribute = attributes.get(column.name)
            is_vague = attribute is None or (attribute.rows in schema.types and "few" in schema[attribute.rows].flags)
            expected.append(max(1, min(expected[-1] // 10, rows // 50 if is_vague else _SOME)))
        if index.unique:
            expected[-1] = 1
        yield {"tbl": table.name, "idx": str(index.name), "stat": " ".join(map(str, expected))}
