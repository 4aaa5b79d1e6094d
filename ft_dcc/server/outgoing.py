"""A file on its way out: whole, or the one range of it that a player asks for."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from ft_dcc.errors import NoSuchThing

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-\d{1,18})")
_MEDIA_TYPE = re.compile(r"(image/(?!svg)|video/|audio/)[\w.+-]+")


class _OneRange(FileResponse):
    """Several ranges at once, or a range that cannot be read, are answered with the whole file (RFC 9110, 14.2)."""

    chunk_size = 256 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range" or _is_one_range(value)]
        await super().__call__({**scope, "headers": headers}, receive, send)


def _is_one_range(value: bytes) -> bool:
    found = _ONE_RANGE.fullmatch(value.decode("latin-1").replace(" ", ""))
    return found is not None and (not found[2] or int(found[1]) <= int(found[2]))


def send_file(request: Request, path: Path, media_type: str) -> Response:
    """Return the answer to a GET or HEAD for the file; raises NoSuchThing.

    Only pictures, films and sound keep their type: anything else is bytes to save, so that an uploaded page
    cannot act in a browser.
    """
    try:
        facts = path.stat()
    except FileNotFoundError as error:
        raise NoSuchThing("The bytes of this component are not on the server.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise NoSuchThing("The bytes of this component are not on the server.")
    tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", "").replace(" ", "").split(","):
        return Response(status_code=304, headers=headers)
    if not _MEDIA_TYPE.fullmatch(media_type):
        media_type = "application/octet-stream"
        headers["Content-Disposition"] = "attachment"
    return _OneRange(path, headers=headers, media_type=media_type, stat_result=facts)
