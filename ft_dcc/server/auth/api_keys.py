"""API keys of users: issued, revoked, and authenticated with a throttle. The database holds only their hashes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, bindparam, column, delete, func, select, table, update

from ft_dcc.server.database import clock, connections
from ft_dcc.server.database.private_tables import API_KEYS
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import HttpError, InvalidCredentials, TooManyRequests
from ft_dcc.server.http.rate_limit import RequestLimiter, client_network
from ft_dcc.server.identity import Caller
from ft_dcc.server.work.budgets import TokenBucket

# Not one of ftrack's types: no schema shows the table and no query reaches it.
_USERS = table("resource", column("id"), column("username"), column("is_active"), column("__row__"))
_FIRST_USER = (
    select(_USERS.c.id, _USERS.c.username)
    .where(_USERS.c.username.is_not(None), _USERS.c.is_active == 1)
    .order_by(_USERS.c["__row__"])
    .limit(1)
)
_KEYS_OF_USER = connections.Prepared(
    select(_USERS.c.id, API_KEYS.c.hash)
    .join_from(_USERS, API_KEYS, API_KEYS.c.user_id == _USERS.c.id)
    .where(_USERS.c.username == bindparam("username"), _USERS.c.is_active == 1, API_KEYS.c.revoked_at.is_(None))
)
_HASH_OF_NO_KEY = "0" * 64
_TOLERANCE_SECONDS = 60


def issue_key(connection: Connection, user_id: str, label: str = "") -> str:
    """Give the user one more API key and return it; ``label`` names the program that asked for it."""
    key = secrets.token_urlsafe(32)
    row = {"id": str(uuid4()), "user_id": user_id, "hash": hash_key(key), "created_at": clock.now(), "label": label}
    connection.execute(API_KEYS.insert(), row)
    return key


def replace_key(connection: Connection, user_id: str, label: str) -> str:
    """Return a new key for the user and the program of this label, and delete the former ones."""
    connection.execute(delete(API_KEYS).where(API_KEYS.c.user_id == user_id, API_KEYS.c.label == label))
    return issue_key(connection, user_id, label)


def revoke_keys(connection: Connection, user_id: str, prefix: str = "") -> int:
    """Revoke the user's live API keys whose ids begin with the prefix, and return their number."""
    live = (
        (API_KEYS.c.user_id == user_id)
        & API_KEYS.c.revoked_at.is_(None)
        & API_KEYS.c.id.startswith(prefix, autoescape=True)
    )
    return connection.execute(update(API_KEYS).where(live).values(revoked_at=clock.now())).rowcount


def find_keys(connection: Connection, user_id: str | None = None) -> list[dict[str, Any]]:
    """Return the keys of one or all users without their secrets, the oldest first; times in seconds since 1970."""
    shown = (API_KEYS.c[name] for name in ("id", "created_at", "last_used_at", "revoked_at"))
    label = func.coalesce(API_KEYS.c.label, "").label("label")
    statement = select(_USERS.c.username, *shown, label).join_from(API_KEYS, _USERS, API_KEYS.c.user_id == _USERS.c.id)
    if user_id is not None:
        statement = statement.where(API_KEYS.c.user_id == user_id)
    rows = connection.execute(statement.order_by(API_KEYS.c.created_at)).mappings()
    # The names of columns are a subclass of str, which orjson refuses as keys.
    return [{str(name): value for name, value in row.items()} for row in rows]


def first_user(connection: Connection) -> Caller | None:
    """Return the oldest active user, or None in an empty database."""
    row = connection.execute(_FIRST_USER).first()
    return None if row is None else Caller(row.id, row.username)


def key_id(connection: Connection, user_id: str, key: str) -> str | None:
    """Return the id of a live key of this user, which may be kept in place of the key; None for an unknown key."""
    conditions = (API_KEYS.c.user_id == user_id, API_KEYS.c.hash == hash_key(key), API_KEYS.c.revoked_at.is_(None))
    found: str | None = connection.scalar(select(API_KEYS.c.id).where(*conditions))
    return found


def live_keys(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return the ids of those keys that are not revoked and belong to active users."""
    joined = select(API_KEYS.c.id).join_from(API_KEYS, _USERS, API_KEYS.c.user_id == _USERS.c.id)
    return set(
        connection.scalars(
            joined.where(API_KEYS.c.id.in_(list(ids)), API_KEYS.c.revoked_at.is_(None), _USERS.c.is_active == 1)
        )
    )


def is_live(connection: Connection, username: str, key: str) -> bool:
    """Return whether this is a key of an active user that is not revoked."""
    rows = _KEYS_OF_USER.rows(connection, {"username": username})
    return any(hmac.compare_digest(hashed, hash_key(key)) for _, hashed in rows)


def active_user_since(connection: Connection, user_id: str, since: float) -> Caller | None:
    """Return the user if active and if no key of the user was revoked after this moment; else None.

    A moment to come is that of a clock that was ahead, which says nothing about the order.
    """
    if since > clock.now() + _TOLERANCE_SECONDS:
        return None
    revoked = select(API_KEYS.c.id).where(API_KEYS.c.user_id == user_id, API_KEYS.c.revoked_at > since)
    names = select(_USERS.c.username).where(_USERS.c.id == user_id, _USERS.c.is_active == 1, ~revoked.exists())
    username = connection.scalar(names)
    return None if username is None else Caller(user_id, username)


def hash_key(key: str) -> str:
    """Return the hash that is stored of an API key, or of the key in a link."""
    # A key is 32 random bytes, so one round of SHA-256 is as good as many.
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


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
        self._owners: dict[tuple[str, str], tuple[int, Caller]] = {}
        self._lock = threading.Lock()

    def authenticate(self, address: str, username: str, key: str) -> Caller:
        """Return the user with this name and key; raises InvalidCredentials or TooManyRequests."""
        network, account = client_network(address), username[:_MAX_NAME_LENGTH]
        with self._lock:
            if self._seconds_since_login(network, account) < _PROVEN_SECONDS:
                seconds = self._proven_failures.retry_after(f"{network} {account}")
            else:
                seconds = max(self._network_failures.retry_after(network), self._account_failures.retry_after(account))
        if seconds > 0:
            raise TooManyRequests("Too many wrong keys came from here. Check user and key, and try later.", seconds)
        try:
            caller = self._find_owner(username, key)
        except InvalidCredentials:
            with self._lock:
                self._network_failures.consume(network)
                self._account_failures.consume(account)
                self._proven_failures.consume(f"{network} {account}")
            raise
        with self._lock:
            # The last login was recorded more than a minute ago.
            is_due = self._seconds_since_login(network, account) >= _USE_RECORDED_SECONDS
            if is_due:
                self._proven_at[network, account] = self._now()
                self._proven_at.move_to_end((network, account))
                if len(self._proven_at) > _MAX_REMEMBERED:
                    self._proven_at.popitem(last=False)
        self.limiter.check_account(account)
        if is_due:
            try:
                used = update(API_KEYS).where(API_KEYS.c.hash == hash_key(key)).values(last_used_at=clock.now())
                self._store.write(lambda connection: connection.execute(used))
            except HttpError as error:
                # A server whose disk is full can still be read.
                _log.warning("the use of a key was not recorded: %s", error)
        return caller

    def authenticate_cached(self, address: str, username: str, key: str) -> Caller | None:
        """Return the user if known since the last commit, else None; never blocks. Raises TooManyRequests."""
        known = self._owners.get((username, hash_key(key)))
        if known is None or known[0] != self._store.commits:
            return None
        network, account = client_network(address), username[:_MAX_NAME_LENGTH]
        is_recorded = self._seconds_since_login(network, account) < _USE_RECORDED_SECONDS
        if not is_recorded or self._proven_failures.retry_after(f"{network} {account}") > 0:
            return None
        self.limiter.check_account(account)
        return known[1]

    def _find_owner(self, username: str, key: str) -> Caller:
        """Return the active user with this name and key; raises InvalidCredentials."""
        cache_key, commits = (username, hash_key(key)), self._store.commits
        known = self._owners.get(cache_key)
        if known is not None and known[0] == commits:
            return known[1]
        with self._store.reading() as connection:
            live = _KEYS_OF_USER.rows(connection, {"username": username})
        given, owner = hash_key(key), None
        for user_id, hashed in live or [("", _HASH_OF_NO_KEY)]:
            # In constant time, and also without a key: the time does not tell which names exist.
            if hmac.compare_digest(hashed, given):
                owner = Caller(user_id, username)
        if owner is None:
            raise InvalidCredentials("The server does not know this user and API key. Check the two.")
        if len(self._owners) >= _MAX_REMEMBERED:
            self._owners.clear()
        self._owners[cache_key] = commits, owner
        return owner

    def _seconds_since_login(self, network: str, account: str) -> float:
        return self._now() - self._proven_at.get((network, account), float("-inf"))
