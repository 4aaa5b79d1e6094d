"""Review sessions: find, create, schedule, share and link to them, and add versions and what they follow."""

from __future__ import annotations

import difflib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Optional

import attrs

from ft_dcc.errors import ReviewSessionClosed, SettingInvalid
from ft_dcc.production.tasks import find_task
from ft_dcc.production.versions import find_version_id
from ft_dcc.session import Session, operations
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.expression import Condition, field, find, quoted
from ft_dcc.session.query.query import MAX_KEYS_PER_QUERY
from ft_dcc.session.transport.codec import new_id, to_datetime

# Fixed, so that two publishers that create the same session at once derive the same id.
ENTITY_TYPE, NAMESPACE = "ReviewSession", uuid.UUID("6f0c1f0e-3f0b-4b8c-9a3d-5a7c2f6d1e90")
# Which version stands for an entity that a session follows: its status, and the type of its task; None for any.
Rule = tuple[Optional[str], Optional[str]]
NEWEST = "newest"
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


def find_open(session: Session, project_id: str, id_or_name: str) -> Entity | None:
    """Return the session with this id, the newest with this name, or None; raise ReviewSessionClosed."""
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
    """Return whether a session that the server says is not open will start; it takes versions already."""
    end = with_zone(end)
    return start is not None and (end is None or end > datetime.now(timezone.utc))


def create_session_op(review_session_id: str, project_id: str, name: str) -> dict[str, Any]:
    """Return the operation that creates a review session."""
    return operations.create("ReviewSession", {"id": review_session_id, "name": name, "project_id": project_id})


def add_version_op(
    object_id: str, review_session_id: str, version_id: str, *, name: str, description: str
) -> dict[str, Any]:
    """Return the operation that adds a version to a review session; reviewers see ``name``."""
    data = {"id": object_id, "review_session_id": review_session_id, "version_id": version_id}
    return operations.create("ReviewSessionObject", {**data, "name": name, "description": description})


def add_versions(session: Session, review: Review, version_ids: Sequence[str], description: str = "") -> list[str]:
    """Add versions in one transaction, and return the ids of new ones; raise SettingInvalid for unknown ones."""
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
    """Return the URLs of a studio server's review pages by session id; an ftrack site has none."""
    # The query is posted as text, because the attribute is missing from the schema of a studio with a site's schema.
    listed = ", ".join(map(quoted, review_session_ids))
    if not listed or session.server_information.get("product") != {"name": "ft-dcc"}:
        return {}
    asked = operations.query(f"select id, review_url from ReviewSession where id in ({listed})")
    return {found["id"]: found["review_url"] for found in json.loads(session.post([asked]))[0]["data"]}


def find_reviews(session: Session, project: str | None = None) -> list[Review]:
    """Return the review sessions of a project or of all, newest first; raise SettingInvalid for an unknown project."""
    if project is not None:
        project_id(session, project)
    where = "" if project is None else f" where project.name is {quoted(project)}"
    found = session.query(f"select {_ATTRIBUTES} from ReviewSession{where} order by created_at desc").all()
    links = page_links(session, [review["id"] for review in found])
    return [_to_review(review, links.get(review["id"])) for review in found]


def project_id(session: Session, name: str) -> str:
    """Return the id of the project with this name; raise SettingInvalid if there is none."""
    found = session.query(f"select id from Project where name is {quoted(name)}").first()
    if found is None:
        raise SettingInvalid(f"There is no project '{name}' on {session.server_url}. Check the name.")
    return str(found["id"])


def get_review_session(session: Session, id_or_name: str, project: str | None = None) -> Review:
    """Return the session of this id, its first 8 characters, or name; raise SettingInvalid for none or several."""
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


def create_review(session: Session, project: str, name: str, dates: Mapping[str, Any]) -> Review:
    """Create a review session; ``dates`` are as in ``schedule``. Raises SettingInvalid if the name exists already."""
    id_of_project = project_id(session, project)
    known = [review for review in find_reviews(session, project) if review.name == name]
    if known:
        raise SettingInvalid(
            f"{project} has a review session '{name}' already ({known[0].id[:8]}). Choose another name."
        )
    _check_dates(name, dates.get("start_date"), dates.get("end_date"))
    review_id = new_id()
    data = {"id": review_id, "name": name, "project_id": id_of_project, **dates}
    session.call([operations.create("ReviewSession", data)])
    return get_review_session(session, review_id)


def _check_dates(name: str, start: datetime | None, end: datetime | None) -> None:
    # An end that has passed closes a session, also one that has not opened yet.
    if start is not None and end is not None and datetime.now(timezone.utc) < end <= start:
        raise SettingInvalid(f"'{name}' would end before it starts. Give a later end or an earlier start.")


def schedule(session: Session, review: Review, dates: Mapping[str, datetime | None]) -> Review:
    """Set ``start_date`` or ``end_date``, where None removes the limit, and return the changed review session."""
    start, end = dates.get("start_date", review.start), dates.get("end_date", review.end)
    _check_dates(review.name, start, end)
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


def _to_review(found: Entity, link: str | None) -> Review:
    start, end = with_zone(found["start_date"]), with_zone(found["end_date"])
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


def with_zone(time: datetime | None) -> datetime | None:
    """Return a time of the server with its zone, UTC; a session may return it without one, or as an Arrow object."""
    time = to_datetime(time)
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=timezone.utc)


def find_items(session: Session, texts: Iterable[str], query: str | None = None) -> tuple[list[str], list[str]]:
    """Return the ids of the versions, and those of other entities, at these ids or paths and of a query.

    Raises SettingInvalid for a path of no version, and TaskNotFound for another one.
    """
    versions, entities = list[str](), list[str]()
    for text in texts:
        found, key = find_version_id(session, text), quoted(text)
        if found == text and "/" in text:
            entities.append(str(find_task(session, text, or_parent=True)["id"]))
            continue
        is_it = {"Project": f"id is {key} or name is {key}", "TypedContext": f"id is {key}", "Asset": f"id is {key}"}
        known = [
            each for name, where in is_it.items() for each in session.query(f"select id from {name} where {where}")
        ]
        (entities if known else versions).append(known[0]["id"] if known else found)
    for entity in session.query(query) if query else ():
        (versions if entity.entity_type == "AssetVersion" else entities).append(entity["id"])
    return list(dict.fromkeys(versions)), list(dict.fromkeys(entities))


def follow(session: Session, review: Review, ids: Sequence[str], rule: Rule, description: str = "") -> list[str]:
    """Let the session follow entities that it does not follow by this rule; return the ids of the versions added."""
    status, task_type = rule[0] or NEWEST, rule[1]
    has_type = "task_type is none" if task_type is None else f"task_type like {quoted(task_type)}"
    of_session = f"from ReviewSessionObject where review_session_id is {quoted(review.id)}"
    known = session.query(f"select entity_id {of_session} and follows like {quoted(status)} and {has_type}")
    missing = dict.fromkeys(ids).keys() - {each["entity_id"] for each in known}
    values = {"review_session_id": review.id, "follows": status, "task_type": task_type, "description": description}
    new = [{**values, "id": new_id(), "entity_id": each} for each in ids if each in missing]
    shown = operations.query(f"select id, version_id {of_session} and version_id is_not none")
    before, *_, after = session.call([shown, *(operations.create("ReviewSessionObject", each) for each in new), shown])
    there = {each["id"] for each in before["data"]}
    return [str(each["version_id"]) for each in after["data"] if each["id"] not in there]


def versions_of(session: Session, ids: Sequence[str], rule: Rule) -> list[str]:
    """Return the version that stands for each of these entities now, or for each shot below one."""
    newest: dict[str, str] = {}
    for start in range(0, len(ids), MAX_KEYS_PER_QUERY):
        wanted = ids[start : start + MAX_KEYS_PER_QUERY]
        paths = "asset_id", "task_id", "asset.context_id", "asset.parent.parent_id", "asset.parent.parent.parent_id"
        is_of = Condition(" or ".join(str(field(path).is_in(wanted)) for path in paths), is_alternative=True)
        query = find("AssetVersion").select("asset_id", "task_id", "asset.context_id").where(is_of, *_fulfils(rule))
        for version in session.query(query.order_by("date").order_by("version")):
            own = (version[name] for name in ("asset_id", "task_id") if version[name] in wanted)
            newest[next(own, version["asset"]["context_id"])] = version["id"]
    return list(newest.values())


def published_since(session: Session, project: str, since: datetime | None, rule: Rule, review: str) -> list[str]:
    """Return the versions of a project since a time, or since its newest review session beside this one was created."""
    others = find("ReviewSession").where(field("project.name") == project, field("name") != review)
    query = find("AssetVersion").select("id").where(field("asset.parent.project.name") == project, *_fulfils(rule))
    for last in session.query(others.select("created_at").order_by("created_at", descending=True).limit(1)):
        since = since or last["created_at"]
    query = query if since is None else query.where(field("date") >= since)
    return [str(each["id"]) for each in session.query(query.order_by("date"))]


def _fulfils(rule: Rule) -> list[Condition]:
    return [field(path).like(value) for path, value in zip(("status.name", "task.type.name"), rule) if value]
