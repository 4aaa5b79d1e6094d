"""Mails about new versions and feedback.

What one round of the worker finds for a person about one version, or in one review session, is one mail.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from email.message import EmailMessage
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.notification_log import ENTRY, NOTE, VERDICT, RecordedEvent
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.mail.addresses import parse_address
from ft_dcc.server.notifications.event_details import EventDetails
from ft_dcc.server.notifications.mail_switch import is_switched_off, switch_path
from ft_dcc.server.notifications.mail_text import MailText, make_message
from ft_dcc.server.review.invitations import add_invitation_key, has_invitation
from ft_dcc.server.schema.tables import Tables

_log = logging.getLogger(__name__)

_STATUSES = {"approved": "approved", "require_changes": "asks for changes"}
# The id of a user or an invitee, and the event that the mail reports.
Notice = tuple[str, EventDetails]


def make_notices(connection: Connection, tables: Tables, event: RecordedEvent, details: EventDetails) -> list[Notice]:
    """Return a notice of the event for each person whom it concerns, except the person who caused it."""
    people: Sequence[str] = ()
    if event.kind == ENTRY:
        people = _invitees(connection, tables, event, details)
    elif event.kind in (NOTE, VERDICT) and details.artist_id and details.artist_id != event.actor_id:
        people = [details.artist_id] if _may_read(connection, tables, details.artist_id, details) else []
    return [(person_id, details) for person_id in people]


def send_mails(context: ServerContext, notices: Sequence[Notice]) -> None:
    """Send the mails of these notices; what the mail server refuses stays in the outbox."""
    details_by_mail: dict[tuple[str, str, str], list[EventDetails]] = {}
    for person_id, details in notices:
        key = (person_id, details.review_session_id, "" if details.kind == ENTRY else details.version_id)
        details_by_mail.setdefault(key, []).append(details)
    for (person_id, _, _), events in details_by_mail.items():
        try:
            # A verdict that was changed is recorded twice, and read once.
            message = _compose(context, person_id, list(dict.fromkeys(events)))
            if message is not None:
                context.mailer.send(message)
        except Exception:  # noqa: BLE001  one wrong mail must not end the others, nor repeat those that were sent
            _log.exception("A mail was not sent.")


def _invitees(connection: Connection, tables: Tables, event: RecordedEvent, details: EventDetails) -> list[str]:
    """Return the ids of the invitees with a valid link, while the review session is open."""
    session = connection.execute(tables.by_id["ReviewSession"], {"id": details.review_session_id}).first()
    time = clock.now_text()
    if (
        session is None
        or (session.start_date or "") > time
        or (session.end_date is not None and session.end_date <= time)
    ):
        return []
    invitee, user = tables.by_family["ReviewSessionInvitee"], tables.by_family["Resource"]
    own_email = connection.scalar(select(user.c.email).where(user.c.id == event.actor_id)) or ""
    rows = connection.execute(
        select(invitee.c.id, invitee.c.email).where(invitee.c.review_session_id == details.review_session_id)
    ).all()
    return [
        row.id for row in rows if (row.email or "").lower() != own_email.lower() and has_invitation(connection, row.id)
    ]


def _may_read(connection: Connection, tables: Tables, user_id: str, details: EventDetails) -> bool:
    """Return whether a user may read the details: a project may have been closed to the artist of a version."""
    projects = permissions_of(connection, tables, user_id).projects
    return projects is None or {details.project_id, details.review_project_id} <= {"", *projects}


def _compose(context: ServerContext, person_id: str, events: Sequence[EventDetails]) -> EmailMessage | None:
    """Return the mail to a person, or None if the person has switched mails off, or has no valid link or address."""
    first, is_invitee = events[0], events[0].kind == ENTRY
    with context.store.reading() as connection:
        person = (_read_invitee if is_invitee else _read_user)(connection, context.store.tables, person_id)
        if person is None or is_switched_off(connection, person.email or ""):
            return None
    try:
        to = parse_address(person.name or "", person.email)
    except ValidationError:
        return None
    base = context.mailer.link_base
    off, link = f"{base}{switch_path(context.secret, person.email)}", f"{base}/review/{first.review_session_id}"
    if not is_invitee:
        link = link if first.review_session_id else ""
        return make_message(to, MailText(person.name or "", *_feedback_text(events), link, off))
    key = context.store.write(partial(add_invitation_key, invitee_id=person_id))
    if key is None:
        return None
    return make_message(to, MailText(person.name or "", *_versions_text(events), f"{link}/{key}", off))


def _versions_text(events: Sequence[EventDetails]) -> tuple[str, str, list[str]]:
    """Return the title, the heading and the lines of a mail about new versions."""
    review = events[0].review
    lines = [f"{each.version}: {each.comment}" if each.comment else each.version for each in events]
    return f"{_count(len(events), 'new version')} in {review}", review, lines


def _feedback_text(events: Sequence[EventDetails]) -> tuple[str, str, list[str]]:
    """Return the title, the heading and the lines of a mail about feedback on a version."""
    version, review = events[0].version, events[0].review
    notes, verdicts = (sum(each.kind == kind for each in events) for kind in (NOTE, VERDICT))
    counts = [_count(notes, "new note")] if notes else []
    counts += [_count(verdicts, "verdict")] if verdicts else []
    lines = [describe_feedback(each) for each in events]
    return f"{' and '.join(counts)} on {version}", f"{version}, {review}" if review else version, lines


def describe_feedback(details: EventDetails) -> str:
    """Return one line for a note or verdict: frame, author and text."""
    if details.kind == VERDICT:
        return f"{details.author}: {_STATUSES.get(details.status, details.status)}"
    frame = f"Frame {details.frame}, " if details.frame is not None else ""
    return f"{frame}{details.author}: {details.text.strip() or ('a drawing' if details.has_drawing else '')}"


def _read_invitee(connection: Connection, tables: Tables, invitee_id: str) -> Any:
    """Return the name and the address of an invitee, or None."""
    invitee = tables.by_family["ReviewSessionInvitee"]
    return connection.execute(select(invitee.c.name, invitee.c.email).where(invitee.c.id == invitee_id)).first()


def _read_user(connection: Connection, tables: Tables, user_id: str) -> Any:
    """Return the name and the address of an active user, or None."""
    user = tables.by_family["Resource"]
    # An empty first name is none.
    name = func.coalesce(func.nullif(user.c.first_name, ""), user.c.username).label("name")
    statement = select(name, user.c.email).where(user.c.id == user_id, user.c.is_active.is_(True))
    return connection.execute(statement).first()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
