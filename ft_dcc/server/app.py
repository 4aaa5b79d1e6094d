"""The web application: all its addresses, and what stands around them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.server import components, events, operating, owner, review_page, sign_in, widget_page
from ft_dcc.server.headers import BrowserClients, SafeHeaders
from ft_dcc.server.metrics import Metrics
from ft_dcc.server.operations import Operations
from ft_dcc.server.pace import Pacing
from ft_dcc.server.refusals import HANDLERS
from ft_dcc.server.studio import Studio
from ft_dcc.server.watching import Watching


class Slashes:
    """ASGI middleware: an address with a slash too many is the one without.

    The JavaScript client puts its addresses behind a server's with a slash at the end; old programs ask at ``/api/``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] != "lifespan":
            path = scope["path"]
            if path.startswith("//") or path == "/api/":
                path = "/" + path.lstrip("/")
                scope["path"] = "/api" if path == "/api/" else path
        await self._app(scope, receive, send)


def make_app(studio: Studio) -> Starlette:
    """Return the application that serves this studio; it opens nothing and starts nothing."""
    metrics = Metrics()
    return Starlette(
        routes=[
            *operating.routes(studio, metrics),
            *owner.routes(studio),
            *components.routes(studio),
            *review_page.routes(studio),
            *widget_page.routes(studio),
            *sign_in.routes(studio),
            *events.routes(studio),
        ],
        middleware=[
            Middleware(Slashes),
            Middleware(Watching, metrics=metrics),
            Middleware(SafeHeaders),
            Middleware(BrowserClients),
            Middleware(Pacing, pace=studio.door.pace),
            Middleware(Operations, studio=studio),
        ],
        exception_handlers=dict(HANDLERS),
    )
