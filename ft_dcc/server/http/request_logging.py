"""Count and log every request, one JSON object a line.

A line has no URL, because those carry keys, tokens and review links. A failure has a reference, which the client gets.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time

import attrs
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.http.metrics import Metrics, RequestStats

_log = logging.getLogger(__name__)

# Where the scope of a request holds its reference, once it is needed.
REFERENCE_KEY = "ft_dcc.reference"
# The fields of a request's log record beside its message.
REQUEST_FIELDS = ("reference", *(field.name for field in attrs.fields(RequestStats)))
_METHODS = {"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"}


class RequestLogMiddleware:
    """ASGI middleware that counts and logs each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, and log its outcome."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traffic = _Traffic(receive, send)
        self._metrics.begin()
        try:
            await self._app(scope, traffic.receive, traffic.send)
        except Exception:
            traffic.status = 500
            _log.exception("failed", extra={"reference": _reference(scope), "route": route_of(scope)})
            raise
        finally:
            stats = RequestStats(
                route=route_of(scope),
                method=scope["method"] if scope["method"] in _METHODS else "other",
                status=traffic.status,
                seconds=round(time.perf_counter() - traffic.began_at, 6),
                received=traffic.received,
                sent=traffic.sent,
            )
            self._metrics.end(stats)
            if _log.isEnabledFor(logging.INFO):
                _log.info("answered", extra={"reference": _reference(scope), **attrs.asdict(stats)})


@attrs.define
class _Traffic:
    """The bytes of one request and its response; the status is 0 until the response begins."""

    _receive: Receive
    _send: Send
    began_at: float = attrs.field(factory=time.perf_counter)
    status: int = 0
    received: int = 0
    sent: int = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.sent += len(message.get("body", b""))
        await self._send(message)


def _reference(scope: Scope) -> str:
    """Return the reference of a request for the log and for an error response; it is made when it is needed."""
    reference: str = scope.setdefault(REFERENCE_KEY, secrets.token_hex(4))
    return reference


def route_of(scope: Scope) -> str:
    """Return the request's path with parameter names in place of values, or "unknown" when no route matches."""
    if "endpoint" not in scope:
        return "unknown"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    if not names:
        return str(scope["path"])
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))


class JsonLinesFormatter(logging.Formatter):
    """Formats a log record as one line of JSON: time in UTC, level, logger, message, and the fields of a request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one object, without a line break in it."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: getattr(record, name) for name in REQUEST_FIELDS if hasattr(record, name)},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(level: str) -> None:
    """Write log records of at least this level to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLinesFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
