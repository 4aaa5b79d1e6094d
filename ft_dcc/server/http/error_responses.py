"""The responses to requests that fail, all in one format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ft_dcc.server.errors import (
    Forbidden,
    HttpError,
    InsufficientStorage,
    InvalidCredentials,
    NotFound,
    PassphraseRequired,
    PayloadTooLarge,
    ServiceUnavailable,
    TooManyRequests,
)
from ft_dcc.server.http.request_logging import REFERENCE_KEY

# The names that clients read in ``exception``, where they differ from the classes; two of them are those of ftrack.
_WIRE_NAMES: dict[type[HttpError], str] = {
    Forbidden: "PermissionError",
    InsufficientStorage: "StorageFull",
    InvalidCredentials: "InvalidCredentialsError",
    NotFound: "NoSuchThing",
    PassphraseRequired: "PassphraseNeeded",
    PayloadTooLarge: "TooLarge",
    ServiceUnavailable: "Busy",
}


async def error_response(request: Request, error: HttpError | HTTPException | ClientDisconnect) -> Response:
    """Return the response to a request that raised this error."""
    if isinstance(error, HttpError):
        return await _http_error(request, error)
    if isinstance(error, HTTPException):
        return await _routing_error(request, error)
    return await _disconnected(request, error)


async def _http_error(request: Request, error: HttpError) -> Response:
    name = _WIRE_NAMES.get(type(error), type(error).__name__)
    response = _make_response(request, error.status, name, str(error), error.error_code)
    if isinstance(error, TooManyRequests):
        # Clients that throttle themselves look at the status, also those that want errors as answers with status 200.
        response.status_code = error.status
        response.headers["Retry-After"] = str(math.ceil(error.seconds))
    return response


async def _routing_error(request: Request, error: HTTPException) -> Response:
    text = f"{error.detail}: {request.method} is not answered here."
    return _make_response(request, error.status_code, "ServerError", text)


async def _disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # It is not sent: the client has closed the connection.


async def _server_error(request: Request, error: Exception) -> Response:
    text = f"The server failed. Its log has the reason under {request.scope[REFERENCE_KEY]}."
    return _make_response(request, 500, "ServerError", text)


def _make_response(request: Request, status: int, name: str, text: str, code: str | None = None) -> Response:
    # The official Python client runs str.format over the text, which may quote half characters of the request.
    harmless = text.translate({123: "(", 125: ")"}).encode(errors="replace").decode()
    content = {"exception": name, "content": harmless, "error_code": code}
    is_tolerant = request.url.path == "/api" and request.headers.get("ftrack-strict-api", "").lower() != "true"
    return JSONResponse(content, 200 if is_tolerant else status, headers={"Cache-Control": "no-store"})


HANDLERS: Mapping[Any, Any] = {
    HttpError: _http_error,
    HTTPException: _routing_error,
    ClientDisconnect: _disconnected,
    Exception: _server_error,
}
