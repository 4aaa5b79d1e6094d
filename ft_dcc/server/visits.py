"""Who comes to a review page, by which link, and whether that link opens at the moment."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import attrs
from sqlalchemy import Connection, Row, select

from ft_dcc.errors import Forbidden, NoSuchThing, PassphraseNeeded, ReviewUnavailable
from ft_dcc.server.access import claims_of, is_review_key, sign
from ft_dcc.server.invitations import find
from ft_dcc.server.query.values import now
from ft_dcc.server.studio import Studio

_PURPOSE = "passphrase"
# A working day: who comes back tomorrow says the passphrase again.
PASS_SECONDS = 12 * 3600


@attrs.frozen
class Visit:
    """Somebody who looks at a review session; whoever has only the shareable link has no ``invitee_id`` and no name."""

    review_session_id: str
    project_id: str | None
    has_ended: bool
    invitee_id: str | None = None
    name: str = ""

    @property
    def may_write(self) -> bool:
        """Whether notes, drawings and a status are taken from this visitor."""
        return self.invitee_id is not None and not self.has_ended


def admit(studio: Studio, connection: Connection, review_session_id: str, key: str, given_pass: str) -> Visit:
    """Return who comes with this key, the last part of the link, and this pass from an earlier visit, or "".

    Raises NoSuchThing for a key that was never given, ReviewUnavailable for one that does not open now, and
    PassphraseNeeded without a pass.
    """
    session = _read_session(studio, connection, review_session_id)
    visit = Visit(review_session_id, session.project_id, session.end_date is not None and session.end_date <= now())
    if is_review_key(studio.secret, review_session_id, key):
        if not session.shareable_url_enabled:
            raise ReviewUnavailable("This review is private", "Its link is switched off. Ask for an invitation.")
    else:
        visit = _invited(studio, connection, visit, key)
    if session.start_date is not None and session.start_date > now():
        opens = datetime.fromisoformat(session.start_date)
        raise ReviewUnavailable(
            f"This review opens on {opens.day} {opens:%B %Y}", f"Come back at {opens:%H:%M} UTC with the same link."
        )
    if session.passphrase_enabled and not _is_pass(studio, session, given_pass):
        raise PassphraseNeeded("This review session has a passphrase. Open its page and say it there.")
    return visit


def passphrase_of(studio: Studio, connection: Connection, review_session_id: str) -> str | None:
    """Return what is stored of a session's passphrase, or None when it has none."""
    stored: str | None = _read_session(studio, connection, review_session_id).passphrase
    return stored


def make_pass(secret: bytes, review_session_id: str, stored: str) -> str:
    """Return what proves for some hours that somebody has said the passphrase; a new passphrase makes it void."""
    return sign(secret, _PURPOSE, _claims(review_session_id, stored), PASS_SECONDS)


def pass_name(review_session_id: str) -> str:
    """Return the name of the cookie that holds a session's pass."""
    return f"ft_dcc_pass_{hashlib.sha256(review_session_id.encode(errors='replace')).hexdigest()[:16]}"


def _read_session(studio: Studio, connection: Connection, review_session_id: str) -> Row[Any]:
    statement = studio.store.tables.by_id["ReviewSession"]
    found = connection.execute(statement, {"id": review_session_id}).first()
    if found is None:
        raise NoSuchThing("This review link is not valid. Ask for a new one.")
    return found


def _invited(studio: Studio, connection: Connection, visit: Visit, key: str) -> Visit:
    invitation = find(connection, key)
    if invitation is None:
        raise NoSuchThing("This review link is not valid. Ask for a new one.")
    invitee = studio.store.tables.by_family["ReviewSessionInvitee"]
    asked = select(invitee.c.name, invitee.c.review_session_id).where(invitee.c.id == invitation.invitee_id)
    found = connection.execute(asked).first()
    if found is not None and found.review_session_id != visit.review_session_id:
        # A real key of another session says nothing about this one.
        raise NoSuchThing("This review link is not valid. Ask for a new one.")
    if found is None or invitation.is_void:
        raise ReviewUnavailable(
            "This invitation is void", "It was taken back, or a newer one took its place. Look for a later mail."
        )
    if visit.has_ended:
        raise ReviewUnavailable("This review has ended", "Invitations end with it. Ask whoever invited you.")
    return attrs.evolve(visit, invitee_id=invitation.invitee_id, name=found.name or "")


def _is_pass(studio: Studio, session: Row[Any], given: str) -> bool:
    try:
        return claims_of(studio.secret, _PURPOSE, given) == _claims(session.id, session.passphrase or "")
    except (Forbidden, ValueError):
        return False


def _claims(review_session_id: str, stored: str) -> dict[str, Any]:
    return {"session": review_session_id, "of": hashlib.sha256(stored.encode()).hexdigest()}
