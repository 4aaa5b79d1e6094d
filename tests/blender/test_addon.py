import json
import runpy
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.accounts import local_server
from ft_dcc.accounts.credentials import Account, load_credentials
from ft_dcc.publish.jobs.job import jobs_folder
from ft_dcc.publish.models import Task

pytestmark = pytest.mark.usefixtures("own_settings")


def path_of(task):
    return "/".join(part["name"] for part in task["link"])


def ours(bpy):
    found = {name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))}
    return found | {name for name in ("ft_dcc",) if hasattr(bpy.types.WindowManager, name)}


def test_disabling_the_add_on_twice_leaves_no_class_entry_message_timer_or_thread(scene, bpy):
    import ft_dcc_blender
    from ft_dcc_blender import main_thread
    from ft_dcc_blender.scene.input_guard import GuardInput

    places = [getattr(bpy.types, name) for name in ("TOPBAR_MT_render", "VIEW3D_MT_view", "STATUSBAR_HT_header")]

    def entries():
        return [len(getattr(place.draw, "_draw_funcs", [place.draw])) for place in places]

    threads, before = threading.active_count(), entries()
    for _ in range(2):
        ft_dcc_blender.register()
        assert {"FTDCC_PT_review", "FT_DCC_OT_publish", "ft_dcc"} <= ours(bpy)
        assert entries() == [count + 1 for count in before]
        GuardInput.message = "Saved shot.blend without the changes of the capture, which continues."
        ft_dcc_blender.unregister()
        assert (ours(bpy), entries(), GuardInput.message) == (set(), before, None)
    assert not bpy.app.timers.is_registered(main_thread.serve)
    assert threading.active_count() == threads


@pytest.mark.parametrize("name", ["blender_default", "industry_compatible_data"])
def test_the_shortcut_replaces_none_of_blender(addon, bpy, name):
    own = [item for keymap in bpy.context.window_manager.keyconfigs.addon.keymaps for item in keymap.keymap_items]
    assert [item.to_string() for item in own if item.idname.startswith("ft_dcc.")] == ["Shift Ctrl Alt P"]
    (folder,) = bpy.utils.preset_paths("keyconfig")
    keymaps = runpy.run_path(str(Path(folder, "keymap_data", f"{name}.py")))
    every = [item[1] for part in keymaps["generate_keymaps"](keymaps["Params"]()) for item in part[2]["items"]]
    assert len(every) > 1000
    assert [keys for keys in every if keys["type"] == "P" and {"ctrl", "alt", "shift"} <= {*keys}] == []


def test_importing_the_package_loads_no_blender():
    script = "import sys, ft_dcc_blender; print(sorted({'bpy', 'requests', 'pyblish'} & set(sys.modules)))"
    done = run_process(sys.executable, "-c", script, check=True)
    assert done.stdout == "[]\n"


def test_a_login_saves_the_key_and_fetches_the_tasks(signed_in, studio_server, project_task):
    server = studio_server
    assert signed_in.user == server.api_user
    assert signed_in.tasks[project_task["id"]].path == path_of(project_task)
    known = load_credentials(server.server_url, server.api_user)
    assert known == Account(server.server_url, server.api_user, server.api_key)


def test_the_local_studio_server_is_used_as_its_owner_without_a_stored_key(controller, bpy, studio_server, monkeypatch):
    account = Account(studio_server.server_url, studio_server.api_user, studio_server.api_key)
    monkeypatch.setattr(local_server, "ensure_local_studio", lambda folder: account)
    bpy.ops.ft_dcc.sign_in_local()
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    assert (controller.user, controller.server) == (account.user, account.server)
    assert load_credentials(controller.server, account.user) is None


def test_signing_out_deletes_the_key(signed_in, bpy, studio_server, monkeypatch):
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    monkeypatch.setenv("FTRACK_API_USER", studio_server.api_user)
    bpy.ops.ft_dcc.sign_out()
    assert (signed_in.session, signed_in.tasks) == (None, {})
    assert load_credentials(studio_server.server_url, studio_server.api_user) is None


def test_publish_is_disabled_without_a_session(controller, bpy):
    assert not bpy.ops.ft_dcc.publish.poll()


def test_the_chosen_task_is_stored_in_the_scene(choices, scene, project_task, signed_in):
    from ft_dcc_blender.ui.properties import _search_tasks

    choices.task = "no/such/task"
    assert signed_in.queries.wait(TIMEOUT_SECONDS)
    assert "ft_dcc_task_id" not in scene and signed_in.queries.searched_text == "no/such/task"
    words = " ".join(reversed(path_of(project_task).upper().split("/")))
    assert _search_tasks(choices, None, words) == [path_of(project_task)]
    choices.task = path_of(project_task)
    assert scene["ft_dcc_task_id"] == project_task["id"]
    assert choices.task == path_of(project_task)


@pytest.mark.parametrize("text", ["{path}", "{project} sh010"])
def test_a_task_that_is_not_assigned_is_found_on_the_server(
    choices, scene, session, project_task, signed_in, monkeypatch, text
):
    from ft_dcc_blender.ui import properties

    monkeypatch.setattr(properties, "_SEARCH_SECONDS", TIMEOUT_SECONDS)
    path = path_of(project_task)
    signed_in.tasks = {str(number): Task(str(number), ("Own", f"SH{number}"), "", "") for number in range(40)}
    typed = text.format(path=path, project=path.partition("/")[0])
    assert properties._search_tasks(choices, None, typed)[0] == path
    signed_in.queries.found_tasks = ()
    choices.task = typed
    assert signed_in.queries.wait(TIMEOUT_SECONDS)
    assert (scene["ft_dcc_task_id"], signed_in.queries.searched_text) == (project_task["id"], "")
    # A later search, or a file that another user has saved.
    signed_in.queries.found_tasks = ()
    assert choices.task == ""
    assert signed_in.queries.wait(TIMEOUT_SECONDS)
    assert choices.task == path


def test_the_default_review_session_is_the_newest_open_one(choices, scene, session, project_task, bpy, signed_in):
    from ft_dcc_blender.ui.operators import chosen_review

    choices.task = path_of(project_task)
    assert chosen_review(choices, scene) == "Review"
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    for name, made, ends in (("Friday", now - day, None), ("Monday", now - 5 * day, None), ("Over", now, now - day)):
        data = {"name": name, "project_id": project_task["project_id"], "created_at": made, "end_date": ends}
        session.create("ReviewSession", data)
        session.commit()
    bpy.ops.ft_dcc.refresh()

    assert signed_in.wait(TIMEOUT_SECONDS)
    assert chosen_review(choices, scene) == "Friday"
    choices.review = "Monday"
    assert chosen_review(choices, scene) == "Monday"


def test_use_shot_settings_fixes_the_reported_problems(choices, scene, bpy, project_task, signed_in):
    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    assert {problem.check for problem in signed_in.problems} >= {"Frame range", "Frame rate"}
    assert bpy.ops.ft_dcc.use_shot_settings() == {"FINISHED"}
    now = (scene.frame_start, scene.frame_end, scene.render.fps, round(scene.render.fps_base, 4))
    assert now == (993, 1056, 24, 1.001)
    assert signed_in.problems == ()


def test_disabling_the_add_on_during_a_capture_restores_the_scene(
    addon, choices, scene, bpy, project_task, state, signed_in
):
    from ft_dcc_blender.host import BlenderHost
    from ft_dcc_blender.ui.operators import make_request

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1, 500, 5
    before, captured = state(), []

    class RecordingHost(BlenderHost):
        def playblast(self, request, on_frame):
            return super().playblast(request, lambda frame: (captured.append(frame), on_frame(frame)))

    signed_in.publish(make_request(choices, scene), RecordingHost())
    wait_until(lambda: signed_in.wait(0.05) or captured, "the first frame")
    addon.unregister()
    assert (0 < len(captured) < 500, state()) == (True, before), signed_in.error
    addon.register()


def test_custom_and_preview_ranges_are_in_the_request(choices, scene, project_task):
    from ft_dcc_blender.ui.operators import make_request

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


def test_repair_fixes_one_problem_and_repair_all_the_others(choices, scene, bpy, project_task, signed_in):
    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    before = [problem.check for problem in signed_in.problems if problem.repair]
    assert "Frame rate" in before and "Frame range" in before
    index = next(index for index, problem in enumerate(signed_in.problems) if problem.check == "Frame rate")
    assert bpy.ops.ft_dcc.repair(index=index) == {"FINISHED"}
    assert (scene.render.fps, round(scene.render.fps_base, 4)) == (24, 1.001)
    assert [problem.check for problem in signed_in.problems if problem.repair] == [
        check for check in before if check != "Frame rate"
    ]
    with pytest.raises(RuntimeError, match="does not exist any more"):
        bpy.ops.ft_dcc.repair(index=99)
    assert bpy.ops.ft_dcc.repair_all() == {"FINISHED"}
    assert [problem.check for problem in signed_in.problems if problem.repair] == []


def test_look_and_resolution_of_the_panel_are_in_the_request(choices, scene, project_task):
    from ft_dcc_blender.scene.look import Look
    from ft_dcc_blender.ui.operators import make_request

    choices.task = path_of(project_task)
    assert make_request(choices, scene).resolution is None
    assert make_request(choices, scene).look is None
    choices.look = "clay"
    assert make_request(choices, scene).look == "clay"
    scene.render.resolution_x, scene.render.resolution_y, choices.percentage = 1920, 1080, 50
    choices.shading, choices.overlays, choices.stamp, choices.transparent = "VIEWPORT", True, True, True
    choices.scene_colours, choices.light, choices.colours, choices.shadows = True, "FLAT", "RANDOM", False
    request = make_request(choices, scene)
    assert (str(request.resolution), choices.look) == ("960x540", "custom")
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


def test_one_preset_gives_the_same_look_in_panel_command_line_and_batch(
    choices, scene, bpy, project_task, run_cli, tmp_path, monkeypatch, capsys
):
    """It is that of the task's type in the panel and on the command line, and named by an item of the batch."""
    own = '[looks.client]\nblender = "clay, samples=off, shadows=false"\ntask_types = ["Animation"]\n'
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "own.toml"))
    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1001, 1002, 50
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    options = ("--no-review", "--frames", "1001-1002", "--resolution", "64x36")
    assert run_cli("playblast", tmp_path / "shot.blend", "--task", project_task["id"], *options) == 0, (
        capsys.readouterr()
    )
    table = tmp_path / "items.csv"
    table.write_text(f"source,task,look\nshot.blend,{project_task['id']},client\n", encoding="utf-8")
    assert run_cli("batch", table, "--engine", "local:1", *options) == 0, capsys.readouterr()
    reports = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "jobs").glob("*/report.json")]
    looks = [report["found"][0]["origin"]["look"] for report in reports if "found" in report]
    assert looks == [{"colours": "SINGLE", "samples": "off", "shadows": False}] * 3


def test_published_versions_are_listed_again_after_a_new_login(
    choices, scene, bpy, project_task, studio_server, signed_in
):
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
    signed_in.close()
    assert recent_versions() == []
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert signed_in.wait(TIMEOUT_SECONDS)
    assert signed_in.queries.wait(TIMEOUT_SECONDS)
    assert (signed_in.published, recent_versions()) == ([], [(path, number, link)])


def test_the_reason_for_a_disabled_publish_button_says_what_to_do(signed_in, scene, bpy, project_task):
    from ft_dcc_blender.ui.operators import reason_not_to_publish

    choices = bpy.context.window_manager.ft_dcc
    scene.pop("ft_dcc_task_id", None)
    task_missing = "Choose the task of this scene, or create it with the button beside it."
    assert reason_not_to_publish(choices, scene) == task_missing
    scene["ft_dcc_task_id"] = project_task["id"]
    assert reason_not_to_publish(choices, scene) == ""
    bpy.data.objects.remove(scene.camera)
    assert reason_not_to_publish(choices, scene) == "The scene has no camera. Add one."


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

    text = 'Not published: Encoding a movie needs more than is installed.\nRun: pip install "ft-dcc[media]"'
    assert fitting_text(text, 1200) == "Not published: Encoding a movie needs … (see the panel ft-dcc)"
    assert fitting_text(text, 1920) == " ".join(text.split())
