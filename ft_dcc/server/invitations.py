"""Invitations to a review session: a link for each invitee that nobody can guess, and the mail that brings it."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from functools import partial
from urllib.parse import quote

import attrs
from sqlalchemy import Column, Connection, Float, MetaData, String, Table, select, update

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation, Row
from ft_dcc.server.entities.closed import check_open
from ft_dcc.server.entities.guard import check_row, check_type
from ft_dcc.server.mail import Post
from ft_dcc.server.query.values import now

_METADATA = MetaData()
_INVITATIONS = Table(
    "ft_dcc_invitation",
    _METADATA,
    Column("hash", String, primary_key=True),
    Column("invitee_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)
_INVITEE = "ReviewSessionInvitee"
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
_LOOPBACK = re.compile(r"https?://(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|/)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


@attrs.frozen
class Invitation:
    """Who a link was made for, and whether it was taken back since."""

    invitee_id: str
    is_void: bool


def create_tables(connection: Connection) -> None:
    """Have the table in the database; harmless when it is there."""
    _METADATA.create_all(connection)


def issue(connection: Connection, invitee_id: str) -> str:
    """Give the invitee a new key for the address of the review, and no other; the database keeps only its hash."""
    revoke(connection, invitee_id)
    token = secrets.token_urlsafe(32)
    row = {"hash": _hash(token), "invitee_id": invitee_id, "created_at": time.time()}
    connection.execute(_INVITATIONS.insert(), row)
    return token


def revoke(connection: Connection, invitee_id: str) -> None:
    """None of the invitee's links is good any more."""
    live = (_INVITATIONS.c.invitee_id == invitee_id) & _INVITATIONS.c.revoked_at.is_(None)
    connection.execute(update(_INVITATIONS).where(live).values(revoked_at=time.time()))


def find(connection: Connection, token: str) -> Invitation | None:
    """Return the invitation with this key, or None for a key that was never given."""
    statement = select(_INVITATIONS.c.invitee_id, _INVITATIONS.c.revoked_at)
    found = connection.execute(statement.where(_INVITATIONS.c.hash == _hash(token))).first()
    return None if found is None else Invitation(found.invitee_id, is_void=found.revoked_at is not None)


def send_review_session_invite(batch: Batch, operation: Operation) -> Answer:
    """The invitee has a new link, in a mail that is sent once the transaction is done; earlier links are void.

    Raises ReviewSessionClosedError when the session has ended, and ValidationError without an address to write to.
    """
    invitee = _invitee(batch, operation)
    check_open(batch, batch.studio.schema[_INVITEE], invitee)
    if not _EMAIL.fullmatch(str(invitee["email"] or "")):
        raise ValidationError(f"The invitee '{invitee['name']}' has no e-mail address. Give one first.")
    session = batch.row("ReviewSession", invitee["review_session_id"])
    if session is None:
        raise ValidationError(f"The invitee '{invitee['name']}' is in no review session. Send review_session first.")
    sent = {"last_sent_at": now()}
    table = batch.table(batch.studio.schema[_INVITEE])
    batch.connection.execute(update(table).where(table.c.id == invitee["id"]).values(sent))
    batch.changes.updated(batch.studio.schema[_INVITEE], invitee, sent)
    token = issue(batch.connection, invitee["id"])
    post = batch.studio.post
    address = f"{post.public_url or batch.base_url}/review/{quote(session['id'], safe='')}/{token}"
    told: Answer = {"action": operation["action"], "sent": True, "data": {"id": invitee["id"]}}
    if _LOOPBACK.match(address):
        told["warning"] = "The link leads to this machine alone. Set FT_DCC_PUBLIC_URL to the studio's address."
    batch.after_commit.append(partial(_send, post, _letter(batch, invitee, session, address), told))
    return told


def revoke_review_session_invite(batch: Batch, operation: Operation) -> Answer:
    """The invitee's links open nothing any more; what the invitee said stays."""
    invitee = _invitee(batch, operation)
    revoke(batch.connection, invitee["id"])
    return {"action": operation["action"], "data": {"id": invitee["id"]}}


INVITING: dict[str, Action] = {
    "send_review_session_invite": send_review_session_invite,
    # Ours: an ftrack site takes an invitation back only with the invitee.
    "revoke_review_session_invite": revoke_review_session_invite,
}


def _invitee(batch: Batch, operation: Operation) -> Row:
    invitee_id = operation.get("review_session_invitee_id")
    found = batch.row(_INVITEE, invitee_id) if isinstance(invitee_id, str) else None
    if found is None:
        raise ValidationError("There is no such invitee. Send the id of one as review_session_invitee_id.")
    check_row(batch, batch.studio.schema[_INVITEE], found)
    check_type(batch, batch.studio.schema[_INVITEE], found)
    return found


def _send(post: Post, message: EmailMessage, told: Answer) -> None:
    if reason := post.deliver(message):
        told.update(sent=False, reason=reason)
    if reason or post.server is None:
        told["kept"] = True  # Ours: the mail lies in the outbox.


def _letter(batch: Batch, invitee: Row, session: Row, address: str) -> EmailMessage:
    sender, name, title = (_plain(text) for text in (batch.caller.username, invitee["name"], session["name"]))
    message = EmailMessage()
    message["To"] = Address(display_name=name, addr_spec=str(invitee["email"]))
    message["Subject"] = f"Review: {title}"
    message["Date"] = format_datetime(localtime())
    lines = [f"Hello {name},", "", f"{sender} invites you to the review '{title}':", "", address, ""]
    if session["description"]:
        lines += [str(session["description"]), ""]
    for word, column in (("It opens on", "start_date"), ("It is open until", "end_date")):
        if session[column] is not None and session[column] > now():
            lines.append(f"{word} {session[column].replace('T', ' ')} UTC.")
    lines.append("The link is yours alone: whoever has it speaks in your name.")
    message.set_content("\n".join(lines))
    return message


def _plain(text: object) -> str:
    """Return a text without line ends, which would begin another header."""
    return _UNPRINTABLE.sub(" ", str(text or ""))[:200]


def _hash(token: str) -> str:
    # A key is 32 random bytes, so one round of SHA-256 is as good as many.
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
