"""The endpoints for operators of the server: ``/health`` and ``/metrics``."""

from __future__ import annotations

import base64
import sqlite3
from functools import partial

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ft_dcc.errors import Error, MissingExtra, SettingInvalid
from ft_dcc.files.atomic import temporary_file
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database.backup import read_problems
from ft_dcc.server.errors import InvalidCredentials
from ft_dcc.server.http import rate_limit, request_logging
from ft_dcc.server.mail.mailer import queued_messages
from ft_dcc.server.notifications.webhooks import find_webhooks
from ft_dcc.server.storage.derived_media import find_ffmpeg

_NOT_CACHED = {"Cache-Control": "no-store"}


def routes(context: ServerContext, metrics: request_logging.Metrics) -> list[Route]:
    """Return the routes of ``/health`` and ``/metrics``."""
    return [
        Route("/health", partial(_send_health, context), methods=["GET"]),
        Route("/metrics", partial(_send_metrics, context, metrics), methods=["GET"]),
    ]


def _send_health(context: ServerContext, request: Request) -> Response:
    """Answer 200 for a studio without known problems, else 503 with where they are; the log has the details."""
    damaged = set(read_problems(context.folder))
    try:
        with context.store.reading() as connection:
            # Reads a page, which "SELECT 1" does not.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except (DBAPIError, sqlite3.Error, Error):
        damaged.add("database")
    problems = damaged | {name for name, is_able in _ABILITIES.items() if not is_able(context)}
    if not problems:
        return JSONResponse({"status": "ok"}, headers=_NOT_CACHED)
    status = "damaged" if damaged else "impaired"
    return JSONResponse({"status": status, "problems": sorted(problems)}, 503, headers=_NOT_CACHED)


def _can_write(context: ServerContext) -> bool:
    try:
        with temporary_file(parent=context.folder) as file:
            file.write(b"x")
        return context.media.free_bytes() > 0
    except (OSError, Error):
        return False


def _can_encode(_context: ServerContext) -> bool:
    try:
        find_ffmpeg()
    except MissingExtra:
        return True  # This server was installed without.
    except SettingInvalid:
        return False
    return True


def _can_mail(context: ServerContext) -> bool:
    mailer = context.mailer
    return mailer.server is None or not any(mail.reason for mail in queued_messages(mailer.outbox))


def _can_call_webhooks(context: ServerContext) -> bool:
    with context.store.reading() as connection:
        return not any(hook["error"] for hook in find_webhooks(connection))


# What ``/health`` asks for, by the word for it in the answer.
_ABILITIES = {"disk": _can_write, "encoding": _can_encode, "mail": _can_mail, "webhooks": _can_call_webhooks}


def _send_metrics(context: ServerContext, metrics: request_logging.Metrics, request: Request) -> Response:
    """Answer requests with user and API key as Prometheus' ``basic_auth``.

    A request from this machine needs them, too: it may be that of a proxy, for anybody.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        login = base64.b64decode(given, validate=True).decode()
    except ValueError as error:
        raise InvalidCredentials("The Authorization header cannot be read. Send user and API key as Basic.") from error
    if scheme.lower() != "basic":
        raise InvalidCredentials("Metrics need user and API key as Basic authorization.")
    username, _, key = login.partition(":")
    context.authenticator.authenticate(rate_limit.client_address(request), username, key)
    return Response(metrics.text(), media_type="text/plain; version=0.0.4", headers=_NOT_CACHED)
