"""Open a data folder as a studio; the first time, make one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
from sqlalchemy import Connection

from ft_dcc.errors import DiskUnusable
from ft_dcc.server import access, audit, encoding, invitations
from ft_dcc.server.access import first_user, issue_key
from ft_dcc.server.backup import keep_before_migration
from ft_dcc.server.folder import Credentials, secret_of, write_private
from ft_dcc.server.pace import Pace
from ft_dcc.server.schema.site import KEPT, is_another, studio_schema
from ft_dcc.server.schema.tables import Tables
from ft_dcc.server.seed import seed, seed_kinds, seed_later
from ft_dcc.server.studio import Studio, open_studio


@contextmanager
def opened(
    folder: Path, *, schema: Path | None = None, is_seeded: bool = True, pace: Pace | None = None
) -> Iterator[Studio]:
    """The studio in the folder is ready for requests inside, and closed afterwards; seeded, unless it has users.

    A schema file becomes the studio's own. Requests are counted by ``pace``. Raises DiskUnusable and SettingInvalid.
    """
    site = studio_schema(folder, schema)
    is_new_schema = schema is not None and is_another(folder, site.described)
    keep_before_migration(folder / "studio.db", is_forced=is_new_schema)
    studio = open_studio(folder, secret_of(folder), site, Pace() if pace is None else pace)
    try:
        if is_new_schema:
            studio.store.write(partial(seed_kinds, schema=site.schema, tables=studio.store.tables))
            write_private(folder / KEPT, json.dumps(site.described).encode())
        studio.store.write(partial(_complete, tables=studio.store.tables if is_seeded else None))
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


def _complete(connection: Connection, tables: Tables | None) -> None:
    access.create_tables(connection)
    audit.create_tables(connection)
    encoding.create_tables(connection)
    invitations.create_tables(connection)
    if tables is not None:
        seed_if_new(connection, tables)


def seed_if_new(connection: Connection, tables: Tables) -> None:
    """A studio that has no users has what every studio begins with; an older one has the role that came later."""
    if first_user(connection) is None:
        seed(connection, tables)
    else:
        seed_later(connection, tables)


def _first_credentials(connection: Connection) -> Credentials:
    user = first_user(connection)
    if user is None:
        raise DiskUnusable("The studio has no active user, so nobody can reach it. Restore it from a backup.")
    return Credentials("", user.username, issue_key(connection, user.id))
