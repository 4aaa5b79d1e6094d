"""The built files of the review and login pages, from the folder ``static``."""

from __future__ import annotations

import gzip
import json
import mimetypes
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

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


def page_headers(form_target: str = "'none'") -> dict[str, str]:
    """Return the headers of a response with one of the pages; its forms may be sent to ``form_target`` only."""
    policy = "; ".join((*_POLICY, f"form-action {form_target}"))
    return {"Content-Security-Policy": policy, "Cache-Control": "private, no-cache"}


class StaticPages:
    """All files of the pages, in memory, each with the digest that the build recorded."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = json.loads((_FOLDER / "manifest.json").read_text("utf-8"))["files"]
        self._contents: dict[str, bytes] = {name: (_FOLDER / name).read_bytes() for name in self._digests}
        self._compressed = {
            name: gzip.compress(content, mtime=0)
            for name, content in self._contents.items()
            if Path(name).suffix in _COMPRESSED_TYPES
        }

    def text(self, name: str) -> str:
        """Return one of the HTML files."""
        return self._contents[name].decode("utf-8")

    def fill(self, page_name: str, root: str, **texts: str) -> str:
        """Return one of the pages with these texts filled in; ``root`` leads from its URL to ``/review/``."""
        page = self.text(page_name).replace("../static/", f"{root}static/")
        for name, text in texts.items():
            page = page.replace(f"%{name}%", escape(text))
        return page

    def respond(self, request: Request) -> Response:
        """Return the response for the file that the request names; raises NotFound.

        A URL with the file's own digest never returns anything else, so that browsers cache it for ever.
        """
        name = request.path_params["name"]
        if name not in self._contents or name.endswith(".html"):
            raise NotFound("The review page has no such file. Load the page again.")
        digest = self._digests[name]
        is_exact = request.query_params.get("v") == digest[:16]
        headers = {"Cache-Control": _CACHED_FOR_EVER if is_exact else "no-cache", "ETag": f'"{digest}"'}
        headers["Vary"] = "Accept-Encoding"
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        suffix = Path(name).suffix
        media_type = _MEDIA_TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        if name in self._compressed and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self._compressed[name], headers=headers, media_type=media_type)
        return Response(self._contents[name], headers=headers, media_type=media_type)
