"""Invitations to a review session: each person gets a link of their own by mail, which can be revoked."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr

import attrs

from ft_dcc.errors import ServerCompatibilityError, SettingInvalid
from ft_dcc.production.review_content import read_content
from ft_dcc.production.review_sessions import Review
from ft_dcc.session import Session, operations
from ft_dcc.session.transport.codec import new_id


@attrs.frozen
class Invitee:
    """A person to invite."""

    name: str
    email: str

    @classmethod
    def parse(cls, text: str) -> Invitee:
        """Parse ``Ida Berg <ida@example.com>`` or an address alone; raise SettingInvalid for other text."""
        name, email = parseaddr(text)
        if "@" not in email.strip("@"):
            raise SettingInvalid(f"{text!r} is not a person to invite. Write it as 'Ida Berg <ida@example.com>'.")
        return cls(name or email.split("@")[0], email)


@attrs.frozen
class InviteResult:
    """An invitation: sent, kept in the outbox, or not sent for a ``reason``; ``warning`` is a problem with the link."""

    name: str
    email: str
    is_sent: bool
    is_kept: bool
    reason: str
    warning: str
    # "" unless the studio has no mail server.
    link: str = ""


def invite(session: Session, review: Review, people: Sequence[Invitee]) -> list[InviteResult]:
    """Mail each person a link, after which earlier ones stop working; raise ServerError for a closed review session."""
    known = {person["email"].lower(): person["id"] for person in read_content(session, review)["invitees"]}
    # One person for each address, because a second link would end the first.
    people = list({person.email.lower(): person for person in reversed(people)}.values())[::-1]
    ids = [known.get(person.email.lower()) or new_id() for person in people]
    new = [
        operations.create(
            "ReviewSessionInvitee",
            {"id": key, "name": person.name, "email": person.email, "review_session_id": review.id},
        )
        for key, person in zip(ids, people)
        if person.email.lower() not in known
    ]
    if new:
        session.call(new)
    answers = session.call([{"action": "send_review_session_invite", "review_session_invitee_id": key} for key in ids])
    results = []
    for person, answer in zip(people, answers):
        is_kept, reason = bool(answer.get("kept")), str(answer.get("reason") or "")
        is_sent, warning = bool(answer.get("sent")) and not is_kept, str(answer.get("warning") or "")
        link = str(answer.get("link") or "")
        results.append(InviteResult(person.name, person.email, is_sent, is_kept, reason, warning, link))
    return results


def revoke(session: Session, review: Review, email_or_name: str, *, is_removed: bool = False) -> str:
    """Disable, or remove with all notes, an invitee, and return the name; raise SettingInvalid for no single one."""
    people = read_content(session, review)["invitees"]
    found = [person for person in people if email_or_name.lower() in (person["email"].lower(), person["name"].lower())]
    if len(found) != 1:
        listed = ", ".join(person["email"] for person in people) or "none"
        raise SettingInvalid(f"'{email_or_name}' does not match one invitee of '{review.name}'. Invitees: {listed}.")
    key = found[0]["id"]
    if is_removed:
        session.call([operations.delete("ReviewSessionInvitee", key)])
        return str(found[0]["name"])
    try:
        session.call([{"action": "revoke_review_session_invite", "review_session_invitee_id": key}])
    except ServerCompatibilityError as error:
        raise SettingInvalid(
            f"{session.server_url} cannot revoke an invitation without removing the invitee. Use --remove."
        ) from error
    return str(found[0]["name"])
