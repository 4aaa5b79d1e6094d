"""The endpoint for operations, ``POST /api``: from the bytes of a request to the bytes of its response."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from anyio import fail_after, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server import errors, identity
from ft_dcc.server.http import rate_limit, request_body, request_logging
from ft_dcc.server.work.budgets import BodyLimit

MAX_BODY_BYTES = 8 << 20
# Bytes of bodies that are held at once: of one account, and of all.
MAX_ACCOUNT_BYTES, MAX_TOTAL_BYTES = 32 << 20, 96 << 20
_BODY_LIMIT = BodyLimit(re.compile("/api"), MAX_BODY_BYTES, is_in_memory=True)
BODY_TIMEOUT_SECONDS = 60
# Of the connections that the server accepts, so that one account leaves room for others; a farm uses one account.
MAX_REQUESTS_PER_ACCOUNT = 500
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

    def authenticate(self, address: str, username: str, key: str) -> identity.Caller:
        """Return the user with this name and key; may block. Raises InvalidCredentials or TooManyRequests."""

    def authenticate_cached(self, address: str, username: str, key: str) -> identity.Caller | None:
        """Return the user if that is known without blocking, else None; raises TooManyRequests."""


class BodyReader:
    """Reads the bodies of authenticated requests, and counts the bytes that wait for the rest of theirs."""

    def __init__(self) -> None:
        self._held = rate_limit.Slots("large requests", MAX_ACCOUNT_BYTES, MAX_TOTAL_BYTES)

    async def read(self, receive: Receive, account: str) -> bytes:
        """Return a body; raises PayloadTooLarge, ServiceUnavailable, BadRequest after a minute, ClientDisconnect."""
        body = request_body.BoundedBody(receive, self._held, account, _BODY_LIMIT)
        try:
            with fail_after(BODY_TIMEOUT_SECONDS):
                return await Request({"type": "http"}, body.receive).body()
        except TimeoutError as error:
            raise errors.BadRequest(
                f"The request did not arrive within {BODY_TIMEOUT_SECONDS} seconds. Send it again in smaller batches."
            ) from error
        finally:
            body.release()


class ApiMiddleware:
    """ASGI middleware that answers operations itself, before any routing.

    Most requests are one small query, and routing it through Starlette's request and response objects takes longer
    than answering it: so this reads and writes the ASGI messages.
    """

    def __init__(self, app: ASGIApp, authenticator: ApiAuthenticator, answer: AnswerOperations) -> None:
        self._app, self._authenticator, self._answer = app, authenticator, answer
        self._bodies = BodyReader()
        self._running = rate_limit.Slots("requests run", MAX_REQUESTS_PER_ACCOUNT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for operations, and pass others to the application."""
        if scope["type"] != "http" or scope["path"] != "/api":
            await self._app(scope, receive, send)
            return
        scope["endpoint"] = self
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = headers.get(_REQUEST_ID, b"")

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start" and _ID.fullmatch(request_id):
                message["headers"] = [*message["headers"], (_REQUEST_ID, request_id)]
            await send(message)

        try:
            content = await self._respond(scope, headers, receive)
        except (errors.HttpError, HTTPException, ClientDisconnect) as error:
            await (await request_logging.error_response(Request(scope), error))(scope, receive, send_with_id)
            return
        length = (b"content-length", b"%d" % len(content))
        await send_with_id({"type": "http.response.start", "status": 200, "headers": [length, *_HEADERS]})
        await send_with_id({"type": "http.response.body", "body": content})

    async def _respond(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise HTTPException(405)
        # By the headers: nothing is read for a client without a valid key.
        caller = await self._authenticate(scope, headers)
        with self._running.held(caller.username):
            body = await self._bodies.read(receive, caller.username)
            try:
                content = orjson.loads(body)
            except ValueError as error:
                raise errors.BadRequest("The request is not JSON.") from error
            operations = content if isinstance(content, list) else [content]
            if not all(isinstance(operation, dict) for operation in operations):
                raise errors.BadRequest("A request is one operation, or a list of operations.")
            host = _header(headers, b"host") or ""
            if not _HOST.fullmatch(host):
                raise errors.BadRequest("The Host header is not a host name and a port.")
            answers = await self._answer(
                caller,
                operations,
                f"{scope['scheme']}://{host}",
                client_token=_header(headers, b"ftrack-clienttoken"),
                push_token=_header(headers, b"ftrack-pushtoken"),
                is_denormalized=_DENORMALIZED.search(headers.get(b"ftrack-api-options", b"")) is not None,
            )
            if sum(len(answer["data"]) for answer in answers if _has_records(answer)) <= _MAX_RECORDS_AT_ONCE:
                return _to_json(answers if content is operations else answers[0])
            # In pieces, so that the threads of other requests run in between.
            pieces = await to_thread.run_sync(list, map(_answer_to_json, answers))
            return b"[" + b",".join(pieces) + b"]" if content is operations else pieces[0]

    async def _authenticate(self, scope: Scope, headers: dict[bytes, bytes]) -> identity.Caller:
        client, authenticator = scope.get("client"), self._authenticator
        address = "" if client is None else client[0]
        username, key = _header(headers, b"ftrack-user") or "", _header(headers, b"ftrack-api-key") or ""
        known = authenticator.authenticate_cached(address, username, key)
        if known is not None:
            return known
        return await to_thread.run_sync(authenticator.authenticate, address, username, key)


def _header(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _to_json(answers: Any) -> bytes:
    try:
        return orjson.dumps(answers)
    except TypeError:  # It is nested deeper, or has larger numbers, than orjson writes.
        return json.dumps(answers).encode()


def _has_records(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("data"), list)


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
