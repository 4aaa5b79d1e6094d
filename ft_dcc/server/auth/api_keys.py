"""API keys of users: issued, revoked and checked. The database holds only their hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from uuid import uuid4

import attrs
from sqlalchemy import Connection, bindparam, column, delete, func, select, table, update

from ft_dcc.server.database import clock
from ft_dcc.server.database.prepared import Prepared
from ft_dcc.server.database.private_tables import API_KEYS
from ft_dcc.server.errors import InvalidCredentials
from ft_dcc.server.identity import Caller

# Not one of ftrack's types: no schema shows the table and no query reaches it.
_USERS = table("resource", column("id"), column("username"), column("is_active"), column("__row__"))
_FIRST_USER = (
    select(_USERS.c.id, _USERS.c.username)
    .where(_USERS.c.username.is_not(None), _USERS.c.is_active == 1)
    .order_by(_USERS.c["__row__"])
    .limit(1)
)
_KEYS_OF_USER = Prepared(
    select(_USERS.c.id, API_KEYS.c.hash)
    .join_from(_USERS, API_KEYS, API_KEYS.c.user_id == _USERS.c.id)
    .where(_USERS.c.username == bindparam("username"), _USERS.c.is_active == 1, API_KEYS.c.revoked_at.is_(None))
)
_HASH_OF_NO_KEY = "0" * 64
_TOLERANCE_SECONDS = 60


@attrs.frozen
class ApiKeyInfo:
    """An API key without the key itself; times are seconds since 1970."""

    id: str
    username: str
    created_at: float
    last_used_at: float | None
    revoked_at: float | None
    label: str


def issue_key(connection: Connection, user_id: str, label: str = "") -> str:
    """Give the user one more API key and return it; ``label`` names the program that asked for it."""
    key = secrets.token_urlsafe(32)
    row = {"id": str(uuid4()), "user_id": user_id, "hash": _hash(key), "created_at": clock.now(), "label": label}
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


def find_keys(connection: Connection, user_id: str | None = None) -> list[ApiKeyInfo]:
    """Return the API keys of one user or of all users, the oldest first."""
    statement = select(_USERS.c.username, API_KEYS).join_from(API_KEYS, _USERS, API_KEYS.c.user_id == _USERS.c.id)
    if user_id is not None:
        statement = statement.where(API_KEYS.c.user_id == user_id)
    return [
        ApiKeyInfo(row.id, row.username, row.created_at, row.last_used_at, row.revoked_at, row.label or "")
        for row in connection.execute(statement.order_by(API_KEYS.c.created_at))
    ]


def record_key_use(connection: Connection, key: str) -> None:
    """Store the current time as the last use of the key."""
    connection.execute(update(API_KEYS).where(API_KEYS.c.hash == _hash(key)).values(last_used_at=clock.now()))


def newest_moment(connection: Connection) -> float:
    """Return the latest time that is stored with any key, 0 without one."""
    each = [func.max(found) for found in (API_KEYS.c.created_at, API_KEYS.c.last_used_at, API_KEYS.c.revoked_at)]
    return max((value or 0.0) for value in connection.execute(select(*each)).one())


def forget_moments_after(connection: Connection, moment: float) -> None:
    """Replace later times, which a clock that was ahead has left, by this one."""
    for found in (API_KEYS.c.created_at, API_KEYS.c.last_used_at, API_KEYS.c.revoked_at):
        connection.execute(update(API_KEYS).where(found > moment).values({found.name: moment}))


def find_key_owner(connection: Connection, username: str, key: str) -> Caller:
    """Return the active user with this name and key; raises InvalidCredentials."""
    live = _KEYS_OF_USER.rows(connection, {"username": username})
    given = _hash(key)
    owner = None
    for user_id, hashed in live:
        if hmac.compare_digest(hashed, given):
            owner = Caller(user_id, username)
    if not live:
        hmac.compare_digest(_HASH_OF_NO_KEY, given)  # So that the time does not tell which names exist.
    if owner is None:
        raise InvalidCredentials("The server does not know this user and API key. Check the two.")
    return owner


def first_user(connection: Connection) -> Caller | None:
    """Return the oldest active user, or None in an empty database."""
    row = connection.execute(_FIRST_USER).first()
    return None if row is None else Caller(row.id, row.username)


def key_id(connection: Connection, user_id: str, key: str) -> str | None:
    """Return the id of a live key of this user, which may be kept in place of the key; None for an unknown key."""
    conditions = (API_KEYS.c.user_id == user_id, API_KEYS.c.hash == _hash(key), API_KEYS.c.revoked_at.is_(None))
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


def _hash(key: str) -> str:
    # A key is 32 random bytes, so one round of SHA-256 is as good as many.
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
