"""Everything that a running studio server holds on to."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.server.addresses import make_fillers
from ft_dcc.server.door import Door
from ft_dcc.server.events import Events
from ft_dcc.server.files import Files
from ft_dcc.server.mail import Post, read_post
from ft_dcc.server.pace import Pace
from ft_dcc.server.query.plan import Queries
from ft_dcc.server.rights import KnownRights
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.site import SiteSchema
from ft_dcc.server.schema.tables import make_tables
from ft_dcc.server.schema.wire import digest
from ft_dcc.server.store import Store
from ft_dcc.server.tickets import Tickets
from ft_dcc.server.work import Work


@attrs.frozen(eq=False)
class Description:
    """The schema as clients get it, and its hash."""

    schemas: list[dict[str, Any]]
    digest: str


@attrs.frozen(eq=False)
class Studio:
    """An open studio: folder, database, schema, media, those who listen, and the secret that signs its links."""

    folder: Path
    store: Store
    schema: Schema
    files: Files
    queries: Queries
    description: Description
    secret: bytes = attrs.field(repr=False)
    post: Post
    events: Events = attrs.field(factory=Events, repr=False)
    door: Door = attrs.field(factory=Door, repr=False)
    work: Work = attrs.field(factory=Work, repr=False)
    tickets: Tickets = attrs.field(factory=Tickets, repr=False)
    known_rights: KnownRights = attrs.field(factory=KnownRights, repr=False)
    # Set when encode_media has asked for something.
    media_to_encode: threading.Event = attrs.field(factory=threading.Event, repr=False)


def open_studio(folder: Path, secret: bytes, site: SiteSchema, pace: Pace) -> Studio:
    """Open the studio in a folder, making what is missing; raises DiskUnusable when the folder cannot be used."""
    schema = site.schema
    tables = make_tables(schema)
    files, post = Files(folder, secret), read_post(folder)
    return Studio(
        folder=folder,
        store=Store(folder / "studio.db", tables),
        schema=schema,
        files=files,
        queries=Queries(schema, tables, make_fillers(tables, files, secret, post.public_url)),
        description=Description(site.described, digest(site.described)),
        secret=secret,
        post=post,
        door=Door(pace=pace),
    )
