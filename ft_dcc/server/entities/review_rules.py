"""The rules of review sessions: their project and dates, passphrases, and the rights and addresses of invitees."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from ft_dcc.server.database import clock
from ft_dcc.server.entities import review_items
from ft_dcc.server.entities.batch import Batch, Row, create_operation
from ft_dcc.server.errors import DuplicateEntryError, ValidationError
from ft_dcc.server.schema import model, tables

DEFAULT_REVIEW_PROJECT = "Reviews"
# The rights of an invitee on the review page, which are words in ``ReviewSessionInvitee.rights``.
WRITE_RIGHTS = frozenset(("comment", "draw", "decide", "edit"))
ALL_RIGHTS = WRITE_RIGHTS | {"download", "present"}
_WORDS = ("view", "comment", "draw", "decide", "edit", "download", "present")
# Of invitees that were created by clients that do not know the attribute.
_DEFAULT_RIGHTS = WRITE_RIGHTS - {"edit"}
_MAX_PASSPHRASE_LENGTH = 1000
# RFC 7914: cost, block size and parallelization for interactive logins; 16 MiB and about 50 ms per guess.
_COST, _BLOCK_SIZE, _PARALLELIZATION = 2**14, 8, 1


def add_default_project(batch: Batch, row: Row) -> None:
    """Set the project of a review session without one, which is created if it does not exist.

    Published documents create sessions without a project, and material for clients must not get into another project.
    """
    if row.get("project_id") is not None:
        return
    context = batch.table("Context")
    is_default = context.c.name == DEFAULT_REVIEW_PROJECT, context.c[tables.TYPE_COLUMN] == "Project"
    found: str | None = batch.connection.scalar(select(context.c.id).where(*is_default).limit(1))
    if found is None:
        found = str(uuid4())
        values = {"id": found, "name": DEFAULT_REVIEW_PROJECT, "full_name": DEFAULT_REVIEW_PROJECT}
        batch.actions["create"](batch, create_operation("Project", values))
    row["project_id"] = found


def check_review_dates(row: Row, changed: Row) -> None:
    """Raise ValidationError if a session closes before it opens.

    A past end alone closes a session at once, also one that opens later.
    """
    if not changed.keys() & {"start_date", "end_date"}:
        return
    values, now = {**row, **changed}, clock.now_text()
    start, end = values.get("start_date"), values.get("end_date")
    if start is None or end is None or (end <= now and "start_date" not in changed):
        return
    if end < start or (end == start and end > now):
        opens, closes = (f"{date[:16].replace('T', ' ')} UTC" for date in (start, end))
        raise ValidationError(
            f"The review session '{values.get('name')}' would close on {closes} before it opens on {opens}. "
            "Set a later end_date or an earlier start_date."
        )


def add_review_session_values(_batch: Batch, _type: model.EntityType, row: Row) -> None:
    """Open a review session at once, unless its start is given or its end has passed."""
    if row.get("start_date") is None:
        row["start_date"] = min(row["created_at"], row.get("end_date") or row["created_at"])


def add_review_object_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    """Put a version at the end of its review session, under the name of its asset, or what follows an entity."""
    row["created_at"] = row.get("created_at") or clock.now_text()
    table = batch.table("ReviewSessionObject")
    last = select(func.max(table.c.sort_order)).where(table.c.review_session_id == row.get("review_session_id"))
    if row.get("sort_order") is None:
        row["sort_order"] = (batch.connection.scalar(last) or 0.0) + 1.0
    if row.get("version_id") is None and row.get("entity_id") is not None:
        review_items.set_first_version(batch, row)
        return
    version = batch.row("AssetVersion", row.get("version_id"))
    if version is None:
        raise ValidationError("A ReviewSessionObject needs a version that exists. Send asset_version.")
    asset = batch.row("Asset", version["asset_id"]) or {}
    row["name"] = row.get("name") or asset.get("name") or ""
    row["version"] = row.get("version") or f"Version {version['version']}"


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
    digest = hash_passphrase(secret, review_session_id, passphrase[:_MAX_PASSPHRASE_LENGTH])
    return hmac.compare_digest(digest.encode(), stored.encode())


def passphrase_columns(batch: Batch, review_session_id: str, values: Row) -> Row:
    """Return the columns to store in place of a passphrase among the values; raises ValidationError.

    A new passphrase switches ``passphrase_enabled`` on, unless the same operation sets that, too.
    """
    if not {"passphrase", "passphrase_enabled"} & values.keys():
        return {}

    def check_set() -> None:
        """Raise ValidationError if the session requires a passphrase and has none, so that it could not be opened."""
        table = batch.table("ReviewSession")
        is_locked = (table.c.passphrase_enabled == 1) & table.c.passphrase.is_(None)
        found = batch.connection.scalar(select(table.c.name).where(table.c.id == review_session_id, is_locked))
        if found is not None:
            raise ValidationError("A review session with passphrase_enabled needs a passphrase. Send passphrase, too.")

    batch.before_commit.append(check_set)
    if "passphrase" not in values:
        return {}
    passphrase = values["passphrase"] or ""
    if len(passphrase) > _MAX_PASSPHRASE_LENGTH:
        raise ValidationError(f"A passphrase has at most {_MAX_PASSPHRASE_LENGTH} characters. Choose a shorter one.")
    digest = hash_passphrase(batch.services.secret, review_session_id, passphrase) if passphrase else None
    return {"passphrase": digest, "passphrase_enabled": values.get("passphrase_enabled", int(bool(passphrase)))}


def rights_of(text: Any) -> frozenset[str]:
    """Return the rights in the value of an invitee; every invitee may view."""
    return _DEFAULT_RIGHTS if text is None else frozenset(str(text).split()) & ALL_RIGHTS


def check_rights(_row: Row, changed: Row) -> None:
    """Raise ValidationError if the changed values of an invitee contain an unknown right."""
    unknown = sorted(set(str(changed.get("rights") or "").split()) - set(_WORDS))
    if unknown:
        raise ValidationError(f"There is no right '{unknown[0][:40]}'. An invitee can have {', '.join(_WORDS)}.")


def check_address(batch: Batch, row: Row) -> None:
    """Raise DuplicateEntryError if the review session has an invitee with the e-mail address of this row.

    The invitee of a user, which carries the user's verdicts, is no invitation. Its id is derived, and copies keep it.
    """
    if not row.get("email") or _is_of_user(row["id"]):
        return
    table = batch.table("ReviewSessionInvitee")
    is_same = func.lower(func.trim(table.c.email)) == func.lower(func.trim(row["email"]))
    others = select(table.c.id, table.c.name, table.c.email).where(
        table.c.review_session_id == row["review_session_id"], table.c.id != row["id"], is_same
    )
    for other in batch.connection.execute(others):
        if not _is_of_user(other.id):
            raise DuplicateEntryError(
                f"{other.email} is invited already, as {other.name}. Change the rights there, or send a new link."
            )


def check_new_address(batch: Batch, _type: model.EntityType, row: Row, changed: Row) -> None:
    """Raise DuplicateEntryError if an update gives an invitee the e-mail address of another one in the session."""
    if changed.keys() & {"email", "review_session_id"}:
        check_address(batch, {**row, **changed})


def _is_of_user(invitee_id: str) -> bool:
    with suppress(ValueError):
        return UUID(invitee_id).version == 5
    return False
