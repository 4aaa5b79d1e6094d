"""Headers for browsers: what a page must not do, and which other sites may read a response."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DEFAULTS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # The URL of a review session is its key: no other site may learn it.
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


class SecurityHeaders:
    """ASGI middleware that adds the strictest headers to a response, unless its route chose others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, and add the headers that its response lacks."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                chosen = {name for name, _ in message["headers"]}
                missing = (default for default in _DEFAULTS if default[0] not in chosen)
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class CorsMiddleware:
    """ASGI middleware that lets the JavaScript client ask from any site; it sends its key with every request.

    No route is authorized by a cookie there, so that a foreign page gains nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origin_regex=".*",
            allow_credentials=True,
            allow_methods=["GET", "HEAD", "POST", "PUT"],
            allow_headers=_CLIENT_HEADERS,
            expose_headers=["Content-Range", "ETag"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, with CORS headers on the routes that browsers use."""
        await (self._cors if _is_shared(scope) else self._app)(scope, receive, send)


def _is_shared(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    if scope["path"] == "/api":
        # Programs send no Origin, and no response of /api is cached to be shown to another client.
        return b"origin" in dict(scope["headers"])
    return str(scope["path"]).startswith(("/component/", "/socket.io/", "/img/"))
