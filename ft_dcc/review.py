"""Review sessions: find one, open one, put a version into it, link to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import ReviewSessionClosed
from ft_dcc.session import operations
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entity import Entity

# Any fixed id does: two publishers that open the same session at once must come to the same id.
_NAMESPACE = uuid.UUID("6f0c1f0e-3f0b-4b8c-9a3d-5a7c2f6d1e90")


@attrs.frozen
class OpenReview:
    """A review session that takes versions; ``page`` is where it can be seen, None where the server does not say."""

    id: str
    name: str
    project_id: str
    project: str
    page: str | None


def find(session: Session, project_id: str, id_or_name: str) -> Entity | None:
    """Return the review session with this id, or the newest one of the project with this name, or None.

    Raises ReviewSessionClosed when it is there and takes nothing new.
    """
    select = "select id, name, is_open, start_date, end_date, project_id from ReviewSession where"
    wanted = quoted(id_or_name)
    found: Entity | None = session.query(
        f"{select} project_id is {quoted(project_id)} and (id is {wanted} or name is {wanted}) order by created_at desc"
    ).first()
    if found is not None and not found["is_open"] and not is_to_come(found["start_date"], found["end_date"]):
        raise ReviewSessionClosed(
            f"The review session {found['name']} is closed. Open it again, or publish into another one."
        )
    return found


def open_reviews(session: Session, limit: int = 200) -> Iterator[OpenReview]:
    """Yield the review sessions that are open, the newest first."""
    select = "select name, project_id, project.name from ReviewSession"
    found = session.query(f"{select} where is_open is true order by created_at desc limit {limit}").all()
    links = pages(session, [review["id"] for review in found])
    for review in found:
        page = links.get(review["id"])
        yield OpenReview(review["id"], review["name"], review["project_id"], review["project"]["name"], page)


def is_to_come(start: datetime | None, end: datetime | None) -> bool:
    """Whether a review session with these dates has not begun: it is shown to nobody yet, and takes versions."""
    now = datetime.now(timezone.utc)
    return start is not None and _aware(start) > now and (end is None or _aware(end) > now)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def identify(session: Session, project_id: str, name: str) -> str:
    """Return the id that a new review session of this name gets: the same for everybody who opens it."""
    derived = str(uuid.uuid5(_NAMESPACE, f"{project_id}/{name}"))
    # One that was renamed since keeps its id.
    return derived if session.get("ReviewSession", derived) is None else str(uuid.uuid4())


def opening(review_session_id: str, project_id: str, name: str) -> dict[str, Any]:
    """Return the operation that opens a review session."""
    return operations.create("ReviewSession", {"id": review_session_id, "name": name, "project_id": project_id})


def adding(object_id: str, review_session_id: str, version_id: str, *, name: str, description: str) -> dict[str, Any]:
    """Return the operation that puts a version into a review session, under the name that reviewers read."""
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


def numbering(object_id: str, version: int) -> dict[str, Any]:
    """Return the operation after which reviewers read the version's number; repeating it is harmless."""
    return operations.update("ReviewSessionObject", object_id, {"version": f"Version {version}"})


def link(session: Session, review_session_id: str, object_id: str, version_id: str) -> str:
    """Return the address at which this version can be seen.

    The studio server says where its review page is; an ftrack site shows the version in its player.
    """
    page = pages(session, [review_session_id]).get(review_session_id)
    return f"{session.server_url}/player/version/{version_id}" if page is None else f"{page}#{object_id}"


def pages(session: Session, review_session_ids: Iterable[str]) -> dict[str, str]:
    """Return the addresses of the review pages that a studio server has, by session; an ftrack site has none.

    The attribute is asked for by name: a studio with a site's own schema has it, and its schema does not.
    """
    listed = ", ".join(map(quoted, review_session_ids))
    if not listed or session.server_information.get("product") != {"name": "ft-dcc"}:
        return {}
    asked = operations.query(f"select id, review_url from ReviewSession where id in ({listed})")
    return {found["id"]: found["review_url"] for found in json.loads(session.post([asked]))[0]["data"]}
