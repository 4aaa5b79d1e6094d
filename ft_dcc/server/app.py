"""The web application: the one address for operations, and what happens to a request that is refused."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import Any

import orjson
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import BadRequest, Forbidden, InvalidCredentials, Refused, TooLarge, TooManyRequests
from ft_dcc.server import components, events, operating, owner, review_page, widget_page
from ft_dcc.server.api import Asked, answer_soon
from ft_dcc.server.door import address_of
from ft_dcc.server.headers import BrowserClients, SafeHeaders
from ft_dcc.server.metrics import Metrics
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import Origin
from ft_dcc.server.watching import Watching

_BODY_LIMIT = 8 << 20
_UNKEPT = {"Cache-Control": "no-store"}
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
# Both spellings of the option are in use: "strict:1;denormalize:1" and "denormalize=true".
_OPTIONS, _DENORMALIZED = "ftrack-api-options", re.compile(r"denormalize[:=](1|true)")
# Two errors have a name of ftrack's that its clients look for.
_FTRACK_NAMES = {Forbidden: "PermissionError", InvalidCredentials: "InvalidCredentialsError"}


def make_app(studio: Studio) -> Starlette:
    """Return the application that serves this studio; it opens nothing and starts nothing."""
    handlers: dict[Any, Any] = {
        Refused: _refuse,
        HTTPException: _refuse_route,
        ClientDisconnect: _forget,
        Exception: _fail,
    }
    metrics = Metrics()
    return Starlette(
        routes=[
            Route("/api", partial(_call, studio), methods=["POST"]),
            *operating.routes(studio, metrics),
            *owner.routes(studio),
            *components.routes(studio),
            *review_page.routes(studio),
            *widget_page.routes(studio),
            *events.routes(studio),
        ],
        middleware=[Middleware(Watching, metrics=metrics), Middleware(SafeHeaders), Middleware(BrowserClients)],
        exception_handlers=handlers,
    )


def base_url(request: Request) -> str:
    """Return the server's address as this client knows it, without a slash at the end; raises BadRequest."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise BadRequest("The Host header is not a host name and a port.")
    return f"{request.scope['scheme']}://{host}"


async def _call(studio: Studio, request: Request) -> Response:
    headers, body = request.headers, await _body(request)
    address, username, key = address_of(request), headers.get("ftrack-user", ""), headers.get("ftrack-api-key", "")
    caller = studio.door.recognise(studio.store, address, username, key)
    if caller is None:
        caller = await to_thread.run_sync(studio.door.enter, studio.store, address, username, key)
    try:
        asked = orjson.loads(body)
    except ValueError as error:
        raise BadRequest("The request is not JSON.") from error
    operations = asked if isinstance(asked, list) else [asked]
    if not all(isinstance(operation, dict) for operation in operations):
        raise BadRequest("A request is one operation, or a list of operations.")
    is_denormalized = _DENORMALIZED.search(headers.get(_OPTIONS, "")) is not None
    origin = Origin.from_headers(headers)
    answers = await answer_soon(Asked(studio, caller, operations, base_url(request), origin, is_denormalized))
    content = _written(answers if asked is operations else answers[0])
    return Response(content, media_type="application/json", headers=_UNKEPT)


def _written(answers: Any) -> bytes:
    try:
        return orjson.dumps(answers)
    except TypeError:  # It is nested deeper, or has larger numbers, than orjson writes.
        return json.dumps(answers).encode()


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise TooLarge(f"A request has at most {_BODY_LIMIT >> 20} MiB. Send the operations in smaller batches.")
    return bytes(body)


def _refuse(request: Request, error: Refused) -> Response:
    name = _FTRACK_NAMES.get(type(error), type(error).__name__)
    answered = _error(request, error.status, name, str(error), error.error_code)
    if isinstance(error, TooManyRequests):
        answered.headers["Retry-After"] = str(math.ceil(error.seconds))
    return answered


def _refuse_route(request: Request, error: HTTPException) -> Response:
    return _error(request, error.status_code, "ServerError", f"{error.detail}: {request.method} is not answered here.")


def _forget(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # The client went away; nobody reads this.


def _fail(request: Request, error: Exception) -> Response:
    text = f"The server failed. Its log has the reason under {request.scope['ft_dcc.reference']}."
    return _error(request, 500, "ServerError", text)


def _error(request: Request, status: int, name: str, text: str, code: str | None = None) -> Response:
    # The official Python client runs str.format over the text, which may quote half characters of the request.
    harmless = text.translate({123: "(", 125: ")"}).encode(errors="replace").decode()
    content = {"exception": name, "content": harmless, "error_code": code}
    is_tolerant = request.url.path == "/api" and request.headers.get("ftrack-strict-api", "").lower() != "true"
    return JSONResponse(content, 200 if is_tolerant else status, headers=_UNKEPT)
