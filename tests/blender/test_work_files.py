"""The cycle of a shot in Blender: its task, its work file, the publish, and the next version."""

import pytest
import requests
from doubles.numbered_images import run_ffmpeg
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish

pytestmark = pytest.mark.usefixtures("own_settings", "small_shot", "root")


@pytest.fixture
def home(bpy, addon, scene):
    """Open an empty Blender: a camera, a cube and a light, and no file."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.context.scene.display.render_aa = "OFF"


def test_an_empty_blender_publishes_a_shot_that_is_not_assigned_in_four_clicks_and_one_search(
    home, controller, bpy, studio_server, project_task, root
):
    server, project = studio_server, project_task["link"][0]["name"]
    clicks = [
        # The account is known, or entered once in the preferences.
        lambda: bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key),
        lambda: setattr(bpy.context.window_manager.ft_dcc, "task", f"{project} sh010"),
        lambda: bpy.ops.ft_dcc.make_work_file(task_id=project_task["id"]),
        lambda: bpy.ops.ft_dcc.publish(),
    ]
    for click in clicks:
        click()
        assert controller.wait(TIMEOUT_SECONDS) and controller.queries.wait(TIMEOUT_SECONDS)
        assert (controller.error, controller.problems) == ("", ())
    ((_, made),) = controller.published
    assert (made.version, requests.get(made.link, timeout=TIMEOUT_SECONDS).status_code) == (1, 200)
    folder = root / project / "sq010" / "sh010" / "animation"
    assert bpy.data.filepath == str(folder / "sh010_animation_v001.blend")
    assert bpy.ops.ft_dcc.save_next_version() == {"FINISHED"}
    assert bpy.data.filepath == str(folder / "sh010_animation_v002.blend")


def test_take_task_offers_a_file_with_the_reference_and_opens_it_from_then_on(
    home, signed_in, bpy, session, project_task, tmp_path
):
    layout = ensure_task(session, "/".join(part["name"] for part in project_task["link"][:-1]) + "/Layout")
    movie = tmp_path / "layout.mov"
    images, sound = ("-f", "lavfi", "-i", "testsrc2=s=128x72:r=24000/1001"), ("-f", "lavfi", "-i", "sine")
    run_ffmpeg(*images, *sound, "-frames:v", "10", "-shortest", movie)
    publish(
        PublishRequest(layout["id"], str(movie), frame_range=FrameRange(999, 1008)), session, jobs=tmp_path / "publish"
    )
    bpy.ops.ft_dcc.take_task(task_id=project_task["id"])
    assert signed_in.offered == (project_task["id"], "sh010_animation_v001.blend")
    assert "has no work file yet" in signed_in.work_message and "ft_dcc_task_id" not in bpy.context.scene
    bpy.ops.ft_dcc.make_work_file(task_id=project_task["id"])
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.ft_dcc.take_task(task_id=project_task["id"])
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.render.fps_base) == (999, 1008, pytest.approx(1.001))
    assert (scene.render.resolution_x, scene.render.resolution_y) == (128, 72)
    strips = getattr(scene.sequence_editor, "strips", None) or scene.sequence_editor.sequences
    assert [(strip.type, strip.mute, int(strip.frame_start)) for strip in strips] == [
        ("MOVIE", True, 999),
        ("SOUND", False, 999),
    ]
