"""Migrate the database step by step to the newest version, in the transaction that opens it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from ft_dcc.errors import StorageError
from ft_dcc.server.database.schema_sync import add_missing_columns
from ft_dcc.server.schema.tables import Tables

Step = Callable[[Connection, Tables], None]


def _create_tables(connection: Connection, tables: Tables) -> None:
    tables.metadata.create_all(connection)


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
STEPS: tuple[Step, ...] = (_create_tables,)


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
    _set_planner_statistics(connection, tables)
    if found < len(STEPS):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")
