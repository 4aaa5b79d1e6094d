"""The web application: the one address for operations, and what happens to a request that is refused."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import BadRequest, Forbidden, InvalidCredentials, Refused, TooLarge, TooManyRequests, ValidationError
from ft_dcc.server import components, events, operating, review_page, widget_page
from ft_dcc.server.api import answer
from ft_dcc.server.door import address_of
from ft_dcc.server.headers import BrowserClients, SafeHeaders
from ft_dcc.server.metrics import Metrics
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import Origin
from ft_dcc.server.watching import Watching

_BODY_LIMIT = 8 << 20
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
    return f"{request.url.scheme}://{host}"


async def _call(studio: Studio, request: Request) -> Response:
    body = await _body(request)
    content = await to_thread.run_sync(_answer, studio, request, body)
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


def _answer(studio: Studio, request: Request, body: bytes) -> bytes:
    headers = request.headers
    username, key = headers.get("ftrack-user", ""), headers.get("ftrack-api-key", "")
    caller = studio.door.enter(studio.store, address_of(request), username, key)
    try:
        asked = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request is not JSON.") from error
    operations = asked if isinstance(asked, list) else [asked]
    if not all(isinstance(operation, dict) for operation in operations):
        raise BadRequest("A request is one operation, or a list of operations.")
    try:
        origin, is_denormalized = Origin.from_headers(headers), _DENORMALIZED.search(headers.get(_OPTIONS, ""))
        answers = answer(
            studio, caller, operations, base_url(request), origin, is_denormalized=is_denormalized is not None
        )
    except UnicodeEncodeError as error:  # JSON can write half a character; the database cannot.
        raise ValidationError("A text in the request has half a character in it. Send whole ones.") from error
    return json.dumps(answers if asked is operations else answers[0]).encode()


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them; they would come out again in answers."""
    raise ValueError(name)


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
    return JSONResponse(content, 200 if is_tolerant else status, headers={"Cache-Control": "no-store"})
