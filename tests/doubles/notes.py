"""Notes of reviewers with drawings on a version, created as the review page creates them."""

import json
from uuid import uuid4

from ft_dcc.session import operations

PEN = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0.25, 0.25, 0.5], [0.75, 0.5, 0.5]]}


def add_version_to_review(session, task):
    asset, version, review, entry = (str(uuid4()) for _ in range(4))
    asset_type = session.query("AssetType").first()["id"]
    values = {
        "Asset": {"id": asset, "name": "main", "context_id": task["parent_id"], "type_id": asset_type},
        "AssetVersion": {"id": version, "asset_id": asset, "task_id": task["id"]},
        "ReviewSession": {"id": review, "name": "Dailies", "project_id": task["project_id"]},
        "ReviewSessionObject": {
            "id": entry,
            "review_session_id": review,
            "version_id": version,
            "name": "x",
            "description": "",
        },
    }
    session.call([operations.create(*each) for each in values.items()])
    return entry


def write_note(session, entry, text, frame=1002, data=None):
    note, annotation = str(uuid4()), str(uuid4())
    drawing = json.dumps(data or {"version": 2, "shapes": [PEN]})
    own = json.dumps({"frame": frame, "annotation_id": annotation})
    values = {
        "Note": {"id": note, "content": text, "parent_id": entry, "parent_type": "ReviewSessionObject"},
        "ReviewSessionObjectAnnotation": {
            "id": annotation,
            "frame_number": frame,
            "data": drawing,
            "review_session_object_id": entry,
        },
        "Metadata": {"parent_id": note, "parent_type": "Note", "key": "ft_dcc", "value": own},
    }
    session.call([operations.create(*each) for each in values.items()])
    return note


def assign(session, task_id, *more):
    """Assign the task to the user with more operations, and return the assignment's id.

    Delete it again: without any assignment, all tasks are offered to publish to.
    """
    user = session.query(f'User where username is "{session.api_user}"').one()
    assignment = str(uuid4())
    values = {"id": assignment, "context_id": task_id, "resource_id": user["id"], "type": "assignment"}
    session.call([operations.create("Appointment", values), *more])
    return assignment
