"""Authorize visitors of a review page by the key in their link."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import attrs
from sqlalchemy import Connection, Row, func, select

from ft_dcc.server.auth import permissions, tokens
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.entities.review_rules import ALL_RIGHTS, WRITE_RIGHTS, rights_of
from ft_dcc.server.errors import NotFound, PassphraseRequired, ReviewUnavailable
from ft_dcc.server.identity import Caller
from ft_dcc.server.review.invitations import find_invitation

_PURPOSE = "passphrase"
_USER_NAMESPACE = UUID("6d1a3c0e-3f5b-4c5e-9a4e-0f8f0c1b7a52")
# A working day: on the next day the passphrase is asked for again.
PASS_LIFETIME_SECONDS = 12 * 3600
# What a user with the role Reviewer may do in a session of the own projects without an invitation.
_RIGHTS_OF_REVIEWERS = ALL_RIGHTS - {"decide", "edit", "present"}
# In place of the key in the link of a signed-in user; keys are longer.
USER_KEY = "studio"


@attrs.frozen
class ReviewAccess:
    """A visitor of a review session, and the visitor's rights.

    ``user`` is set for a signed-in user, ``invitee_id`` for an invitee; without them, the visitor may only view.
    ``rights`` are of "comment", "draw", "decide", "edit", "download" and "present".
    """

    review_session_id: str
    project_id: str | None
    has_ended: bool
    invitee_id: str | None = None
    name: str = ""
    user: Caller | None = None
    rights: frozenset[str] = frozenset()
    is_moderated: bool = False
    # Whether what guests play carries their name.
    is_watermarked: bool = False

    @property
    def may_export(self) -> bool:
        """Whether the visitor is an invitee or a user, and not anyone with the public link."""
        return self.user is not None or self.invitee_id is not None


def authorize(
    studio: ServerContext, connection: Connection, review_session_id: str, key: str, review_pass: str
) -> ReviewAccess:
    """Return the access that a key gives, which is the last part of the link.

    ``review_pass`` proves an earlier passphrase, or is "". Raises NotFound for an unknown key, ReviewUnavailable for
    one that is not valid now, and PassphraseRequired without a valid pass.
    """
    session = read_session(studio, connection, review_session_id)
    access = _visitor_access(session)
    if tokens.is_review_key(studio.secret, review_session_id, key):
        if not session.shareable_url_enabled:
            raise ReviewUnavailable("This review is private", "Its shared link is disabled. Ask for an invitation.")
    else:
        access = _authorize_invitee(studio, connection, access, key)
    if session.start_date is not None:
        # An end before the creation closed a session that was open; the date was not meant as that of its end.
        if access.has_ended and (session.created_at or "") <= session.end_date < session.start_date:
            raise ReviewUnavailable(
                "This review was closed before it opened", "The studio closed it. Ask for another link."
            )
        if session.start_date > clock.now_text():
            opens = datetime.fromisoformat(session.start_date)
            title = f"This review opens on {opens.day} {opens:%B %Y}"
            raise ReviewUnavailable(title, f"Come back at {opens:%H:%M} UTC with the same link.")
    own_claims = _claims(session.id, session.passphrase or "")
    if session.passphrase_enabled and tokens.valid_claims(studio.secret, _PURPOSE, review_pass) != own_claims:
        raise PassphraseRequired("This review session has a passphrase. Open its page and enter it there.")
    return access


def authorize_user(
    studio: ServerContext, connection: Connection, review_session_id: str, user: Caller, name: str
) -> ReviewAccess:
    """Return the access of a signed-in user, for whom a query has found the session; raises NotFound."""
    access = _visitor_access(read_session(studio, connection, review_session_id))
    # The invitee that carries the verdicts of a user is created when it is needed.
    rights, invitee_id = ALL_RIGHTS, str(uuid5(_USER_NAMESPACE, f"{review_session_id}/{user.id}"))
    writable = permissions.permissions_of(connection, studio.store.tables, user.id).writable
    if writable is not None and access.project_id not in writable:
        rights = _RIGHTS_OF_REVIEWERS
        if (invited := _find_invited(studio, connection, access, user)) is not None:
            rights, invitee_id = rights | rights_of(invited.rights), invited.id
    if access.has_ended:
        rights -= WRITE_RIGHTS
    return attrs.evolve(access, user=user, name=name, rights=rights, invitee_id=invitee_id, is_watermarked=False)


def _find_invited(studio: ServerContext, connection: Connection, access: ReviewAccess, user: Caller) -> Row[Any] | None:
    """Return the invitee with the e-mail address of a user, unless the invitation was revoked."""
    invitee, account = studio.store.tables.families("ReviewSessionInvitee", "Resource")
    address = select(func.lower(account.c.email)).where(account.c.id == user.id).scalar_subquery()
    is_own = invitee.c.review_session_id == access.review_session_id, func.lower(invitee.c.email) == address
    statement = select(invitee).where(*is_own, invitee.c.revoked_at.is_(None))
    return connection.execute(statement.order_by(invitee.c["__row__"]).limit(1)).first()


def _visitor_access(session: Row[Any]) -> ReviewAccess:
    has_ended = session.end_date is not None and session.end_date <= clock.now_text()
    access = ReviewAccess(session.id, session.project_id, has_ended, is_moderated=bool(session.is_moderated))
    return attrs.evolve(access, is_watermarked=bool(session.is_watermarked))


def issue_pass(secret: bytes, review_session_id: str, stored: str) -> str:
    """Return a token that proves the passphrase for some hours; a new passphrase invalidates it."""
    return tokens.sign(secret, _PURPOSE, _claims(review_session_id, stored), PASS_LIFETIME_SECONDS)


def pass_cookie_name(review_session_id: str) -> str:
    """Return the name of the cookie that holds a session's pass."""
    return f"ft_dcc_pass_{hashlib.sha256(review_session_id.encode(errors='replace')).hexdigest()[:16]}"


def read_session(studio: ServerContext, connection: Connection, review_session_id: str) -> Row[Any]:
    """Return the row of a review session; raises NotFound."""
    statement = studio.store.tables.by_id["ReviewSession"]
    found = connection.execute(statement, {"id": review_session_id}).first()
    if found is None:
        raise NotFound("This review link is not valid. Ask for a new one.")
    return found


def _authorize_invitee(studio: ServerContext, connection: Connection, access: ReviewAccess, key: str) -> ReviewAccess:
    invitation = find_invitation(connection, key)
    if invitation is None:
        raise NotFound("This review link is not valid. Ask for a new one.")
    invitee = studio.store.tables.by_family["ReviewSessionInvitee"]
    statement = select(invitee.c.name, invitee.c.review_session_id, invitee.c.rights)
    found = connection.execute(statement.where(invitee.c.id == invitation.invitee_id)).first()
    if found is not None and found.review_session_id != access.review_session_id:
        # The key belongs to another session.
        raise NotFound("This review link is not valid. Ask for a new one.")
    if found is None or invitation.revoked_at is not None:
        raise ReviewUnavailable(
            "This invitation is not valid any more", "It was revoked or replaced by a newer one. Look for a later mail."
        )
    rights = rights_of(found.rights)
    if access.has_ended:
        rights -= WRITE_RIGHTS
    return attrs.evolve(access, invitee_id=invitation.invitee_id, name=found.name or "", rights=rights)


def _claims(review_session_id: str, stored: str) -> dict[str, Any]:
    return {"session": review_session_id, "of": hashlib.sha256(stored.encode()).hexdigest()}
