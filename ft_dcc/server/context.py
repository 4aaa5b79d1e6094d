"""The parts of one running server, for the modules that act on all of them, and how a data folder is opened as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Connection, func, select, update

from ft_dcc.errors import StorageError
from ft_dcc.server import identity
from ft_dcc.server.auth import api_keys, permissions, tokens
from ft_dcc.server.database import audit_log, backup, clock, data_folder, private_tables
from ft_dcc.server.database.seed import SERVER_LOCATION_ID, seed
from ft_dcc.server.database.store import Store
from ft_dcc.server.entities.batch import BatchServices
from ft_dcc.server.events.hub import EventHub
from ft_dcc.server.http.rate_limit import RequestLimiter
from ft_dcc.server.mail.mailer import Mailer, read_mailer
from ft_dcc.server.query import computed_urls
from ft_dcc.server.query.planner import QueryPlanner
from ft_dcc.server.schema import dsl_parser, json_schema
from ft_dcc.server.schema.tables import Tables, make_tables
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.work.queue import WorkQueue

_LOGIN_SECONDS = 900


@attrs.frozen(eq=False)
class ServerContext(BatchServices):
    """Data folder, database, schema, media, event hub, mailer, caches, and the secret that signs URLs."""

    folder: Path
    planner: QueryPlanner
    # The schema as clients get it, and its hash.
    schemas: list[dict[str, Any]]
    schema_digest: str
    mailer: Mailer
    authenticator: api_keys.Authenticator = attrs.field(repr=False)
    # The work that clients and visitors cause.
    work: WorkQueue = attrs.field(repr=False)
    # The folder of the nightly backups.
    backup_folder: Path
    events: EventHub = attrs.field(factory=EventHub, repr=False)
    # Each logs a browser in as its user.
    login_tokens: tokens.OneTimeTokens[identity.Caller] = attrs.field(
        factory=lambda: tokens.OneTimeTokens(_LOGIN_SECONDS), repr=False
    )
    permission_cache: permissions.PermissionCache = attrs.field(factory=permissions.PermissionCache, repr=False)


# The columns with times that a clock which was ahead may have left.
_MOMENTS = (
    *(private_tables.API_KEYS.c[name] for name in ("created_at", "last_used_at", "revoked_at")),
    *(private_tables.BROWSER_SESSIONS.c.created_at, private_tables.SIGN_OUTS.c.at),
)


@contextmanager
def open_server_context(
    folder: Path,
    *,
    is_seeded: bool = True,
    limiter: RequestLimiter | None = None,
    is_clock_reset: bool = False,
    backup_folder: Path | None = None,
) -> Iterator[ServerContext]:
    """Yield the context of a data folder, set up and migrated, and close it afterwards.

    A new database is seeded with a first user, a workflow and so on, unless ``is_seeded`` is false. With
    ``is_clock_reset``, later times that a clock which was ahead has left are forgotten. ``backup_folder`` is the one of
    nightly backups, if it is not in the data folder. Raises StorageError and SettingInvalid.
    """
    data_folder.check_complete(folder)
    clock.start(0)
    has_media = (folder / "media").is_dir()
    backup.keep_before_migration(folder / "studio.db")
    context = _make_context(folder, limiter, backup_folder)
    try:
        if not has_media:
            _check_no_media_expected(context)
        if is_seeded:
            context.store.write(partial(seed_if_new, tables=context.store.tables))
        clock.start(context.store.write(partial(_newest_moment, is_reset=is_clock_reset)))
        context.media.cleanup()
        yield context
    finally:
        context.work.stop()
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


def _make_context(folder: Path, limiter: RequestLimiter | None, backup_folder: Path | None) -> ServerContext:
    schema = dsl_parser.read_schema()
    described, tables = json_schema.describe_schema(schema), make_tables(schema)
    secret, mailer = data_folder.load_secret(folder), read_mailer(folder)
    store, media = Store(folder / "studio.db", tables), MediaStore(folder, secret)
    return ServerContext(
        folder=folder,
        store=store,
        schema=schema,
        media=media,
        planner=QueryPlanner(
            schema,
            tables,
            computed_urls.make_post_processors(schema, tables, media, secret, mailer.public_url),
        ),
        schemas=described,
        schema_digest=json_schema.schema_hash(described),
        secret=secret,
        mailer=mailer,
        authenticator=api_keys.Authenticator(store, limiter),
        work=WorkQueue(folder / "work"),
        backup_folder=folder / "backups" if backup_folder is None else backup_folder,
    )


def _newest_moment(connection: Connection, *, is_reset: bool) -> float:
    """Return the time of the newest change, or after a reset that of the machine."""
    if is_reset:
        moment = clock.now()
        for column in _MOMENTS:
            connection.execute(update(column.table).where(column > moment).values({column.name: moment}))
        operation = {"action": "reset clock", "entity_type": "", "entity_key": []}
        audit_log.record(connection, api_keys.first_user(connection) or identity.Caller("", ""), [(operation, None)])
    moments = [connection.scalar(select(func.max(column))) or 0.0 for column in _MOMENTS]
    return max(audit_log.newest_moment(connection), *moments)


def seed_if_new(connection: Connection, tables: Tables) -> None:
    """Seed a database without users."""
    if api_keys.first_user(connection) is None:
        seed(connection, tables)


def replace_revoked_credentials(context: ServerContext) -> None:
    """Write a new key to ``credentials.env`` if the one in it was revoked; without the file, write none."""
    known = data_folder.Credentials.read(context.folder / "credentials.env")
    if known is not None:
        write_credentials(context, known.server_url)


@attrs.frozen
class ServerStart:
    """What a server tells about itself when it accepts connections: no key is in it."""

    server_url: str
    credentials_file: Path
    # At the first start of a studio: the page that signs a browser in, once.
    sign_in_url: str | None = None

    def describe(self) -> str:
        """Return a line for each fact."""
        lines = [f"The studio server accepts connections at {self.server_url}"]
        if self.sign_in_url is not None:
            lines.append(f"Sign in with a browser, once and within 15 minutes: {self.sign_in_url}")
        return "\n".join([*lines, f"User and key for programs on this machine: {self.credentials_file}"])


def start_for_clients(context: ServerContext, url: str) -> ServerStart:
    """Write the first user's credentials for the server at this URL, and make a sign-in link for a new studio."""
    path = context.folder / "credentials.env"
    with context.store.reading() as connection:
        user, is_new = api_keys.first_user(connection), not api_keys.find_keys(connection)
    write_credentials(context, url)
    token = context.login_tokens.issue(user) if user is not None and is_new else None
    return ServerStart(url, path, token and f"{context.mailer.link_base}/user/sign_in/{token}?next=/")


def write_credentials(context: ServerContext, url: str) -> data_folder.Credentials:
    """Write the first user's credentials for the server at this URL to ``credentials.env``, and return them.

    A key in the file that is revoked, or whose user is not active, is replaced by a new one.
    """
    path = context.folder / "credentials.env"
    known = data_folder.Credentials.read(path)
    with context.store.reading() as connection:
        user = api_keys.first_user(connection)
        if known is not None and not api_keys.is_live(connection, known.api_user, known.api_key):
            known = None
    if known is None:
        if user is None:
            raise StorageError("The studio has no active user, so that no client can log in. Restore it from a backup.")
        key = context.store.write(partial(api_keys.issue_key, user_id=user.id, label=path.name))
        known = data_folder.Credentials("", user.username, key)
    credentials = attrs.evolve(known, server_url=url)
    data_folder.write_private(path, credentials.as_environment().encode())
    return credentials
