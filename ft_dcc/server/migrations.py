"""Steps from one version of the database to the next, each in the transaction that opens it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text, update

from ft_dcc.errors import DiskUnusable
from ft_dcc.server.growing import grow
from ft_dcc.server.schema.tables import Tables

Step = Callable[[Connection, Tables], None]


def _make_tables(connection: Connection, tables: Tables) -> None:
    tables.metadata.create_all(connection)


def _share_reviews(connection: Connection, tables: Tables) -> None:
    """There is room for annotations; every link that was given out goes on to open, now that there is a switch."""
    tables.metadata.create_all(connection)
    session = tables.by_family["ReviewSession"]
    connection.execute(update(session).values(shareable_url_enabled=1))


def _advise_planner(connection: Connection, tables: Tables) -> None:
    """Queries are planned for a large studio from now on; connections opened later know it.

    SQLite forgets what it was told of an index when that is dropped, and ANALYZE tells it something else.
    """
    wanted = {tuple(advice.values()) for advice in tables.expected_rows}
    if connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")):
        if {tuple(row) for row in connection.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1"))} == wanted:
            return
    else:
        connection.exec_driver_sql("ANALYZE sqlite_master")  # Makes the table, which nobody else may.
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    advice = text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)")
    connection.execute(advice, tables.expected_rows)


# Step 1 makes an empty file a database; a later one changes what earlier ones made. Never change a step, add one.
STEPS: tuple[Step, ...] = (_make_tables, _share_reviews)


def migrate(connection: Connection, tables: Tables) -> None:
    """The database is of the newest version; raises DiskUnusable when a newer ft-dcc made it."""
    found = int(connection.execute(text("PRAGMA user_version")).scalar() or 0)
    if found > len(STEPS):
        raise DiskUnusable(
            f"The database is of version {found}; this ft-dcc knows versions up to {len(STEPS)}. Install a newer one."
        )
    for step in STEPS[found:]:
        step(connection, tables)
    if found:
        grow(connection, tables)
    _advise_planner(connection, tables)
    if found < len(STEPS):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")
