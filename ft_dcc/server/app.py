"""The web application: all its addresses, and what stands around them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware

from ft_dcc.server import components, events, operating, owner, review_page, sign_in, widget_page
from ft_dcc.server.headers import BrowserClients, SafeHeaders
from ft_dcc.server.metrics import Metrics
from ft_dcc.server.operations import Operations
from ft_dcc.server.refusals import HANDLERS
from ft_dcc.server.studio import Studio
from ft_dcc.server.watching import Watching


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
            Middleware(Watching, metrics=metrics),
            Middleware(SafeHeaders),
            Middleware(BrowserClients),
            Middleware(Operations, studio=studio),
        ],
        exception_handlers=dict(HANDLERS),
    )
