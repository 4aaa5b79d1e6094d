"""Review sessions: find, create, schedule, share and link to them, add versions and invite people."""

from __future__ import annotations

import difflib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import ReviewSessionClosed, ServerCompatibilityError, SettingInvalid
from ft_dcc.review.parse import NOTE_KEY, parse_history
from ft_dcc.session import operations
from ft_dcc.session.query.populate import MAX_KEYS_PER_QUERY
from ft_dcc.session.query.query import quoted
from ft_dcc.session.transport.codec import new_id, to_datetime

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entities.entity import Entity

# Fixed, so that two publishers that create the same session at once derive the same id.
_NAMESPACE = uuid.UUID("6f0c1f0e-3f0b-4b8c-9a3d-5a7c2f6d1e90")
_ATTRIBUTES = "id, name, is_open, start_date, end_date, passphrase_enabled, shareable_url_enabled, project.name"


@attrs.frozen
class OpenReview:
    """An open review session; ``page`` is the URL of its page, None on a server without one."""

    id: str
    name: str
    project_id: str
    project: str
    page: str | None


@attrs.frozen
class Review:
    """A review session; ``state`` is open, closed or scheduled; ``link`` is None on a site without review pages."""

    id: str
    name: str
    project: str
    state: str
    start: datetime | None
    end: datetime | None
    is_private: bool
    has_passphrase: bool
    link: str | None


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
    """The outcome of an invitation: sent, kept in the studio's outbox, or not sent for a ``reason``.

    ``warning`` describes a problem that the invitee may have with the link.
    """

    name: str
    email: str
    is_sent: bool
    is_kept: bool
    reason: str
    warning: str


def find_open(session: Session, project_id: str, id_or_name: str) -> Entity | None:
    """Return the project's review session with this id, the newest with this name, or None.

    Raises ReviewSessionClosed if the session is closed.
    """
    select = "select id, name, is_open, start_date, end_date, project_id from ReviewSession where"
    wanted = quoted(id_or_name)
    found: Entity | None = session.query(
        f"{select} project_id is {quoted(project_id)} and (id is {wanted} or name is {wanted}) order by created_at desc"
    ).first()
    if found is not None and not found["is_open"] and not is_scheduled(found["start_date"], found["end_date"]):
        raise ReviewSessionClosed(
            f"The review session {found['name']} is closed. Open it again, or publish into another one."
        )
    return found


def open_reviews(session: Session, limit: int = 200) -> Iterator[OpenReview]:
    """Yield the open review sessions, newest first."""
    select = "select name, project_id, project.name from ReviewSession"
    found = session.query(f"{select} where is_open is true order by created_at desc limit {limit}").all()
    links = page_links(session, [review["id"] for review in found])
    for review in found:
        page = links.get(review["id"])
        yield OpenReview(review["id"], review["name"], review["project_id"], review["project"]["name"], page)


def is_scheduled(start: datetime | None, end: datetime | None) -> bool:
    """Return whether a review session that is not open starts in the future; it takes versions already.

    That it is not open is the server's judgement, whose clock can differ from this one.
    """
    end = _with_zone(end)
    return start is not None and (end is None or end > datetime.now(timezone.utc))


def derive_id(session: Session, project_id: str, name: str) -> str:
    """Return the id for a new review session of this name; it is the same for all publishers."""
    derived = str(uuid.uuid5(_NAMESPACE, f"{project_id}/{name}"))
    # A session that was renamed keeps its id.
    return derived if session.get("ReviewSession", derived) is None else str(uuid.uuid4())


def create_session_op(review_session_id: str, project_id: str, name: str) -> dict[str, Any]:
    """Return the operation that creates a review session."""
    return operations.create("ReviewSession", {"id": review_session_id, "name": name, "project_id": project_id})


def add_version_op(
    object_id: str, review_session_id: str, version_id: str, *, name: str, description: str
) -> dict[str, Any]:
    """Return the operation that adds a version to a review session; reviewers see ``name``."""
    return operations.create(
        "ReviewSessionObject",
        {
            "id": object_id,
            "review_session_id": review_session_id,
            "version_id": version_id,
            "name": name,
            "description": description,
        },
    )


def add_versions(session: Session, review: Review, version_ids: Sequence[str], description: str = "") -> list[str]:
    """Add versions to a review session in one transaction; return the ids of those that were not in it.

    Raises SettingInvalid, which lists them, if versions do not exist.
    """
    wanted = list(dict.fromkeys(version_ids))
    listed = ", ".join(map(quoted, wanted))
    select = "select id, version, asset.name, asset.parent.name from AssetVersion where"
    found = {str(version["id"]): version for version in session.query(f"{select} id in ({listed})")}
    unknown = [each for each in wanted if each not in found]
    if unknown:
        raise SettingInvalid(f"There is no version {', '.join(unknown)} on {session.server_url}. Check the id.")
    members = session.query(
        f"select version_id from ReviewSessionObject where review_session_id is {quoted(review.id)}"
    )
    known = {str(member["version_id"]) for member in members}
    ids = [each for each in wanted if each not in known]
    calls = []
    for version_id in ids:
        version, object_id = found[version_id], new_id()
        name = f"{version['asset']['parent']['name']} {version['asset']['name']}"
        calls.append(add_version_op(object_id, review.id, version_id, name=name, description=description))
        calls.append(label_version_op(object_id, version["version"]))
    if calls:
        session.call(calls)
    return ids


def find_version_link(session: Session, version_id: str) -> str | None:
    """Return the URL of a version in its newest review session, or in the player of a site; None if there is none."""
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        return None
    member = session.query(
        "select id, review_session_id from ReviewSessionObject "
        f"where version_id is {quoted(version_id)} order by created_at desc"
    ).first()
    if member is not None:
        return version_link(session, str(member["review_session_id"]), str(member["id"]), version_id)
    if session.server_information.get("product") == {"name": "ft-dcc"}:
        raise SettingInvalid("The version is in no review session. Add it with: ft-dcc review add VERSION --to REVIEW")
    return f"{session.server_url}/player/version/{version_id}"


def label_version_op(object_id: str, version: int) -> dict[str, Any]:
    """Return the idempotent operation that shows the version's number to reviewers."""
    return operations.update("ReviewSessionObject", object_id, {"version": f"Version {version}"})


def version_link(session: Session, review_session_id: str, object_id: str, version_id: str) -> str:
    """Return the URL of a version: on the review page of a studio server, or in the player of an ftrack site."""
    page = page_links(session, [review_session_id]).get(review_session_id)
    return f"{session.server_url}/player/version/{version_id}" if page is None else f"{page}#{object_id}"


def page_links(session: Session, review_session_ids: Iterable[str]) -> dict[str, str]:
    """Return the URLs of a studio server's review pages by session id; an ftrack site has none.

    The query is posted as text, because the attribute is missing from the schema of a studio with a site's schema.
    """
    listed = ", ".join(map(quoted, review_session_ids))
    if not listed or session.server_information.get("product") != {"name": "ft-dcc"}:
        return {}
    asked = operations.query(f"select id, review_url from ReviewSession where id in ({listed})")
    return {found["id"]: found["review_url"] for found in json.loads(session.post([asked]))[0]["data"]}


def find_reviews(session: Session, project: str | None = None) -> list[Review]:
    """Return the review sessions of a project or of all projects, newest first.

    Raises SettingInvalid if the project does not exist.
    """
    if project is not None:
        _project_id(session, project)
    where = "" if project is None else f" where project.name is {quoted(project)}"
    found = session.query(f"select {_ATTRIBUTES} from ReviewSession{where} order by created_at desc").all()
    links = page_links(session, [review["id"] for review in found])
    return [_to_review(review, links.get(review["id"])) for review in found]


def _project_id(session: Session, name: str) -> str:
    found = session.query(f"select id from Project where name is {quoted(name)}").first()
    if found is None:
        raise SettingInvalid(f"There is no project '{name}' on {session.server_url}. Check the name.")
    return str(found["id"])


def get_review_session(session: Session, id_or_name: str, project: str | None = None) -> Review:
    """Return the review session with this id, id prefix of at least eight characters, or name.

    Raises SettingInvalid, with the nearest names, if not exactly one matches.
    """
    known = find_reviews(session, project)
    found = [review for review in known if id_or_name in (review.id, review.name)]
    found = found or [review for review in known if len(id_or_name) >= 8 and review.id.startswith(id_or_name)]
    if not found:
        nearest = difflib.get_close_matches(id_or_name, [review.name for review in known], n=3, cutoff=0.4)
        remedy = f"Nearest names: {', '.join(nearest)}." if nearest else "See: ft-dcc review list"
        raise SettingInvalid(f"There is no review session '{id_or_name}' on {session.server_url}. {remedy}")
    if len(found) > 1:
        ids = ", ".join(f"{review.id[:8]} of {review.project}" for review in found)
        raise SettingInvalid(f"There are {len(found)} review sessions '{id_or_name}': {ids}. Give the id.")
    return found[0]


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
    known = _with_zone(time)
    return None if known is None else known.isoformat()


def create_review(session: Session, project: str, name: str, dates: Mapping[str, Any]) -> Review:
    """Create a review session; ``dates`` are as in ``schedule``. Raises SettingInvalid if the name exists already."""
    project_id = _project_id(session, project)
    known = [review for review in find_reviews(session, project) if review.name == name]
    if known:
        raise SettingInvalid(
            f"{project} has a review session '{name}' already ({known[0].id[:8]}). Choose another name."
        )
    review_id = new_id()
    data = {"id": review_id, "name": name, "project_id": project_id, **dates}
    session.call([operations.create("ReviewSession", data)])
    return get_review_session(session, review_id)


def schedule(session: Session, review: Review, dates: Mapping[str, datetime | None]) -> Review:
    """Set ``start_date`` or ``end_date``, where None removes the limit, and return the changed review session."""
    start, end = dates.get("start_date", review.start), dates.get("end_date", review.end)
    if start is not None and end is not None and end <= start and "start_date" in dates:
        raise SettingInvalid(f"'{review.name}' would end before it starts. Give a later end or an earlier start.")
    return _update(session, review, **dates)


def close(session: Session, review: Review) -> Review:
    """Close the review session and return it."""
    return _update(session, review, end_date=datetime.now(timezone.utc))


def reopen(session: Session, review: Review, until: datetime | None = None) -> Review:
    """Open the review session now, until the given time or without an end, and return it."""
    is_early = review.start is not None and review.start > datetime.now(timezone.utc)
    return _update(session, review, end_date=until, **({"start_date": datetime.now(timezone.utc)} if is_early else {}))


def set_passphrase(session: Session, review: Review, passphrase: str | None) -> Review:
    """Set the passphrase, or remove it with None, and return the review session."""
    return _update(session, review, passphrase=passphrase, passphrase_enabled=passphrase is not None)


def set_private(session: Session, review: Review, *, is_private: bool) -> Review:
    """Disable or enable the shared link and return the review session; invitees have links of their own."""
    return _update(session, review, shareable_url_enabled=not is_private)


def invite(session: Session, review: Review, people: Sequence[Invitee]) -> list[InviteResult]:
    """Mail each person their own link; earlier links stop working.

    Returns the outcome of each mail. Raises ServerError if the review session is closed.
    """
    known = {person["email"].lower(): person["id"] for person in read_content(session, review)["invitees"]}
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
    return [_invite_result(person, answer) for person, answer in zip(people, answers)]


def revoke(session: Session, review: Review, email_or_name: str, *, is_removed: bool = False) -> str:
    """Disable the links of an invitee and return the name; ``is_removed`` also deletes their notes and statuses.

    Raises SettingInvalid if no single invitee matches, or if the site only supports removal.
    """
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


def _to_review(found: Entity, link: str | None) -> Review:
    start, end = _with_zone(found["start_date"]), _with_zone(found["end_date"])
    return Review(
        id=found["id"],
        name=found["name"],
        project=found["project"]["name"] if found["project"] is not None else "",
        state="open" if found["is_open"] else "scheduled" if is_scheduled(start, end) else "closed",
        start=start,
        end=end,
        is_private=not found["shareable_url_enabled"],
        has_passphrase=bool(found["passphrase_enabled"]),
        link=link,
    )


def _update(session: Session, review: Review, **values: Any) -> Review:
    session.call([operations.update("ReviewSession", review.id, values)])
    return get_review_session(session, review.id)


def _invite_result(person: Invitee, answer: Mapping[str, Any]) -> InviteResult:
    is_kept, reason = bool(answer.get("kept")), str(answer.get("reason") or "")
    is_sent, warning = bool(answer.get("sent")) and not is_kept, str(answer.get("warning") or "")
    return InviteResult(person.name, person.email, is_sent, is_kept, reason, warning)


def _with_zone(time: datetime | None) -> datetime | None:
    # A session may return the server's times, which are UTC, without a zone, or as Arrow objects.
    time = to_datetime(time)
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
