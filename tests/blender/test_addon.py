from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
import requests
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.accounts.credentials import Account, load_credentials
from ft_dcc.accounts.local_server import is_running
from ft_dcc.publish.jobs.job import jobs_folder

pytestmark = pytest.mark.usefixtures("own_settings")


def path_of(task):
    return "/".join(part["name"] for part in task["link"])


def ours(bpy):
    found = {name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))}
    return found | {name for name in ("ft_dcc",) if hasattr(bpy.types.WindowManager, name)}


def test_disabling_the_add_on_twice_leaves_no_class_timer_or_thread(scene, bpy):
    import ft_dcc_blender
    from ft_dcc_blender import main_thread

    threads = threading.active_count()
    for _ in range(2):
        ft_dcc_blender.register()
        assert {"FTDCC_PT_review", "FT_DCC_OT_publish", "ft_dcc"} <= ours(bpy)
        ft_dcc_blender.unregister()
        assert ours(bpy) == set()
    assert not bpy.app.timers.is_registered(main_thread.serve)
    assert threading.active_count() == threads


def test_importing_the_package_loads_no_blender():
    script = "import sys, ft_dcc_blender; print(sorted({'bpy', 'requests', 'pyblish'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"


def test_a_login_saves_the_key_and_fetches_the_tasks(signed_in, studio_server, project_task):
    server = studio_server
    assert signed_in.user == server.api_user
    assert signed_in.tasks[project_task["id"]].path == path_of(project_task)
    known = load_credentials(server.server_url, server.api_user)
    assert known == Account(server.server_url, server.api_user, server.api_key)


def test_a_wrong_key_is_reported_and_not_saved(controller, bpy, studio_server):
    bpy.ops.ft_dcc.sign_in(server=studio_server.server_url, user=studio_server.api_user, key="wrong")
    assert controller.wait(TIMEOUT_SECONDS)
    assert controller.session is None and "key" in controller.error and "wrong" not in controller.error
    assert load_credentials(studio_server.server_url, studio_server.api_user) is None


# The server outlives the object that started it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_local_studio_server_starts_and_stops_with_the_session(controller, bpy, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO", str(tmp_path / "studio"))
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO_IDLE", "0.02")
    bpy.ops.ft_dcc.sign_in_local()
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    assert (controller.user, controller.server.partition(":")[0]) == ("admin", "http")
    assert load_credentials(controller.server, "admin") is None
    controller.close()
    wait_until(lambda: not is_running(tmp_path / "studio"), "the end of the local studio server")


def test_signing_out_deletes_the_key(signed_in, bpy, studio_server, monkeypatch):
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    monkeypatch.setenv("FTRACK_API_USER", studio_server.api_user)
    bpy.ops.ft_dcc.sign_out()
    assert (signed_in.session, signed_in.tasks) == (None, {})
    assert load_credentials(studio_server.server_url, studio_server.api_user) is None


def test_publish_is_disabled_without_a_session(controller, bpy):
    assert not bpy.ops.ft_dcc.publish.poll()


def test_the_chosen_task_is_stored_in_the_scene(choices, scene, project_task):
    from ft_dcc_blender.ui.properties import _search_tasks

    choices.task = "no/such/task"
    assert "ft_dcc_task_id" not in scene
    words = " ".join(reversed(path_of(project_task).upper().split("/")))
    assert _search_tasks(choices, None, words) == [path_of(project_task)]
    choices.task = path_of(project_task)
    assert scene["ft_dcc_task_id"] == project_task["id"]
    assert choices.task == path_of(project_task)


def test_the_default_review_session_is_the_newest_open_one(choices, scene, session, project_task, bpy):
    from ft_dcc_blender.ui.properties import chosen_review

    choices.task = path_of(project_task)
    assert chosen_review(choices, scene) == "Review"
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    for name, made, ends in (("Friday", now - day, None), ("Monday", now - 5 * day, None), ("Over", now, now - day)):
        data = {"name": name, "project_id": project_task["project_id"], "created_at": made, "end_date": ends}
        session.create("ReviewSession", data)
        session.commit()
    bpy.ops.ft_dcc.refresh()
    from ft_dcc_blender.ui.controller import CONTROLLER

    assert CONTROLLER.wait(TIMEOUT_SECONDS)
    assert chosen_review(choices, scene) == "Friday"
    choices.review = "Monday"
    assert chosen_review(choices, scene) == "Monday"


def test_publish_ends_with_a_working_link(choices, scene, bpy, project_task, small_shot, state):
    scene.frame_start, scene.frame_end = 1001, 1006
    scene.render.fps, scene.render.fps_base = 24, 1.001
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.display.render_aa = "OFF"
    choices.task, choices.comment = path_of(project_task), "second pass"
    before = state()
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    from ft_dcc_blender.ui.controller import CONTROLLER

    path, version = CONTROLLER.published[0]
    assert (path, version.version) == (path_of(project_task), 1)
    assert requests.get(version.link, timeout=TIMEOUT_SECONDS).status_code == 200
    assert state() == before


def test_use_shot_settings_fixes_the_reported_problems(choices, scene, bpy, project_task):
    from ft_dcc_blender.ui.controller import CONTROLLER

    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    assert {problem.check for problem in CONTROLLER.problems} >= {"Frame range", "Frame rate"}
    assert bpy.ops.ft_dcc.use_shot_settings() == {"FINISHED"}
    now = (scene.frame_start, scene.frame_end, scene.render.fps, round(scene.render.fps_base, 4))
    assert now == (993, 1056, 24, 1.001)
    assert CONTROLLER.problems == ()


def test_a_cancelled_publish_leaves_no_version_and_restores_the_scene(
    choices, scene, bpy, session, project_task, state
):
    from ft_dcc_blender.host import BlenderHost
    from ft_dcc_blender.ui.controller import CONTROLLER
    from ft_dcc_blender.ui.properties import make_request

    choices.task, choices.percentage = path_of(project_task), 5
    bpy.ops.ft_dcc.use_shot_settings()
    before = state()

    class CancellingHost(BlenderHost):
        def playblast(self, request, on_frame):
            def press_escape(frame):
                if frame == 995:
                    CONTROLLER.cancel()
                on_frame(frame)

            return super().playblast(request, press_escape)

    CONTROLLER.publish(make_request(choices, scene), CancellingHost())
    assert CONTROLLER.wait(TIMEOUT_SECONDS)
    assert (CONTROLLER.error, CONTROLLER.published) == ("Cancelled.", [])
    assert session.query(f'AssetVersion where task_id is "{project_task["id"]}"').all() == []
    assert state() == before


def test_disabling_the_add_on_during_a_capture_restores_the_scene(addon, choices, scene, bpy, project_task, state):
    from ft_dcc_blender.host import BlenderHost
    from ft_dcc_blender.ui.controller import CONTROLLER
    from ft_dcc_blender.ui.properties import make_request

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1, 500, 5
    before, captured = state(), []

    class RecordingHost(BlenderHost):
        def playblast(self, request, on_frame):
            return super().playblast(request, lambda frame: (captured.append(frame), on_frame(frame)))

    CONTROLLER.publish(make_request(choices, scene), RecordingHost())
    wait_until(lambda: CONTROLLER.wait(0.05) or captured, "the first frame")
    addon.unregister()
    assert (0 < len(captured) < 500, state()) == (True, before), CONTROLLER.error
    addon.register()


def test_custom_and_preview_ranges_are_in_the_request(choices, scene, project_task):
    from ft_dcc_blender.ui.properties import make_request

    choices.task = path_of(project_task)
    choices.frames, choices.start, choices.end, choices.camera = "CUSTOM", -5, 5, "Camera"
    request = make_request(choices, scene)
    assert (str(request.frame_range), request.source) == ("-5-5", ("Camera",))
    choices.frames, scene.use_preview_range = "PREVIEW", True
    scene.frame_preview_start, scene.frame_preview_end = 1003, 1004
    assert str(make_request(choices, scene).frame_range) == "1003-1004"


def test_a_login_to_a_remote_server_is_rejected_while_blender_is_offline(controller, bpy):
    if not hasattr(bpy.app, "online_access") or bpy.app.online_access:
        pytest.skip("this Blender does not ask")
    with pytest.raises(RuntimeError, match="Blender is offline"):
        bpy.ops.ft_dcc.sign_in(server="https://studio.example", user="ada", key="k")
    assert not controller.is_busy


def test_repair_fixes_one_problem_and_repair_all_the_others(choices, scene, bpy, project_task):
    from ft_dcc_blender.ui.controller import CONTROLLER

    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    before = [problem.check for problem in CONTROLLER.problems if problem.repair]
    assert "Frame rate" in before and "Frame range" in before
    index = next(index for index, problem in enumerate(CONTROLLER.problems) if problem.check == "Frame rate")
    assert bpy.ops.ft_dcc.repair(index=index) == {"FINISHED"}
    assert (scene.render.fps, round(scene.render.fps_base, 4)) == (24, 1.001)
    assert [problem.check for problem in CONTROLLER.problems if problem.repair] == [
        check for check in before if check != "Frame rate"
    ]
    with pytest.raises(RuntimeError, match="does not exist any more"):
        bpy.ops.ft_dcc.repair(index=99)
    assert bpy.ops.ft_dcc.repair_all() == {"FINISHED"}
    assert [problem.check for problem in CONTROLLER.problems if problem.repair] == []


def test_look_and_resolution_of_the_panel_are_in_the_request(choices, scene, project_task):
    from ft_dcc_blender.scene.look import Look
    from ft_dcc_blender.ui.properties import make_request

    choices.task = path_of(project_task)
    assert make_request(choices, scene).resolution is None
    assert Look.from_request(dict(make_request(choices, scene).look)) == Look()
    scene.render.resolution_x, scene.render.resolution_y, choices.percentage = 1920, 1080, 50
    choices.shading, choices.overlays, choices.stamp, choices.transparent = "VIEWPORT", True, True, True
    choices.scene_colours, choices.light, choices.colours, choices.shadows = True, "FLAT", "RANDOM", False
    request = make_request(choices, scene)
    assert str(request.resolution) == "960x540"
    assert Look.from_request(dict(request.look)) == Look(
        shading="VIEWPORT",
        overlays=True,
        stamp=True,
        transparent=True,
        scene_colours=True,
        light="FLAT",
        colours="RANDOM",
        shadows=False,
    )


def test_published_versions_are_listed_again_after_a_new_login(choices, scene, bpy, project_task, studio_server):
    from ft_dcc_blender.ui.controller import CONTROLLER
    from ft_dcc_blender.ui.panel import recent_versions

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1001, 1003, 50
    choices.shading = "RENDERED"
    scene.render.engine = "BLENDER_WORKBENCH"
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    (report,) = jobs_folder().glob("*/report.json")
    report = json.loads(report.read_text("utf-8"))
    assert (report["made"][0]["resolution"], report["request"]["look"]["shading"]) == ("64x36", "RENDERED")
    ((path, number, link),) = recent_versions()
    assert (path, number) == (path_of(project_task), 1)
    CONTROLLER.close()
    assert recent_versions() == []
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert CONTROLLER.wait(TIMEOUT_SECONDS)
    assert CONTROLLER.queries.wait(TIMEOUT_SECONDS)
    assert (CONTROLLER.published, recent_versions()) == ([], [(path, number, link)])


def test_menus_and_progress_are_added_and_removed_with_the_add_on(scene, bpy):
    import ft_dcc_blender

    places = [getattr(bpy.types, name) for name in ("TOPBAR_MT_render", "VIEW3D_MT_view", "STATUSBAR_HT_header")]

    def counts():
        return [len(getattr(place.draw, "_draw_funcs", [])) for place in places]

    ft_dcc_blender.register()
    added = counts()
    ft_dcc_blender.unregister()
    assert [a - b for a, b in zip(added, counts())] == [1, 1, 1]


def test_the_reason_for_a_disabled_publish_button_says_what_to_do(signed_in, scene, bpy, project_task):
    from ft_dcc_blender.ui.operators import reason_not_to_publish

    scene.pop("ft_dcc_task_id", None)
    assert reason_not_to_publish(scene) == "Choose the task of this scene, or create it with the button beside it."
    scene["ft_dcc_task_id"] = project_task["id"]
    assert reason_not_to_publish(scene) == ""
    bpy.data.objects.remove(scene.camera)
    assert reason_not_to_publish(scene) == "The scene has no camera. Add one."


def test_publish_anyway_is_offered_for_an_incomplete_scene_only(
    choices, signed_in, small_shot, bpy, scene, project_task
):
    from ft_dcc_blender.ui.menus import result_text

    scene["ft_dcc_task_id"] = project_task["id"]
    bpy.ops.ft_dcc.use_shot_settings()
    scene.objects["Cube"].modifiers.new("Cloth", "MESH_CACHE").filepath = "//cloth.pc2"
    assert not bpy.ops.ft_dcc.publish_anyway.poll()
    assert result_text() == ("", "")
    with pytest.raises(RuntimeError, match=r"cloth\.pc2"):
        bpy.ops.ft_dcc.publish()
    text, icon = result_text()
    assert text.startswith("Not published: ") and "cloth.pc2" in text and icon == "ERROR"
    assert [problem.check for problem in signed_in.problems] == ["Complete scene"]
    assert bpy.ops.ft_dcc.publish_anyway() == {"FINISHED"}
    assert signed_in.problems == () and len(signed_in.published) == 1
    assert result_text() == (f"Version {signed_in.published[0][1].version} is in review.", "CHECKMARK")


def test_a_result_that_is_too_long_for_the_status_bar_is_cut_at_a_word_and_names_the_panel(addon):
    from ft_dcc_blender.ui.menus import fitting_text

    text = "Not published: Encoding a movie needs more than is installed.\nRun: pip install 'ft-dcc[media]'"
    assert fitting_text(text, 1200) == "Not published: Encoding a movie needs … (see the panel ft-dcc)"
    assert fitting_text(text, 1920) == " ".join(text.split())


def test_disabling_the_add_on_removes_the_message_of_a_capture(scene, bpy, own_settings):
    import ft_dcc_blender
    from ft_dcc_blender.scene.input_guard import GuardInput

    ft_dcc_blender.register()
    GuardInput.message = "Saved shot.blend without the changes of the capture, which continues."
    ft_dcc_blender.unregister()
    assert GuardInput.message is None
