"""What browsers get: the built files of the pages, from the folder ``static``, and the headers of all responses."""

from __future__ import annotations

import functools
import gzip
import json
import mimetypes
from html import escape
from pathlib import Path

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.errors import NotFound

_FOLDER = Path(__file__).parents[1] / "static"
# Nothing inline and nothing from other sites: text that a user typed can never become a script.
_POLICY = (
    "default-src 'none'",
    *(f"{kind}-src 'self'" for kind in ("connect", "font", "img", "media", "script", "style")),
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
_COMPRESSED_TYPES = frozenset((".js", ".css", ".svg", ".txt"))
_CACHED_FOR_EVER = "public, max-age=31536000, immutable"
# The operating system may lack these types, or have other names for them.
_MEDIA_TYPES = {".js": "text/javascript", ".woff2": "font/woff2"}


@functools.cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return all files of the pages, each with the digest that the build recorded."""
    digests = json.loads((_FOLDER / "manifest.json").read_text("utf-8"))["files"]
    return {name: ((_FOLDER / name).read_bytes(), digest) for name, digest in digests.items()}


@functools.cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_files()[name][0], mtime=0)


def fill(
    page_name: str, root: str, status: int = 200, *, form_target: str = "'none'", end: str = "", **texts: str
) -> Response:
    """Return one of the pages with these texts filled in; ``root`` leads from its URL to ``/review/``.

    Its forms may be sent to ``form_target`` only, and ``end`` is the HTML at the end of its content.
    """
    page = _files()[page_name][0].decode("utf-8").replace("../static/", f"{root}static/")
    for name, text in texts.items():
        page = page.replace(f"%{name}%", escape(text))
    headers = {
        "Content-Security-Policy": "; ".join((*_POLICY, f"form-action {form_target}")),
        "Cache-Control": "private, no-cache",
    }
    return Response(page.replace("</main>", f"{end}</main>"), status, headers=headers, media_type="text/html")


def redirect(url: str) -> Response:
    """Return the response that leads a browser to another page, by GET."""
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


async def send_static(request: Request) -> Response:
    """Return the response for the file that the request names; raises NotFound.

    A URL with the file's own digest never returns anything else, so that browsers cache it for ever.
    """
    name = request.path_params["name"]
    if name not in _files() or name.endswith(".html"):
        raise NotFound("The review page has no such file. Load the page again.")
    content, digest = _files()[name]
    is_exact = request.query_params.get("v") == digest[:16]
    headers = {"Cache-Control": _CACHED_FOR_EVER if is_exact else "no-cache", "ETag": f'"{digest}"'}
    headers["Vary"] = "Accept-Encoding"
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    suffix = Path(name).suffix
    media_type = _MEDIA_TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    if suffix in _COMPRESSED_TYPES and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = _compressed(name)
    return Response(content, headers=headers, media_type=media_type)


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


class BrowserHeaders:
    """ASGI middleware that adds the strictest headers to a response, unless its route chose others.

    It lets the JavaScript client ask from any site; that sends its key with every request. No route is authorized by a
    cookie there, so that a foreign page gains nothing.
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
        """Pass the request to the application, and add the headers that its response lacks."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                chosen = {name for name, _ in message["headers"]}
                missing = (default for default in _DEFAULTS if default[0] not in chosen)
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        is_shared = False
        if scope["type"] == "http" and scope["path"] == "/api":
            # Programs send no Origin, and no response of /api is cached to be shown to another client.
            is_shared = b"origin" in dict(scope["headers"])
        elif scope["type"] == "http":
            is_shared = scope["path"].startswith(("/component/", "/socket.io/", "/img/"))
        await (self._cors if is_shared else self._app)(scope, receive, send_with_headers)
