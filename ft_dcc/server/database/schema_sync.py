"""Add the tables and columns that a schema has and the database lacks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, MetaData, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import DDLElement

from ft_dcc.errors import SettingInvalid


def add_missing_columns(connection: Connection, metadata: MetaData) -> None:
    """Add every table, column and index of the metadata that the database lacks; nothing is removed.

    Raises SettingInvalid when a type has other unique keys than in the database.
    """
    columns: dict[str, set[str]] = {}
    known = "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'"
    for table_name, column_name in connection.execute(text(known)):
        columns.setdefault(table_name, set()).add(column_name)
    indexes = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    for table in metadata.tables.values():
        if table.name not in columns:
            table.create(connection)
            continue
        for column in table.columns:
            if column.name not in columns[table.name]:
                connection.execute(_AddColumn(column))
        for index in sorted(table.indexes, key=lambda found: str(found.name)):
            if index.name in indexes:
                continue
            if index.unique:
                raise SettingInvalid(
                    f"The schema gives {table.name} other keys than the studio's database has. Start a new folder "
                    "with it, and load a dump of this one there."
                )
            index.create(connection)


class _AddColumn(DDLElement):
    """``ALTER TABLE … ADD COLUMN``."""

    inherit_cache = False

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _compile_add_column(element: _AddColumn, compiler: Any, **_options: Any) -> str:
    column, quote = element.column, compiler.preparer.quote
    definition = compiler.get_column_specification(column).replace(" NOT NULL", "")
    for key in column.foreign_keys:
        target = key.column
        definition += f" REFERENCES {quote(target.table.name)} ({quote(target.name)}) DEFERRABLE INITIALLY DEFERRED"
    return f"ALTER TABLE {quote(column.table.name)} ADD COLUMN {definition}"
