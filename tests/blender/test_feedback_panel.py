"""The operators of the panel of notes in real Blender, with a running studio server."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
from ft_dcc.session import operations

PEN = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0.25, 0.25, 0.5], [0.75, 0.5, 0.5]]}


@pytest.fixture
def controller(scene, bpy, studio_server, project_task, tmp_path, monkeypatch):
    """Register the add-on, sign in and choose a task."""
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    import ft_dcc_blender
    from ft_dcc_blender.host import BlenderHost
    from ft_dcc_blender.ui.controller import CONTROLLER

    ft_dcc_blender.register()
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert CONTROLLER.wait(TIMEOUT_SECONDS) and CONTROLLER.error == ""
    BlenderHost().remember_task(project_task["id"])
    yield CONTROLLER
    ft_dcc_blender.unregister()


@pytest.fixture
def note_id(session, project, project_task):
    """Write a note with a drawing on frame 1004 of a version of the task."""
    asset, version, review, entry, note, annotation = (str(uuid4()) for _ in range(6))
    asset_type = session.query("AssetType").first()["id"]
    shot = project_task["parent_id"]
    data = json.dumps({"version": 2, "shapes": [PEN]})
    own = json.dumps({"frame": 1004, "annotation_id": annotation})
    session.call(
        [
            operations.create("Asset", {"id": asset, "name": "main", "context_id": shot, "type_id": asset_type}),
            operations.create("AssetVersion", {"id": version, "asset_id": asset, "task_id": project_task["id"]}),
            operations.create("ReviewSession", {"id": review, "name": "Dailies", "project_id": project["id"]}),
            operations.create(
                "ReviewSessionObject",
                {"id": entry, "review_session_id": review, "version_id": version, "name": "x", "description": ""},
            ),
            operations.create(
                "Note",
                {"id": note, "content": "Arm too high", "parent_id": entry, "parent_type": "ReviewSessionObject"},
            ),
            operations.create(
                "ReviewSessionObjectAnnotation",
                {"id": annotation, "frame_number": 1004, "data": data, "review_session_object_id": entry},
            ),
            operations.create("Metadata", {"parent_id": note, "parent_type": "Note", "key": "ft_dcc", "value": own}),
        ]
    )
    return note


def done(controller):
    assert controller.feedback.wait(TIMEOUT_SECONDS)
    assert controller.feedback.error == ""


def test_notes_are_loaded_shown_answered_and_marked_from_the_panel(controller, note_id, bpy, scene):
    from blender import sample_scene
    from ft_dcc_blender.scene import feedback

    before = sample_scene.state()
    bpy.ops.ft_dcc.read_notes()
    done(controller)
    (version,) = controller.feedback.versions
    assert [note.text for note in version.open_notes] == ["Arm too high"]
    bpy.ops.ft_dcc.show_drawings()
    done(controller)
    assert feedback.is_shown() and controller.feedback.is_shown
    assert [(marker.frame, marker.name) for marker in scene.timeline_markers] == [(1004, "admin: Arm too high")]
    bpy.ops.ft_dcc.go_to_frame(frame=1004)
    assert scene.frame_current == 1004
    bpy.ops.ft_dcc.reply_to_note(note_id=note_id, text="Lowered")
    bpy.ops.ft_dcc.mark_note(note_id=note_id)
    done(controller)
    (note,) = controller.feedback.versions[0].notes
    assert ([reply.text for reply in note.replies], note.is_done) == (["Lowered"], True)
    bpy.ops.ft_dcc.hide_drawings()
    done(controller)
    scene.frame_set(before["time"][0])
    assert sample_scene.state() == before


def test_an_empty_reply_and_a_removed_note_are_sentences(controller, note_id, bpy):
    with pytest.raises(RuntimeError, match="The reply is empty"):
        bpy.ops.ft_dcc.reply_to_note(note_id=note_id, text=" ")
    with pytest.raises(RuntimeError, match="The note was removed"):
        bpy.ops.ft_dcc.mark_note(note_id="x")


def test_removing_the_add_on_removes_the_drawings(controller, note_id, bpy, scene):
    import ft_dcc_blender
    from ft_dcc_blender.scene import feedback

    bpy.ops.ft_dcc.read_notes()
    done(controller)
    bpy.ops.ft_dcc.show_drawings()
    done(controller)
    ft_dcc_blender.unregister()
    try:
        assert not feedback.is_shown()
    finally:
        ft_dcc_blender.register()
