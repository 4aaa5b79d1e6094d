"""Open a data folder as a studio; the first time, make one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
from sqlalchemy import Connection

from ft_dcc.errors import DiskUnusable
from ft_dcc.server import access, audit, encoding
from ft_dcc.server.access import first_user, issue_key
from ft_dcc.server.backup import keep_before_migration
from ft_dcc.server.folder import Credentials, secret_of, write_private
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.seed import seed
from ft_dcc.server.store import warn_of_old_sqlite
from ft_dcc.server.studio import Studio, open_studio


@contextmanager
def opened(folder: Path) -> Iterator[Studio]:
    """The studio in the folder is ready for requests inside, and closed afterwards."""
    warn_of_old_sqlite()
    keep_before_migration(folder / "studio.db")
    studio = open_studio(folder, secret_of(folder))
    try:
        studio.store.write(partial(_complete, tables=studio.store.tables))
        studio.files.sweep()
        yield studio
    finally:
        studio.store.close()


def credentials_at(studio: Studio, url: str) -> Credentials:
    """Return how to reach the studio's first user at this address; the same is in ``credentials.env`` afterwards."""
    path = studio.folder / "credentials.env"
    known = Credentials.from_environment(path.read_text("utf-8")) if path.exists() else None
    if known is None:
        known = studio.store.write(_first_credentials)
    credentials = attrs.evolve(known, server_url=url)
    write_private(path, credentials.as_environment().encode())
    return credentials


def _complete(connection: Connection, tables: Tables) -> None:
    access.create_tables(connection)
    audit.create_tables(connection)
    encoding.create_tables(connection)
    if first_user(connection) is None:
        seed(connection, tables)


def _first_credentials(connection: Connection) -> Credentials:
    user = first_user(connection)
    if user is None:
        raise DiskUnusable("The studio has no active user, so nobody can reach it. Restore it from a backup.")
    return Credentials("", user.username, issue_key(connection, user.id))
