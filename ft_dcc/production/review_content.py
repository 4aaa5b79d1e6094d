"""The content of a review session: versions with verdicts and their history, invited people, and its exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import attrs
import requests

from ft_dcc.errors import ServerCompatibilityError, ServerError, ServerUnreachable, SettingInvalid
from ft_dcc.files.atomic import atomic_path, new_file
from ft_dcc.production.review_sessions import Review, with_zone
from ft_dcc.review import parse, stored_values
from ft_dcc.session import Session, operations
from ft_dcc.session.query import expression, query
from ft_dcc.session.transport.codec import new_id

# The name of each export, and the end of its file's name.
SUFFIXES = {"pdf": ".pdf", "csv": ".csv", "otio": ".otio", "drawings": "-drawings.zip", "movies": "-movies.zip"}
# A PDF of a large session takes a while: the server reads a frame for each note.
_TIMEOUT_SECONDS = (20, 1800)


def read_content(session: Session, review: Review) -> dict[str, Any]:
    """Return the versions of a review session with their statuses and note counts, and its invitees."""
    of_session = f"review_session_id is {expression.quoted(review.id)}"
    members = session.query(
        "select id, name, version, version_id, notes.id, statuses.status, statuses.created_at, statuses.invitee.name "
        f"from ReviewSessionObject where {of_session} and version_id is_not none order by sort_order"
    )
    is_stated = _states_revoked(session)
    projection = "id, name, email, last_sent_at" + (", revoked_at" if is_stated else "")
    people = session.query(f"select {projection} from ReviewSessionInvitee where {of_session}")
    # The statuses and dates that a studio server has recorded.
    histories: dict[str, list[dict[str, str]]] = {}
    status_ids = [status["id"] for member in members for status in member["statuses"]]
    for start in range(0, len(status_ids), query.MAX_KEYS_PER_QUERY):
        listed = ", ".join(map(expression.quoted, status_ids[start : start + query.MAX_KEYS_PER_QUERY]))
        condition = f"key is {stored_values.NOTE_KEY} and parent_id in ({listed})"
        for entry in session.query(f"select parent_id, value from Metadata where {condition}"):
            changes = parse.parse_history({"value": entry["value"]})
            histories[entry["parent_id"]] = [{"status": each.status, "date": _iso(each.date) or ""} for each in changes]
    versions = []
    for member in members:
        statuses = []
        for status in member["statuses"]:
            # Who gave the status, and all statuses that the person gave, oldest first.
            history = histories.get(status["id"], [])
            is_recorded = bool(history) and history[-1]["status"] == status["status"]
            date = history[-1]["date"] if is_recorded else _iso(status["created_at"])
            who = (status["invitee"] or {"name": "unknown"})["name"]
            statuses.append({"who": who, "status": status["status"], "date": date, "history": history})
        values = {name: member[name] for name in ("id", "name", "version", "version_id")}
        versions.append({**values, "statuses": statuses, "notes": len(member["notes"])})
    return {
        "versions": versions,
        "invitees": [
            {
                **{name: person[name] for name in ("id", "name", "email")},
                "sent": _iso(person["last_sent_at"]),
                "revoked": _iso(person["revoked_at"]) if is_stated else None,
            }
            for person in people
        ],
    }


def find_revoked(session: Session) -> dict[str, list[str]]:
    """Return the names of the invitees whose invitations are revoked, by the ids of their review sessions."""
    found: dict[str, list[str]] = {}
    if _states_revoked(session):
        revoked = "select name, review_session_id from ReviewSessionInvitee where revoked_at is_not none order by name"
        for person in session.query(revoked):
            found.setdefault(person["review_session_id"], []).append(person["name"])
    return found


def _states_revoked(session: Session) -> bool:
    """Return whether invitees state that they are revoked, which an ftrack site and its schema do not."""
    return "revoked_at" in session.types["ReviewSessionInvitee"].attributes


def _iso(time: datetime | None) -> str | None:
    known = with_zone(time)
    return None if known is None else known.isoformat()


def export_review(session: Session, review: Review, format_name: str, target: Path) -> Path:
    """Write an export to the target; raise SettingInvalid, ServerError or ServerUnreachable, and leave it unchanged."""
    if review.link is None:
        raise SettingInvalid(f"{session.server_url} does not export review sessions; a studio server does.")
    url = f"{session.server_url}/review/{review.id}/studio/export/{format_name}"
    try:
        with session.transport.http.get(url, stream=True, timeout=_TIMEOUT_SECONDS, allow_redirects=False) as response:
            if response.status_code != 200:
                try:
                    content = response.json()
                except ValueError:
                    content = None
                text = content.get("content") if isinstance(content, dict) else None
                default = f"The server answered the export with status {response.status_code}. Update the server."
                raise ServerError(str(text or default))
            with atomic_path(target) as temporary, new_file(temporary) as file:
                for chunk in response.iter_content(1 << 20):
                    file.write(chunk)
    except requests.RequestException as error:
        raise ServerUnreachable(f"The export from {session.server_url} was interrupted. Start it again.") from error
    return target


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
