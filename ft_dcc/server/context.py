"""The parts of one running server, for the modules that act on all of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.server.auth import one_time_tokens, permissions
from ft_dcc.server.auth.authenticator import Authenticator
from ft_dcc.server.database.store import Store
from ft_dcc.server.events.hub import EventHub
from ft_dcc.server.http.activity import ActivityCounter
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.mailer import Mailer
from ft_dcc.server.query.planner import QueryPlanner
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.storage.renditions import Renditions

_LOGIN_SECONDS = 900


@attrs.frozen(eq=False)
class Description:
    """The schema as clients get it, and its hash."""

    schemas: list[dict[str, Any]]
    digest: str


@attrs.frozen(eq=False)
class ServerContext:
    """Data folder, database, schema, media, event hub, mailer, caches, and the secret that signs URLs."""

    folder: Path
    store: Store
    schema: Schema
    media: MediaStore
    planner: QueryPlanner
    description: Description
    secret: bytes = attrs.field(repr=False)
    mailer: Mailer
    authenticator: Authenticator = attrs.field(repr=False)
    # The folder of the nightly backups.
    backup_folder: Path
    events: EventHub = attrs.field(factory=EventHub, repr=False)
    activity: ActivityCounter = attrs.field(factory=ActivityCounter, repr=False)
    # Each logs a browser in as its user.
    login_tokens: one_time_tokens.OneTimeTokens[Caller] = attrs.field(
        factory=lambda: one_time_tokens.OneTimeTokens(_LOGIN_SECONDS), repr=False
    )
    permission_cache: permissions.PermissionCache = attrs.field(factory=permissions.PermissionCache, repr=False)
    # Set when encode_media has added to the queue, or a rendition was requested.
    encode_requested: threading.Event = attrs.field(factory=threading.Event, repr=False)
    renditions: Renditions = attrs.field(
        default=attrs.Factory(lambda self: Renditions(self.media), takes_self=True), repr=False
    )
