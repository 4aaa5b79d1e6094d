"""Open a data folder as a server's context; the first time, set it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
from sqlalchemy import Connection, select

from ft_dcc.errors import StorageError
from ft_dcc.server.auth import api_keys, authenticator, browser_sessions
from ft_dcc.server.auth.api_keys import first_user, issue_key
from ft_dcc.server.context import Description, ServerContext
from ft_dcc.server.database import audit_log, backup, clock, data_folder
from ft_dcc.server.database.seed import SERVER_LOCATION_ID, seed, seed_object_types
from ft_dcc.server.database.store import Store
from ft_dcc.server.http.rate_limit import RequestLimiter
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.mailer import read_mailer
from ft_dcc.server.query import computed_urls, planner
from ft_dcc.server.schema.json_schema import schema_hash
from ft_dcc.server.schema.site import SCHEMA_FILE, SiteSchema, differs_from_stored, load_schema
from ft_dcc.server.schema.tables import Tables, make_tables
from ft_dcc.server.storage.media_store import MediaStore


@contextmanager
def open_server_context(
    folder: Path,
    *,
    schema: Path | None = None,
    is_seeded: bool = True,
    limiter: RequestLimiter | None = None,
    is_clock_reset: bool = False,
    backup_folder: Path | None = None,
) -> Iterator[ServerContext]:
    """Yield the context of a data folder, set up and migrated, and close it afterwards.

    A new database is seeded with a first user, a workflow and so on, unless ``is_seeded`` is false. A schema file is
    kept as the studio's own from then on. With ``is_clock_reset``, later times that a clock which was ahead has left
    are forgotten. ``backup_folder`` is the one of nightly backups, if it is not in the data folder. Raises StorageError
    and SettingInvalid.
    """
    data_folder.check_complete(folder)
    clock.start(0)
    has_media = (folder / "media").is_dir()
    site = load_schema(folder, schema)
    is_new_schema = schema is not None and differs_from_stored(folder, site.described)
    backup.keep_before_migration(folder / "studio.db", is_forced=is_new_schema)
    context = _make_context(folder, site, limiter, backup_folder)
    try:
        if not has_media:
            _check_no_media_expected(context)
        if is_new_schema:
            context.store.write(partial(seed_object_types, schema=site.schema, tables=context.store.tables))
            data_folder.write_private(folder / SCHEMA_FILE, json.dumps(site.described).encode())
        if is_seeded:
            context.store.write(partial(seed_if_new, tables=context.store.tables))
        clock.start(context.store.write(partial(_newest_moment, is_reset=is_clock_reset)))
        context.media.cleanup()
        yield context
    finally:
        context.store.close()


def _check_no_media_expected(context: ServerContext) -> None:
    """Raise StorageError if the database refers to media, whose folder is missing."""
    table = context.store.tables.by_family["ComponentLocation"]
    with context.store.reading() as connection:
        found = connection.execute(select(table.c.id).where(table.c.location_id == SERVER_LOCATION_ID).limit(1)).first()
    if found is not None:
        (context.folder / "media").rmdir()
        raise StorageError(
            f"{context.folder} has no folder 'media', and the database refers to files in it. Put it back, restore it "
            "from a backup, or create an empty one to go on without these files."
        )


def _make_context(
    folder: Path, site: SiteSchema, limiter: RequestLimiter | None, backup_folder: Path | None
) -> ServerContext:
    secret, tables = data_folder.load_secret(folder), make_tables(site.schema)
    store, media, mailer = Store(folder / "studio.db", tables), MediaStore(folder, secret), read_mailer(folder)
    return ServerContext(
        folder=folder,
        store=store,
        schema=site.schema,
        media=media,
        planner=planner.QueryPlanner(
            site.schema,
            tables,
            computed_urls.make_post_processors(site.schema, tables, media, secret, mailer.public_url),
        ),
        description=Description(site.described, schema_hash(site.described)),
        secret=secret,
        mailer=mailer,
        authenticator=authenticator.Authenticator(store, limiter),
        backup_folder=folder / "backups" if backup_folder is None else backup_folder,
    )


def _newest_moment(connection: Connection, *, is_reset: bool) -> float:
    """Return the time of the newest change, or after a reset that of the machine."""
    if is_reset:
        moment = clock.now()
        api_keys.forget_moments_after(connection, moment)
        browser_sessions.forget_moments_after(connection, moment)
        operation = {"action": "reset clock", "entity_type": "", "entity_key": []}
        audit_log.record(connection, first_user(connection) or Caller("", ""), [(operation, None)])
    moments = (audit_log.newest_moment, api_keys.newest_moment, browser_sessions.newest_moment)
    return max(newest(connection) for newest in moments)


def seed_if_new(connection: Connection, tables: Tables) -> None:
    """Seed a database without users."""
    if first_user(connection) is None:
        seed(connection, tables)


def write_credentials(context: ServerContext, url: str) -> data_folder.Credentials:
    """Return the first user's credentials for the server at this URL, and write them to ``credentials.env``."""
    path = context.folder / "credentials.env"
    known = data_folder.Credentials.read(path)
    if known is None:
        known = context.store.write(_make_credentials)
    credentials = attrs.evolve(known, server_url=url)
    data_folder.write_private(path, credentials.as_environment().encode())
    return credentials


def _make_credentials(connection: Connection) -> data_folder.Credentials:
    user = first_user(connection)
    if user is None:
        raise StorageError("The studio has no active user, so that no client can log in. Restore it from a backup.")
    return data_folder.Credentials("", user.username, issue_key(connection, user.id))
