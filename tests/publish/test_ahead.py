"""The server is away when an artist publishes: the cameras are captured, and the rest is done whenever it is back."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.faulty_line import FaultyLine

from ft_dcc.errors import CameraMissing, Cancelled, Invalid, ServerUnreachable
from ft_dcc.frames import FrameRange, Frames
from ft_dcc.host import Scene, Soundtrack
from ft_dcc.publish.journal import read_value, write_value
from ft_dcc.publish.queue import entries, work_through
from ft_dcc.publish.records import Captured, CapturedCamera, PublishRequest, Source
from ft_dcc.publish.run import Publisher
from ft_dcc.session import Session, wire


@pytest.fixture
def line(studio_server, monkeypatch):
    monkeypatch.setattr(wire, "wait", lambda *_: None)
    with FaultyLine(studio_server.server_url).open() as line:
        yield line


@pytest.fixture
def far(line, studio_server):
    """A session on a line that is dead until somebody sets it right."""
    user = {"api_key": studio_server.api_key, "api_user": studio_server.api_user}
    with Session(server_url=line.url, **user) as session:
        line.set(1)
        yield session


def only_entry(jobs):
    (entry,) = entries(jobs)
    return entry


@pytest.mark.parametrize("is_postponed", [False, True], ids=["publish", "postpone"])
def test_a_camera_is_captured_and_published_without_its_program_when_the_server_is_back(
    far, line, task, task_path, jobs, paint, is_postponed
):
    host = ColourBars()
    publisher = Publisher(far, host, jobs=jobs)
    sources = ("bars", paint("1001-1012").pattern)
    request = PublishRequest(task_path, sources, review="Dailies", burnin={"top": "{lens}"}, fps=SCENE.fps)
    if is_postponed:
        said = publisher.postpone(request)
    else:
        with pytest.raises(ServerUnreachable) as caught:
            publisher.publish(request)
        said = str(caught.value)
    entry = only_entry(jobs)
    assert f"The pictures are captured: 'ft-dcc queue run' publishes the job {entry.job.id}" in said
    assert (host.captures, entry.state, entry.host) == (1, "waiting", "Colour bars")
    assert entry.can_go_on(None)
    line.set()
    (outcome,) = work_through(Publisher(far, None, jobs=jobs))
    assert [version.source for version in outcome.published.versions] == ["bars", "sh010"]
    assert (outcome.published.problems, host.captures, only_entry(jobs).state) == ((), 1, "done")
    assert [each.name for each in only_entry(jobs).job.folder.iterdir() if each.is_dir()] == []


def test_what_was_captured_is_judged_by_the_shot_when_the_server_is_back(far, line, shot, jobs):
    task_path = shot("1001-1024", "24")
    with pytest.raises(ServerUnreachable):
        Publisher(far, ColourBars(), jobs=jobs).publish(PublishRequest(task_path))
    line.set()
    # What is open by then would pass.
    host = ColourBars(attrs.evolve(SCENE, frame_range=FrameRange(1001, 1024)))
    (outcome,) = work_through(Publisher(far, host, jobs=jobs))
    assert isinstance(outcome.error, Invalid)
    assert (outcome.error.found, outcome.error.wanted) == (FrameRange(1001, 1012), FrameRange(1001, 1024))
    assert (host.captures, only_entry(jobs).state) == (0, "refused")


@pytest.mark.parametrize("stops", ["camera", "sound", "cancel"])
def test_what_can_be_judged_without_the_server_is_and_then_nothing_stays(far, task, task_path, jobs, stops):
    track = Soundtrack(Path("/nowhere/song.wav"), FrameRange(1, 1).start)
    host = ColourBars(attrs.evolve(SCENE, sounds=(track,)) if stops == "sound" else SCENE)
    publisher = Publisher(far, host, jobs=jobs, on_progress=lambda _: publisher.cancel.set())
    source = "nobody" if stops == "camera" else "bars"
    wanted = {"camera": (CameraMissing, "called nobody"), "sound": (Exception, "song.wav is not on disk")}
    error, words = wanted.get(stops, (Cancelled, "cancelled"))
    with pytest.raises(error, match=words):
        publisher.publish(PublishRequest(task_path, source))
    assert list(jobs.iterdir()) == []


def test_the_journal_keeps_what_was_captured():
    frames = Frames("/jobs/1/frames/a.%04d.png", FrameRange(1, 2), SCENE.fps, SCENE.resolution)
    cameras = (CapturedCamera("Path", frames, {"1": "35 mm"}),)
    captured = Captured(SCENE, (Source("camera", "Path", "Path"),), cameras)
    assert read_value(write_value({"captured": captured})) == {"captured": captured}
    assert captured.camera("Path").frames == frames
    assert isinstance(captured.scene, Scene)
