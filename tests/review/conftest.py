"""A version in a review session, and functions that write notes on it as the review page and other clients do."""

from __future__ import annotations

import json
from uuid import uuid4

import attrs
import pytest

from ft_dcc.session import operations


@attrs.frozen
class Reviewed:
    """A version, its entry in the review session ``Dailies``, and an invitee called Ida."""

    session: object
    review_id: str
    task_id: str
    asset_id: str
    version_id: str
    object_id: str
    invitee_id: str
    user_id: str

    def add_version(self, number):
        """Add a version of the asset to the review session and return it with its entry."""
        return add_version(self.session, self, number)

    def write(self, text, *, frame=None, shapes=(), parent=None, metadata=None, data=None, **values):
        """Write a note as the review page does and return its id."""
        parent_type, parent_id = parent or ("ReviewSessionObject", self.object_id)
        note_id, annotation_id = str(uuid4()), str(uuid4())
        own = dict(metadata or {})
        if frame is not None:
            own["frame"] = frame
        calls = [
            operations.create(
                "Note", {"id": note_id, "content": text, "parent_id": parent_id, "parent_type": parent_type, **values}
            )
        ]
        if shapes or data is not None:
            own["annotation_id"] = annotation_id
            stored = data or json.dumps({"version": 2, "author": "Ida", "shapes": list(shapes)})
            drawing = {"id": annotation_id, "frame_number": frame, "data": stored}
            calls.append(
                operations.create(
                    "ReviewSessionObjectAnnotation", {**drawing, "review_session_object_id": self.object_id}
                )
            )
        entry = {"parent_id": note_id, "parent_type": "Note", "key": "ft_dcc", "value": json.dumps(own)}
        calls.append(operations.create("Metadata", entry))
        self.session.call(calls)
        return note_id


def add_version(session, reviewed, number):
    version_id, object_id = str(uuid4()), str(uuid4())
    movie_id = str(uuid4())
    exact = {"fps": "24/1", "first_frame": 993, "frame_count": 64}
    player = {"frameIn": 993, "frameOut": 1056, "frameRate": 24.0, "width": 1280, "height": 720}
    session.call(
        [
            operations.create(
                "AssetVersion",
                {
                    "id": version_id,
                    "asset_id": reviewed.asset_id,
                    "task_id": reviewed.task_id,
                    "version": number,
                },
            ),
            operations.create("FileComponent", {"id": movie_id, "name": "ftrackreview-mp4", "version_id": version_id}),
            *(
                operations.create(
                    "Metadata",
                    {"parent_id": movie_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)},
                )
                for key, value in (("ft_dcc", exact), ("ftr_meta", player))
            ),
            operations.create(
                "ReviewSessionObject",
                {
                    "id": object_id,
                    "review_session_id": reviewed.review_id,
                    "version_id": version_id,
                    "name": "sh010 main",
                    "description": "",
                },
            ),
        ]
    )
    return version_id, object_id


@attrs.define
class _Parts:
    task_id: str
    asset_id: str
    review_id: str


@pytest.fixture
def reviewed(session, project, project_task):
    user = session.query(f'User where username is "{session.api_user}"').one()
    shot_id = project_task["parent_id"]
    asset_type = session.query("AssetType").first()
    parts = _Parts(project_task["id"], str(uuid4()), str(uuid4()))
    invitee_id = str(uuid4())
    session.call(
        [
            operations.create(
                "Asset", {"id": parts.asset_id, "name": "main", "context_id": shot_id, "type_id": asset_type["id"]}
            ),
            operations.create("ReviewSession", {"id": parts.review_id, "name": "Dailies", "project_id": project["id"]}),
            operations.create(
                "ReviewSessionInvitee",
                {
                    "id": invitee_id,
                    "name": "Ida Berg",
                    "email": "ida@example.com",
                    "review_session_id": parts.review_id,
                },
            ),
        ]
    )
    version_id, object_id = add_version(session, parts, 1)
    return Reviewed(
        session, parts.review_id, parts.task_id, parts.asset_id, version_id, object_id, invitee_id, user["id"]
    )
