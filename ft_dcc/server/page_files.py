"""The built files of the review page, as the folder ``static`` has them."""

from __future__ import annotations

import json
import mimetypes
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from ft_dcc.errors import NoSuchThing

_FOLDER = Path(__file__).with_name("static")
# Nothing inline and nothing from elsewhere: a name that somebody typed can never become a script.
_POLICY = (
    "default-src 'none'",
    *(f"{kind}-src 'self'" for kind in ("connect", "font", "img", "media", "script", "style")),
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
_FOR_EVER = "public, max-age=31536000, immutable"
# The map of the operating system may lack this one, or know it under another name.
_MEDIA_TYPES = {".js": "text/javascript", ".woff2": "font/woff2"}


def page_headers(form_target: str = "'none'") -> dict[str, str]:
    """Return what an answer with one of the pages says to a browser; a form on it may lead there alone."""
    policy = "; ".join((*_POLICY, f"form-action {form_target}"))
    return {"Content-Security-Policy": policy, "Cache-Control": "private, no-cache"}


class PageFiles:
    """All files of the page, in memory, each with the digest that its build wrote down."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = json.loads((_FOLDER / "manifest.json").read_text("utf-8"))["files"]
        self._contents: dict[str, bytes] = {name: (_FOLDER / name).read_bytes() for name in self._digests}

    def text(self, name: str) -> str:
        """Return one of the page's HTML files."""
        return self._contents[name].decode("utf-8")

    def fill(self, name: str, root: str, **texts: str) -> str:
        """Return one of the pages with these texts in it; ``root`` leads from its address to ``/review/``."""
        page = self.text(name).replace("../static/", f"{root}static/")
        for place, text in texts.items():
            page = page.replace(f"%{place}%", escape(text))
        return page

    def respond(self, request: Request) -> Response:
        """Return the answer for the file that the request names; raises NoSuchThing.

        An address with the file's own digest never gives anything else, so it is kept for ever.
        """
        name = request.path_params["name"]
        if name not in self._contents or name.endswith(".html"):
            raise NoSuchThing("The review page has no such file. Load the page again.")
        digest = self._digests[name]
        is_exact = request.query_params.get("v") == digest[:16]
        headers = {"Cache-Control": _FOR_EVER if is_exact else "no-cache", "ETag": f'"{digest}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        suffix = Path(name).suffix
        media_type = _MEDIA_TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        return Response(self._contents[name], headers=headers, media_type=media_type)
