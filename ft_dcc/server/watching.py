"""Every request is counted, logged, and has a reference under which its failure is found."""

from __future__ import annotations

import logging
import secrets
import time

import attrs
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft_dcc.server.metrics import Answered, Metrics

_log = logging.getLogger(__name__)

# Where a request's scope has its reference, once something is said about it.
REFERENCE = "ft_dcc.reference"
_METHODS = {"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"}


class Watching:
    """ASGI middleware around everything that answers requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
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
            self._end(scope, traffic)

    def _end(self, scope: Scope, traffic: _Traffic) -> None:
        done = Answered(
            route=route_of(scope),
            method=scope["method"] if scope["method"] in _METHODS else "other",
            status=traffic.status,
            seconds=round(time.perf_counter() - traffic.began, 6),
            received=traffic.received,
            sent=traffic.sent,
        )
        self._metrics.end(done)
        if _log.isEnabledFor(logging.INFO):
            _log.info("answered", extra={"reference": _reference(scope), **attrs.asdict(done)})


@attrs.define
class _Traffic:
    """What went in and out for one request; status 0 until an answer begins."""

    _receive: Receive
    _send: Send
    began: float = attrs.field(factory=time.perf_counter)
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
    """Return what a request is called in the log and in an answer that names it; made when it is needed."""
    reference: str = scope.setdefault(REFERENCE, secrets.token_hex(4))
    return reference


def route_of(scope: Scope) -> str:
    """Return the request's path with names in the place of values, or "unknown" for an address that is none."""
    if "endpoint" not in scope:
        return "unknown"
    values = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    if not values:
        return str(scope["path"])
    return "/".join(values.get(part, part) for part in scope["path"].split("/"))
