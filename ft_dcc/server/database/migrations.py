"""Migrate the database step by step to the newest version, and to the schema, in the transaction that opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, Connection, MetaData, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import DDLElement

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.database import private_tables
from ft_dcc.server.schema.tables import Tables

Step = Callable[[Connection, Tables], None]


def _set_planner_statistics(connection: Connection, tables: Tables) -> None:
    """Set the statistics by which SQLite plans queries to those of a large studio, for connections opened later.

    SQLite drops them with an index, and ANALYZE overwrites them.
    """
    expected = {tuple(row.values()) for row in tables.expected_rows}
    if connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")):
        if {tuple(row) for row in connection.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1"))} == expected:
            return
    else:
        connection.exec_driver_sql("ANALYZE sqlite_master")  # Creates the table, which CREATE TABLE may not.
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    insert = text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)")
    connection.execute(insert, tables.expected_rows)


# Step 1 sets up an empty file; each later one changes the result of those before. Never change a step, add one.
STEPS: tuple[Step, ...] = (lambda connection, tables: tables.metadata.create_all(connection),)


def migrate(connection: Connection, tables: Tables) -> None:
    """Migrate the database to the newest version; raises StorageError when a newer release wrote it."""
    found = int(connection.execute(text("PRAGMA user_version")).scalar() or 0)
    if found > len(STEPS):
        raise StorageError(
            f"The database is of version {found}; this ft-dcc knows versions up to {len(STEPS)}. Install a newer one."
        )
    for step in STEPS[found:]:
        step(connection, tables)
    if found:
        add_missing_columns(connection, tables.metadata)
    add_missing_columns(connection, private_tables.METADATA)
    _set_planner_statistics(connection, tables)
    if found < len(STEPS):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")


def add_missing_columns(connection: Connection, metadata: MetaData) -> None:
    """Add the tables, columns and indexes that the database lacks; raises SettingInvalid for other unique keys."""
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
