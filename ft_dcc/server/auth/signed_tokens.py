"""Sign and verify what grants access by its URL: tokens that carry claims, and the keys of review links."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

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


def review_key(secret: bytes, review_session_id: str) -> str:
    """Return the secret part of a review link: the same one for as long as the server keeps its secret."""
    digest = hmac.digest(secret, f"review:{review_session_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_REVIEW_KEY_LENGTH]


def is_review_key(secret: bytes, review_session_id: str, key: str) -> bool:
    """Return whether the key opens this review session, in constant time."""
    return hmac.compare_digest(review_key(secret, review_session_id).encode(), key.encode(errors="replace"))


def _signer(secret: bytes, purpose: str) -> Signer:
    return Signer(secret, salt=purpose, digest_method=hashlib.sha256)
