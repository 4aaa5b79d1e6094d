"""Make the SQL tables of a schema: one for each family of types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, Select, Table, Text, bindparam, select
from sqlalchemy.dialects.sqlite import Insert, insert

from ft_dcc.server.schema import dsl_parser, model

# The concrete type of a row, in tables that several types share; no attribute of ftrack has this name.
TYPE_COLUMN = "__entity_type__"
# The order in which rows were inserted, which is the default order of query results.
ROW_COLUMN = "__row__"
# Estimates for a large studio: rows of a table, rows of a table of low cardinality, and rows for one selective value.
_TABLE_ROWS, _LOW_CARDINALITY_ROWS, _SELECTIVE_ROWS = 1_000_000, 500, 20
_COLUMN_TYPES = {"integer": Integer, "boolean": Integer, "number": Float}


@attrs.frozen(eq=False)
class Tables:
    """The tables of a schema by the root of their family, and prepared statements on them.

    ``insertions`` do nothing on a conflict; ``by_id`` has the parameter ``id``. ``expected_rows`` are statistics for
    SQLite's planner: the number of rows for one value of each index.
    """

    metadata: MetaData
    by_family: Mapping[str, Table]
    insertions: Mapping[str, Insert]
    by_id: Mapping[str, Select[Any]]
    expected_rows: list[dict[str, str]]

    def __getitem__(self, entity_type: model.EntityType) -> Table:
        return self.by_family[entity_type.family]

    def families(self, *names: str) -> list[Table]:
        """Return the tables of these families."""
        return [self.by_family[name] for name in names]


def make_tables(schema: model.Schema) -> Tables:
    """Return the tables of all stored types of a schema."""
    metadata = MetaData()
    roots = [found for found in schema if found.family == found.name and not found.flags & {"materialised", "mixin"}]
    made = {root.name: _make_table(metadata, schema, root) for root in roots}
    insertions = {name: insert(table).on_conflict_do_nothing() for name, table in made.items()}
    with_id = {name: table for name, table in made.items() if "id" in table.c}
    by_id = {name: select(table).where(table.c.id == bindparam("id")) for name, table in with_id.items()}
    expected_rows = [found for root in roots for found in _expected_rows(schema, root, made[root.name])]
    return Tables(metadata, made, insertions, by_id, expected_rows)


def _make_table(metadata: MetaData, schema: model.Schema, root: model.EntityType) -> Table:
    family = schema.family_of(root.name)
    columns: dict[str, model.Attribute] = {}
    for attribute in (attribute for member in family for attribute in member.attributes.values()):
        if attribute.column is not None:
            columns.setdefault(attribute.column, attribute)
    parts: list[Column[object]] = [Column(ROW_COLUMN, Integer, primary_key=True)]
    if len(family) > 1:
        parts.append(Column(TYPE_COLUMN, Text, nullable=False, index=True))
    parts += [_make_column(schema, name, found, nullable=name not in root.key) for name, found in columns.items()]
    table = Table(dsl_parser.to_snake_case(root.name), metadata, *parts)
    unique, indexed = (
        dict.fromkeys(names for member in family for names in member.lists.get(listed, ()))
        for listed in ("unique", "indexed")
    )
    led = {_add_index(table, names, is_unique=True) for names in {" ".join(root.key): None, **unique}}
    led.update(_add_index(table, names, is_unique=False) for names in indexed)
    for name, attribute in columns.items():
        # Deleting the target searches for its keys; any index that starts with the key is enough.
        if attribute.kind == "foreign key" and name not in led:
            _add_index(table, name, is_unique=False)
    return table


def _add_index(table: Table, names: str, *, is_unique: bool) -> str:
    """Add an index and return the column that it starts with."""
    columns, prefix = names.split(), "uq" if is_unique else "ix"
    Index("_".join((prefix, table.name, *columns)), *(table.c[name] for name in columns), unique=is_unique)
    return columns[0]


def _make_column(schema: model.Schema, name: str, attribute: model.Attribute, *, nullable: bool) -> Column[object]:
    if attribute.kind != "foreign key" or attribute.rows == "*":
        return Column(name, _COLUMN_TYPES.get(attribute.kind, Text), nullable=nullable)
    target = schema[schema[attribute.rows].family]
    key = target.key[0]
    kind = _COLUMN_TYPES.get(target.attributes[key].kind, Text)
    # A batch creates entities in any order, so the keys are checked at the commit.
    reference = ForeignKey(f"{dsl_parser.to_snake_case(target.name)}.{key}", deferrable=True, initially="DEFERRED")
    return Column(name, kind, reference, nullable=nullable)


def _expected_rows(schema: model.Schema, root: model.EntityType, table: Table) -> Iterator[dict[str, str]]:
    """Yield the statistics of each index for SQLite's planner: all rows, and rows for each value.

    They are the proportions of a large studio and never change, so that a query has the same plan in a small database
    and in a large one (see "fixed results of ANALYZE" in sqlite.org/lang_analyze.html).
    """
    rows = _LOW_CARDINALITY_ROWS if "low_cardinality" in root.flags else _TABLE_ROWS
    family = schema.family_of(root.name)
    attributes = {found.column: found for member in family for found in member.attributes.values()}
    for index in table.indexes:
        expected = [rows]
        for column in index.columns:
            if column.name == TYPE_COLUMN and len(expected) > 1:
                # Most contexts of a project are tasks, so the type selects little after the project.
                expected.append(expected[-1] * 3 // 4)
                continue
            attribute = attributes.get(column.name)
            is_unselective = attribute is None or (
                attribute.rows in schema.types and "low_cardinality" in schema[attribute.rows].flags
            )
            expected.append(max(1, min(expected[-1] // 10, rows // 50 if is_unselective else _SELECTIVE_ROWS)))
        if index.unique:
            expected[-1] = 1
        yield {"tbl": table.name, "idx": str(index.name), "stat": " ".join(map(str, expected))}
