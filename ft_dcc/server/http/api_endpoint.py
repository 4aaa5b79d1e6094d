"""The endpoint for operations, ``POST /api``: from the bytes of a request to the bytes of its response."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.errors import BadRequest, HttpError
from ft_dcc.server.http import concurrent_requests, request_body
from ft_dcc.server.http.error_responses import error_response
from ft_dcc.server.http.slots import Slots
from ft_dcc.server.identity import Caller

# Encoding holds the interpreter, so that large answers are encoded in pieces.
_MAX_RECORDS_AT_ONCE = 1_000
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
# Both spellings of the option are in use: "strict:1;denormalize:1" and "denormalize=true".
_DENORMALIZED = re.compile(rb"denormalize[:=](1|true)")
# Each answer has the id that the client gave the request, so that a cache cannot pass it off as that to another one.
_REQUEST_ID, _ID = b"ft-dcc-request", re.compile(rb"[\w.-]{1,64}", re.ASCII)
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

# Answers operations, as ``Dispatcher.answer_async`` does.
AnswerOperations = Callable[..., Awaitable["list[Any]"]]


class ApiAuthenticator(Protocol):
    """The authentication that the endpoint needs."""

    def authenticate(self, address: str, username: str, key: str) -> Caller:
        """Return the user with this name and key; may block. Raises InvalidCredentials or TooManyRequests."""

    def authenticate_cached(self, address: str, username: str, key: str) -> Caller | None:
        """Return the user if that is known without blocking, else None; raises TooManyRequests."""


class ApiMiddleware:
    """ASGI middleware that answers operations itself, before any routing.

    Most requests are one small query, and routing it through Starlette's request and response objects takes longer
    than answering it: so this reads and writes the ASGI messages.
    """

    def __init__(self, app: ASGIApp, authenticator: ApiAuthenticator, answer: AnswerOperations) -> None:
        self._app, self._authenticator, self._answer = app, authenticator, answer
        self._bodies = request_body.BodyReader()
        self._running = Slots("requests run", concurrent_requests.MAX_REQUESTS_PER_ACCOUNT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for operations, and pass others to the application."""
        if scope["type"] != "http" or scope["path"] != "/api":
            await self._app(scope, receive, send)
            return
        scope["endpoint"] = self
        request_id = next((value for name, value in scope["headers"] if name == _REQUEST_ID), None)
        if request_id is not None and _ID.fullmatch(request_id):
            send = _add_header(send, (_REQUEST_ID, request_id))
        try:
            content = await self._respond(scope, receive)
        except (HttpError, HTTPException, ClientDisconnect) as error:
            await (await error_response(Request(scope), error))(scope, receive, send)
            return
        length = (b"content-length", b"%d" % len(content))
        await send({"type": "http.response.start", "status": 200, "headers": [length, *_HEADERS]})
        await send({"type": "http.response.body", "body": content})

    async def _respond(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise HTTPException(405)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # By the headers: nothing is read for a client without a valid key.
        caller = await self._authenticate(scope, headers)
        with self._running.held(caller.username):
            return await self._run(scope, headers, caller, receive)

    async def _run(self, scope: Scope, headers: dict[bytes, bytes], caller: Caller, receive: Receive) -> bytes:
        body = await self._bodies.read(receive, caller.username)
        try:
            content = orjson.loads(body)
        except ValueError as error:
            raise BadRequest("The request is not JSON.") from error
        operations = content if isinstance(content, list) else [content]
        if not all(isinstance(operation, dict) for operation in operations):
            raise BadRequest("A request is one operation, or a list of operations.")
        answers = await self._answer(
            caller,
            operations,
            _base_url(scope, _header(headers, b"host") or ""),
            client_token=_header(headers, b"ftrack-clienttoken"),
            push_token=_header(headers, b"ftrack-pushtoken"),
            is_denormalized=_DENORMALIZED.search(headers.get(b"ftrack-api-options", b"")) is not None,
        )
        answer = answers if content is operations else answers[0]
        return await to_thread.run_sync(_large_to_json, answer) if _is_large(answer) else _to_json(answer)

    async def _authenticate(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        client, authenticator = scope.get("client"), self._authenticator
        address = "" if client is None else client[0]
        username, key = _header(headers, b"ftrack-user") or "", _header(headers, b"ftrack-api-key") or ""
        known = authenticator.authenticate_cached(address, username, key)
        if known is not None:
            return known
        return await to_thread.run_sync(authenticator.authenticate, address, username, key)


def _add_header(send: Send, header: tuple[bytes, bytes]) -> Send:
    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], header]
        await send(message)

    return send_with_header


def _header(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _base_url(scope: Scope, host: str) -> str:
    if not _HOST.fullmatch(host):
        raise BadRequest("The Host header is not a host name and a port.")
    return f"{scope['scheme']}://{host}"


def _to_json(answers: Any) -> bytes:
    try:
        return orjson.dumps(answers)
    except TypeError:  # It is nested deeper, or has larger numbers, than orjson writes.
        return json.dumps(answers).encode()


def _is_large(answers: Any) -> bool:
    found = answers if isinstance(answers, list) else [answers]
    return sum(len(answer.get("data") or ()) for answer in found if _has_records(answer)) > _MAX_RECORDS_AT_ONCE


def _has_records(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("data"), list)


def _large_to_json(answers: Any) -> bytes:
    """Encode answers record by record, so that the threads of other requests run in between."""
    if isinstance(answers, list):
        return b"[" + b",".join(map(_answer_to_json, answers)) + b"]"
    return _answer_to_json(answers)


def _answer_to_json(answer: Any) -> bytes:
    if not _has_records(answer):
        return _to_json(answer)
    rest = {name: value for name, value in answer.items() if name != "data"}
    records = answer["data"]
    pieces = [
        _to_json(records[start : start + _MAX_RECORDS_AT_ONCE])[1:-1]
        for start in range(0, len(records), _MAX_RECORDS_AT_ONCE)
    ]
    head = _to_json(rest)[:-1]
    return head + (b"," if rest else b"") + b'"data":[' + b",".join(pieces) + b"]}"
