"""Invitations to review sessions: a secret link for each invitee, and the mail that contains it."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from functools import partial
from typing import Any
from urllib.parse import quote

import attrs
import sqlalchemy
from sqlalchemy import ColumnElement, Connection, select, update

from ft_dcc.server.auth.api_keys import hash_key
from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import INVITATIONS
from ft_dcc.server.entities import authorization
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.errors import Conflict, ValidationError
from ft_dcc.server.mail.mailer import Mailer, parse_address, single_line
from ft_dcc.server.work.budgets import TokenBucket

_INVITEE_TYPE = "ReviewSessionInvitee"
_LOOPBACK = re.compile(r"https?://(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|/)")


# At once, and in a second. A person who invites a large team, twice, stays below; a script in a loop does not.
_OF_SESSION = {"burst": 200, "per_second": 60 / 3600}
_OF_USER = {"burst": 500, "per_second": 200 / 3600}


class InvitationLimit:
    """Limits the invitation mails of a review session and of a user, so that no inbox is flooded."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._sessions, self._users = TokenBucket(**_OF_SESSION, now=now), TokenBucket(**_OF_USER, now=now)

    def count(self, batch: Batch, session: Row) -> None:
        """Count a mail of the request; raises Conflict over a limit, so that the request sends nothing."""
        known = [found for found in batch.before_commit if isinstance(found, _RequestedMails)]
        requested = known[0] if known else _RequestedMails()
        if not known:
            batch.before_commit.append(requested)
        for bucket, key, whose in (
            (self._sessions, str(session["id"]), f"for the review '{session['name']}'"),
            (self._users, batch.caller.id, f"by '{batch.caller.username}'"),
        ):
            requested.numbers[bucket, key] += 1
            seconds = bucket.retry_after(key, requested.numbers[bucket, key])
            if seconds > 0:
                raise Conflict(
                    f"Too many invitations are sent {whose}. No mail of this request was sent. Send fewer at once, try "
                    f"again in {math.ceil(seconds / 60)} minutes, or share the link of the review."
                )


@attrs.define(eq=False)
class _RequestedMails:
    """The mails of one request by limit and key, which are taken from the limits when the request is complete."""

    numbers: Counter[tuple[TokenBucket, str]] = attrs.field(factory=Counter)

    def __call__(self) -> None:
        for (bucket, key), number in self.numbers.items():
            for _ in range(number):
                bucket.consume(key)


def add_invitation_key(connection: Connection, invitee_id: str) -> str | None:
    """Return one more key for an invitee's link, None without a valid one; earlier links stay valid."""
    return _add_key(connection, invitee_id) if has_invitation(connection, invitee_id) else None


def has_invitation(connection: Connection, invitee_id: str) -> bool:
    """Return whether the invitee has a valid link."""
    return connection.scalar(select(INVITATIONS.c.hash).where(_is_valid(invitee_id)).limit(1)) is not None


def _is_valid(invitee_id: str) -> ColumnElement[bool]:
    return (INVITATIONS.c.invitee_id == invitee_id) & INVITATIONS.c.revoked_at.is_(None)


def _add_key(connection: Connection, invitee_id: str) -> str:
    """Return a new key for the review link of an invitee; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    row = {"hash": hash_key(token), "invitee_id": invitee_id, "created_at": clock.now()}
    connection.execute(INVITATIONS.insert(), row)
    return token


def revoke_invitations(connection: Connection, invitee_id: str) -> None:
    """Revoke all links of an invitee."""
    connection.execute(update(INVITATIONS).where(_is_valid(invitee_id)).values(revoked_at=clock.now()))


def find_invitation(connection: Connection, token: str) -> sqlalchemy.Row[Any, Any] | None:
    """Return the ``invitee_id`` of the invitation with this key, and its ``revoked_at``; None for an unknown key."""
    statement = select(INVITATIONS.c.invitee_id, INVITATIONS.c.revoked_at)
    return connection.execute(statement.where(INVITATIONS.c.hash == hash_key(token))).first()


def send_review_session_invite(mailer: Mailer, limit: InvitationLimit, batch: Batch, operation: Operation) -> Answer:
    """Mail a new link to an invitee after the commit, and revoke earlier links.

    With ``link_only``, an extension, the answer has one more link, nothing is mailed, and earlier links stay valid.
    Raises ReviewSessionClosedError when the session has ended, ValidationError without an e-mail address, and Conflict
    after too many mails.
    """
    invitee = _invitee(batch, operation)
    parse_address(invitee["name"], invitee["email"])
    session = batch.row("ReviewSession", invitee["review_session_id"])
    if session is None:
        raise ValidationError(f"The invitee '{invitee['name']}' is in no review session. Send review_session first.")
    limit.count(batch, session)
    base = f"{mailer.public_url or mailer.own_url or batch.base_url}/review/{quote(session['id'], safe='')}"
    if operation.get("link_only") is True:
        link = f"{base}/{_add_key(batch.connection, invitee['id'])}"
        return {"action": operation["action"], "link": link, "data": {"id": invitee["id"]}}
    table = batch.table(_INVITEE_TYPE)
    sent = {"last_sent_at": clock.now_text(), "revoked_at": None}
    batch.connection.execute(update(table).where(table.c.id == invitee["id"]).values(sent))
    batch.changes.record_updated(batch.schema[_INVITEE_TYPE], invitee, sent)
    revoke_invitations(batch.connection, invitee["id"])
    address = f"{base}/{_add_key(batch.connection, invitee['id'])}"
    response: Answer = {"action": operation["action"], "sent": True, "data": {"id": invitee["id"]}}
    if _LOOPBACK.match(address):
        response["warning"] = "The link works on this machine only. Set FT_DCC_PUBLIC_URL to the studio's address."
    mail = _invitation_mail(batch, invitee, session, address)
    batch.after_commit.append(partial(_send, mailer, mail, address, response))
    return response


def revoke_review_session_invite(batch: Batch, operation: Operation) -> Answer:
    """Revoke the links of an invitee; their notes and statuses stay."""
    invitee = _invitee(batch, operation)
    revoke_invitations(batch.connection, invitee["id"])
    table = batch.table(_INVITEE_TYPE)
    changed = {"revoked_at": clock.now_text()}
    batch.connection.execute(update(table).where(table.c.id == invitee["id"]).values(changed))
    batch.changes.record_updated(batch.schema[_INVITEE_TYPE], invitee, changed)
    return {"action": operation["action"], "data": {"id": invitee["id"]}}


def _invitee(batch: Batch, operation: Operation) -> Row:
    invitee_id = operation.get("review_session_invitee_id")
    found = batch.row(_INVITEE_TYPE, invitee_id) if isinstance(invitee_id, str) else None
    if found is None:
        raise ValidationError("There is no such invitee. Send the id of one as review_session_invitee_id.")
    authorization.check_access(batch, authorization.UPDATE, batch.schema[_INVITEE_TYPE], found)
    return found


def _send(mailer: Mailer, message: EmailMessage, address: str, response: Answer) -> None:
    if reason := mailer.send(message):
        response.update(sent=False, reason=reason)
    if reason or mailer.server is None:
        response["kept"] = True  # An extension: the mail is in the outbox.
    if mailer.server is None:
        # An extension: nothing else brings the link to the invitee.
        response["link"] = address


def _invitation_mail(batch: Batch, invitee: Row, session: Row, address: str) -> EmailMessage:
    sender, name, title = (single_line(text) for text in (batch.caller.username, invitee["name"], session["name"]))
    message = EmailMessage()
    message["To"] = parse_address(invitee["name"], invitee["email"])
    message["Subject"] = f"Review: {title}"
    message["Date"] = format_datetime(localtime())
    lines = [f"Hello {name},", "", f"{sender} invites you to the review '{title}':", "", address, ""]
    if session["description"]:
        lines += [str(session["description"]), ""]
    for word, column in (("It opens on", "start_date"), ("It is open until", "end_date")):
        if session[column] is not None and session[column] > clock.now_text():
            lines.append(f"{word} {session[column].replace('T', ' ')} UTC.")
    lines.append("The link is personal: anyone who has it can write in your name.")
    message.set_content("\n".join(lines))
    return message
