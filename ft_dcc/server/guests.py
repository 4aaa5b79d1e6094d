"""What an invitee may do on the review page: write a note, draw on a frame, say yes or no."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import select

from ft_dcc.errors import DuplicateEntryError, Forbidden, NoSuchThing, ValidationError
from ft_dcc.server.access import Caller
from ft_dcc.server.api import answer
from ft_dcc.server.drawings import read_shapes, write_data
from ft_dcc.server.entities.batch import Operation, change, creation
from ft_dcc.server.feedback import NOTE_KEY
from ft_dcc.server.rights import Rights
from ft_dcc.server.studio import Studio
from ft_dcc.server.visits import Visit

STATUSES = ("approved", "require_changes", "seen")
_LONGEST_NOTE = 10_000
_FARTHEST_FRAME = 10**7
# Two pages of one invitee that say something at once must mean the same status.
_STATUS_NAMES = UUID("0f6f0f7c-6c6c-4d9b-8a46-0c8a2f6a6a7b")


def write_note(studio: Studio, visit: Visit, given: dict[str, Any]) -> None:
    """The object has the note, by the visitor, with its frame and drawing; sent again with the same id it is the same.

    Raises Forbidden, NoSuchThing, ValidationError or ReviewSessionClosedError.
    """
    object_id = _require(studio, visit, given)
    content, frame, drawing = given.get("content", ""), given.get("frame"), given.get("drawing")
    if not isinstance(content, str) or len(content) > _LONGEST_NOTE:
        raise ValidationError(f"A note is a text of at most {_LONGEST_NOTE} characters. Write a shorter one.")
    if frame is not None and (isinstance(frame, bool) or not isinstance(frame, int) or abs(frame) > _FARTHEST_FRAME):
        raise ValidationError("The frame of a note is a whole number. Send one, or none.")
    shapes = read_shapes(drawing) if drawing else []
    if not content.strip() and not shapes:
        raise ValidationError("A note has words or a drawing. Write something.")
    if shapes and frame is None:
        raise ValidationError("A drawing is on a frame. Send its number.")
    note_id = _id_of(given)
    about: dict[str, Any] = {"invitee_id": visit.invitee_id}
    note = {"id": note_id, "content": content.strip(), "parent_id": object_id, "parent_type": "ReviewSessionObject"}
    operations = [creation("Note", note)]
    if frame is not None:
        about["frame"] = frame
    if shapes:
        about["annotation_id"] = str(uuid5(_STATUS_NAMES, note_id))
        data = {"frame_number": frame, "data": write_data(shapes, visit.name), "review_session_object_id": object_id}
        operations.append(creation("ReviewSessionObjectAnnotation", {"id": about["annotation_id"], **data}))
    value = json.dumps(about, sort_keys=True)
    entry = {"parent_id": note_id, "parent_type": "Note", "key": NOTE_KEY, "value": value}
    operations.append(creation("Metadata", entry))
    _write(studio, visit, operations)


def set_status(studio: Studio, visit: Visit, given: dict[str, Any]) -> None:
    """The object has this status from the visitor; "seen" takes nothing back that was said before.

    Raises Forbidden, NoSuchThing, ValidationError or ReviewSessionClosedError.
    """
    object_id = _require(studio, visit, given)
    status = given.get("status")
    if status not in STATUSES:
        raise ValidationError(f"A status is one of {', '.join(STATUSES)}. Send one of them.")
    found = _status_of(studio, visit, object_id)
    if found is None:
        place = {"review_session_object_id": object_id, "review_session_invitee_id": visit.invitee_id}
        status_id = str(uuid5(_STATUS_NAMES, f"{object_id}/{visit.invitee_id}"))
        try:
            _write(studio, visit, [creation("ReviewSessionObjectStatus", {"id": status_id, "status": status, **place})])
            return
        except DuplicateEntryError:
            found = status_id
    if status != "seen":
        _write(studio, visit, [change("ReviewSessionObjectStatus", found, {"status": status})])


def _require(studio: Studio, visit: Visit, given: dict[str, Any]) -> str:
    """Return the id of the object that is meant, which is one of this session's."""
    if not visit.may_write:
        raise Forbidden("Notes are written by those who are invited, while the review is open. Ask for an invitation.")
    item = studio.store.tables.by_family["ReviewSessionObject"]
    asked = select(item.c.id).where(item.c.review_session_id == visit.review_session_id)
    with studio.store.reading() as connection:
        found: str | None = connection.scalar(asked.where(item.c.id == str(given.get("object"))))
    if found is None:
        raise NoSuchThing("This review session has no such version. Load the page again.")
    return found


def _status_of(studio: Studio, visit: Visit, object_id: str) -> str | None:
    status = studio.store.tables.by_family["ReviewSessionObjectStatus"]
    is_it = (status.c.review_session_object_id == object_id, status.c.review_session_invitee_id == visit.invitee_id)
    with studio.store.reading() as connection:
        found: str | None = connection.scalar(select(status.c.id).where(*is_it).limit(1))
    return found


def _id_of(given: dict[str, Any]) -> str:
    try:
        return str(UUID(str(given["id"]))) if "id" in given else str(uuid4())
    except ValueError as error:
        raise ValidationError("The id of a note is a UUID. Send one, or none.") from error


def _write(studio: Studio, visit: Visit, operations: list[Operation]) -> None:
    guest = Caller(str(visit.invitee_id), visit.name or "guest", is_guest=True)
    projects = () if visit.project_id is None else (visit.project_id,)
    rights = Rights(is_administrator=False, makes_projects=False, projects=projects)
    answer(studio, guest, operations, "", rights=rights)
