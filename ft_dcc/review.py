"""Review sessions: find one, open one, put a version into it, link to it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ReviewSessionClosed
from ft_dcc.session import operations
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.entity import Entity

# Any fixed id does: two publishers that open the same session at once must come to the same id.
_NAMESPACE = uuid.UUID("6f0c1f0e-3f0b-4b8c-9a3d-5a7c2f6d1e90")


def find(session: Session, project_id: str, id_or_name: str) -> Entity | None:
    """Return the review session with this id, or the newest one of the project with this name, or None.

    Raises ReviewSessionClosed when it is there and takes nothing new.
    """
    select = "select id, name, is_open, project_id from ReviewSession where"
    wanted = quoted(id_or_name)
    found: Entity | None = session.query(
        f"{select} project_id is {quoted(project_id)} and (id is {wanted} or name is {wanted}) order by created_at desc"
    ).first()
    if found is not None and not found["is_open"]:
        raise ReviewSessionClosed(
            f"The review session {found['name']} is closed. Open it again, or publish into another one."
        )
    return found


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

    The studio server says where its review page is (``ReviewSession.review_url``); an ftrack site shows the
    version in its player.
    """
    if "review_url" in session.types["ReviewSession"].attributes:
        found = session.query(f"select review_url from ReviewSession where id is {quoted(review_session_id)}").one()
        return f"{found['review_url']}#{object_id}"
    return f"{session.server_url}/player/version/{version_id}"
