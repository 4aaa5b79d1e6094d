"""Read the bodies of requests: each route has a limit in ``auth/budgets.rules``, and so have each client and all."""

from __future__ import annotations

import json
import re
import sys
from typing import Any
from urllib.parse import parse_qs

from anyio import move_on_after
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.errors import BadRequest, PayloadTooLarge
from ft_dcc.server.http.rate_limit import Slots, client_address, client_network
from ft_dcc.server.http.request_logging import error_response
from ft_dcc.server.work.budgets import BodyLimit, read_budgets

# Of forms and feedback on review pages, which are read before the server knows who sends them.
MAX_ADDRESS_BYTES, MAX_ANONYMOUS_BYTES = 8 << 20, 32 << 20
# These are authenticated before their body is read, and have limits of their own.
_API, _UPLOADS = "/api", "/component/upload/"
# Uploads have the size that was announced when their URL was asked for.
_UPLOAD_LIMIT = BodyLimit(re.compile(_UPLOADS), sys.maxsize, is_in_memory=False)
# So much of a refused body is read and dropped: a client that is still sending would not see the response.
_MAX_DRAINED_BYTES, _DRAIN_SECONDS = 96 << 20, 60


async def read_json(request: Request, kind: type[Any]) -> Any:
    """Return the JSON object (``dict``) or list of a request; raises BadRequest and PayloadTooLarge."""
    refused = BadRequest(f"The request is not a JSON {'object' if kind is dict else 'list'}. Send one.")
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise refused from error
    if not isinstance(content, kind):
        raise refused
    return content


async def read_form(request: Request) -> dict[str, str]:
    """Return the first value of each field of an HTML form; raises PayloadTooLarge."""
    body = await request.body()
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


class BodyLimitMiddleware:
    """ASGI middleware that bounds the body of each request, and those of all requests that are held in memory.

    Reading a body raises PayloadTooLarge over the limit of its route, and ServiceUnavailable over that of the address
    or of all. A refused body is read to its end before the response is sent, because clients read only then.
    """

    def __init__(self, app: ASGIApp, limit: Slots | None = None) -> None:
        self._app = app
        self._limit = Slots("requests run", MAX_ADDRESS_BYTES, MAX_ANONYMOUS_BYTES) if limit is None else limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, unless its head announces a body that is too large."""
        if scope["type"] != "http" or scope["path"] == _API:
            await self._app(scope, receive, send)
            return
        path, names = scope["path"], {name for name, _ in scope["headers"]}
        limit = _UPLOAD_LIMIT if path.startswith(_UPLOADS) else read_budgets().body_limit(path)
        body = BoundedBody(receive, self._limit, client_network(client_address(HTTPConnection(scope))), limit)
        # The body of a request without one is not waited for.
        body.is_complete = not names & {b"content-length", b"transfer-encoding"}

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body.drain()
            await send(message)

        try:
            length = dict(scope["headers"]).get(b"content-length", b"")
            if length.isdigit() and body.is_over(int(length)):
                await (await error_response(Request(scope), body.too_large()))(scope, receive, send_after_body)
                return
            await self._app(scope, body.receive, send_after_body)
        finally:
            body.release()


class BoundedBody:
    """The body of one request of a client: how much of it has arrived, and how much of it is held in memory."""

    def __init__(self, receive: Receive, slots: Slots, client: str, limit: BodyLimit) -> None:
        self._receive, self._slots, self._client, self._limit = receive, slots, client, limit
        self._size = self._held = 0
        self.is_complete = False

    def is_over(self, size: int) -> bool:
        """Return whether a body of this size is too large."""
        return size > self._limit.max_bytes

    async def receive(self) -> Message:
        """Return the next message; raises PayloadTooLarge and ServiceUnavailable."""
        message = await self._next()
        if self.is_over(self._size):
            raise self.too_large()
        if self._limit.is_in_memory:
            size = len(message.get("body", b""))
            self._slots.acquire(self._client, size)
            self._held += size
        return message

    async def drain(self) -> None:
        """Read and drop the rest, up to a limit."""
        with move_on_after(_DRAIN_SECONDS):
            while not self.is_complete and self._size < _MAX_DRAINED_BYTES:
                await self._next()

    def release(self) -> None:
        """Give back the memory."""
        self._slots.release(self._client, self._held)

    def too_large(self) -> PayloadTooLarge:
        """Return the error for a body over the limit."""
        size = self._limit.max_bytes
        text = f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} KiB"
        return PayloadTooLarge(f"A request to this address has at most {text}. Send less at once.")

    async def _next(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self.is_complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message
