from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
import requests

from ft_dcc import credentials
from ft_dcc.credentials import Account, recall
from ft_dcc.local_studio import is_running
from ft_dcc.publish.job import jobs_folder


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """Keys, jobs and settings of these tests are nobody else's."""
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FTRACK_APIKEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def addon(scene):
    import ft_dcc_blender

    ft_dcc_blender.register()
    yield ft_dcc_blender
    ft_dcc_blender.unregister()


@pytest.fixture
def desk(addon):
    from ft_dcc_blender.desk import DESK

    return DESK


@pytest.fixture
def signed_in(desk, bpy, studio_server, project_task):
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert desk.wait(60) and desk.error == ""
    return desk


@pytest.fixture
def choices(signed_in, bpy):
    return bpy.context.window_manager.ft_dcc


@pytest.fixture
def small_shot(session, project_shot):
    """The shot in so few and so small frames that a test can film it whole."""
    for name, value in {"fend": 1006, "handles": 2, "resolution": "128x72"}.items():
        project_shot["custom_attributes"][name] = value
    session.commit()


def path_of(task):
    return "/".join(part["name"] for part in task["link"])


def ours(bpy):
    found = {name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))}
    return found | {name for name in ("ft_dcc",) if hasattr(bpy.types.WindowManager, name)}


def test_enabling_and_disabling_twice_leaves_nothing_behind(scene, bpy):
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
    import subprocess
    import sys

    script = "import sys, ft_dcc_blender; print(sorted({'bpy', 'requests', 'pyblish'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"


def test_a_sign_in_keeps_the_key_and_fetches_what_can_be_chosen(signed_in, studio_server, project_task):
    server = studio_server
    assert signed_in.user == server.api_user
    assert signed_in.tasks[project_task["id"]].path == path_of(project_task)
    known = recall(server.server_url, server.api_user)
    assert known == Account(server.server_url, server.api_user, server.api_key)


def test_a_wrong_key_is_said_in_one_line_and_not_kept(desk, bpy, studio_server):
    bpy.ops.ft_dcc.sign_in(server=studio_server.server_url, user=studio_server.api_user, key="wrong")
    assert desk.wait(60)
    assert desk.session is None and "key" in desk.error and "wrong" not in desk.error
    assert recall(studio_server.server_url, studio_server.api_user) is None


def test_without_a_server_the_artist_has_a_studio_of_ones_own(desk, bpy, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO", str(tmp_path / "studio"))
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO_IDLE", "0.02")
    bpy.ops.ft_dcc.sign_in_own()
    assert desk.wait(60) and desk.error == ""
    assert (desk.user, desk.server.partition(":")[0]) == ("admin", "http")
    assert recall(desk.server, "admin") is None
    desk.close()
    until = time.monotonic() + 60
    while is_running(tmp_path / "studio") and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_running(tmp_path / "studio")


def test_signing_out_forgets_the_key(signed_in, bpy, studio_server, monkeypatch):
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    monkeypatch.setenv("FTRACK_API_USER", studio_server.api_user)
    bpy.ops.ft_dcc.sign_out()
    assert (signed_in.session, signed_in.tasks) == (None, {})
    assert recall(studio_server.server_url, studio_server.api_user) is None


def test_nothing_is_published_by_who_is_not_signed_in(desk, bpy):
    assert not bpy.ops.ft_dcc.publish.poll()


def test_a_task_that_is_chosen_is_remembered_in_the_file(choices, scene, project_task):
    from ft_dcc_blender.choices import _search_tasks

    choices.task = "no/such/task"
    assert "ft_dcc_task_id" not in scene
    words = " ".join(reversed(path_of(project_task).upper().split("/")))
    assert _search_tasks(choices, None, words) == [path_of(project_task)]
    choices.task = path_of(project_task)
    assert scene["ft_dcc_task_id"] == project_task["id"]
    assert choices.task == path_of(project_task)


def test_the_newest_open_review_session_is_taken_unless_one_is_chosen(choices, scene, session, project_task, bpy):
    from ft_dcc_blender.choices import chosen_review

    choices.task = path_of(project_task)
    assert chosen_review(choices, scene) == "Review"
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    for name, made, ends in (("Friday", now - day, None), ("Monday", now - 5 * day, None), ("Over", now, now - day)):
        data = {"name": name, "project_id": project_task["project_id"], "created_at": made, "end_date": ends}
        session.create("ReviewSession", data)
        session.commit()
    bpy.ops.ft_dcc.refresh()
    from ft_dcc_blender.desk import DESK

    assert DESK.wait(60)
    assert chosen_review(choices, scene) == "Friday"
    choices.review = "Monday"
    assert chosen_review(choices, scene) == "Monday"


def test_a_click_ends_in_a_link_that_opens(choices, scene, bpy, project_task, small_shot, state):
    scene.frame_start, scene.frame_end = 1001, 1006
    scene.render.fps, scene.render.fps_base = 24, 1.001
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.display.render_aa = "OFF"
    choices.task, choices.comment = path_of(project_task), "second pass"
    before = state()
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    from ft_dcc_blender.desk import DESK

    path, version = DESK.published[0]
    assert (path, version.version) == (path_of(project_task), 1)
    assert requests.get(version.link, timeout=30).status_code == 200
    assert state() == before


def test_problems_are_shown_and_the_shots_settings_repair_them(choices, scene, bpy, project_task):
    from ft_dcc_blender.desk import DESK

    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    assert {problem.check for problem in DESK.problems} >= {"Frame range", "Frame rate"}
    assert bpy.ops.ft_dcc.use_shot_settings() == {"FINISHED"}
    now = (scene.frame_start, scene.frame_end, scene.render.fps, round(scene.render.fps_base, 4))
    assert now == (993, 1056, 24, 1.001)
    assert DESK.problems == ()


def test_a_publish_that_is_cancelled_leaves_no_version_and_the_scene_as_it_was(
    choices, scene, bpy, session, project_task, state
):
    from ft_dcc_blender.choices import request_of
    from ft_dcc_blender.desk import DESK
    from ft_dcc_blender.host import BlenderHost

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    before = state()

    class Impatient(BlenderHost):
        def playblast(self, request, on_frame):
            def press_escape(frame):
                if frame == 995:
                    DESK.cancel()
                on_frame(frame)

            return super().playblast(request, press_escape)

    DESK.publish(request_of(choices, scene), Impatient())
    assert DESK.wait(120)
    assert (DESK.error, DESK.published) == ("Cancelled.", [])
    assert session.query(f'AssetVersion where task_id is "{project_task["id"]}"').all() == []
    assert state() == before


def test_an_add_on_that_is_disabled_meanwhile_has_given_the_scene_back(addon, choices, scene, bpy, project_task, state):
    from ft_dcc_blender.choices import request_of
    from ft_dcc_blender.desk import DESK
    from ft_dcc_blender.host import BlenderHost

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1, 500, 5
    before, captured = state(), []

    class Watched(BlenderHost):
        def playblast(self, request, on_frame):
            return super().playblast(request, lambda frame: (captured.append(frame), on_frame(frame)))

    DESK.publish(request_of(choices, scene), Watched())
    while not captured and DESK.is_busy:
        DESK.wait(0.05)
    addon.unregister()
    assert (0 < len(captured) < 500, state()) == (True, before), DESK.error
    addon.register()


def test_a_range_of_ones_own_is_the_one_that_is_asked_for(choices, scene, project_task):
    from ft_dcc_blender.choices import request_of

    choices.task = path_of(project_task)
    choices.frames, choices.start, choices.end, choices.camera = "CUSTOM", -5, 5, "Camera"
    request = request_of(choices, scene)
    assert (str(request.frame_range), request.source) == ("-5-5", ("Camera",))
    choices.frames, scene.use_preview_range = "PREVIEW", True
    scene.frame_preview_start, scene.frame_preview_end = 1003, 1004
    assert str(request_of(choices, scene).frame_range) == "1003-1004"


def test_a_server_elsewhere_is_not_asked_while_blender_is_offline(desk, bpy):
    if not hasattr(bpy.app, "online_access") or bpy.app.online_access:
        pytest.skip("this Blender does not ask")
    with pytest.raises(RuntimeError, match="Blender is offline"):
        bpy.ops.ft_dcc.sign_in(server="https://studio.example", user="ada", key="k")
    assert not desk.is_busy


def test_a_problem_is_repaired_where_it_stands_and_only_that_one_is_judged_again(choices, scene, bpy, project_task):
    from ft_dcc_blender.desk import DESK

    choices.task = path_of(project_task)
    with pytest.raises(RuntimeError):
        bpy.ops.ft_dcc.publish()
    before = [problem.check for problem in DESK.problems if problem.repair]
    assert "Frame rate" in before and "Frame range" in before
    index = next(index for index, problem in enumerate(DESK.problems) if problem.check == "Frame rate")
    assert bpy.ops.ft_dcc.repair(index=index) == {"FINISHED"}
    assert (scene.render.fps, round(scene.render.fps_base, 4)) == (24, 1.001)
    assert [problem.check for problem in DESK.problems if problem.repair] == [
        check for check in before if check != "Frame rate"
    ]
    with pytest.raises(RuntimeError, match="no such problem"):
        bpy.ops.ft_dcc.repair(index=99)
    assert bpy.ops.ft_dcc.repair_all() == {"FINISHED"}
    assert [problem.check for problem in DESK.problems if problem.repair] == []


def test_the_look_and_the_size_are_what_the_panel_says(choices, scene, project_task):
    from ft_dcc_blender.choices import request_of
    from ft_dcc_blender.look import Look

    choices.task = path_of(project_task)
    assert request_of(choices, scene).resolution is None
    assert Look.from_request(dict(request_of(choices, scene).look)) == Look()
    scene.render.resolution_x, scene.render.resolution_y, choices.percentage = 1920, 1080, 50
    choices.shading, choices.overlays, choices.stamp, choices.transparent = "VIEWPORT", True, True, True
    choices.scene_colours, choices.light, choices.colours, choices.shadows = True, "FLAT", "RANDOM", False
    request = request_of(choices, scene)
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


def test_what_was_chosen_is_published_and_is_there_after_a_restart(choices, scene, bpy, project_task, studio_server):
    from ft_dcc_blender.desk import DESK
    from ft_dcc_blender.panel import last_published

    choices.task = path_of(project_task)
    bpy.ops.ft_dcc.use_shot_settings()
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1001, 1003, 50
    choices.shading = "RENDERED"
    scene.render.engine = "BLENDER_WORKBENCH"
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    (report,) = jobs_folder().glob("*/report.json")
    told = json.loads(report.read_text("utf-8"))
    assert (told["made"][0]["resolution"], told["request"]["look"]["shading"]) == ("64x36", "RENDERED")
    ((path, number, link),) = last_published()
    assert (path, number) == (path_of(project_task), 1)
    DESK.close()
    assert last_published() == []
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert DESK.wait(60)
    assert DESK.lookups.wait(30)
    assert (DESK.published, last_published()) == ([], [(path, number, link)])
