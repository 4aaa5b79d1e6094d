"""From the double's viewport, through the real encoder, to a version on a real studio server."""

import json
import threading
import uuid
from fractions import Fraction

import attrs
import pytest
from doubles.shots import find_problems, plan_two_shows, run_in_thread, task_of_shot

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish


@pytest.fixture
def task(session):
    return task_of_shot(session, "Animation")


@pytest.fixture(autouse=True)
def own_jobs(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))


@pytest.fixture
def saved(maya, tmp_path):
    maya.scene.path = str(tmp_path / "sh010.ma")
    return maya


@pytest.fixture
def problems_of(saved, host, session, task):
    return lambda: find_problems(saved, host, session, PublishRequest(task=task["id"]))


def test_an_unnamed_scene_is_rejected_and_offers_no_repair(maya, host, session, task):
    with pytest.raises(UserFixableError, match="never been saved"):
        run_in_thread(maya, lambda: publish(PublishRequest(task=task["id"]), session, host))
    request = PublishRequest(task=task["id"], include_scene=True)
    publisher = Publisher(session, host)
    publish_check = run_in_thread(maya, lambda: publisher.validate(request))
    assert {problem.check: (problem.message, problem.repair) for problem in publish_check.problems} == {
        "Scene file": (
            "The scene has never been saved. Save it under a name, or publish without the scene file.",
            None,
        ),
        "Saved scene": ("The scene has never been saved. Save it under a name first.", None),
    }
    with pytest.raises(UserFixableError, match=r"^There is no automatic repair for this problem: The scene has never"):
        run_in_thread(maya, lambda: publish_check.repair(publish_check.problems[0]))
    assert (maya.scene.path, maya.drawn) == ("", [])


def test_unsaved_changes_are_saved_only_by_the_repair(saved, tmp_path, problems_of):
    saved.scene.is_modified = True
    publish_check, problems = problems_of()
    assert problems["Saved scene"].message == "sh010.ma has unsaved changes. Save it."
    assert saved.scene.is_modified and not (tmp_path / "sh010.ma").exists()
    assert run_in_thread(saved, lambda: publish_check.repair(problems["Saved scene"])) is None
    assert not saved.scene.is_modified and (tmp_path / "sh010.ma").is_file()


def test_range_rate_and_size_are_checked_against_the_shot_and_repaired(saved, host, problems_of):
    saved.scene.options["animationEndTime"] = 1010.0
    saved.scene.unit = "pal"
    saved.scene.node("defaultResolution").attributes["width"] = 128
    publish_check, problems = problems_of()
    assert sorted(problems) == ["Frame range", "Frame rate", "Resolution"]
    for problem in problems.values():
        assert run_in_thread(saved, lambda problem=problem: publish_check.repair(problem)) is None
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")


def test_a_missing_reference_is_reported_and_loaded_once_its_file_exists(saved, tmp_path, problems_of):
    from doubles.maya.scene import Reference

    rig = tmp_path / "rig.ma"
    saved.scene.references = [
        Reference("rigRN", f"{rig}{{1}}", is_loaded=False),
        Reference("setRN", str(tmp_path / "there.ma")),
    ]
    publish_check, problems = problems_of()
    (problem,) = problems.values()
    assert f"Files referenced by the scene are missing: {rig}" in problem.message
    assert run_in_thread(saved, lambda: publish_check.repair(problem)).check == "References"
    rig.write_text("//Maya", encoding="utf-8")
    (problem,) = publish_check.problems
    assert run_in_thread(saved, lambda: publish_check.repair(problem)) is None
    assert saved.scene.references[0].is_loaded


def test_a_missing_nested_reference_is_reported(saved, tmp_path, problems_of):
    from doubles.maya.scene import Reference

    rig = tmp_path / "rig.ma"
    rig.write_text("//Maya", encoding="utf-8")
    saved.scene.references = [
        Reference("rigRN", str(rig)),
        Reference("rig:modelRN", str(tmp_path / "model.ma"), is_loaded=False, is_nested=True),
    ]
    _, problems = problems_of()
    assert f"missing: {tmp_path / 'model.ma'}" in problems["References"].message


def test_a_plugin_without_objects_is_a_warning_and_no_problem(saved, problems_of):
    saved.scene.unknown_plugins = ["Turtle", "mental ray"]
    _, problems = problems_of()
    assert problems == {}
    assert saved.interface.messages == [
        "ft-dcc: the scene requires plug-ins that are not installed: Turtle, mental ray."
    ]


def test_missing_colours_and_sounds_are_in_the_result_and_recorded(saved, host, session, task, tmp_path):
    saved.interface.colour_management["outputTransformEnabled"] = False
    saved.scene.add_sound("music", filename="/audio/music.wav")
    request = PublishRequest(task=task["id"], source=("shotCam", "second"))
    published = run_in_thread(saved, lambda: publish(request, session, host))
    warnings = (
        "the views show ACES 1.0 SDR-video (sRGB), and the movie no view transform; to change it: Preferences, Color "
        "Management, Output Color Transform, Apply to Playblast",
        "the movie has the sound of the time slider only, not music; mix them into one file, or mute them",
    )
    assert [version.changes for version in published.versions] == [warnings, warnings]
    assert published.problems == ()
    report = json.loads(next((tmp_path / "jobs").rglob("report.json")).read_text("utf-8"))
    assert [tuple(version["changes"]) for version in report["versions"]] == [warnings, warnings]
    assert saved.interface.messages == []
    version = session.query(f"AssetVersion where id is {published.first.version_id}").one()
    origin = json.loads(version["metadata"]["ft_dcc_origin"])
    assert (origin["view_transform"], origin["unheard_sounds"]) == ("", ["music"])


def test_a_movie_with_the_colours_and_sounds_of_the_views_has_no_warning(saved, host, session, task):
    request = PublishRequest(task=task["id"])
    published = run_in_thread(saved, lambda: publish(request, session, host))
    assert published.first.changes == ()


def test_a_shot_of_the_sequencer_is_published_with_its_own_range(saved, host, session, task):
    saved.scene.add_shot("sh030", currentCamera="second", startTime=1003.0, endTime=1006.0)
    session.get("Shot", task["parent_id"])["custom_attributes"].update(fstart=1003, fend=1006)
    session.commit()
    request = PublishRequest(task=task["id"], source="sh030")
    published = run_in_thread(saved, lambda: publish(request, session, host))
    assert {drawn.camera for drawn in saved.drawn} == {"second"}
    assert sorted({drawn.time for drawn in saved.drawn}) == [1003.0, 1004.0, 1005.0, 1006.0]
    origin = json.loads(session.get("AssetVersion", published.first.version_id)["metadata"]["ft_dcc_origin"])
    assert origin["camera"] == "sh030"


@pytest.mark.parametrize(("plugins", "named"), [(["vrayformaya"], " (plug-ins: vrayformaya)"), ([], "")])
def test_objects_of_an_unknown_plugin_are_reported(saved, problems_of, plugins, named):
    from doubles.maya.scene import Node

    saved.scene.unknown_plugins = plugins
    saved.scene.nodes.append(Node("VRayProxy1", "unknownDag"))
    _, problems = problems_of()
    assert problems["Unknown plug-ins"].message == (
        f"Objects of plug-ins that are not installed cannot be drawn: VRayProxy1{named}. "
        "Load the plug-ins, or delete the objects."
    )


def test_unknown_objects_of_a_reference_are_a_warning_because_they_cannot_be_deleted(saved, problems_of):
    from doubles.maya.scene import Node

    saved.scene.unknown_plugins = ["vrayformaya"]
    saved.scene.nodes.append(Node("VRayProxy1", "unknownDag", is_referenced=True))
    _, problems = problems_of()
    assert problems == {}
    assert saved.interface.messages == [
        "ft-dcc: VRayProxy1 cannot be drawn, because plug-ins are not installed: vrayformaya."
    ]


def test_a_missing_sound_file_is_reported_before_the_capture(saved, tmp_path, problems_of):
    saved.scene.add_sound("dialogue", filename=str(tmp_path / "gone.wav"))
    saved.interface.sound = "dialogue"
    _, problems = problems_of()
    assert list(problems) == ["Sound"] and saved.drawn == []


@pytest.mark.usefixtures("signed_in")
def test_publish_again_repeats_the_last_publish_and_shows_the_link(saved, host, session, task, tmp_path, monkeypatch):
    from ft_dcc_maya import commands

    host.remember_task(task["id"])
    host.save()
    saved.scene.add_sound("music", filename="/audio/music.wav")
    first = PublishRequest(task=task["id"], source="second", review=f"Dailies {uuid.uuid4().hex[:6]}", comment="One")
    made = run_in_thread(saved, lambda: publish(first, session, host))
    commands.publish_again()
    thread = next(thread for thread in threading.enumerate() if thread.name == "ft-dcc publish")
    saved.serve(thread)
    (sentence,) = saved.interface.messages
    link, warning = sentence.split("\n")
    assert link.startswith("Version 2 is in review. http")
    assert warning.startswith("second: the movie has the sound of the time slider only, not music")
    again = session.query(f"AssetVersion where asset_id is {made.first.asset_id} and version is 2").one()
    assert (again["comment"], saved.drawn[-1].camera) == ("", "second")
    assert attrs.evolve(first, comment="").source == ("second",)


def test_two_shows_in_one_maya_have_their_own_settings_in_turn(saved, host, session, tmp_path):
    saved.scene.options.update(minTime=1003, maxTime=1004)

    def open_scene(path):
        saved.scene.path = str(path.with_suffix(".ma"))

    def validate(request):
        return run_in_thread(saved, lambda: Publisher(session, host).validate(request))

    assert plan_two_shows(session, tmp_path, open_scene, validate) == [
        ("North Layout", "1001-1012", "North"),
        ("South Layout", "1003-1004", "South"),
        ("North Layout", "1001-1012", "North"),
    ]
