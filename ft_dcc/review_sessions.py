"""Review sessions as those who run them know them: which there are, until when they are open, who is invited."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import ServerCompatibilityError, SettingInvalid
from ft_dcc.review import is_to_come, pages
from ft_dcc.session import operations
from ft_dcc.session.codec import new_id
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entity import Entity

_VALUES = "id, name, is_open, start_date, end_date, passphrase_enabled, shareable_url_enabled, project.name"
_NO_NAME = "A person to invite is written as 'Ida Berg <ida@example.com>', not {text!r}."


@attrs.frozen
class Review:
    """A review session; ``state`` is open, closed or to come, and ``link`` None where a site has no page for it."""

    id: str
    name: str
    project: str
    state: str
    start: datetime.datetime | None
    end: datetime.datetime | None
    is_private: bool
    has_passphrase: bool
    link: str | None


@attrs.frozen
class Person:
    """Somebody who is, or is to be, invited."""

    name: str
    email: str

    @classmethod
    def parse(cls, text: str) -> Person:
        """Return who is meant by ``Ida Berg <ida@example.com>``, or by the address alone; raises SettingInvalid."""
        name, email = parseaddr(text)
        if "@" not in email.strip("@"):
            raise SettingInvalid(_NO_NAME.format(text=text))
        return cls(name or email.split("@")[0], email)


@attrs.frozen
class Invited:
    """What became of an invitation: sent, kept in the studio's outbox, or with the ``reason`` why it was not sent.

    ``warning`` says what whoever is invited may stumble over.
    """

    name: str
    email: str
    is_sent: bool
    is_kept: bool
    reason: str
    warning: str


def find_reviews(session: Session, project: str | None = None) -> list[Review]:
    """Return the review sessions of a project, by its name, or of all, the newest first.

    Raises SettingInvalid when there is no such project.
    """
    if project is not None:
        _project_id(session, project)
    where = "" if project is None else f" where project.name is {quoted(project)}"
    found = session.query(f"select {_VALUES} from ReviewSession{where} order by created_at desc").all()
    links = pages(session, [review["id"] for review in found])
    return [_read(review, links.get(review["id"])) for review in found]


def _project_id(session: Session, name: str) -> str:
    found = session.query(f"select id from Project where name is {quoted(name)}").first()
    if found is None:
        raise SettingInvalid(f"There is no project '{name}' on {session.server_url}. Check the name.")
    return str(found["id"])


def need_review(session: Session, id_or_name: str, project: str | None = None) -> Review:
    """Return the one review session that is meant, by its id, the beginning of it, or its name.

    Raises SettingInvalid when there is none, with the nearest names, or more than one.
    """
    known = find_reviews(session, project)
    found = [review for review in known if id_or_name in (review.id, review.name)]
    found = found or [review for review in known if len(id_or_name) >= 8 and review.id.startswith(id_or_name)]
    if not found:
        nearest = difflib.get_close_matches(id_or_name, [review.name for review in known], n=3, cutoff=0.4)
        remedy = f"The nearest: {', '.join(nearest)}." if nearest else "See: ft-dcc review list"
        raise SettingInvalid(f"There is no review session '{id_or_name}' on {session.server_url}. {remedy}")
    if len(found) > 1:
        ids = ", ".join(f"{review.id[:8]} of {review.project}" for review in found)
        raise SettingInvalid(f"There are {len(found)} review sessions '{id_or_name}': {ids}. Name one by its id.")
    return found[0]


def read_content(session: Session, review: Review) -> dict[str, Any]:
    """Return the versions of a review session with what was said of each, and who is invited."""
    of_session = f"review_session_id is {quoted(review.id)}"
    members = session.query(
        "select id, name, version, version_id, notes.id, statuses.status, statuses.invitee.name "
        f"from ReviewSessionObject where {of_session} order by sort_order"
    )
    people = session.query(f"select id, name, email, last_sent_at from ReviewSessionInvitee where {of_session}")
    return {
        "versions": [
            {
                "id": member["id"],
                "name": member["name"],
                "version": member["version"],
                "version_id": member["version_id"],
                "statuses": [
                    {"who": (status["invitee"] or {"name": "somebody"})["name"], "status": status["status"]}
                    for status in member["statuses"]
                ],
                "notes": len(member["notes"]),
            }
            for member in members
        ],
        "invitees": [
            {
                "id": person["id"],
                "name": person["name"],
                "email": person["email"],
                "sent": _text(person["last_sent_at"]),
            }
            for person in people
        ],
    }


def create_review(session: Session, project: str, name: str, dates: Mapping[str, Any]) -> Review:
    """Return a new review session of the project; ``dates`` are as in :func:`schedule`. Raises SettingInvalid."""
    project_id = _project_id(session, project)
    known = [review for review in find_reviews(session, project) if review.name == name]
    if known:
        raise SettingInvalid(f"{project} has a review session '{name}' already ({known[0].id[:8]}).")
    review_id = new_id()
    data = {"id": review_id, "name": name, "project_id": project_id, **dates}
    session.call([operations.create("ReviewSession", data)])
    return need_review(session, review_id)


def schedule(session: Session, review: Review, dates: Mapping[str, datetime.datetime | None]) -> Review:
    """Return the review session with another ``start_date`` or ``end_date``; None is no limit on that side."""
    start, end = dates.get("start_date", review.start), dates.get("end_date", review.end)
    if start is not None and end is not None and end <= start and "start_date" in dates:
        raise SettingInvalid(f"'{review.name}' would end before it begins. Give a later end, or an earlier start.")
    return _change(session, review, **dates)


def close(session: Session, review: Review) -> Review:
    """Return the review session, which takes nothing new from now on."""
    return _change(session, review, end_date=_now())


def open_again(session: Session, review: Review, until: datetime.datetime | None = None) -> Review:
    """Return the review session, which is open from now on, until then or without an end."""
    is_early = review.start is not None and review.start > _now()
    return _change(session, review, end_date=until, **({"start_date": _now()} if is_early else {}))


def set_passphrase(session: Session, review: Review, passphrase: str | None) -> Review:
    """Return the review session, which asks for this passphrase, or for none."""
    return _change(session, review, passphrase=passphrase, passphrase_enabled=passphrase is not None)


def share(session: Session, review: Review, *, is_private: bool) -> Review:
    """Return the review session, whose link opens to whoever has it, or to nobody but those who are invited."""
    return _change(session, review, shareable_url_enabled=not is_private)


def invite(session: Session, review: Review, people: Sequence[Person]) -> list[Invited]:
    """Each of the people is an invitee of the review session, and has been sent a link; earlier links are void.

    Returns what became of each mail. Raises ServerError when the review session is closed.
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
    return [_invited(person, answer) for person, answer in zip(people, answers)]


def revoke(session: Session, review: Review, who: str, *, is_removed: bool = False) -> str:
    """Return the name of the invitee whose links open nothing any more; removed, all that he said goes, too.

    Raises SettingInvalid for somebody who is not invited, and where a site can only remove.
    """
    people = read_content(session, review)["invitees"]
    found = [person for person in people if who.lower() in (person["email"].lower(), person["name"].lower())]
    if len(found) != 1:
        listed = ", ".join(person["email"] for person in people) or "nobody"
        raise SettingInvalid(f"'{who}' is not one invitee of '{review.name}'. Invited: {listed}.")
    key = found[0]["id"]
    if is_removed:
        session.call([operations.delete("ReviewSessionInvitee", key)])
        return str(found[0]["name"])
    try:
        session.call([{"action": "revoke_review_session_invite", "review_session_invitee_id": key}])
    except ServerCompatibilityError as error:
        raise SettingInvalid(
            f"{session.server_url} takes an invitation back only with the invitee and all that was said. Use --remove."
        ) from error
    return str(found[0]["name"])


def _read(found: Entity, link: str | None) -> Review:
    start, end = _moment(found["start_date"]), _moment(found["end_date"])
    return Review(
        id=found["id"],
        name=found["name"],
        project=found["project"]["name"],
        state="open" if found["is_open"] else "to come" if is_to_come(start, end) else "closed",
        start=start,
        end=end,
        is_private=not found["shareable_url_enabled"],
        has_passphrase=bool(found["passphrase_enabled"]),
        link=link,
    )


def _change(session: Session, review: Review, **values: Any) -> Review:
    session.call([operations.update("ReviewSession", review.id, values)])
    return need_review(session, review.id)


def _invited(person: Person, answer: Mapping[str, Any]) -> Invited:
    is_kept, reason = bool(answer.get("kept")), str(answer.get("reason") or "")
    is_sent, warning = bool(answer.get("sent")) and not is_kept, str(answer.get("warning") or "")
    return Invited(person.name, person.email, is_sent, is_kept, reason, warning)


def _moment(value: Any) -> datetime.datetime | None:
    """Return the time with a zone; a session tells the server's times, which are UTC."""
    if value is None:
        return None
    moment: datetime.datetime = value
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)


def _text(value: Any) -> str | None:
    moment = _moment(value)
    return None if moment is None else moment.isoformat()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
