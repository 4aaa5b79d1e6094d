"""Limit how often clients ask, and what they hold at once, so that one of them does not slow down the others."""

from __future__ import annotations

import functools
import ipaddress
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.errors import ServiceUnavailable, TooManyRequests
from ft_dcc.server.http.request_logging import error_response
from ft_dcc.server.work.budgets import TokenBucket

REQUESTS_PER_MINUTE = 6_000
_MAX_REMEMBERED = 10_000
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[\d.]+))(?::\d*)?")
# A render farm uses one account from many addresses; guests load pages and movies, and nothing else.
_ACCOUNT_SHARE, _GUEST_SHARE = 10, 0.1


class RequestLimiter:
    """Limits of the requests from one address, of one account, and by review links from one address.

    ``per_minute`` is the limit of an address, on average over an hour: unused requests may be made at once. An
    account has ten times as many, and guests of one address a tenth. 0 is no limit.
    """

    def __init__(self, per_minute: float = REQUESTS_PER_MINUTE, now: Callable[[], float] = time.monotonic) -> None:
        if per_minute < 0:
            raise SettingInvalid("The number of requests a minute cannot be below 0. Give a larger one, or 0 for any.")
        self._addresses = _hourly_bucket(per_minute, now)
        self._accounts = _hourly_bucket(per_minute * _ACCOUNT_SHARE, now)
        self._guests = _hourly_bucket(per_minute * _GUEST_SHARE, now)

    def check_address(self, address: str, *, is_guest: bool = False) -> None:
        """Count a request from the address; raises TooManyRequests over the limit."""
        _check(self._guests if is_guest else self._addresses, client_network(address), "address")

    def check_account(self, username: str) -> None:
        """Count a request by an authenticated user; raises TooManyRequests over the limit."""
        _check(self._accounts, username, "account")


class RateLimitMiddleware:
    """ASGI middleware that answers clients over their limit with status 429 and Retry-After."""

    def __init__(self, app: ASGIApp, limiter: RequestLimiter) -> None:
        self._app, self._limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application, unless its client is over the limit."""
        # The URL of an upload was asked for before, and counted; to refuse it, all of its body would have to be read.
        if scope["type"] == "http" and scope["method"] != "PUT":
            try:
                is_guest = scope["path"].startswith("/review/")
                self._limiter.check_address(client_address(HTTPConnection(scope)), is_guest=is_guest)
            except TooManyRequests as error:
                await (await error_response(Request(scope), error))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def client_address(request: HTTPConnection) -> str:
    """Return the client's address, as far as the proxies before this server are known."""
    return "" if request.client is None else request.client.host


@functools.lru_cache(maxsize=_MAX_REMEMBERED)
def client_network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address, of which one machine may use any.

    Some proxies add a port to the address, and write IPv4 addresses as IPv6; neither makes another client.
    """
    match = _WITH_PORT.fullmatch(address)
    try:
        found = ipaddress.ip_address(address if match is None else match["v6"] or match["v4"])
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _hourly_bucket(per_minute: float, now: Callable[[], float]) -> TokenBucket | None:
    return TokenBucket(max(1.0, per_minute * 60), per_minute / 60, now) if per_minute else None


def _check(bucket: TokenBucket | None, key: str, kind: str) -> None:
    seconds = 0.0 if bucket is None else bucket.acquire(key)
    if seconds > 0:
        raise TooManyRequests(
            f"More requests come from this {kind} than the server allows. Look for a script that runs in a loop; "
            "the administrator of the server can raise --request-limit.",
            seconds,
        )


_RETRY_SECONDS = 5


class Slots:
    """Amounts that clients hold at once, with a limit for each client and one for all; for one event loop.

    ``kind`` names what is limited, in the plural. More than ``max_waiting`` clients do not wait.
    """

    def __init__(self, kind: str, per_client: int, total: int | None = None, max_waiting: int | None = None) -> None:
        self._kind, self._per_client, self._total, self._max_waiting = kind, per_client, total, max_waiting
        self._held: Counter[str] = Counter()
        self._waiting = 0
        self._released: anyio.Event | None = None

    def has_room(self, client: str, amount: int = 1) -> bool:
        """Return whether the client may hold this amount in addition to what it holds."""
        is_full = self._total is not None and sum(self._held.values()) + amount > self._total
        return not is_full and self._held[client] + amount <= self._per_client

    async def wait(self, client: str, amount: int = 1) -> None:
        """Wait until there is room for the amount, unless too many wait already."""
        if self._max_waiting is not None and self._waiting >= self._max_waiting:
            return
        self._waiting += 1
        try:
            while not self.has_room(client, amount):
                self._released = self._released or anyio.Event()
                await self._released.wait()
        finally:
            self._waiting -= 1

    def acquire(self, client: str, amount: int = 1) -> None:
        """Add an amount to what the client holds; raises ServiceUnavailable without room for it."""
        if not self.has_room(client, amount):
            raise ServiceUnavailable(f"Too many {self._kind} at once. Send it again in a moment.", _RETRY_SECONDS)
        self._held[client] += amount

    def release(self, client: str, amount: int = 1) -> None:
        """Remove the amount from what the client holds."""
        self._held[client] -= amount
        if not self._held[client]:
            del self._held[client]
        if self._released is not None:
            self._released.set()
            self._released = None

    @contextmanager
    def held(self, client: str, amount: int = 1) -> Iterator[None]:
        """Hold an amount inside the block; raises ServiceUnavailable without room for it."""
        self.acquire(client, amount)
        try:
            yield
        finally:
            self.release(client, amount)
