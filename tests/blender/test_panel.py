"""What an artist does in the panel without a terminal: create the task, choose outputs, preview, publish several."""

import json

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.publish.jobs.job import jobs_folder
from ft_dcc.session.transport.codec import to_datetime


@pytest.fixture
def ready(choices, scene, bpy, project_task, small_shot):
    scene["ft_dcc_task_id"] = project_task["id"]
    bpy.ops.ft_dcc.use_shot_settings()
    choices.frames, choices.start, choices.end = "CUSTOM", 1001, 1002
    return choices


def report():
    (path,) = jobs_folder().glob("*/report.json")
    return json.loads(path.read_text("utf-8"))


def test_a_task_is_created_with_its_project_and_chosen_for_the_scene(signed_in, scene, bpy, session, project):
    from ft_dcc_blender.ui.operators import reason_not_to_publish

    choices = bpy.context.window_manager.ft_dcc
    reason = "Choose the task of this scene, or create it with the button beside it."
    assert reason_not_to_publish(choices, scene) == reason
    scene.render.fps, scene.render.fps_base = 24, 1.001
    names = {"project": project["name"], "sequence": "SQ090", "shot": "SH030", "task": "Lighting"}
    assert bpy.ops.ft_dcc.create_task(**names) == {"FINISHED"}
    task = signed_in.task(scene["ft_dcc_task_id"])
    assert task.path == "/".join(names.values())
    shot = session.get("Shot", task.parent_id)["custom_attributes"]
    assert (shot["fstart"], shot["fend"], round(shot["fps"], 3)) == (1001, 1012, 23.976)
    assert reason_not_to_publish(choices, scene) == ""
    with pytest.raises(RuntimeError, match="Enter project, shot and task, without a slash"):
        bpy.ops.ft_dcc.create_task(project="A/B", shot="SH010", task="Animation")


def test_the_browser_login_asks_for_the_server(controller, bpy):
    with pytest.raises(RuntimeError, match="Enter the address of the server"):
        bpy.ops.ft_dcc.sign_in_browser()
    assert "server" in bpy.ops.ft_dcc.sign_in_browser.get_rna_type().properties


def test_step_status_burn_in_slate_and_outputs_are_in_the_request(ready, scene, signed_in):
    from ft_dcc_blender.ui.operators import make_request

    request = make_request(ready, scene)
    assert (request.burnin, request.slate, request.outputs, request.status) == (None, None, None, None)
    ready.step, ready.burnin, ready.slate, ready.status = 2, "STANDARD", "STANDARD", signed_in.statuses[0]
    ready.outputs = {"1080", "prores"}
    request = make_request(ready, scene)
    assert (str(request.frame_range), request.outputs) == ("1001-1002x2", ("1080", "prores"))
    assert (request.burnin["bottom right"], request.slate) == ("{frame}", True)
    assert request.status == signed_in.statuses[0]
    ready.burnin = ready.slate = "NONE"
    assert (make_request(ready, scene).burnin, make_request(ready, scene).slate) == ({}, False)


def test_a_preview_is_sent_exactly_as_it_was_seen(ready, scene, bpy, signed_in, session, project_task):
    assert bpy.ops.ft_dcc.preview() == {"FINISHED"}
    (movie,) = signed_in.previews
    content = movie.read_bytes()
    expression = f'AssetVersion where task_id is "{project_task["id"]}"'
    assert (len(content) > 500, session.query(expression).all()) == (True, [])
    scene.objects["Cube"].hide_viewport = True
    assert bpy.ops.ft_dcc.send_preview() == {"FINISHED"}
    assert (len(signed_in.published), signed_in.previews) == (1, ())
    component = next(each for each in signed_in.published[0][1].components if each.name == "ftrackreview-mp4")
    assert component.size == len(content)


def test_a_dropped_preview_leaves_nothing(ready, bpy, signed_in, session, project_task):
    assert not bpy.ops.ft_dcc.send_preview.poll()
    bpy.ops.ft_dcc.preview()
    (movie,) = signed_in.previews
    assert bpy.ops.ft_dcc.drop_preview() == {"FINISHED"}
    assert signed_in.wait(TIMEOUT_SECONDS)
    assert (movie.exists(), list(jobs_folder().iterdir()), signed_in.previews) == (False, [], ())
    assert session.query(f'AssetVersion where task_id is "{project_task["id"]}"').all() == []


def test_several_sources_are_published_as_versions_of_their_own(ready, scene, bpy, signed_in, sample):
    from ft_dcc_blender.ui.operators import reason_not_to_publish

    sample.add_camera("Side")
    ready.has_several_sources = True
    assert reason_not_to_publish(ready, scene) == "Choose at least one source."
    for name in ("Camera", "Side", "Camera", "Camera"):
        bpy.ops.ft_dcc.toggle_source(name=name)
    assert sorted(item.name for item in ready.sources) == ["Camera", "Side"]
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    assert sorted(version.source for _, version in signed_in.published) == ["Camera", "Side"]


def test_rendered_files_are_published_from_the_panel(ready, scene, bpy, signed_in, tmp_path):
    scene.render.filepath = str(tmp_path / "render" / "shot_")
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.frame_start, scene.frame_end = 1001, 1002
    bpy.ops.render.render(animation=True)
    ready.camera = "rendered files"
    assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
    assert (report()["found"][0]["kind"], report()["made"][0]["frame_count"]) == ("frames", 2)


def test_the_versions_of_the_task_are_listed_with_status_and_date(ready, bpy, signed_in, session, project_task):
    from ft_dcc_blender.ui.review_panels import version_line

    bpy.ops.ft_dcc.publish()
    signed_in.feedback.read(signed_in.session, project_task["id"])
    assert signed_in.feedback.wait(TIMEOUT_SECONDS)
    line = version_line(*signed_in.feedback.versions)
    version = session.get("AssetVersion", signed_in.published[0][1].version_id)
    assert line.startswith("v001") and version["status"]["name"] in line
    assert f"{to_datetime(version['date']).astimezone():%Y-%m-%d}" in line


def test_a_long_path_is_broken_after_its_slashes(addon):
    from ft_dcc_blender.ui.panel import wrap_text

    assert wrap_text("Film/SEQ010/SH010/Animation", 18) == ["Film/SEQ010/SH010/", "Animation"]
    assert wrap_text("of Film/SEQ010/SH010/Animation now", 18) == ["of Film/SEQ010/", "SH010/Animation", "now"]
    assert wrap_text("SH020_Animation_v002.blend", 18) == ["SH020_Animation_", "v002.blend"]
    assert wrap_text("", 18) == [""]


def test_a_heading_names_the_values_that_fit_and_marks_that_there_are_more(addon):
    from ft_dcc_blender.ui.settings_panels import heading

    assert heading("Camera", ["1001-1006", "25%"], 22) == "Camera: 1001-1006, 25%"
    assert heading("Camera", ["SideCamera", "1001-1006", "25%"], 22) == "Camera: SideCamera, …"


def test_a_preview_range_that_does_not_exist_is_the_reason_of_the_disabled_button(ready, scene):
    from ft_dcc_blender.ui.operators import reason_not_to_publish

    ready.frames = "PREVIEW"
    assert reason_not_to_publish(ready, scene).startswith("The timeline has no preview range.")
