"""Migrate the database step by step to the newest version, in the transaction that opens it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select, text, update

from ft_dcc.errors import StorageError
from ft_dcc.server.database.schema_sync import add_missing_columns
from ft_dcc.server.schema.tables import Tables

Step = Callable[[Connection, Tables], None]


def _create_tables(connection: Connection, tables: Tables) -> None:
    tables.metadata.create_all(connection)


def _enable_sharing(connection: Connection, tables: Tables) -> None:
    """Create the table of annotations, and enable sharing, which had no switch before, for all review sessions."""
    tables.metadata.create_all(connection)
    session = tables.by_family["ReviewSession"]
    connection.execute(update(session).values(shareable_url_enabled=1))


def _add_component_creators(connection: Connection, tables: Tables) -> None:
    """Add the column with the creator of a component, for those in jobs and notes from the user of those."""
    add_missing_columns(connection, tables.metadata)
    component = tables.by_family["Component"]
    if "created_by_id" not in component.c:
        return  # The schema of a site.
    for family, column in (("Job", "job_id"), ("Note", "note_id")):
        owner, link = tables.by_family[family], tables.by_family[f"{family}Component"]
        joined = link.join(owner, owner.c.id == link.c[column])
        creator = select(owner.c.user_id).select_from(joined).where(link.c.component_id == component.c.id).limit(1)
        is_missing = component.c.created_by_id.is_(None), component.c.id.in_(select(link.c.component_id))
        connection.execute(update(component).where(*is_missing).values(created_by_id=creator.scalar_subquery()))


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
STEPS: tuple[Step, ...] = (_create_tables, _enable_sharing, _add_component_creators)


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
