"""A file on its way out: whole, or the one range of it that a player asks for."""

from __future__ import annotations

import os
import re
import stat
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio import CancelScope, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ft_dcc.errors import NoSuchThing

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_MEDIA_TYPE = re.compile(r"(image/(?!svg)|video/|audio/)[\w.+-]+")
_BLOCK = 256 * 1024


class _Part(Response):
    """The bytes of an open file from a place on.

    The file is opened before anything is said of it: what becomes of its name meanwhile, when it is removed or sent
    anew, makes no difference to whoever is being sent it.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, headers: dict[str, str], status: int, kind: str) -> None:
        super().__init__(None, status, {**headers, "Content-Length": str(end - start)}, kind)
        self._file, self._start, self._left = file, start, end - start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until the client goes away."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or not self._left:
                await send({"type": "http.response.body", "body": b""})
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_wait_for_the_end, receive, tasks.cancel_scope)
                await self._send_bytes(send)
                tasks.cancel_scope.cancel()
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._file.close)

    async def _send_bytes(self, send: Send) -> None:
        self._file.seek(self._start)
        while self._left:
            block = await to_thread.run_sync(self._file.read, min(_BLOCK, self._left))
            # Nobody shortens a file here; if it happened, the client must not wait for the rest.
            self._left = self._left - len(block) if block else 0
            await send({"type": "http.response.body", "body": block, "more_body": self._left > 0})


async def _wait_for_the_end(receive: Receive, sending: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    sending.cancel()


def send_file(request: Request, path: Path, media_type: str) -> Response:
    """Return the answer to a GET or HEAD for the file; raises NoSuchThing.

    Only pictures, films and sound keep their type: anything else is bytes to save, so that an uploaded page
    cannot act in a browser.
    """
    file = _opened(path)
    facts = os.fstat(file.fileno())
    headers = {
        "ETag": f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
        "Last-Modified": formatdate(facts.st_mtime, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
    }
    if headers["ETag"] in request.headers.get("if-none-match", "").replace(" ", "").split(","):
        file.close()
        return Response(status_code=304, headers=headers)
    if not _MEDIA_TYPE.fullmatch(media_type):
        media_type = "application/octet-stream"
        headers["Content-Disposition"] = "attachment"
    asked = _range_of(request, headers, facts.st_size)
    if asked is None:
        return _Part(file, 0, facts.st_size, headers, 200, media_type)
    start, end = asked
    if start >= end:
        file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{facts.st_size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
    return _Part(file, start, end, headers, 206, media_type)


def _opened(path: Path) -> BinaryIO:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise NoSuchThing("The bytes of this component are not on the server.") from error
    raise NoSuchThing("The bytes of this component are not on the server.")


def _range_of(request: Request, headers: dict[str, str], size: int) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last, or None when all of them are.

    Several ranges at once, or a range that cannot be read, are answered with the whole file (RFC 9110, 14.2), and so is
    one of another state of the file, or of a HEAD.
    """
    found = _ONE_RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range")
    is_other = condition is not None and condition not in (headers["ETag"], headers["Last-Modified"])
    if found is None or is_other or request.method != "GET":
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return max(0, size - int(suffix)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
