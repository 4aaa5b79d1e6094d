"""A version in a review session, and functions that write notes on it as the review page and other clients do."""

from __future__ import annotations

import json
from types import SimpleNamespace
from uuid import uuid4

import attrs
import pytest
from doubles.reviews import create

from ft_dcc.session import operations


@attrs.frozen
class Reviewed:
    """A version, its entry in the review session ``Dailies``, and an invitee called Ida."""

    session: object
    ids: SimpleNamespace
    version_id: str
    object_id: str
    user_id: str

    def add_version(self, number):
        """Add a version of the asset to the review session and return it with its entry."""
        return add_version(self.session, self.ids, number)

    def write(self, text, *, frame=None, shapes=(), parent=None, metadata=None, data=None, **values):
        """Write a note as the review page does and return its id."""
        parent_type, parent_id = parent or ("ReviewSessionObject", self.object_id)
        note_id, annotation_id = str(uuid4()), str(uuid4())
        own = dict(metadata or {})
        if frame is not None:
            own["frame"] = frame
        calls = [create("Note", id=note_id, content=text, parent_id=parent_id, parent_type=parent_type, **values)]
        if shapes or data is not None:
            own["annotation_id"] = annotation_id
            stored = data or json.dumps({"version": 2, "author": "Ida", "shapes": list(shapes)})
            drawing = {"id": annotation_id, "frame_number": frame, "data": stored}
            calls.append(create("ReviewSessionObjectAnnotation", **drawing, review_session_object_id=self.object_id))
        calls.append(_metadata("Note", note_id, "ft_dcc", own))
        self.session.call(calls)
        return note_id


def _metadata(parent_type, parent_id, key, value):
    entry = {"parent_id": parent_id, "parent_type": parent_type, "key": key, "value": json.dumps(value)}
    return operations.create("Metadata", entry)


def add_version(session, ids, number):
    version_id, object_id, movie_id = (str(uuid4()) for _ in range(3))
    place = {"review_session_id": ids.session, "version_id": version_id, "name": "sh010 main", "description": ""}
    metadata = {
        "ft_dcc": {"fps": "24/1", "first_frame": 993, "frame_count": 64},
        "ftr_meta": {"frameIn": 993, "frameOut": 1056, "frameRate": 24.0, "width": 1280, "height": 720},
    }
    session.call(
        [
            create("AssetVersion", id=version_id, asset_id=ids.asset, task_id=ids.task, version=number),
            create("FileComponent", id=movie_id, name="ftrackreview-mp4", version_id=version_id),
            create("ReviewSessionObject", id=object_id, **place),
            *(_metadata("FileComponent", movie_id, key, value) for key, value in metadata.items()),
        ]
    )
    return version_id, object_id


@pytest.fixture
def reviewed(session, project, project_task):
    user = session.query(f'User where username is "{session.api_user}"').one()
    asset_type = session.query("AssetType").first()
    ids = SimpleNamespace(task=project_task["id"], **{name: str(uuid4()) for name in ("asset", "session", "invitee")})
    shot_id, ida = project_task["parent_id"], {"name": "Ida Berg", "email": "ida@example.com"}
    session.call(
        [
            create("Asset", id=ids.asset, name="main", context_id=shot_id, type_id=asset_type["id"]),
            create("ReviewSession", id=ids.session, name="Dailies", project_id=project["id"]),
            create("ReviewSessionInvitee", id=ids.invitee, review_session_id=ids.session, **ida),
        ]
    )
    version_id, object_id = add_version(session, ids, 1)
    return Reviewed(session, ids, version_id, object_id, user["id"])
