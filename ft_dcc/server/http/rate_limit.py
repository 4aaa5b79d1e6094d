"""Limit how often one client may ask, so that a script in a loop does not slow down the others."""

from __future__ import annotations

import functools
import ipaddress
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.errors import TooManyRequests
from ft_dcc.server.http.error_responses import error_response

REQUESTS_PER_MINUTE = 6_000
_MAX_REMEMBERED, _ROUNDING = 10_000, 1e-6
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[\d.]+))(?::\d*)?")
# A render farm uses one account from many addresses; guests load pages and movies, and nothing else.
_ACCOUNT_SHARE, _GUEST_SHARE = 10, 0.1


class TokenBucket:
    """A token bucket for each key; thread-safe.

    ``burst`` tokens are there at first, and ``per_second`` are added, up to that number.
    """

    def __init__(self, burst: float, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._now = 1 / per_second, now
        self._slack = (burst - 1) * self._interval
        # When each bucket is full again: from this number follows how many tokens it has at any time.
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def retry_after(self, key: str, count: int = 1) -> float:
        """Return the seconds until the key has this many tokens; 0 when it has them."""
        now = self._now()
        full_at = max(self._full_at.get(key, 0.0), now)
        return self._missing_seconds(full_at + (count - 1) * self._interval, now)

    def consume(self, key: str) -> None:
        """Remove a token from the key, even if it has none."""
        with self._lock:
            self._remove(key, max(self._full_at.get(key, 0.0), self._now()))

    def acquire(self, key: str) -> float:
        """Remove a token from the key and return 0, or return the seconds until it has one."""
        now = self._now()
        with self._lock:
            full_at = self._full_at.get(key, now)
            missing = self._missing_seconds(full_at, now)
            if missing == 0:
                self._remove(key, full_at if full_at > now else now)
        return missing

    def _missing_seconds(self, full_at: float, now: float) -> float:
        missing = full_at - now - self._slack
        # A hundred thousand intervals do not add up exactly.
        return missing if missing > _ROUNDING else 0.0

    def _remove(self, key: str, since: float) -> None:
        self._full_at[key] = since + self._interval
        self._full_at.move_to_end(key)
        # A client that invents names must not fill the memory; the least recently used keys are dropped.
        if len(self._full_at) > _MAX_REMEMBERED:
            self._full_at.popitem(last=False)


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
