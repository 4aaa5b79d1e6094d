"""Authenticate API keys and throttle failed logins."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from ft_dcc.server.auth.api_keys import find_key_owner, record_key_use
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import HttpError, InvalidCredentials, TooManyRequests
from ft_dcc.server.http.rate_limit import RequestLimiter, TokenBucket, client_network
from ft_dcc.server.identity import Caller

_log = logging.getLogger(__name__)

_PROVEN_SECONDS, _USE_RECORDED_SECONDS = 3600, 60
_MAX_REMEMBERED = 10_000
_MAX_NAME_LENGTH = 200


class Authenticator:
    """Finds the owner of an API key, and throttles failures by network, by account, and by both together.

    For a user who has logged in from a network within the last hour, only failures of that user from that network
    count, so that a stranger who guesses keys cannot lock the user out. Authenticated requests are counted by
    ``limiter``.
    """

    def __init__(
        self, store: Store, limiter: RequestLimiter | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._now = store, now
        self.limiter = RequestLimiter(now=now) if limiter is None else limiter
        self._network_failures = TokenBucket(100, 2, now)
        self._account_failures = TokenBucket(20, 0.2, now)
        self._proven_failures = TokenBucket(60, 1, now)
        self._proven_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        # The owner of a key, by name and hash of the key, as of a number of commits.
        self._owners: dict[tuple[str, bytes], tuple[int, Caller]] = {}
        self._lock = threading.Lock()

    def authenticate(self, address: str, username: str, key: str) -> Caller:
        """Return the user with this name and key; raises InvalidCredentials or TooManyRequests."""
        network, account = client_network(address), username[:_MAX_NAME_LENGTH]
        with self._lock:
            self._check_failures(network, account)
        try:
            caller = self._find_owner(username, key)
        except InvalidCredentials:
            with self._lock:
                self._network_failures.consume(network)
                self._account_failures.consume(account)
                self._proven_failures.consume(f"{network} {account}")
            raise
        with self._lock:
            is_due = self._remember(network, account)
        self.limiter.check_account(account)
        if is_due:
            try:
                self._store.write(partial(record_key_use, key=key))
            except HttpError as error:
                # A server whose disk is full can still be read.
                _log.warning("the use of a key was not recorded: %s", error)
        return caller

    def authenticate_cached(self, address: str, username: str, key: str) -> Caller | None:
        """Return the user if the answer is in memory and the database has not changed since, else None; never blocks.

        Raises TooManyRequests.
        """
        known = self._owners.get(_cache_key(username, key))
        if known is None or known[0] != self._store.commits:
            return None
        network, account = client_network(address), username[:_MAX_NAME_LENGTH]
        is_recorded = self._seconds_since_login(network, account) < _USE_RECORDED_SECONDS
        if not is_recorded or self._proven_failures.retry_after(f"{network} {account}") > 0:
            return None
        self.limiter.check_account(account)
        return known[1]

    def _find_owner(self, username: str, key: str) -> Caller:
        cache_key, commits = _cache_key(username, key), self._store.commits
        known = self._owners.get(cache_key)
        if known is not None and known[0] == commits:
            return known[1]
        with self._store.reading() as connection:
            caller = find_key_owner(connection, username, key)
        if len(self._owners) >= _MAX_REMEMBERED:
            self._owners.clear()
        self._owners[cache_key] = commits, caller
        return caller

    def _seconds_since_login(self, network: str, account: str) -> float:
        return self._now() - self._proven_at.get((network, account), float("-inf"))

    def _remember(self, network: str, account: str) -> bool:
        """Remember a login, and return whether the last one was recorded more than a minute ago."""
        if self._seconds_since_login(network, account) < _USE_RECORDED_SECONDS:
            return False
        self._proven_at[network, account] = self._now()
        self._proven_at.move_to_end((network, account))
        if len(self._proven_at) > _MAX_REMEMBERED:
            self._proven_at.popitem(last=False)
        return True

    def _check_failures(self, network: str, account: str) -> None:
        if self._seconds_since_login(network, account) < _PROVEN_SECONDS:
            seconds = self._proven_failures.retry_after(f"{network} {account}")
        else:
            seconds = max(self._network_failures.retry_after(network), self._account_failures.retry_after(account))
        if seconds > 0:
            raise TooManyRequests("Too many wrong keys came from here. Check user and key, and try later.", seconds)


def _cache_key(username: str, key: str) -> tuple[str, bytes]:
    return username, hashlib.sha256(key.encode(errors="replace")).digest()
