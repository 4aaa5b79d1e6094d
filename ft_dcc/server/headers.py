"""What every answer says to a browser: what it must not do, and who else may read it."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # The address of a review session is its key: no other site may learn it.
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_CLIENT_HEADERS = [
    "accept",
    "content-type",
    "ftrack-api-key",
    "ftrack-api-options",
    "ftrack-clienttoken",
    "ftrack-pushtoken",
    "ftrack-strict-api",
    "ftrack-user",
    "range",
]


class SafeHeaders:
    """ASGI middleware: an answer carries the safest headers, unless its route chose others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers that it left out."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                chosen = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(safe for safe in _SAFE if safe[0] not in chosen)]
            await send(message)

        await self._app(scope, receive, send_safely)


class BrowserClients:
    """ASGI middleware: the JavaScript client may ask from any site; it sends its key with every request.

    No address is opened by a cookie, so a foreign page gains nothing by asking.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origin_regex=".*",
            allow_credentials=True,
            allow_methods=["GET", "HEAD", "POST", "PUT"],
            allow_headers=_CLIENT_HEADERS,
            expose_headers=["Content-Range", "ETag"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and a browser's question whether it may ask."""
        await (self._shared if _is_for_browsers(scope) else self._app)(scope, receive, send)


def _is_for_browsers(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    if scope["path"] == "/api":
        # Programs do not say where they come from, and no answer of /api is kept to be shown to another.
        return b"origin" in dict(scope["headers"])
    return str(scope["path"]).startswith(("/component/", "/socket.io/", "/img/"))
