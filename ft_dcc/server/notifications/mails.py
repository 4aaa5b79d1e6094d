"""Mails about new versions and feedback, one for each person and quiet quarter of an hour.

A notice is one line of a later mail. A mail is sent when its person got no notice for a quarter of an hour, or when
the oldest one is two hours old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from functools import partial
from typing import Any

import attrs
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    func,
    select,
)

from ft_dcc.errors import ValidationError
from ft_dcc.server.auth.permissions import Permissions, permissions_of
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.notification_log import ENTRY, NOTE, VERDICT, RecordedEvent
from ft_dcc.server.mail.addresses import parse_address
from ft_dcc.server.notifications import preferences
from ft_dcc.server.notifications.mail_text import Section, make_message
from ft_dcc.server.notifications.subject import Subject, read_subject
from ft_dcc.server.review.invitations import add_invitation_key, has_invitation
from ft_dcc.server.schema.tables import Tables

METADATA = MetaData()
_NOTICES = Table(
    "ft_dcc_mail_notice",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    # The id of a user or an invitee, and one of preferences.KINDS.
    Column("person_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("entity_kind", String, nullable=False),
    Column("entity_id", String, nullable=False),
)
QUIET_SECONDS, MAX_WAIT_SECONDS = 15 * 60, 2 * 3600
_STATUSES = {"approved": "approved", "require_changes": "asks for changes"}


@attrs.frozen
class _Person:
    name: str
    email: str
    # Set for an invitee.
    review_session_id: str = ""
    review: str = ""


def make_notices(
    connection: Connection, tables: Tables, event: RecordedEvent, subject: Subject
) -> list[dict[str, Any]]:
    """Return a notice of the event for each person whom it concerns, except the person who caused it."""
    people: Sequence[str] = ()
    kind = preferences.VERSIONS if event.kind == ENTRY else preferences.FEEDBACK
    if event.kind == ENTRY:
        people = _invitees(connection, tables, event, subject)
    elif event.kind in (NOTE, VERDICT) and subject.artist_id and subject.artist_id != event.actor_id:
        people = [subject.artist_id]
    return [
        {"at": event.at, "person_id": person, "kind": kind, "entity_kind": event.kind, "entity_id": event.entity_id}
        for person in people
    ]


def add_notices(connection: Connection, notices: Sequence[dict[str, Any]]) -> None:
    """Add notices to the mails of their people."""
    if notices:
        connection.execute(_NOTICES.insert(), notices)


def send_due_mails(context: ServerContext, now: float) -> int:
    """Send the mails that are due and return their number; what the mail server refuses stays in the outbox."""
    last, first = func.max(_NOTICES.c.at), func.min(_NOTICES.c.at)
    is_due = (last <= now - QUIET_SECONDS) | (first <= now - MAX_WAIT_SECONDS)
    groups = select(_NOTICES.c.person_id, _NOTICES.c.kind, func.max(_NOTICES.c.id).label("last"))
    groups = groups.group_by(_NOTICES.c.person_id, _NOTICES.c.kind).having(is_due)
    with context.store.reading() as connection:
        due = connection.execute(groups).all()
    count = 0
    for group in due:
        message = _compose(context, group)
        if message is not None:
            # Before the notices are removed: a server that stops in between sends a mail twice rather than never.
            context.mailer.send(message)
            count += 1
        context.store.write(partial(_remove, group=group))
    return count


def _remove(connection: Connection, group: Any) -> None:
    connection.execute(delete(_NOTICES).where(_in_group(group)))


def _in_group(group: Any) -> ColumnElement[bool]:
    """Return the condition for the notices of one mail: those that came later are for the next one."""
    conditions = (_NOTICES.c.person_id == group.person_id, _NOTICES.c.kind == group.kind, _NOTICES.c.id <= group.last)
    return and_(*conditions)


def _invitees(connection: Connection, tables: Tables, event: RecordedEvent, subject: Subject) -> list[str]:
    """Return the ids of the invitees with a valid link, while the review session is open."""
    session = connection.execute(tables.by_id["ReviewSession"], {"id": subject.review_session_id}).first()
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
        select(invitee.c.id, invitee.c.email).where(invitee.c.review_session_id == subject.review_session_id)
    ).all()
    return [
        row.id for row in rows if (row.email or "").lower() != own_email.lower() and has_invitation(connection, row.id)
    ]


def _compose(context: ServerContext, group: Any) -> EmailMessage | None:
    """Return the mail of a person's notices, or None if there is nothing to send, or the person does not want it."""
    tables, base, person_id, kind = context.store.tables, context.mailer.link_base, group.person_id, group.kind
    with context.store.reading() as connection:
        person = (_read_invitee if kind == preferences.VERSIONS else _read_user)(connection, tables, person_id)
        subjects = _read_subjects(connection, tables, group)
        if kind == preferences.FEEDBACK:
            subjects = _readable(subjects, permissions_of(connection, tables, person_id))
        if person is None or not subjects or preferences.is_muted(connection, person.email, kind):
            return None
    try:
        to = parse_address(person.name, person.email)
    except ValidationError:
        return None
    off = f"{base}{preferences.preferences_path(context.secret, person.email)}"
    if kind == preferences.FEEDBACK:
        return make_message(to, person.name, _feedback_title(subjects), list(_feedback_sections(subjects, base)), off)
    key = context.store.write(partial(add_invitation_key, invitee_id=person_id))
    if key is None:
        return None
    title = f"{_count(len(subjects), 'new version')} in {person.review}"
    lines = tuple(f"{each.version}: {each.comment}" if each.comment else each.version for each in subjects)
    section = Section(person.review, lines, f"{base}/review/{person.review_session_id}/{key}")
    return make_message(to, person.name, title, [section], off)


def _read_subjects(connection: Connection, tables: Tables, group: Any) -> list[Subject]:
    rows = connection.execute(
        select(_NOTICES.c.entity_kind, _NOTICES.c.entity_id).where(_in_group(group)).order_by(_NOTICES.c.id)
    ).all()
    found = (read_subject(connection, tables, row.entity_kind, row.entity_id) for row in dict.fromkeys(rows))
    return [subject for subject in found if subject is not None]


def _readable(subjects: list[Subject], permissions: Permissions) -> list[Subject]:
    """Return the subjects that a user may read: a project may have been closed to the artist of a version."""
    if permissions.projects is None:
        return subjects
    allowed = {"", *permissions.projects}
    return [subject for subject in subjects if {subject.project_id, subject.review_project_id} <= allowed]


def _feedback_title(subjects: Sequence[Subject]) -> str:
    notes, verdicts = (sum(each.kind == kind for each in subjects) for kind in (NOTE, VERDICT))
    counts = [_count(notes, "new note")] if notes else []
    counts += [_count(verdicts, "verdict")] if verdicts else []
    versions = dict.fromkeys(each.version for each in subjects)
    return f"{' and '.join(counts)} on {next(iter(versions)) if len(versions) == 1 else f'{len(versions)} versions'}"


def _feedback_sections(subjects: Sequence[Subject], base: str) -> Iterator[Section]:
    for version, review_session_id in dict.fromkeys((each.version, each.review_session_id) for each in subjects):
        own = [each for each in subjects if (each.version, each.review_session_id) == (version, review_session_id)]
        link = f"{base}/review/{review_session_id}" if review_session_id else ""
        name = f"{version}, {own[0].review}" if own[0].review else version
        yield Section(name, tuple(map(describe_feedback, own)), link)


def describe_feedback(subject: Subject) -> str:
    """Return one line for a note or verdict: frame, author and text."""
    if subject.kind == VERDICT:
        return f"{subject.author}: {_STATUSES.get(subject.status, subject.status)}"
    frame = f"Frame {subject.frame}, " if subject.frame is not None else ""
    return f"{frame}{subject.author}: {subject.text.strip() or ('a drawing' if subject.has_drawing else '')}"


def _read_invitee(connection: Connection, tables: Tables, invitee_id: str) -> _Person | None:
    invitee, session = tables.by_family["ReviewSessionInvitee"], tables.by_family["ReviewSession"]
    statement = (
        select(invitee.c.name, invitee.c.email, session.c.id, session.c.name.label("review"))
        .join_from(invitee, session, invitee.c.review_session_id == session.c.id)
        .where(invitee.c.id == invitee_id)
    )
    found = connection.execute(statement).first()
    return None if found is None else _Person(found.name or "", found.email or "", found.id, found.review or "")


def _read_user(connection: Connection, tables: Tables, user_id: str) -> _Person | None:
    table = tables.by_family["Resource"]
    found = connection.execute(select(table).where(table.c.id == user_id)).first()
    if found is None or not found.is_active:
        return None
    return _Person(found.first_name or found.username or "", found.email or "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
