"""Passphrases of review sessions, which are stored as hashes only."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import partial

from sqlalchemy import select

from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.errors import ValidationError

_MAX_LENGTH = 1000
# RFC 7914: cost, block size and parallelization for interactive logins; 16 MiB and about 50 ms per guess.
_COST, _BLOCK_SIZE, _PARALLELIZATION = 2**14, 8, 1


def hash_passphrase(secret: bytes, review_session_id: str, passphrase: str) -> str:
    """Return the hash that is stored of a passphrase.

    The salt is derived from the studio's secret: a repeated create gives the same hash, and the database alone is not
    enough to guess passphrases.
    """
    salt = hmac.digest(secret, f"passphrase:{review_session_id}".encode(), "sha256")
    digest = hashlib.scrypt(passphrase.encode(), salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLELIZATION)
    return base64.urlsafe_b64encode(digest[:32]).decode()


def verify_passphrase(secret: bytes, review_session_id: str, stored: str, passphrase: str) -> bool:
    """Return whether the passphrase matches the stored hash."""
    digest = hash_passphrase(secret, review_session_id, passphrase[:_MAX_LENGTH])
    return hmac.compare_digest(digest.encode(), stored.encode())


def passphrase_columns(batch: Batch, review_session_id: str, values: Row) -> Row:
    """Return the columns to store in place of a passphrase among the values; raises ValidationError.

    A new passphrase switches ``passphrase_enabled`` on, unless the same operation sets that, too.
    """
    if not {"passphrase", "passphrase_enabled"} & values.keys():
        return {}
    batch.before_commit.append(partial(_check_passphrase_set, batch, review_session_id))
    if "passphrase" not in values:
        return {}
    passphrase = values["passphrase"] or ""
    if len(passphrase) > _MAX_LENGTH:
        raise ValidationError(f"A passphrase has at most {_MAX_LENGTH} characters. Choose a shorter one.")
    digest = hash_passphrase(batch.services.secret, review_session_id, passphrase) if passphrase else None
    return {"passphrase": digest, "passphrase_enabled": values.get("passphrase_enabled", int(bool(passphrase)))}


def _check_passphrase_set(batch: Batch, review_session_id: str) -> None:
    """Raise ValidationError if the session requires a passphrase and has none, so that it could not be opened."""
    table = batch.table("ReviewSession")
    is_locked = (table.c.passphrase_enabled == 1) & table.c.passphrase.is_(None)
    if batch.connection.scalar(select(table.c.name).where(table.c.id == review_session_id, is_locked)) is not None:
        raise ValidationError("A review session with passphrase_enabled needs a passphrase. Send passphrase, too.")
