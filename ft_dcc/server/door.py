"""Who comes in: users with a key, as often as they like; those who guess, a few times."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from ft_dcc.errors import InvalidCredentials, Refused, TooManyRequests
from ft_dcc.server.access import Caller, authenticate, note_use
from ft_dcc.server.pace import Allowance, Pace, neighbourhood
from ft_dcc.server.store import Store

_log = logging.getLogger(__name__)

_PROVEN_SECONDS, _NOTED_SECONDS = 3600, 60
_MOST_REMEMBERED = 10_000
_LONGEST_NAME = 200


class Door:
    """Lets users in by their API key, and turns away for a while who has been wrong too often.

    For a user who came in from an address lately, only what went wrong for this user there counts: a stranger who
    guesses keys locks out nobody. Those who are let in are counted by ``pace``.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, pace: Pace | None = None) -> None:
        self._now = now
        self.pace = Pace(now=now) if pace is None else pace
        self._of_address = Allowance(100, 2, now)
        self._of_account = Allowance(20, 0.2, now)
        self._of_proven = Allowance(60, 1, now)
        self._proven: OrderedDict[tuple[str, str], float] = OrderedDict()
        # Who had this key, by its hash, when the database had seen so many commits.
        self._known: dict[tuple[str, bytes], tuple[int, Caller]] = {}
        self._lock = threading.Lock()

    def enter(self, store: Store, address: str, username: str, key: str) -> Caller:
        """Return who comes from this address with this key; raises InvalidCredentials or TooManyRequests."""
        place, account = neighbourhood(address), username[:_LONGEST_NAME]
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
        self.pace.check_account(account)
        if is_news:
            self._note(store, key)
        return caller

    def recognise(self, store: Store, address: str, username: str, key: str) -> Caller | None:
        """Return who comes, if that was found out a moment ago and nothing has been written since; never waits.

        Raises TooManyRequests.
        """
        known = self._known.get(_name(username, key))
        if known is None or known[0] != store.commits:
            return None
        place, account = neighbourhood(address), username[:_LONGEST_NAME]
        is_noted = self._now() - self._proven.get((place, account), float("-inf")) < _NOTED_SECONDS
        if not is_noted or self._of_proven.wait(f"{place} {account}") > 0:
            return None
        self.pace.check_account(account)
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
