"""From the double's viewport, through the real encoder, to a version on a real studio server, and back."""

from __future__ import annotations

import sys
import threading
import uuid
import wave
from fractions import Fraction

import attrs
import pytest
import requests

from ft_dcc import credentials
from ft_dcc.errors import Problems, Unpublishable
from ft_dcc.frames import FrameRange
from ft_dcc.media import probe
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher, publish
from ft_dcc.session import SERVER_LOCATION_ID
from ft_dcc.tasks import ensure_task


@pytest.fixture
def task(session):
    """A task of a shot with the small shot's own settings."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    return task


@pytest.fixture
def saved(maya, tmp_path):
    """The scene has a name and nothing to be saved."""
    maya.scene.path = str(tmp_path / "sh010.ma")
    return maya


def work(maya, function):
    """Call it in a worker, as the dialog does, while Maya goes on living; return or raise what it did."""
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


def problems_of(maya, host, session, task, tmp_path):
    """What the checks find, each by its label."""
    judgement = work(
        maya, lambda: Publisher(session, host, jobs=tmp_path / "jobs").judge(PublishRequest(task=task["id"]))
    )
    return judgement, {problem.check: problem for problem in judgement.problems}


def test_a_viewport_is_a_version_in_a_review_session(saved, host, session, task, tmp_path):
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
    published = work(saved, lambda: publish(request, session, host, jobs=tmp_path / "jobs"))

    assert saved.state() == before
    version = session.query(f"AssetVersion where id is {published.first.version_id}").one()
    assert (version["comment"], version["version"], version["task"]["name"]) == ("First blocking", 1, "Animation")
    entry = session.query(f"ReviewSessionObject where version_id is {version['id']}").one()
    assert entry["review_session"]["name"] == review
    assert requests.get(published.first.link, timeout=30).status_code == 200
    component = session.query(f"Component where version_id is {version['id']} and name is ftrackreview-mp4").one()
    film = tmp_path / "film.mp4"
    film.write_bytes(requests.get(session.get("Location", SERVER_LOCATION_ID).get_url(component), timeout=30).content)
    facts = probe(film)
    assert (facts.frame_count, facts.fps, str(facts.resolution), facts.has_audio) == (12, Fraction(24), "64x36", True)


def test_a_scene_that_was_never_saved_is_refused_and_has_to_get_a_name(maya, host, session, task, tmp_path):
    with pytest.raises(Unpublishable, match="never been saved"):
        work(maya, lambda: publish(PublishRequest(task=task["id"]), session, host, jobs=tmp_path / "jobs"))
    judgement, problems = problems_of(maya, host, session, task, tmp_path)
    with pytest.raises(Unpublishable, match="never been saved"):
        work(maya, lambda: judgement.repair(problems["Saved scene"]))
    assert (maya.scene.path, maya.drawn) == ("", [])


def test_unsaved_changes_are_saved_on_the_artists_wish_only(saved, host, session, task, tmp_path):
    saved.scene.is_modified = True
    judgement, problems = problems_of(saved, host, session, task, tmp_path)
    assert problems["Saved scene"].message == "sh010.ma has changes that are not saved. Save it."
    assert saved.scene.is_modified and not (tmp_path / "sh010.ma").exists()
    assert work(saved, lambda: judgement.repair(problems["Saved scene"])) is None
    assert not saved.scene.is_modified and (tmp_path / "sh010.ma").is_file()


def test_range_rate_and_size_are_judged_against_the_shot_and_repaired(saved, host, session, task, tmp_path):
    saved.scene.options["animationEndTime"] = 1010.0
    saved.scene.unit = "pal"
    saved.scene.node("defaultResolution").attributes["width"] = 128
    judgement, problems = problems_of(saved, host, session, task, tmp_path)
    assert sorted(problems) == ["Frame range", "Frame rate", "Resolution"]
    for problem in problems.values():
        assert work(saved, lambda problem=problem: judgement.repair(problem)) is None
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")


def test_a_missing_reference_is_named_and_loaded_when_it_is_back(saved, host, session, task, tmp_path):
    from doubles.maya.scene import Reference

    rig = tmp_path / "rig.ma"
    saved.scene.references = [
        Reference("rigRN", f"{rig}{{1}}", is_loaded=False),
        Reference("setRN", str(tmp_path / "there.ma")),
    ]
    judgement, problems = problems_of(saved, host, session, task, tmp_path)
    (problem,) = problems.values()
    assert f"Files that the scene refers to are missing: {rig}" in problem.message
    assert work(saved, lambda: judgement.repair(problem)).check == "References"
    rig.write_text("//Maya", encoding="utf-8")
    (problem,) = judgement.problems
    assert work(saved, lambda: judgement.repair(problem)) is None
    assert saved.scene.references[0].is_loaded


def test_unknown_plugins_are_named_and_removed_on_wish(saved, host, session, task, tmp_path):
    saved.scene.unknown_plugins = ["Turtle", "mental ray"]
    judgement, problems = problems_of(saved, host, session, task, tmp_path)
    (problem,) = problems.values()
    assert problem.message.startswith("The scene was made with plug-ins that are not here: Turtle, mental ray.")
    assert work(saved, lambda: judgement.repair(problem)) is None
    assert saved.scene.unknown_plugins == []


def test_a_sound_that_is_not_on_disk_is_found_before_anything_is_captured(saved, host, session, task, tmp_path):
    saved.scene.add_sound("dialogue", filename=str(tmp_path / "gone.wav"))
    saved.interface.sound = "dialogue"
    _, problems = problems_of(saved, host, session, task, tmp_path)
    assert list(problems) == ["Sound"] and saved.drawn == []


def test_several_problems_are_told_at_once(maya, host, session, task, tmp_path):
    maya.scene.unit, maya.scene.unknown_plugins = "pal", ["Turtle"]
    with pytest.raises(Problems) as caught:
        work(maya, lambda: publish(PublishRequest(task=task["id"]), session, host, jobs=tmp_path / "jobs"))
    assert {problem.check for problem in caught.value.problems} == {"Saved scene", "Frame rate", "Unknown plug-ins"}


def test_publish_again_repeats_what_was_published_and_says_the_link(saved, host, session, task, tmp_path, monkeypatch):
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
    first = PublishRequest(task=task["id"], source="second", review=f"Dailies {uuid.uuid4().hex[:6]}", comment="One")
    made = work(saved, lambda: publish(first, session, host))
    commands.publish_again()
    thread = next(thread for thread in threading.enumerate() if thread.name == "ft-dcc publish")
    saved.serve(thread)
    (sentence,) = saved.interface.said
    assert sentence.startswith("Version 2 is in review. http")
    again = session.query(f"AssetVersion where asset_id is {made.first.asset_id} and version is 2").one()
    assert (again["comment"], saved.drawn[-1].camera) == ("", "second")
    assert attrs.evolve(first, comment="").source == ("second",)


def test_publish_again_is_as_whoever_signed_in_through_the_dialog(saved, host, session, task, tmp_path, monkeypatch):
    from ft_dcc_maya import commands

    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    host.remember_task(task["id"])
    host.save()
    work(saved, lambda: publish(PublishRequest(task=task["id"]), session, host))
    credentials.remember(credentials.Account(session.server_url, session.api_user, session.api_key))
    commands.publish_again()
    saved.serve(next(thread for thread in threading.enumerate() if thread.name == "ft-dcc publish"))
    (sentence,) = saved.interface.said
    assert sentence == "Version 2 is published."
