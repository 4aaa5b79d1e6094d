"""How often somebody may do something: honest users and render farms never notice, a script that runs away does."""

from __future__ import annotations

import functools
import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.errors import SettingInvalid, TooManyRequests
from ft_dcc.server.refusals import refusal

REQUESTS_A_MINUTE = 6_000
_MOST_REMEMBERED, _ROUNDING = 10_000, 1e-6
# A farm comes by one account from many addresses; guests look at pages and films, and nothing else.
_ACCOUNT_SHARE, _GUEST_SHARE = 10, 0.1


class Allowance:
    """So many attempts at once for each name, and then as many as come back with time. Any thread may ask."""

    def __init__(self, burst: float, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._now = 1 / per_second, now
        self._slack = (burst - 1) * self._interval
        # When each name has all of its attempts again: one number says how many are left at any time.
        self._whole_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """Return the seconds until this name has an attempt again; 0 when it has one."""
        return self._lack(self._whole_at.get(name, 0.0), self._now())

    def take(self, name: str) -> None:
        """The name has one attempt less, even if it had none."""
        with self._lock:
            self._take(name, max(self._whole_at.get(name, 0.0), self._now()))

    def spend(self, name: str) -> float:
        """The name has one attempt less, and 0 is returned; or else the seconds until it has one."""
        now = self._now()
        with self._lock:
            whole_at = self._whole_at.get(name, now)
            lack = self._lack(whole_at, now)
            if lack == 0:
                self._take(name, whole_at if whole_at > now else now)
        return lack

    def _lack(self, whole_at: float, now: float) -> float:
        lack = whole_at - now - self._slack
        # A hundred thousand intervals do not add up exactly.
        return lack if lack > _ROUNDING else 0.0

    def _take(self, name: str, since: float) -> None:
        self._whole_at[name] = since + self._interval
        self._whole_at.move_to_end(name)
        # Whoever invents names must not fill the memory; the longest quiet are forgotten.
        if len(self._whole_at) > _MOST_REMEMBERED:
            self._whole_at.popitem(last=False)


class Pace:
    """How many requests a minute come from one address, by one account, and from one address by links of reviews.

    ``a_minute`` is that of an address, on average over an hour: what was not used is there at once. An account has
    ten times as many, and who comes by a link a tenth. With 0 nobody is counted.
    """

    def __init__(self, a_minute: float = REQUESTS_A_MINUTE, now: Callable[[], float] = time.monotonic) -> None:
        if a_minute < 0:
            raise SettingInvalid("The number of requests a minute cannot be below 0. Give a larger one, or 0 for any.")
        self._addresses = _hourly(a_minute, now)
        self._accounts = _hourly(a_minute * _ACCOUNT_SHARE, now)
        self._guests = _hourly(a_minute * _GUEST_SHARE, now)

    def check_address(self, address: str, *, is_guest: bool = False) -> None:
        """One request more has come from the address; raises TooManyRequests when that is too many."""
        _check(self._guests if is_guest else self._addresses, neighbourhood(address), "address")

    def check_account(self, username: str) -> None:
        """One request more has come from who proved to be this user; raises TooManyRequests when that is too many."""
        _check(self._accounts, username, "account")


class Pacing:
    """ASGI middleware: who asks too often waits."""

    def __init__(self, app: ASGIApp, pace: Pace) -> None:
        self._app, self._pace = app, pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, unless too many requests come from there."""
        # Where an upload goes to was asked for before; to break it off, all of it would have to be read.
        if scope["type"] == "http" and scope["method"] != "PUT":
            client = scope.get("client")
            try:
                is_guest = scope["path"].startswith("/review/")
                self._pace.check_address("" if client is None else client[0], is_guest=is_guest)
            except TooManyRequests as error:
                await (await refusal(Request(scope), error))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def address_of(request: HTTPConnection) -> str:
    """Return the client's address, as far as the proxies before this server are known."""
    return "" if request.client is None else request.client.host


@functools.lru_cache(maxsize=_MOST_REMEMBERED)
def neighbourhood(address: str) -> str:
    """Return the address, or for IPv6 the network: one machine has as many addresses there as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _hourly(a_minute: float, now: Callable[[], float]) -> Allowance | None:
    return Allowance(max(1.0, a_minute * 60), a_minute / 60, now) if a_minute else None


def _check(allowance: Allowance | None, name: str, kind: str) -> None:
    seconds = 0.0 if allowance is None else allowance.spend(name)
    if seconds > 0:
        raise TooManyRequests(
            f"More requests come from this {kind} than the studio takes. Look for a script that runs in a loop; "
            "whoever runs the server can raise --request-limit.",
            seconds,
        )
