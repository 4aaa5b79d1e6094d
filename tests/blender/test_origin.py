"""The metadata of a version that says what it was captured from."""

import hashlib
import json
from datetime import datetime, timezone
from fractions import Fraction

from doubles.shots import plan_two_shows

from ft_dcc.frames import FrameRange
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


def publish(host, session, task, jobs):
    values = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": host.scene().resolution}
    request = PublishRequest(task["id"], "Camera", review=(), look={"samples": "OFF"}, **values)
    version = Publisher(session, host, jobs=jobs).publish(request).first
    return json.loads(session.get("AssetVersion", version.version_id)["metadata"]["ft_dcc_origin"])


def test_a_version_names_its_file_with_checksum_camera_program_and_engine(host, bpy, session, project_task, tmp_path):
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    host = host.open(path)
    origin = publish(host, session, project_task, tmp_path / "jobs")
    assert origin.pop("differs_from_viewport")[-1].startswith("No window shows the scene")
    assert origin == {
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "modified": datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds"),
        "has_unsaved_changes": False,
        "look": {"samples": "OFF"},
        "camera": "Camera",
        "program": f"Blender {'.'.join(map(str, bpy.app.version))}",
        "engine": bpy.context.scene.render.engine,
        "scene": "Scene",
        "view_layer": "ViewLayer",
        "visibility": "VIEWPORT",
    }


def test_a_scene_that_was_never_saved_has_no_file(host, session, project_task, tmp_path):
    origin = publish(host, session, project_task, tmp_path / "jobs")
    assert ("file" in origin, "sha256" in origin, origin["camera"]) == (False, False, "Camera")


def test_two_shows_in_one_blender_have_their_own_settings_in_turn(bpy, host, session, tmp_path):
    planned = plan_two_shows(
        session,
        tmp_path,
        lambda path: bpy.ops.wm.save_as_mainfile(filepath=str(path.with_suffix(".blend"))),
        lambda request: Publisher(session, host, jobs=tmp_path / "jobs").validate(request),
    )
    assert [(asset, watermark) for asset, _, watermark in planned] == [
        ("North Layout", "North"),
        ("South Layout", "South"),
        ("North Layout", "North"),
    ]
