"""The endpoints for operators of the server: ``/health`` and ``/metrics``."""

from __future__ import annotations

import base64
import ipaddress
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anyio import to_thread
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import Error
from ft_dcc.server.database.integrity import read_problems
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import InvalidCredentials
from ft_dcc.server.http.metrics import Metrics
from ft_dcc.server.http.rate_limit import client_address
from ft_dcc.server.identity import Caller

# Returns the caller of an address, a user name and an API key, or raises.
Authenticate = Callable[[str, str, str], Caller]
_NOT_CACHED = {"Cache-Control": "no-store"}


def routes(store: Store, data: Path, authenticate: Authenticate, metrics: Metrics) -> list[Route]:
    """Return the routes of ``/health`` and ``/metrics``."""
    return [
        Route("/health", partial(_send_health, store, data), methods=["GET"]),
        Route("/metrics", partial(_send_metrics, authenticate, metrics), methods=["GET"]),
    ]


async def _send_health(store: Store, data: Path, request: Request) -> Response:
    """Answer 200 for a studio without known problems, else 503 with where they are; the log has the details."""
    sources = await to_thread.run_sync(_sources_of_problems, store, data)
    if not sources:
        return JSONResponse({"status": "ok"}, headers=_NOT_CACHED)
    return JSONResponse({"status": "damaged", "problems": sources}, 503, headers=_NOT_CACHED)


def _sources_of_problems(store: Store, data: Path) -> list[str]:
    sources = set(read_problems(data))
    try:
        with store.reading() as connection:
            # Reads a page, which "SELECT 1" does not.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except (DBAPIError, sqlite3.Error, Error):
        sources.add("database")
    return sorted(sources)


async def _send_metrics(authenticate: Authenticate, metrics: Metrics, request: Request) -> Response:
    await to_thread.run_sync(_require_operator, authenticate, request)
    text = await to_thread.run_sync(metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4", headers=_NOT_CACHED)


def _require_operator(authenticate: Authenticate, request: Request) -> None:
    """Raise unless the request comes from this machine, or with user and API key as Prometheus' ``basic_auth``."""
    address = client_address(request)
    try:
        if ipaddress.ip_address(address).is_loopback:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        username, _, key = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError as error:
        raise InvalidCredentials("The Authorization header cannot be read. Send user and API key as Basic.") from error
    if scheme.lower() != "basic":
        raise InvalidCredentials("From other machines, metrics need user and API key as Basic authorization.")
    authenticate(address, username, key)
