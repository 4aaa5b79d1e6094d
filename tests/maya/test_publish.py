"""From the double's viewport, through the real encoder, to a version on a real studio server."""

from __future__ import annotations

import json
import sys
import threading
import uuid
import wave
from fractions import Fraction

import attrs
import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
from ft_dcc.errors import UserFixableError, ValidationFailed
from ft_dcc.frames import FrameRange
from ft_dcc.host_support.camera_settings import settings_at
from ft_dcc.media import probe
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import SERVER_LOCATION_ID


@pytest.fixture
def task(session):
    """Return a task of a shot with the settings of the small shot."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    return task


@pytest.fixture
def saved(maya, tmp_path):
    """Return the double with a saved scene."""
    maya.scene.path = str(tmp_path / "sh010.ma")
    return maya


def run_in_thread(maya, function):
    """Call the function in a thread while Maya handles events; return or raise its result."""
    results = []

    def call():
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - raised again below
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    maya.serve(thread)
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def find_problems(maya, host, session, task, tmp_path):
    """Return the check, and its problems by label."""
    publish_check = run_in_thread(
        maya, lambda: Publisher(session, host, jobs=tmp_path / "jobs").validate(PublishRequest(task=task["id"]))
    )
    return publish_check, {problem.check: problem for problem in publish_check.problems}


def test_a_viewport_capture_becomes_a_version_in_a_review_session(saved, host, session, task, tmp_path):
    sound = tmp_path / "sh010.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    saved.scene.add_sound("dialogue", filename=str(sound), offset=1001.0)
    saved.interface.sound = "dialogue"
    host.remember_task(task["id"])
    host.save()
    before, review = saved.state(), f"Dailies {uuid.uuid4().hex[:6]}"

    request = PublishRequest(task=None, review=review, comment="First blocking")
    published = run_in_thread(saved, lambda: publish(request, session, host, jobs=tmp_path / "jobs"))

    assert saved.state() == before
    version = session.query(f"AssetVersion where id is {published.first.version_id}").one()
    assert (version["comment"], version["version"], version["task"]["name"]) == ("First blocking", 1, "Animation")
    entry = session.query(f"ReviewSessionObject where version_id is {version['id']}").one()
    assert entry["review_session"]["name"] == review
    assert requests.get(published.first.link, timeout=TIMEOUT_SECONDS).status_code == 200
    component = session.query(f"Component where version_id is {version['id']} and name is ftrackreview-mp4").one()
    movie = tmp_path / "movie.mp4"
    movie.write_bytes(
        requests.get(session.get("Location", SERVER_LOCATION_ID).get_url(component), timeout=TIMEOUT_SECONDS).content
    )
    info = probe(movie)
    assert (info.frame_count, info.fps, str(info.resolution), info.has_audio) == (12, Fraction(24), "64x36", True)


def test_an_unnamed_scene_is_rejected_and_offers_no_repair(maya, host, session, task, tmp_path):
    with pytest.raises(UserFixableError, match="never been saved"):
        run_in_thread(maya, lambda: publish(PublishRequest(task=task["id"]), session, host, jobs=tmp_path / "jobs"))
    request = PublishRequest(task=task["id"], include_scene=True)
    publisher = Publisher(session, host, jobs=tmp_path / "jobs")
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


def test_unsaved_changes_are_saved_only_by_the_repair(saved, host, session, task, tmp_path):
    saved.scene.is_modified = True
    publish_check, problems = find_problems(saved, host, session, task, tmp_path)
    assert problems["Saved scene"].message == "sh010.ma has unsaved changes. Save it."
    assert saved.scene.is_modified and not (tmp_path / "sh010.ma").exists()
    assert run_in_thread(saved, lambda: publish_check.repair(problems["Saved scene"])) is None
    assert not saved.scene.is_modified and (tmp_path / "sh010.ma").is_file()


def test_range_rate_and_size_are_checked_against_the_shot_and_repaired(saved, host, session, task, tmp_path):
    saved.scene.options["animationEndTime"] = 1010.0
    saved.scene.unit = "pal"
    saved.scene.node("defaultResolution").attributes["width"] = 128
    publish_check, problems = find_problems(saved, host, session, task, tmp_path)
    assert sorted(problems) == ["Frame range", "Frame rate", "Resolution"]
    for problem in problems.values():
        assert run_in_thread(saved, lambda problem=problem: publish_check.repair(problem)) is None
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")


def test_a_missing_reference_is_reported_and_loaded_once_its_file_exists(saved, host, session, task, tmp_path):
    from doubles.maya.scene import Reference

    rig = tmp_path / "rig.ma"
    saved.scene.references = [
        Reference("rigRN", f"{rig}{{1}}", is_loaded=False),
        Reference("setRN", str(tmp_path / "there.ma")),
    ]
    publish_check, problems = find_problems(saved, host, session, task, tmp_path)
    (problem,) = problems.values()
    assert f"Files referenced by the scene are missing: {rig}" in problem.message
    assert run_in_thread(saved, lambda: publish_check.repair(problem)).check == "References"
    rig.write_text("//Maya", encoding="utf-8")
    (problem,) = publish_check.problems
    assert run_in_thread(saved, lambda: publish_check.repair(problem)) is None
    assert saved.scene.references[0].is_loaded


def test_a_missing_nested_reference_is_reported(saved, host, session, task, tmp_path):
    from doubles.maya.scene import Reference

    rig = tmp_path / "rig.ma"
    rig.write_text("//Maya", encoding="utf-8")
    saved.scene.references = [
        Reference("rigRN", str(rig)),
        Reference("rig:modelRN", str(tmp_path / "model.ma"), is_loaded=False, is_nested=True),
    ]
    _, problems = find_problems(saved, host, session, task, tmp_path)
    assert f"missing: {tmp_path / 'model.ma'}" in problems["References"].message


def test_a_plugin_without_objects_is_a_warning_and_no_problem(saved, host, session, task, tmp_path):
    saved.scene.unknown_plugins = ["Turtle", "mental ray"]
    _, problems = find_problems(saved, host, session, task, tmp_path)
    assert problems == {}
    assert saved.interface.messages == [
        "ft-dcc: the scene requires plug-ins that are not installed: Turtle, mental ray."
    ]


def test_missing_colours_and_sounds_are_in_the_result_and_recorded(saved, host, session, task, tmp_path):
    saved.interface.colour_management["outputTransformEnabled"] = False
    saved.scene.add_sound("music", filename="/audio/music.wav")
    request = PublishRequest(task=task["id"], source=("shotCam", "second"))
    published = run_in_thread(saved, lambda: publish(request, session, host, jobs=tmp_path / "jobs"))
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


def test_a_movie_with_the_colours_and_sounds_of_the_views_has_no_warning(saved, host, session, task, tmp_path):
    request = PublishRequest(task=task["id"])
    published = run_in_thread(saved, lambda: publish(request, session, host, jobs=tmp_path / "jobs"))
    assert published.first.changes == ()


def test_a_shot_of_the_sequencer_is_published_with_its_own_range(saved, host, session, task, tmp_path):
    saved.scene.add_shot("sh030", currentCamera="second", startTime=1003.0, endTime=1006.0)
    session.get("Shot", task["parent_id"])["custom_attributes"].update(fstart=1003, fend=1006)
    session.commit()
    request = PublishRequest(task=task["id"], source="sh030")
    published = run_in_thread(saved, lambda: publish(request, session, host, jobs=tmp_path / "jobs"))
    assert {drawn.camera for drawn in saved.drawn} == {"second"}
    assert sorted({drawn.time for drawn in saved.drawn}) == [1003.0, 1004.0, 1005.0, 1006.0]
    origin = json.loads(session.get("AssetVersion", published.first.version_id)["metadata"]["ft_dcc_origin"])
    assert origin["camera"] == "sh030"
    frames = range(1003, 1007)
    assert settings_at(origin["camera_settings"], frames) == host.camera_settings("second", frames)


def test_objects_of_an_unknown_plugin_are_reported(saved, host, session, task, tmp_path):
    from doubles.maya.scene import Node

    saved.scene.unknown_plugins = ["vrayformaya"]
    saved.scene.nodes.append(Node("VRayProxy1", "unknownDag"))
    _, problems = find_problems(saved, host, session, task, tmp_path)
    assert problems["Unknown plug-ins"].message == (
        "Objects of plug-ins that are not installed cannot be drawn: VRayProxy1 (plug-ins: vrayformaya). "
        "Load the plug-ins, or delete the objects."
    )


def test_unknown_objects_of_a_reference_are_a_warning_because_they_cannot_be_deleted(
    saved, host, session, task, tmp_path
):
    from doubles.maya.scene import Node

    saved.scene.unknown_plugins = ["vrayformaya"]
    saved.scene.nodes.append(Node("VRayProxy1", "unknownDag", is_referenced=True))
    _, problems = find_problems(saved, host, session, task, tmp_path)
    assert problems == {}
    assert saved.interface.messages == [
        "ft-dcc: VRayProxy1 cannot be drawn, because plug-ins are not installed: vrayformaya."
    ]


def test_a_missing_sound_file_is_reported_before_the_capture(saved, host, session, task, tmp_path):
    saved.scene.add_sound("dialogue", filename=str(tmp_path / "gone.wav"))
    saved.interface.sound = "dialogue"
    _, problems = find_problems(saved, host, session, task, tmp_path)
    assert list(problems) == ["Sound"] and saved.drawn == []


def test_all_problems_are_reported_together(maya, host, session, task, tmp_path):
    from doubles.maya.scene import Node

    maya.scene.unit = "pal"
    maya.scene.nodes.append(Node("proxy", "unknownDag"))
    with pytest.raises(ValidationFailed) as caught:
        run_in_thread(maya, lambda: publish(PublishRequest(task=task["id"]), session, host, jobs=tmp_path / "jobs"))
    assert {problem.check for problem in caught.value.problems} == {"Saved scene", "Frame rate", "Unknown plug-ins"}


def test_publish_again_repeats_the_last_publish_and_shows_the_link(saved, host, session, task, tmp_path, monkeypatch):
    from ft_dcc_maya import commands

    for name, value in (
        ("FTRACK_SERVER", session.server_url),
        ("FTRACK_API_USER", session.api_user),
        ("FTRACK_API_KEY", session.api_key),
        ("FT_DCC_JOBS", str(tmp_path / "jobs")),
    ):
        monkeypatch.setenv(name, value)
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


def test_publish_again_uses_the_account_of_the_dialog(saved, host, session, task, tmp_path, monkeypatch):
    from ft_dcc_maya import commands

    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    host.remember_task(task["id"])
    host.save()
    run_in_thread(saved, lambda: publish(PublishRequest(task=task["id"]), session, host))
    credentials.save_credentials(credentials.Account(session.server_url, session.api_user, session.api_key))
    commands.publish_again()
    saved.serve(next(thread for thread in threading.enumerate() if thread.name == "ft-dcc publish"))
    (sentence,) = saved.interface.messages
    assert sentence == "Version 2 is published."
