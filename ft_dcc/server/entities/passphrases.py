"""The passphrase of a review session: the database keeps what it can be compared with, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import partial

from sqlalchemy import select

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.schema.model import EntityType

_LONGEST = 1000
# RFC 7914: N, r and p for somebody who waits; 16 MiB and some 50 ms for each guess.
_WORK, _BLOCK, _LANES = 2**14, 8, 1


def digest(secret: bytes, review_session_id: str, passphrase: str) -> str:
    """Return what is stored of a passphrase.

    The salt follows from the studio's secret: the same create sent again is the same, and nobody who has the database
    alone can try passphrases on it.
    """
    salt = hmac.digest(secret, f"passphrase:{review_session_id}".encode(), "sha256")
    found = hashlib.scrypt(passphrase.encode(), salt=salt, n=_WORK, r=_BLOCK, p=_LANES)
    return base64.urlsafe_b64encode(found[:32]).decode()


def is_passphrase(secret: bytes, review_session_id: str, stored: str, passphrase: str) -> bool:
    """Whether somebody who says this knows the passphrase."""
    said = digest(secret, review_session_id, passphrase[:_LONGEST])
    return hmac.compare_digest(said.encode(), stored.encode())


def passphrase_columns(batch: Batch, entity_type: EntityType, review_session_id: str, given: Row) -> Row:
    """Return what is stored in place of the passphrase that an operation gives; raises ValidationError.

    A new passphrase is asked for, unless the same operation says otherwise.
    """
    if entity_type.name != "ReviewSession" or not {"passphrase", "passphrase_enabled"} & given.keys():
        return {}
    batch.at_end.append(partial(_check, batch, review_session_id))
    if "passphrase" not in given:
        return {}
    said = given["passphrase"] or ""
    if len(said) > _LONGEST:
        raise ValidationError(f"A passphrase has at most {_LONGEST} characters. Choose a shorter one.")
    kept = digest(batch.studio.secret, review_session_id, said) if said else None
    return {"passphrase": kept, "passphrase_enabled": given.get("passphrase_enabled", int(bool(said)))}


def _check(batch: Batch, review_session_id: str) -> None:
    """A session that asks for a passphrase has one: otherwise nobody could answer."""
    table = batch.table(batch.studio.schema["ReviewSession"])
    asks_in_vain = (table.c.passphrase_enabled == 1) & table.c.passphrase.is_(None)
    if batch.connection.scalar(select(table.c.name).where(table.c.id == review_session_id, asks_in_vain)) is not None:
        raise ValidationError("A review session that asks for a passphrase needs one. Send passphrase, too.")
