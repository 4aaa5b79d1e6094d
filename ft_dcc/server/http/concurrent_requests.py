"""Limit what clients hold at once: running requests of an account, and bodies of requests without an API key."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.http.rate_limit import client_address, client_network
from ft_dcc.server.http.slots import Slots

# Of the connections that the server accepts, so that one account leaves room for others; a farm uses one account.
MAX_REQUESTS_PER_ACCOUNT = 500
# Of forms and feedback on review pages, which are read before the server knows who sends them.
MAX_ADDRESS_BYTES, MAX_TOTAL_BYTES = 8 << 20, 32 << 20
# These are authenticated before their body is read, and have limits of their own.
_OTHER_PATHS = ("/api", "/studio/load")


class BodyLimitMiddleware:
    """ASGI middleware that counts the bodies of running requests by address, and answers 503 over the limits."""

    def __init__(self, app: ASGIApp, limit: Slots | None = None) -> None:
        self._app = app
        self._limit = Slots("requests run", MAX_ADDRESS_BYTES, MAX_TOTAL_BYTES) if limit is None else limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application; reading its body raises ServiceUnavailable over a limit."""
        if scope["type"] != "http" or scope["method"] == "PUT" or scope["path"] in _OTHER_PATHS:
            await self._app(scope, receive, send)
            return
        network, held = client_network(client_address(HTTPConnection(scope))), 0

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            self._limit.acquire(network, size)
            held += size
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._limit.release(network, held)
