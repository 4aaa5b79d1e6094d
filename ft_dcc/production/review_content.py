"""The content of a review session: versions with verdicts and their history, and the people who are invited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ft_dcc.production.review_sessions import Review, with_zone
from ft_dcc.review.parse import parse_history
from ft_dcc.review.stored_values import NOTE_KEY
from ft_dcc.session.query.populate import MAX_KEYS_PER_QUERY
from ft_dcc.session.query.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entities.entity import Entity


def read_content(session: Session, review: Review) -> dict[str, Any]:
    """Return the versions of a review session with their statuses and note counts, and its invitees."""
    of_session = f"review_session_id is {quoted(review.id)}"
    members = session.query(
        "select id, name, version, version_id, notes.id, statuses.status, statuses.created_at, statuses.invitee.name "
        f"from ReviewSessionObject where {of_session} order by sort_order"
    )
    is_stated = _states_revoked(session)
    projection = "id, name, email, last_sent_at" + (", revoked_at" if is_stated else "")
    people = session.query(f"select {projection} from ReviewSessionInvitee where {of_session}")
    histories = _verdict_histories(session, [status["id"] for member in members for status in member["statuses"]])
    return {
        "versions": [
            {
                "id": member["id"],
                "name": member["name"],
                "version": member["version"],
                "version_id": member["version_id"],
                "statuses": [_status_report(status, histories.get(status["id"], [])) for status in member["statuses"]],
                "notes": len(member["notes"]),
            }
            for member in members
        ],
        "invitees": [
            {
                "id": person["id"],
                "name": person["name"],
                "email": person["email"],
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


def _status_report(status: Entity, history: list[dict[str, str]]) -> dict[str, Any]:
    """Return who gave a status, the status with its date, and all statuses that the person gave, oldest first."""
    is_recorded = bool(history) and history[-1]["status"] == status["status"]
    date = history[-1]["date"] if is_recorded else _iso(status["created_at"])
    who = (status["invitee"] or {"name": "unknown"})["name"]
    return {"who": who, "status": status["status"], "date": date, "history": history}


def _verdict_histories(session: Session, status_ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Return the statuses and dates that a studio server has recorded for these statuses, by their ids."""
    found = {}
    for start in range(0, len(status_ids), MAX_KEYS_PER_QUERY):
        listed = ", ".join(map(quoted, status_ids[start : start + MAX_KEYS_PER_QUERY]))
        condition = f"key is {NOTE_KEY} and parent_id in ({listed})"
        for entry in session.query(f"select parent_id, value from Metadata where {condition}"):
            changes = parse_history({"value": entry["value"]})
            found[entry["parent_id"]] = [{"status": each.status, "date": _iso(each.date) or ""} for each in changes]
    return found


def _iso(time: datetime | None) -> str | None:
    known = with_zone(time)
    return None if known is None else known.isoformat()
