"""Who comes in: users with a key, as often as they like; those who guess, a few times."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from starlette.requests import HTTPConnection

from ft_dcc.errors import InvalidCredentials, Refused, TooManyRequests
from ft_dcc.server.access import Caller, authenticate, note_use
from ft_dcc.server.store import Store

_log = logging.getLogger(__name__)

_PROVEN_SECONDS, _NOTED_SECONDS = 3600, 60
_MOST_REMEMBERED = 10_000
_LONGEST_NAME = 200


class Allowance:
    """So many attempts at once for each name, and then as many as come back with time (a token bucket)."""

    def __init__(self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._now = burst, per_second, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Return the seconds until this name has an attempt again; 0 when it has one."""
        return max(0.0, (1 - self._level(name)) / self._per_second) if name in self._left else 0.0

    def take(self, name: str) -> None:
        """The name has one attempt less."""
        self._left[name] = (self._level(name) - 1, self._now())
        self._left.move_to_end(name)
        # Whoever invents names must not fill the memory; the longest quiet are forgotten.
        if len(self._left) > _MOST_REMEMBERED:
            self._left.popitem(last=False)

    def _level(self, name: str) -> float:
        level, since = self._left.get(name, (float(self._burst), self._now()))
        return min(self._burst, level + (self._now() - since) * self._per_second)


class Door:
    """Lets users in by their API key, and turns away for a while who has been wrong too often.

    For a user who came in from an address lately, only what went wrong for this user there counts: a stranger who
    guesses keys locks out nobody.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._of_address = Allowance(100, 2, now)
        self._of_account = Allowance(20, 0.2, now)
        self._of_proven = Allowance(60, 1, now)
        self._proven: OrderedDict[tuple[str, str], float] = OrderedDict()
        # Who had this key, by its hash, when the database had seen so many commits.
        self._known: dict[tuple[str, bytes], tuple[int, Caller]] = {}
        self._lock = threading.Lock()

    def enter(self, store: Store, address: str, username: str, key: str) -> Caller:
        """Return who comes from this address with this key; raises InvalidCredentials or TooManyRequests."""
        place, account = _neighbourhood(address), username[:_LONGEST_NAME]
        with self._lock:
            self._turn_away(place, account)
        try:
            caller = self._recognise(store, username, key)
        except InvalidCredentials:
            with self._lock:
                self._of_address.take(place)
                self._of_account.take(account)
                self._of_proven.take(f"{place} {account}")
            raise
        with self._lock:
            is_news = self._prove(place, account)
        if is_news:
            self._note(store, key)
        return caller

    def recognise(self, store: Store, address: str, username: str, key: str) -> Caller | None:
        """Return who comes, if that was found out a moment ago and nothing has been written since; never waits."""
        known = self._known.get(_name(username, key))
        if known is None or known[0] != store.commits:
            return None
        place, account = _neighbourhood(address), username[:_LONGEST_NAME]
        is_noted = self._now() - self._proven.get((place, account), float("-inf")) < _NOTED_SECONDS
        if not is_noted or self._of_proven.wait(f"{place} {account}") > 0:
            return None
        return known[1]

    def _recognise(self, store: Store, username: str, key: str) -> Caller:
        name, commits = _name(username, key), store.commits
        known = self._known.get(name)
        if known is not None and known[0] == commits:
            return known[1]
        with store.reading() as connection:
            caller = authenticate(connection, username, key)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[name] = commits, caller
        return caller

    def _prove(self, place: str, account: str) -> bool:
        """Remember who came in; whether that was not known for the last minute."""
        before = self._proven.get((place, account), float("-inf"))
        if self._now() - before < _NOTED_SECONDS:
            return False
        self._proven[place, account] = self._now()
        self._proven.move_to_end((place, account))
        if len(self._proven) > _MOST_REMEMBERED:
            self._proven.popitem(last=False)
        return True

    def _note(self, store: Store, key: str) -> None:
        try:
            store.write(partial(note_use, key=key))
        except Refused as error:
            # A studio whose disk is full can still be read.
            _log.warning("it was not noted when a key was used: %s", error)

    def _turn_away(self, place: str, account: str) -> None:
        if self._now() - self._proven.get((place, account), float("-inf")) < _PROVEN_SECONDS:
            seconds = self._of_proven.wait(f"{place} {account}")
        else:
            seconds = max(self._of_address.wait(place), self._of_account.wait(account))
        if seconds > 0:
            raise TooManyRequests("Too many wrong keys came from here. Check user and key, and try later.", seconds)


def _name(username: str, key: str) -> tuple[str, bytes]:
    return username, hashlib.sha256(key.encode(errors="replace")).digest()


@functools.lru_cache(maxsize=_MOST_REMEMBERED)
def _neighbourhood(address: str) -> str:
    """Return the address, or for IPv6 the network: one machine has as many addresses there as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def address_of(request: HTTPConnection) -> str:
    """Return the client's address, as far as the proxies before this server are known."""
    return "" if request.client is None else request.client.host
