"""Publishes of renders, on a real studio server: each once, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import painted

from ft_dcc.errors import DiskUnusable, JobLocked, Problems, ServerUnreachable, Unpublishable
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish import rendered
from ft_dcc.publish.rendered import Mark, decline, forget_old, publish_render, request_of, state_of, tend
from ft_dcc.publish.run import Publisher
from ft_dcc.render_records import Execution, Record, Wish
from ft_dcc.renders import read_renders
from ft_dcc.tasks import ensure_task


@pytest.fixture
def task(session):
    """A task of a shot with the small shot's own settings."""
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
    """Render frames for the task, as one execution, and return the render that they are part of."""

    def do(frames=range(1001, 1005), name="comp.{:04d}.png", size="64x36", view="main", **values):
        wish = Wish(**{"when": "always", "task": task["id"], "comment": "Edges", **values.pop("wish", {})})
        parts = {"render": "job 1", "node": "Write1", "script": "comp.nk", "program": "Nuke 15.1", "fps": "24"}
        parts = {**parts, "script_range": (1001, 1004), "views": ("main", "right"), **values}
        execution = Execution(**parts, wish=wish)
        record = Record.begin(execution)
        for frame in frames:
            path = tmp_path / name.format(frame)
            if not path.exists():
                path.write_bytes(painted(frame, Resolution.parse(size)))
            record.add(frame, {view: str(path)})
        record.end()
        found = [each for each in read_renders() if each.execution.render == execution.render]
        return next(each for each in found if each.path(frames[0]) == tmp_path / name.format(frames[0]))

    return do


def versions(session, task):
    found = session.query(f"AssetVersion where task_id is {task['id']} order by asset.name, version").all()
    return [(version["asset"]["name"], version["version"], version["comment"]) for version in found]


def round_of(publisher):
    return list(tend(publisher, read_renders()))


def test_a_complete_render_is_a_version_once_however_often_it_is_tried(publisher, execute, session, task):
    execute(range(1001, 1003))
    assert round_of(publisher) == []
    render = execute(range(1003, 1005))
    (tended,) = round_of(publisher)
    assert (tended.error, tended.published.first.version) == (None, 1)
    assert (round_of(publisher), publish_render(render, publisher)) == ([], None)
    # A task that the farm runs again.
    execute(range(1001, 1003))
    assert round_of(publisher) == []
    assert versions(session, task) == [("Comp", 1, "Edges")]
    assert state_of(render) == "published"


def test_a_new_job_of_the_farm_is_a_new_version_and_so_is_one_that_is_wanted_again(publisher, execute, session, task):
    execute()
    round_of(publisher)
    render = execute(render="job 2")
    round_of(publisher)
    publish_render(render, publisher, again=True)
    assert [version for _, version, _ in versions(session, task)] == [1, 2, 3]


@pytest.mark.parametrize("moment", ["before the job", "after the job", "after the version"])
def test_a_crash_at_any_moment_makes_no_second_version(publisher, execute, session, task, monkeypatch, moment):
    class PowerCut(BaseException):
        pass

    def cut(*_arguments, **_values):
        raise PowerCut

    render = execute()
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        if moment == "before the job":
            patch.setattr(rendered, "prepare", cut)
        elif moment == "after the job":
            patch.setattr(Publisher, "resume", cut)
        else:
            note = Mark.note
            patch.setattr(Mark, "note", lambda self, **said: cut() if "end" in said else note(self, **said))
        publish_render(render, publisher)
    assert state_of(render) == ("published" if moment == "after the version" else "publishing")
    round_of(publisher)
    round_of(publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")] and state_of(render) == "published"


def test_two_processes_at_once_make_one_version(publisher, execute, session, task, studio_server):
    execute()
    known = {
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
    }
    command = [sys.executable, "-m", "ft_dcc.cli.main", "renders", "publish"]
    both = [
        subprocess.Popen(command, env={**os.environ, **known}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert 0 in [process.wait(120) for process in both]
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_a_server_that_is_away_gets_the_version_later(publisher, execute, session, task, monkeypatch):
    render = execute()

    def away(*_arguments):
        raise ServerUnreachable("The server is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "resume", away)
        (tended,) = round_of(publisher)
    assert isinstance(tended.error, ServerUnreachable) and state_of(render) == "publishing"
    round_of(publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_what_a_check_refuses_is_told_and_not_tried_again_by_itself(publisher, execute, session, task):
    render = execute(size="32x18")
    (tended,) = round_of(publisher)
    assert "resolution is 32x18" in str(tended.error)
    assert (state_of(render), round_of(publisher), versions(session, task)) == ("refused", [], [])


def test_a_proxy_is_published_on_demand_only(publisher, execute, session, task):
    render = execute(size="32x18", is_proxy=True)
    assert (state_of(render), round_of(publisher)) == ("proxy", [])
    assert publish_render(render, publisher).first.version == 1


def test_a_render_that_is_to_be_asked_for_waits_for_the_answer(publisher, execute, session, task):
    render = execute(wish={"when": "ask"})
    assert (state_of(render), round_of(publisher)) == ("asks first", [])
    decline(render)
    assert (state_of(render), round_of(publisher)) == ("declined", [])
    assert publish_render(render, publisher).first.version == 1


def test_each_view_beside_the_main_one_is_an_asset_of_its_own(publisher, execute, session, task):
    execute(name="left.{:04d}.png")
    execute(name="right.{:04d}.png", view="right")
    assert [tended.error for tended in round_of(publisher)] == [None, None]
    assert versions(session, task) == [("Comp", 1, "Edges"), ("Comp right", 1, "Edges")]


def test_frames_that_are_missing_are_named_and_what_is_in_one_piece_can_be_had(publisher, execute, session, task):
    render = execute([1001, 1002, 1004])
    assert state_of(render) == "incomplete"
    with pytest.raises(Unpublishable, match="Frames of Write1 are missing: 1003"):
        publish_render(render, publisher)
    assert (state_of(render), versions(session, task)) == ("incomplete", [])
    render = execute([1001, 1002], render="job 2")
    published = publish_render(render, publisher)
    film = session.query(
        f"Component where version_id is {published.first.version_id} and name is ftrackreview-mp4"
    ).one()
    assert '"frame_count": 2' in film["metadata"]["ft_dcc"]


def test_what_was_dropped_stays_dropped_until_it_is_wanted(publisher, execute, session, task, monkeypatch):
    def away(*_arguments):
        raise ServerUnreachable("The server is away.")

    render = execute()
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "resume", away)
        round_of(publisher)
    publisher.drop(Mark.of(render).read()["job"])
    assert (state_of(render), round_of(publisher)) == ("dropped", [])
    publish_render(render, publisher)
    assert versions(session, task) == [("Comp", 1, "Edges")]


def test_what_another_machine_publishes_is_left_to_it(publisher, execute, session, task):
    render = execute()
    Mark.of(render).note(job="20260101-000000-000000-abcd", machine="farm7", jobs="elsewhere")
    assert (state_of(render), round_of(publisher)) == ("publishing elsewhere", [])
    with pytest.raises(JobLocked, match="farm7 publishes"):
        publish_render(render, publisher)


def test_light_is_shown_as_the_node_and_its_tab_say(publisher, execute):
    render = execute(
        name="light.{:04d}.exr", colour_space="lin_rec709", wish={"shown": "sRGB - Display/Raw", "when": "ask"}
    )
    colour = request_of(render).colour
    assert (colour.space, colour.display, colour.view) == ("lin_rec709", "sRGB - Display", "Raw")
    assert request_of(execute(render="job 2", colour_space="srgb_tx")).colour is None


def test_a_colour_space_that_nobody_knows_is_refused_first(publisher, execute, session, task, tmp_path):
    oiio = pytest.importorskip("OpenImageIO", reason="OpenImageIO is not installed")
    for frame in range(1001, 1005):
        picture = oiio.ImageBuf(oiio.ImageSpec(64, 36, 3, "uint16"))
        oiio.ImageBufAlgo.fill(picture, (0.18, 0.18, 0.18))
        picture.write(str(tmp_path / f"log.{frame}.dpx"))
    render = execute(name="log.{:04d}.dpx", colour_space="Cineon")
    (tended,) = round_of(publisher)
    assert "no colour space called 'Cineon'" in str(tended.error)
    assert (versions(session, task), state_of(render)) == ([], "refused")


@pytest.mark.parametrize("content", [b"nonsense\n", b"7\n", b"\xff\xfe\n"])
def test_a_mark_that_is_damaged_publishes_nothing(publisher, execute, session, task, content):
    render = execute()
    render.mark.write_bytes(content)
    with pytest.raises(DiskUnusable):
        state_of(render)
    assert versions(session, task) == []


def test_a_mark_that_cannot_be_written_publishes_nothing(publisher, execute, session, task, monkeypatch):
    def full(self, **_said):
        raise DiskUnusable("The disk is full.")

    render = execute()
    with monkeypatch.context() as patch, pytest.raises(DiskUnusable):
        patch.setattr(Mark, "note", full)
        publish_render(render, publisher)
    assert versions(session, task) == []
    assert not isinstance(round_of(publisher)[0].error, Problems)


def test_what_ended_a_month_ago_is_forgotten_and_its_files_stay(publisher, execute, tmp_path):
    def age(render):
        for path in render.folder.iterdir():
            os.utime(path, (1.0, 1.0))

    old, waiting, young = (execute(render=name) for name in ("job 1", "job 2", "job 3"))
    decline(old)
    decline(young)
    age(old)
    age(waiting)
    forget_old(read_renders())
    assert sorted(each.execution.render for each in read_renders()) == ["job 2", "job 3"]
    assert old.path(1001).is_file()
