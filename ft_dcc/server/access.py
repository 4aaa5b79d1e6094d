"""Who may ask: API keys, signed tokens in URLs, and the keys of review links."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import attrs
from sqlalchemy import (
    Column,
    Connection,
    Float,
    MetaData,
    String,
    Table,
    bindparam,
    column,
    delete,
    select,
    table,
    update,
)

from ft_dcc.errors import Forbidden, InvalidCredentials
from ft_dcc.server.growing import AddColumn
from ft_dcc.server.prepared import Prepared

# None of ftrack's types: no schema shows the table and no query reaches it.
_METADATA = MetaData()
_KEYS = Table(
    "ft_dcc_api_key",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("user_id", String, nullable=False, index=True),
    Column("hash", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    Column("revoked_at", Float),
    # Who asked for it; one of the newer columns, which older databases get.
    Column("label", String),
)
_USERS = table("resource", column("id"), column("username"), column("is_active"), column("__row__"))
_FIRST_USER = (
    select(_USERS.c.id, _USERS.c.username)
    .where(_USERS.c.username.is_not(None), _USERS.c.is_active == 1)
    .order_by(_USERS.c["__row__"])
    .limit(1)
)
_KEYS_OF = Prepared(
    select(_USERS.c.id, _KEYS.c.hash)
    .join_from(_USERS, _KEYS, _KEYS.c.user_id == _USERS.c.id)
    .where(_USERS.c.username == bindparam("username"), _USERS.c.is_active == 1, _KEYS.c.revoked_at.is_(None))
)
_NOBODY = "0" * 64
_REVIEW_KEY_LENGTH = 32


@attrs.frozen
class Caller:
    """The user who sent a request; a guest is none of the studio's users, and known by an invitation instead."""

    id: str
    username: str
    is_guest: bool = False


@attrs.frozen
class KeyFacts:
    """What is known of an API key, which is not the key; times are seconds since 1970."""

    id: str
    username: str
    created_at: float
    last_used_at: float | None
    revoked_at: float | None
    label: str


def create_tables(connection: Connection) -> None:
    """Have the table of API keys in the database; harmless when it is there."""
    _METADATA.create_all(connection)
    if "label" not in {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({_KEYS.name})")}:
        connection.execute(AddColumn(_KEYS.c.label))


def issue_key(connection: Connection, user_id: str, label: str = "") -> str:
    """Give the user one more API key and return it; the database keeps only its hash, and who asked for it."""
    key = secrets.token_urlsafe(32)
    row = {"id": str(uuid4()), "user_id": user_id, "hash": _hash(key), "created_at": time.time(), "label": label}
    connection.execute(_KEYS.insert(), row)
    return key


def replace_key(connection: Connection, user_id: str, label: str) -> str:
    """Give the user a key for who is called this, in place of the one that was given there before."""
    connection.execute(delete(_KEYS).where(_KEYS.c.user_id == user_id, _KEYS.c.label == label))
    return issue_key(connection, user_id, label)


def revoke_keys(connection: Connection, user_id: str, prefix: str = "") -> int:
    """None of the user's API keys whose id begins like this is good any more; returns how many were until now."""
    live = (_KEYS.c.user_id == user_id) & _KEYS.c.revoked_at.is_(None) & _KEYS.c.id.startswith(prefix, autoescape=True)
    return connection.execute(update(_KEYS).where(live).values(revoked_at=time.time())).rowcount


def keys_of(connection: Connection, user_id: str | None = None) -> list[KeyFacts]:
    """Return what is known of the API keys of one user or of all, the oldest first."""
    statement = select(_USERS.c.username, _KEYS).join_from(_KEYS, _USERS, _KEYS.c.user_id == _USERS.c.id)
    if user_id is not None:
        statement = statement.where(_KEYS.c.user_id == user_id)
    return [
        KeyFacts(row.id, row.username, row.created_at, row.last_used_at, row.revoked_at, row.label or "")
        for row in connection.execute(statement.order_by(_KEYS.c.created_at))
    ]


def note_use(connection: Connection, key: str) -> None:
    """The database knows that the key was used just now."""
    connection.execute(update(_KEYS).where(_KEYS.c.hash == _hash(key)).values(last_used_at=time.time()))


def authenticate(connection: Connection, username: str, key: str) -> Caller:
    """Return the active user who has this key; raises InvalidCredentials."""
    live = _KEYS_OF.rows(connection, {"username": username})
    given = _hash(key)
    owner = None
    for user_id, hashed in live:
        if hmac.compare_digest(hashed, given):
            owner = Caller(user_id, username)
    if not live:
        hmac.compare_digest(_NOBODY, given)  # So that the time says nothing about names.
    if owner is None:
        raise InvalidCredentials("The server does not know this user and API key. Check the two.")
    return owner


def first_user(connection: Connection) -> Caller | None:
    """Return the active user who is longest in the studio, or None in an empty one."""
    row = connection.execute(_FIRST_USER).first()
    return None if row is None else Caller(row.id, row.username)


def key_id(connection: Connection, user_id: str, key: str) -> str | None:
    """Return the id of a live key of this user, which can be remembered instead of the key; None for another key."""
    is_it = (_KEYS.c.user_id == user_id, _KEYS.c.hash == _hash(key), _KEYS.c.revoked_at.is_(None))
    found: str | None = connection.scalar(select(_KEYS.c.id).where(*is_it))
    return found


def live_keys(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of the keys that are still good, of users who are active."""
    joined = select(_KEYS.c.id).join_from(_KEYS, _USERS, _KEYS.c.user_id == _USERS.c.id)
    return set(
        connection.scalars(
            joined.where(_KEYS.c.id.in_(list(ids)), _KEYS.c.revoked_at.is_(None), _USERS.c.is_active == 1)
        )
    )


def user_since(connection: Connection, user_id: str, since: float) -> Caller | None:
    """Return the user, who is active and of whom no key was revoked after this moment; else None."""
    revoked = select(_KEYS.c.id).where(_KEYS.c.user_id == user_id, _KEYS.c.revoked_at > since)
    asked = select(_USERS.c.username).where(_USERS.c.id == user_id, _USERS.c.is_active == 1, ~revoked.exists())
    username = connection.scalar(asked)
    return None if username is None else Caller(user_id, username)


def review_key(secret: bytes, review_session_id: str) -> str:
    """Return the part of a review link that nobody can guess."""
    digest = hmac.digest(secret, f"review:{review_session_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_REVIEW_KEY_LENGTH]


def is_review_key(secret: bytes, review_session_id: str, key: str) -> bool:
    """Whether the key opens this review session; takes as long for a wrong key as for the right one."""
    return hmac.compare_digest(review_key(secret, review_session_id).encode(), key.encode(errors="replace"))


def sign(secret: bytes, purpose: str, claims: dict[str, Any], seconds: float) -> str:
    """Return a token that carries the claims, for a URL; it is good for one purpose and for this long."""
    body = json.dumps({**claims, "until": time.time() + seconds}, separators=(",", ":"))
    payload = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
    return f"{payload}.{_signature(secret, purpose, payload)}"


def claims_of(secret: bytes, purpose: str, token: str) -> dict[str, Any]:
    """Return what a token of :func:`sign` carries; raises Forbidden when it is forged, foreign or too old."""
    payload, _, signature = token.partition(".")
    expected = _signature(secret, purpose, payload)
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise Forbidden("The signature of this address is wrong. Ask the server for a new address.")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if claims.pop("until") < time.time():
        raise Forbidden("This address has expired. Ask the server for a new address.")
    return claims


def _signature(secret: bytes, purpose: str, payload: str) -> str:
    digest = hmac.digest(secret, f"{purpose}:{payload}".encode(errors="replace"), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash(key: str) -> str:
    # A key is 32 random bytes, so one round of SHA-256 is as good as many.
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
