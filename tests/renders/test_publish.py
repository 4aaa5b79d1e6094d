"""Publishes of renders to the real studio server: each exactly once."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from datetime import datetime
from fractions import Fraction

import pytest
from doubles.command_line import account_variables
from doubles.renders import record_render

from ft_dcc.errors import JobLocked, ServerUnreachable, StorageError, UserFixableError, ValidationFailed
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.publisher import Publisher
from ft_dcc.renders import publish
from ft_dcc.renders.publish import (
    RenderPublishState,
    decline,
    forget_old,
    publish_ready,
    publish_render,
    request_of,
    state_of,
)
from ft_dcc.renders.renders import read_renders


@pytest.fixture
def task(session):
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Comp"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1004), fps=Fraction(24))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    return task


@pytest.fixture
def publisher(session, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    return Publisher(session)


@pytest.fixture
def execute(task, tmp_path):
    def do(frames=range(1001, 1005), name="comp.{:04d}.png", size="64x36", view="main", **values):
        options = {"task": task["id"], "comment": "Edges", **values.pop("options", {})}
        values = {"views": ("main", "right"), **values}
        record_render(frames, tmp_path / name, view=view, size=size, options=options, **values)
        found = [each for each in read_renders() if each.execution.render == values.get("render", "job 1")]
        return next(each for each in found if each.path(frames[0]) == tmp_path / name.format(frames[0]))

    return do


def versions(session, task):
    found = session.query(f"AssetVersion where task_id is {task['id']} order by asset.name, version").all()
    return [(version["asset"]["name"], version["version"], version["comment"]) for version in found]


def round_of(publisher):
    return list(publish_ready(publisher, read_renders()))


def test_complete_render_is_published_once(publisher, execute, session, task):
    execute(range(1001, 1003))
    assert round_of(publisher) == []
    render = execute(range(1003, 1005))
    (result,) = round_of(publisher)
    assert (result.error, result.published.first.version) == (None, 1)
    assert (round_of(publisher), publish_render(render, publisher)) == ([], None)
    # The farm runs a task again.
    execute(range(1001, 1003))
    assert round_of(publisher) == []
    assert versions(session, task) == [("Comp", 1, "Edges")]
    assert state_of(render) == "published"


def test_new_farm_job_and_explicit_repetition_create_new_versions(publisher, execute, session, task):
    execute()
    round_of(publisher)
    render = execute(render="job 2")
    round_of(publisher)
    publish_render(render, publisher, again=True)
    assert [version for _, version, _ in versions(session, task)] == [1, 2, 3]


@pytest.mark.parametrize("moment", ["before the job", "after the job", "after the version"])
def test_crash_at_each_moment_creates_no_second_version(publisher, execute, session, task, monkeypatch, moment):
    class PowerCut(BaseException):
        pass

    def cut(*_arguments, **_values):
        raise PowerCut

    render = execute()
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        if moment == "before the job":
            patch.setattr(publish, "prepare", cut)
        elif moment == "after the job":
            patch.setattr(Publisher, "resume", cut)
        else:
            update = RenderPublishState.update
            patch.setattr(
                RenderPublishState,
                "update",
                lambda self, **values: cut() if "end" in values else update(self, **values),
            )
        publish_render(render, publisher)
    assert state_of(render) == ("published" if moment == "after the version" else "publishing")
    round_of(publisher)
    round_of(publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")] and state_of(render) == "published"


def test_two_concurrent_processes_create_one_version(publisher, execute, session, task, studio_server):
    execute()
    known = {**account_variables(studio_server)}
    command = [sys.executable, "-m", "ft_dcc.cli.main", "renders", "publish"]
    both = [
        subprocess.Popen(command, env={**os.environ, **known}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert 0 in [process.wait() for process in both]
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_render_is_published_after_the_server_is_back(publisher, execute, session, task, monkeypatch):
    render = execute()

    def away(*_arguments):
        raise ServerUnreachable("The server is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "resume", away)
        (result,) = round_of(publisher)
    assert isinstance(result.error, ServerUnreachable) and state_of(render) == "publishing"
    round_of(publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_render_that_fails_validation_is_not_retried(publisher, execute, session, task):
    render = execute(size="32x18")
    (result,) = round_of(publisher)
    assert "The images are 32x18" in str(result.error)
    assert (state_of(render), round_of(publisher), versions(session, task)) == ("failed", [], [])


def test_proxy_render_is_published_on_demand_only(publisher, execute, session, task):
    render = execute(size="32x18", is_proxy=True)
    assert (state_of(render), round_of(publisher)) == ("proxy", [])
    assert publish_render(render, publisher).first.version == 1


def test_render_that_asks_first_waits_for_the_answer(publisher, execute, session, task):
    render = execute(options={"when": "ask"})
    assert (state_of(render), round_of(publisher)) == ("asks first", [])
    decline(render)
    assert (state_of(render), round_of(publisher)) == ("declined", [])
    assert publish_render(render, publisher).first.version == 1


def test_each_secondary_view_has_its_own_asset(publisher, execute, session, task):
    execute(name="left.{:04d}.png")
    execute(name="right.{:04d}.png", view="right")
    assert [result.error for result in round_of(publisher)] == [None, None]
    assert versions(session, task) == [("Comp", 1, "Edges"), ("Comp right", 1, "Edges")]


def test_missing_frames_are_named_and_a_contiguous_part_can_be_published(publisher, execute, session, task, tmp_path):
    render = execute([1001, 1002, 1004])
    assert state_of(render) == "incomplete"
    with pytest.raises(UserFixableError, match="Frames of Write1 are missing: 1003"):
        publish_render(render, publisher)
    assert (state_of(render), versions(session, task)) == ("incomplete", [])
    (tmp_path / "comp.1004.png").unlink()
    render = execute([1001, 1002], render="job 2")
    published = publish_render(render, publisher)
    movie = session.query(
        f"Component where version_id is {published.first.version_id} and name is ftrackreview-mp4"
    ).one()
    assert '"frame_count": 2' in movie["metadata"]["ft_dcc"]


def test_dropped_render_is_published_only_on_demand(publisher, execute, session, task, monkeypatch):
    def away(*_arguments):
        raise ServerUnreachable("The server is away.")

    render = execute()
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "resume", away)
        round_of(publisher)
    publisher.drop(RenderPublishState(render.state_file).read()["job"])
    assert (state_of(render), round_of(publisher)) == ("dropped", [])
    publish_render(render, publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_render_that_another_machine_publishes_is_locked(publisher, execute, session, task):
    render = execute()
    RenderPublishState(render.state_file).update(job="20260101-000000-000000-abcd", machine="farm7", jobs="elsewhere")
    assert (state_of(render), round_of(publisher)) == ("publishing elsewhere", [])
    with pytest.raises(JobLocked, match="farm7 publishes"):
        publish_render(render, publisher)


def test_colour_space_and_view_of_the_node_are_used(publisher, execute):
    render = execute(
        name="light.{:04d}.exr", colour_space="lin_rec709", options={"shown": "sRGB - Display/Raw", "when": "ask"}
    )
    colour = request_of(render).colour
    assert (colour.space, colour.display, colour.view) == ("lin_rec709", "sRGB - Display", "Raw")
    assert request_of(execute(render="job 2", colour_space="srgb_tx")).colour is None


def test_unknown_colour_space_is_rejected(publisher, execute, session, task, tmp_path):
    oiio = pytest.importorskip("OpenImageIO", reason="OpenImageIO is not installed")
    for frame in range(1001, 1005):
        image = oiio.ImageBuf(oiio.ImageSpec(64, 36, 3, "uint16"))
        oiio.ImageBufAlgo.fill(image, (0.18, 0.18, 0.18))
        image.write(str(tmp_path / f"log.{frame}.dpx"))
    render = execute(name="log.{:04d}.dpx", colour_space="Cineon")
    (result,) = round_of(publisher)
    assert "no colour space called 'Cineon'" in str(result.error)
    assert (versions(session, task), state_of(render)) == ([], "failed")


@pytest.mark.parametrize("content", [b"nonsense\n", b"7\n", b"\xff\xfe\n"])
def test_damaged_publish_state_stops_the_publish(publisher, execute, session, task, content):
    render = execute()
    render.state_file.write_bytes(content)
    with pytest.raises(StorageError):
        state_of(render)
    assert versions(session, task) == []


def test_unwritable_publish_state_stops_the_publish(publisher, execute, session, task, monkeypatch):
    def full(self, **_said):
        raise StorageError("The disk is full.")

    render = execute()
    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(RenderPublishState, "update", full)
        publish_render(render, publisher)
    assert versions(session, task) == []
    assert not isinstance(round_of(publisher)[0].error, ValidationFailed)


def test_logs_of_renders_older_than_a_month_are_deleted(publisher, execute, tmp_path):
    def age(render):
        for path in render.folder.iterdir():
            os.utime(path, (1.0, 1.0))

    old, waiting, young = (execute(render=name, name=f"{name}.{{:04d}}.png") for name in ("job 1", "job 2", "job 3"))
    replaced = execute(render="job 0", name="job 3.{:04d}.png", time=1.0)
    decline(old)
    decline(young)
    for each in (old, waiting, replaced):
        age(each)
    forget_old(read_renders())
    assert sorted(each.execution.render for each in read_renders()) == ["job 2", "job 3"]
    assert old.path(1001).is_file()


SCRIPT = b"Root { name sh010.nk }\n"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "true")
    path = tmp_path / "sh010.nk"
    path.write_bytes(SCRIPT)
    return path


def origin_of(session, published):
    query = f"select metadata from AssetVersion where id is '{published.first.version_id}'"
    return json.loads(session.query(query).one()["metadata"]["ft_dcc_origin"])


def component_names(published):
    return {part.name for part in published.first.components}


def test_version_of_a_render_contains_its_script(publisher, execute, session, script):
    published = publish_render(execute(script=str(script)), publisher)
    (scene,) = (part for part in published.first.components if part.name == "scene")
    assert scene.sha256 == hashlib.sha256(SCRIPT).hexdigest()
    origin = origin_of(session, published)
    assert datetime.fromisoformat(origin.pop("modified")).timestamp() == int(script.stat().st_mtime)
    assert origin == {
        "file": str(script),
        "sha256": scene.sha256,
        "source": "Write1",
        "program": "Nuke 15.1",
        "has_unsaved_changes": False,
    }


def test_script_of_a_render_is_recorded_but_not_uploaded_without_the_setting(
    publisher, execute, session, script, monkeypatch
):
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "false")
    published = publish_render(execute(script=str(script)), publisher)
    assert "scene" not in component_names(published)
    origin = origin_of(session, published)
    assert (origin["sha256"], "scene_file" in origin) == (hashlib.sha256(SCRIPT).hexdigest(), False)


@pytest.mark.parametrize(
    ("values", "change", "reason"),
    [
        ({}, lambda script: script.write_bytes(b"the next day"), "it has changed since the render"),
        ({}, lambda script: script.unlink(), "the file is not there"),
        ({"has_unsaved_changes": True}, lambda _script: None, "it was rendered with unsaved changes"),
        ({"script": ""}, lambda _script: None, "it was never saved"),
    ],
)
def test_script_that_is_not_the_rendered_one_is_named_and_not_uploaded(
    publisher, execute, session, script, caplog, values, change, reason
):
    render = execute(**{"script": str(script), **values})
    change(script)
    published = publish_render(render, publisher)
    assert component_names(published) == {"ftrackreview-mp4", "thumbnail"}
    origin = origin_of(session, published)
    assert origin["scene_file"] == reason
    assert origin.get("sha256") == (None if "script" in values else hashlib.sha256(SCRIPT).hexdigest())
    assert f"does not contain its scene file: {reason}" in caplog.text
