"""The one address for operations, ``POST /api``: from the bytes of a request to the bytes of its answer."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.errors import BadRequest, Refused, TooLarge
from ft_dcc.server.access import Caller
from ft_dcc.server.api import Asked, answer_soon
from ft_dcc.server.refusals import refusal
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import Origin

_BODY_LIMIT = 8 << 20
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
# Both spellings of the option are in use: "strict:1;denormalize:1" and "denormalize=true".
_DENORMALIZED = re.compile(rb"denormalize[:=](1|true)")
_HEAD = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Operations:
    """ASGI middleware that answers operations itself, before the other addresses are looked at.

    Most requests are one small query, and to find the route and to make Starlette's objects for a request and its
    response takes longer than that: this reads and writes the messages themselves.
    """

    def __init__(self, app: ASGIApp, studio: Studio) -> None:
        self._app, self._studio = app, studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for operations; the application answers others."""
        if scope["type"] != "http" or scope["path"] != "/api":
            await self._app(scope, receive, send)
            return
        scope["endpoint"] = self
        try:
            content = await self._answer(scope, receive)
        except (Refused, HTTPException, ClientDisconnect) as error:
            await (await refusal(Request(scope), error))(scope, receive, send)
            return
        length = (b"content-length", b"%d" % len(content))
        await send({"type": "http.response.start", "status": 200, "headers": [length, *_HEAD]})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise HTTPException(405)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await _body(receive)
        caller = await self._caller(scope, headers)
        asked = _read(body)
        operations = asked if isinstance(asked, list) else [asked]
        if not all(isinstance(operation, dict) for operation in operations):
            raise BadRequest("A request is one operation, or a list of operations.")
        is_denormalized = _DENORMALIZED.search(headers.get(b"ftrack-api-options", b"")) is not None
        origin = Origin(_text(headers, b"ftrack-clienttoken"), _text(headers, b"ftrack-pushtoken"))
        base_url = _base_url(scope, _text(headers, b"host") or "")
        answers = await answer_soon(Asked(self._studio, caller, operations, base_url, origin, is_denormalized))
        return _written(answers if asked is operations else answers[0])

    async def _caller(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        studio, client = self._studio, scope.get("client")
        address = "" if client is None else client[0]
        username, key = _text(headers, b"ftrack-user") or "", _text(headers, b"ftrack-api-key") or ""
        known = studio.door.recognise(studio.store, address, username, key)
        if known is not None:
            return known
        return await to_thread.run_sync(studio.door.enter, studio.store, address, username, key)


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _base_url(scope: Scope, host: str) -> str:
    """Return the server's address as this client knows it, without a slash at the end; raises BadRequest."""
    if not _HOST.fullmatch(host):
        raise BadRequest("The Host header is not a host name and a port.")
    return f"{scope['scheme']}://{host}"


async def _body(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > _BODY_LIMIT:
            raise TooLarge(f"A request has at most {_BODY_LIMIT >> 20} MiB. Send the operations in smaller batches.")
        if not message.get("more_body"):
            return b"".join(pieces)


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise BadRequest("The request is not JSON.") from error


def _written(answers: Any) -> bytes:
    try:
        return orjson.dumps(answers)
    except TypeError:  # It is nested deeper, or has larger numbers, than orjson writes.
        return json.dumps(answers).encode()
