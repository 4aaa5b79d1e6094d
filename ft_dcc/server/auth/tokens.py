"""Tokens: signed ones that carry claims in a URL, the keys of review links, and random ones that are used once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from ft_dcc.server.database import clock
from ft_dcc.server.errors import Forbidden

_REVIEW_KEY_LENGTH = 32
# A token from further ahead was issued while the clock was wrong.
_MAX_AHEAD_SECONDS = 7 * 24 * 3600


def sign(secret: bytes, purpose: str, claims: dict[str, Any], seconds: float) -> str:
    """Return a token for a URL that carries the claims; it is valid for one purpose and for this long."""
    now = clock.now()
    payload = json.dumps({**claims, "issued": now, "until": now + seconds}, separators=(",", ":"))
    return _signer(secret, purpose).sign(base64_encode(payload)).decode()


def verify(secret: bytes, purpose: str, token: str) -> dict[str, Any]:
    """Return the claims of a token of :func:`sign`; raises Forbidden when it is forged, foreign or expired."""
    try:
        signed = _signer(secret, purpose).unsign(token.encode(errors="replace"))
    except BadSignature as error:
        raise Forbidden("The signature of this address is wrong. Ask the server for a new address.") from error
    claims: dict[str, Any] = json.loads(base64_decode(signed))
    now, issued, until = clock.now(), claims.pop("issued"), claims.pop("until")
    if now > until or issued - now > _MAX_AHEAD_SECONDS:
        raise Forbidden("This address has expired. Ask the server for a new address.")
    return claims


def valid_claims(secret: bytes, purpose: str, token: str) -> dict[str, Any]:
    """Return the claims of a token likewise, {} for one that is not valid."""
    try:
        return verify(secret, purpose, token)
    except (Forbidden, ValueError):
        return {}


def review_key(secret: bytes, review_session_id: str) -> str:
    """Return the secret part of a review link: the same one for as long as the server keeps its secret."""
    digest = hmac.digest(secret, f"review:{review_session_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_REVIEW_KEY_LENGTH]


def studio_id(secret: bytes) -> str:
    """Return the id of the studio with this secret, from which the secret cannot be found."""
    return hmac.digest(secret, b"studio id", "sha256").hex()[:_REVIEW_KEY_LENGTH]


def is_review_key(secret: bytes, review_session_id: str, key: str) -> bool:
    """Return whether the key opens this review session, in constant time."""
    return hmac.compare_digest(review_key(secret, review_session_id).encode(), key.encode(errors="replace"))


def _signer(secret: bytes, purpose: str) -> Signer:
    return Signer(secret, salt=purpose, digest_method=hashlib.sha256)


T = TypeVar("T")


class OneTimeTokens(Generic[T]):
    """Values by token, in memory: at most ``max_count`` unused ones, each for ``seconds``."""

    def __init__(self, seconds: float, max_count: int = 1_000) -> None:
        self._seconds, self._max_count = seconds, max_count
        self._values: dict[str, tuple[float, T]] = {}

    def issue(self, value: T) -> str | None:
        """Return a random token for the value, or None when too many are unused."""
        now = time.monotonic()
        self._values = {token: found for token, found in self._values.items() if found[0] > now}
        if len(self._values) >= self._max_count:
            return None
        token = secrets.token_urlsafe(24)
        self._values[token] = now + self._seconds, value
        return token

    def count(self, matches: Callable[[T], bool]) -> int:
        """Return the number of unused tokens whose value matches."""
        now = time.monotonic()
        return sum(until > now and matches(value) for until, value in self._values.values())

    def peek(self, token: str) -> T | None:
        """Return the value of a token, or None for one that is unknown, used or expired."""
        until, value = self._values.get(token, (0.0, None))
        return value if until > time.monotonic() else None

    def redeem(self, token: str) -> T | None:
        """Return the value likewise, and make the token invalid."""
        value = self.peek(token)
        self._values.pop(token, None)
        return value
