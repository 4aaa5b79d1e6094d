"""What is answered instead of an answer: one form for every refusal and failure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ft_dcc.errors import Forbidden, InvalidCredentials, Refused, TooManyRequests
from ft_dcc.server.watching import REFERENCE

_UNKEPT = {"Cache-Control": "no-store"}
# Two errors have a name of ftrack's that its clients look for.
_FTRACK_NAMES = {Forbidden: "PermissionError", InvalidCredentials: "InvalidCredentialsError"}


async def refusal(request: Request, error: Refused | HTTPException | ClientDisconnect) -> Response:
    """Return what is answered to a request that ended like this."""
    if isinstance(error, Refused):
        return await _refuse(request, error)
    if isinstance(error, HTTPException):
        return await _refuse_route(request, error)
    return await _forget(request, error)


async def _refuse(request: Request, error: Refused) -> Response:
    name = _FTRACK_NAMES.get(type(error), type(error).__name__)
    answered = _error(request, error.status, name, str(error), error.error_code)
    if isinstance(error, TooManyRequests):
        # Whoever is to wait looks at the status, also a client that wants refusals of operations as answers.
        answered.status_code = error.status
        answered.headers["Retry-After"] = str(math.ceil(error.seconds))
    return answered


async def _refuse_route(request: Request, error: HTTPException) -> Response:
    return _error(request, error.status_code, "ServerError", f"{error.detail}: {request.method} is not answered here.")


async def _forget(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # The client went away; nobody reads this.


async def _fail(request: Request, error: Exception) -> Response:
    text = f"The server failed. Its log has the reason under {request.scope[REFERENCE]}."
    return _error(request, 500, "ServerError", text)


def _error(request: Request, status: int, name: str, text: str, code: str | None = None) -> Response:
    # The official Python client runs str.format over the text, which may quote half characters of the request.
    harmless = text.translate({123: "(", 125: ")"}).encode(errors="replace").decode()
    content = {"exception": name, "content": harmless, "error_code": code}
    is_tolerant = request.url.path == "/api" and request.headers.get("ftrack-strict-api", "").lower() != "true"
    return JSONResponse(content, 200 if is_tolerant else status, headers=_UNKEPT)


HANDLERS: Mapping[Any, Any] = {
    Refused: _refuse,
    HTTPException: _refuse_route,
    ClientDisconnect: _forget,
    Exception: _fail,
}
