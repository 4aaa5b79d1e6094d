"""Send a file, or the one range of it that a player requests."""

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

from ft_dcc.server.errors import NotFound

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_MEDIA_TYPE = re.compile(r"(image/(?!svg)|video/|audio/)[\w.+-]+")
_BLOCK = 256 * 1024


class RangeResponse(Response):
    """A response with a range of an open file.

    The file is open before the headers are made, so that the response is the same if the file is replaced or removed
    meanwhile.
    """

    def __init__(
        self, file: BinaryIO, start: int, end: int, headers: dict[str, str], status: int, media_type: str
    ) -> None:
        super().__init__(None, status, {**headers, "Content-Length": str(end - start)}, media_type)
        self._file, self._start, self._left = file, start, end - start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the range, until the client disconnects."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or not self._left:
                await send({"type": "http.response.body", "body": b""})
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_on_disconnect, receive, tasks.cancel_scope)
                await self._send_bytes(send)
                tasks.cancel_scope.cancel()
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._file.close)

    async def _send_bytes(self, send: Send) -> None:
        self._file.seek(self._start)
        while self._left:
            block = await to_thread.run_sync(self._file.read, min(_BLOCK, self._left))
            # A file is never shortened; if it happened, the client must not wait for the rest.
            self._left = self._left - len(block) if block else 0
            await send({"type": "http.response.body", "body": block, "more_body": self._left > 0})


async def _cancel_on_disconnect(receive: Receive, sending: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    sending.cancel()


def send_file(request: Request, path: Path, media_type: str) -> Response:
    """Return the response to a GET or HEAD for the file; raises NotFound.

    Only images, movies and sound keep their media type: anything else is sent as a download, so that an uploaded page
    cannot act in a browser.
    """
    # Size, tag and range come from the open file, so that a file that is replaced meanwhile is sent whole.
    file = _open(path)
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
    requested = _requested_range(request, headers, facts.st_size)
    if requested is None:
        return RangeResponse(file, 0, facts.st_size, headers, 200, media_type)
    start, end = requested
    if start >= end:
        file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{facts.st_size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
    return RangeResponse(file, start, end, headers, 206, media_type)


def _open(path: Path) -> BinaryIO:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise NotFound("The bytes of this component are not on the server.") from error
    raise NotFound("The bytes of this component are not on the server.")


def _requested_range(request: Request, headers: dict[str, str], size: int) -> tuple[int, int] | None:
    """Return the first requested byte and the one after the last, or None for the whole file.

    The whole file is the response to several ranges at once, to an invalid one (RFC 9110, 14.2), to one of another
    state of the file, and to a HEAD.
    """
    found = _ONE_RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range")
    is_outdated = condition is not None and condition not in (headers["ETag"], headers["Last-Modified"])
    if found is None or is_outdated or request.method != "GET":
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return max(0, size - int(suffix)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
