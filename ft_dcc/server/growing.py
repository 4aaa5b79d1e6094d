"""A database follows its schema: tables and columns that a schema has more than the one before are added."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import DDLElement

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.schema.tables import Tables


def grow(connection: Connection, tables: Tables) -> None:
    """The database has every table and column of the schema; what only another schema had stays, and is not served.

    Raises SettingInvalid when a type is known by other keys than before.
    """
    columns: dict[str, set[str]] = {}
    known = "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'"
    for table_name, column_name in connection.execute(text(known)):
        columns.setdefault(table_name, set()).add(column_name)
    keys = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    for table in tables.metadata.tables.values():
        if table.name not in columns:
            table.create(connection)
            continue
        added = [column for column in table.columns if column.name not in columns[table.name]]
        for column in added:
            connection.execute(AddColumn(column))
        for index in sorted(table.indexes, key=lambda found: str(found.name)):
            if index.name in keys:
                continue
            if index.unique:
                raise SettingInvalid(
                    f"The schema knows {table.name} by other keys than the studio's database does. Start a new folder "
                    "with it, and load a dump of this one there."
                )
            index.create(connection)


class AddColumn(DDLElement):
    """``ALTER TABLE … ADD COLUMN``."""

    inherit_cache = False

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(AddColumn)
def _write_add_column(element: AddColumn, compiler: Any, **_options: Any) -> str:
    column, quote = element.column, compiler.preparer.quote
    words = compiler.get_column_specification(column).replace(" NOT NULL", "")
    for key in column.foreign_keys:
        target = key.column
        words += f" REFERENCES {quote(target.table.name)} ({quote(target.name)}) DEFERRABLE INITIALLY DEFERRED"
    return f"ALTER TABLE {quote(column.table.name)} ADD COLUMN {words}"
