"""Mails about new versions and feedback, and the page on which a person switches them off.

What one round of the worker finds for a person about one version, or in one review session, is one mail. A link in it
opens a page with one button, without a login.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from functools import partial
from html import escape
from importlib import resources
from typing import Any

from anyio import to_thread
from sqlalchemy import Connection, delete, func, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft_dcc import plain_text
from ft_dcc.server.auth import permissions, tokens
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.audit_log import ENTRY, NOTE, VERDICT, RecordedEvent
from ft_dcc.server.database.private_tables import MUTED_MAILS, WAITING_MAILS
from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.http import request_body, static_pages
from ft_dcc.server.mail.mailer import INTERRUPTED, parse_address, parse_message, single_line
from ft_dcc.server.notifications.event_details import EventDetails
from ft_dcc.server.review.invitations import add_invitation_key, has_invitation
from ft_dcc.server.schema.tables import Tables

_log = logging.getLogger(__name__)

_STATUSES = {"approved": "approved", "require_changes": "asks for changes"}
# The id of a user or an invitee, and the event that the mail reports.
Notice = tuple[str, EventDetails]


def make_notices(connection: Connection, tables: Tables, event: RecordedEvent, details: EventDetails) -> list[Notice]:
    """Return a notice of the event for each person whom it concerns, except the person who caused it."""
    if event.kind == ENTRY:
        return [(person_id, details) for person_id in _invitees(connection, tables, event, details)]
    artist_id = details.artist_id
    if event.kind not in (NOTE, VERDICT) or not artist_id or artist_id == event.actor_id:
        return []
    # A project may have been closed to the artist of a version.
    projects = permissions.permissions_of(connection, tables, artist_id).projects
    is_readable = projects is None or {details.project_id, details.review_project_id} <= {"", *projects}
    return [(artist_id, details)] if is_readable else []


def make_mails(context: ServerContext, notices: Sequence[Notice]) -> list[dict[str, Any]]:
    """Return the mails of these notices as rows, which the transaction stores that removes the events."""
    rows = []
    details_by_mail: dict[tuple[str, str, str], list[EventDetails]] = {}
    for person_id, details in notices:
        key = (person_id, details.review_session_id, "" if details.kind == ENTRY else details.version_id)
        details_by_mail.setdefault(key, []).append(details)
    for (person_id, _, _), events in details_by_mail.items():
        try:
            # A verdict that was changed is recorded twice, and read once.
            message = _compose(context, person_id, list(dict.fromkeys(events)))
            if message is not None:
                rows.append({"message": message.as_bytes().decode("ascii"), "is_begun": False})
        except Exception:  # noqa: BLE001  one wrong mail must not end the others
            _log.exception("A mail was not made.")
    return rows


def send_queued_mails(context: ServerContext) -> None:
    """Send the mails that were stored, each once; what may have been sent, or is refused, goes to the outbox."""
    mails, store = WAITING_MAILS, context.store
    with store.reading() as connection:
        waiting = connection.execute(select(mails).order_by(mails.c.id)).all()
    for row in waiting:
        message, is_own = parse_message(row.message.encode()), mails.c.id == row.id
        if row.is_begun:
            context.mailer.keep(message, INTERRUPTED)
        else:
            store.write(partial(Connection.execute, statement=update(mails).where(is_own).values(is_begun=True)))
            context.mailer.send(message)
        store.write(partial(Connection.execute, statement=delete(mails).where(is_own)))


def _invitees(connection: Connection, tables: Tables, event: RecordedEvent, details: EventDetails) -> list[str]:
    """Return the ids of the invitees with a valid link, while the review session is open."""
    session = connection.execute(tables.by_id["ReviewSession"], {"id": details.review_session_id}).first()
    time = clock.now_text()
    has_ended = session is not None and session.end_date is not None and session.end_date <= time
    if session is None or has_ended or (session.start_date or "") > time:
        return []
    invitee, user = tables.by_family["ReviewSessionInvitee"], tables.by_family["Resource"]
    own_email = connection.scalar(select(user.c.email).where(user.c.id == event.actor_id)) or ""
    rows = connection.execute(
        select(invitee.c.id, invitee.c.email).where(invitee.c.review_session_id == details.review_session_id)
    ).all()
    return [
        row.id for row in rows if (row.email or "").lower() != own_email.lower() and has_invitation(connection, row.id)
    ]


def _compose(context: ServerContext, person_id: str, events: Sequence[EventDetails]) -> EmailMessage | None:
    """Return the mail to a person, or None if the person has switched mails off, or has no valid link or address."""
    first, is_invitee, tables = events[0], events[0].kind == ENTRY, context.store.tables.by_family
    if is_invitee:
        invitee = tables["ReviewSessionInvitee"]
        statement = select(invitee.c.name, invitee.c.email).where(invitee.c.id == person_id)
    else:
        user = tables["Resource"]
        # An empty first name is none.
        name = func.coalesce(func.nullif(user.c.first_name, ""), user.c.username).label("name")
        statement = select(name, user.c.email).where(user.c.id == person_id, user.c.is_active.is_(True))
    with context.store.reading() as connection:
        person: Any = connection.execute(statement).first()
        if person is None or is_switched_off(connection, person.email or ""):
            return None
    try:
        to = parse_address(person.name or "", person.email)
    except ValidationError:
        return None
    base = context.mailer.link_base
    token = tokens.sign(context.secret, _PURPOSE, {"email": person.email}, _LINK_SECONDS)
    off, link = f"{base}/notifications/{token}", f"{base}/review/{first.review_session_id}"
    if not is_invitee:
        link = link if first.review_session_id else ""
        return make_message(to, person.name or "", *_feedback_text(events), link, off)
    key = context.store.write(partial(add_invitation_key, invitee_id=person_id))
    if key is None:
        return None
    lines = [f"{each.version}: {each.comment}" if each.comment else each.version for each in events]
    title = f"{_count(len(events), 'new version')} in {first.review}"
    return make_message(to, person.name or "", title, first.review, lines, f"{link}/{key}", off)


def _feedback_text(events: Sequence[EventDetails]) -> tuple[str, str, list[str]]:
    """Return the title, the heading and the lines of a mail about feedback on a version."""
    version, review = events[0].version, events[0].review
    notes, verdicts = (sum(each.kind == kind for each in events) for kind in (NOTE, VERDICT))
    counts = [_count(notes, "new note")] if notes else []
    counts += [_count(verdicts, "verdict")] if verdicts else []
    lines = []
    for each in events:
        frame = f"Frame {each.frame}, " if each.kind == NOTE and each.frame is not None else ""
        text = _STATUSES.get(each.status, each.status) if each.kind == VERDICT else each.text.strip()
        lines.append(f"{frame}{each.author}: {text or ('a drawing' if each.has_drawing else '')}")
    return f"{' and '.join(counts)} on {version}", f"{version}, {review}" if review else version, lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_MAX_LINES, _MAX_LINE_LENGTH = 50, 500
# Mail programs ignore style sheets, so that each element has its own style; tables keep the width in all of them.
_PAGE = resources.files("ft_dcc.server.notifications").joinpath("mail.html").read_text(encoding="utf-8")
_BUTTON = (
    '<p style="margin:14px 0 0"><a href="{link}" style="display:inline-block;padding:9px 18px;border-radius:6px;'
    'background:#2f62d9;color:#ffffff;text-decoration:none;font-weight:600">Open the review</a></p>'
)


def make_message(
    to: Address, name: str, title: str, heading: str, texts: Sequence[str], link: str, off: str
) -> EmailMessage:
    """Return the mail to a person of this name, with its long and surplus lines shortened.

    ``link`` leads to the review, "" for none, and ``off`` to the page that switches mails off.
    """
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = single_line(title)
    message["Date"] = format_datetime(localtime())
    message["List-Unsubscribe"] = f"<{off}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Programs that answer mails of absent people do not answer this one.
    message["Auto-Submitted"] = "auto-generated"
    flat = [" ".join(plain_text.single_line(line).split()) for line in texts[:_MAX_LINES]]
    lines = [line if len(line) <= _MAX_LINE_LENGTH else f"{line[: _MAX_LINE_LENGTH - 1]}…" for line in flat]
    if len(texts) > len(lines):
        lines.append(f"and {len(texts) - len(lines)} more")
    plain = [
        f"Hello {single_line(name)},",
        "",
        f"{title}:",
        "",
        heading,
        *(f"  - {each}" for each in lines),
    ]
    plain += ["", f"  {link}"] if link else []
    message.set_content("\n".join([*plain, "", f"Switch these mails off: {off}"]))
    html = _PAGE.format(
        title=escape(title),
        heading=escape(heading),
        lines="".join(f'<li style="margin:3px 0">{escape(line)}</li>' for line in lines),
        button=_BUTTON.format(link=escape(link)) if link else "",
        off=escape(off),
    )
    message.add_alternative(html, subtype="html")
    return message


# Mails are kept for long; the link in an old one must still end them.
_LINK_SECONDS = 10 * 365 * 24 * 3600
_PURPOSE = "mail preferences"
_FORM = (
    '<form method="post" class="message-form">'
    '<button class="main-button" name="mails" value="{value}">{label}</button></form>'
)


def is_switched_off(connection: Connection, email: str) -> bool:
    """Return whether a person does not want mails."""
    statement = select(MUTED_MAILS.c.kind).where(MUTED_MAILS.c.email == email.lower()).limit(1)
    return connection.scalar(statement) is not None


def routes(context: ServerContext) -> list[Route]:
    """Return the route of the page with the switch of one e-mail address."""
    return [Route("/notifications/{token}", partial(_respond, context), methods=["GET", "POST"])]


async def _respond(context: ServerContext, request: Request) -> Response:
    try:
        claims = tokens.verify(context.secret, _PURPOSE, request.path_params["token"])
    except Forbidden:
        text = "Open the link at the end of one of the mails again."
        return _page(404, "This link is not valid", text)
    email, wanted = str(claims["email"]), None
    # Mail programs load links for a preview: only the button changes anything.
    if request.method == "POST":
        # The button that mail programs show themselves sends List-Unsubscribe.
        wanted = (await request_body.read_form(request)).get("mails", "off") == "on"
    is_off = await to_thread.run_sync(_switch, context, email, wanted)
    text = f"The studio sends {'no ' if is_off else ''}mails about new versions and feedback to this address."
    value, label = ("on", "Send mails") if is_off else ("off", "Send none")
    return _page(200, f"Mails to {email}", text, _FORM.format(value=value, label=label))


def _switch(context: ServerContext, email: str, wanted: bool | None) -> bool:
    """Send a person mails from now on, or none, unless ``wanted`` is None; return whether mails are off."""

    def write(connection: Connection) -> None:
        connection.execute(delete(MUTED_MAILS).where(MUTED_MAILS.c.email == email.lower()))
        if not wanted:
            connection.execute(MUTED_MAILS.insert(), {"email": email.lower(), "kind": "all", "at": clock.now()})

    if wanted is not None:
        context.store.write(write)
    with context.store.reading() as connection:
        return is_switched_off(connection, email)


def _page(status: int, title: str, text: str, form: str = "") -> Response:
    page = static_pages.fill(
        "message.html", "../review/", status, form_target="'self'", end=form, title=title, text=text
    )
    page.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    return page
