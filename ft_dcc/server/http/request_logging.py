"""Count every request for Prometheus, log it, one JSON object a line, and answer those that fail in one format.

A line has no URL, because those carry keys, tokens and review links. A failure has a reference, which the client gets.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
import sys
import time
from collections.abc import Callable, Mapping

import attrs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.errors import EncodeFailed
from ft_dcc.server.errors import HttpError, TooManyRequests

_BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)


class Metrics:
    """Requests by route, method and status, bytes and durations, and gauges: by name, the meaning and a function."""

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter("ft_dcc_requests", "Requests that were answered.", labels, registry=registry)
        self._seconds = Histogram(
            "ft_dcc_request_seconds",
            "Time from the head of a request to the end of its response.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._running = Gauge("ft_dcc_requests_running", "Requests that are being answered.", registry=registry)
        self._received = Counter("ft_dcc_received_bytes", "Bytes of request bodies.", registry=registry)
        self._sent = Counter("ft_dcc_sent_bytes", "Bytes of response bodies.", registry=registry)
        for name, (meaning, read) in gauges.items():
            Gauge(name, meaning, registry=registry).set_function(read)

    def begin(self) -> None:
        """Count a request that is being answered."""
        self._running.inc()

    def end(self, route: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count a request that has been answered, or was cut off with the status 0."""
        self._running.dec()
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route).observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def text(self) -> bytes:
        """Return all values in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)


_log = logging.getLogger(__name__)

# Where the scope of a request holds its reference, once it is needed.
REFERENCE_KEY = "ft_dcc.reference"
# The fields of a request's log record beside its message.
REQUEST_FIELDS = ("reference", "route", "method", "status", "seconds", "received", "sent")
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
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = round(time.perf_counter() - traffic.began_at, 6)
            stats = (route_of(scope), method, traffic.status, seconds, traffic.received, traffic.sent)
            self._metrics.end(*stats)
            if _log.isEnabledFor(logging.INFO):
                _log.info("answered", extra=dict(zip(REQUEST_FIELDS, (_reference(scope), *stats))))


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


async def error_response(request: Request, error: Exception) -> Response:
    """Return the response to a request that raised this error."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # It is not sent: the client has closed the connection.
    code = None
    if isinstance(error, HttpError):
        # The name of a class itself, not of its base: clients know both.
        name = vars(type(error)).get("wire_name") or type(error).__name__
        status, text, code = error.status, str(error), error.error_code
    elif isinstance(error, EncodeFailed):
        # The file that the request names is damaged.
        status, name, text = 422, "ValidationError", str(error)
    elif isinstance(error, HTTPException):
        status, name = error.status_code, "ServerError"
        text = f"{error.detail}: {request.method} is not answered here."
    else:
        status, name = 500, "ServerError"
        text = f"The server failed. Its log has the reason under {request.scope[REFERENCE_KEY]}."
    # The official Python client runs str.format over the text, which may quote half characters of the request.
    harmless = text.translate({123: "(", 125: ")"}).encode(errors="replace").decode()
    content = {"exception": name, "content": harmless, "error_code": code}
    is_tolerant = request.url.path == "/api" and request.headers.get("ftrack-strict-api", "").lower() != "true"
    response = JSONResponse(content, 200 if is_tolerant else status, headers={"Cache-Control": "no-store"})
    if isinstance(error, TooManyRequests):
        # Clients that throttle themselves look at the status, also those that want errors as answers with status 200.
        response.status_code = error.status
        response.headers["Retry-After"] = str(math.ceil(error.seconds))
    return response
