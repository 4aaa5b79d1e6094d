"""Publishes while the server is unreachable: the cameras are captured, and the job resumes later."""

from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.errors import CameraMissing, Cancelled, ServerUnreachable, ValueMismatch
from ft_dcc.frames import FrameRange, Frames
from ft_dcc.host import Scene, Soundtrack
from ft_dcc.publish.jobs.journal import read_value, write_value
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.models import CapturedCamera, OfflineCapture, PublishRequest, Source
from ft_dcc.publish.publisher import Publisher
from ft_dcc.session import Session
from ft_dcc.session.transport import http


@pytest.fixture
def proxy(studio_server, monkeypatch):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    with FaultyProxy(studio_server.server_url).open() as proxy:
        yield proxy


@pytest.fixture
def remote(proxy, studio_server):
    user = {"api_key": studio_server.api_key, "api_user": studio_server.api_user}
    with Session(server_url=proxy.url, **user) as session:
        proxy.set(1)
        yield session


def only_item(jobs):
    (item,) = queue_items(jobs)
    return item


@pytest.mark.parametrize("is_enqueued", [False, True], ids=["publish", "enqueue"])
def test_camera_captured_offline_is_published_without_the_host_when_the_server_is_back(
    remote, proxy, task, task_path, jobs, paint, is_enqueued
):
    host = ColourBars()
    publisher = Publisher(remote, host, jobs=jobs)
    sources = ("bars", paint("1001-1012").pattern)
    request = PublishRequest(task_path, sources, review="Dailies", burnin={"top": "{lens}"}, fps=SCENE.fps)
    if is_enqueued:
        message = publisher.enqueue(request)
    else:
        with pytest.raises(ServerUnreachable) as caught:
            publisher.publish(request)
        message = str(caught.value)
    item = only_item(jobs)
    assert f"The frames are captured: 'ft-dcc queue run' publishes the job {item.job.id}" in message
    assert (host.captures, item.state, item.host) == (1, "waiting", "Colour bars")
    assert item.can_resume(None)
    proxy.set()
    (result,) = process_queue(Publisher(remote, None, jobs=jobs))
    assert [version.source for version in result.published.versions] == ["bars", "sh010"]
    assert (result.published.problems, host.captures, only_item(jobs).state) == ((), 1, "done")
    assert [each.name for each in only_item(jobs).job.folder.iterdir() if each.is_dir()] == []


def test_offline_capture_is_validated_against_the_shot_when_the_server_is_back(remote, proxy, shot, jobs):
    task_path = shot("1001-1024", "24")
    with pytest.raises(ServerUnreachable):
        Publisher(remote, ColourBars(), jobs=jobs).publish(PublishRequest(task_path))
    proxy.set()
    # The scene that is open by then would be valid.
    host = ColourBars(attrs.evolve(SCENE, frame_range=FrameRange(1001, 1024)))
    (result,) = process_queue(Publisher(remote, host, jobs=jobs))
    assert isinstance(result.error, ValueMismatch)
    assert (result.error.found, result.error.expected) == (FrameRange(1001, 1012), FrameRange(1001, 1024))
    assert (host.captures, only_item(jobs).state) == (0, "failed")


@pytest.mark.parametrize("stops", ["camera", "sound", "cancel"])
def test_failed_check_before_an_offline_capture_removes_the_job(remote, task, task_path, jobs, stops):
    track = Soundtrack(Path("/nowhere/song.wav"), FrameRange(1, 1).start)
    host = ColourBars(attrs.evolve(SCENE, sounds=(track,)) if stops == "sound" else SCENE)
    publisher = Publisher(remote, host, jobs=jobs, on_progress=lambda _: publisher.cancel.set())
    source = "nobody" if stops == "camera" else "bars"
    wanted = {"camera": (CameraMissing, "called nobody"), "sound": (Exception, "song.wav does not exist")}
    error, words = wanted.get(stops, (Cancelled, "cancelled"))
    with pytest.raises(error, match=words):
        publisher.publish(PublishRequest(task_path, source))
    assert list(jobs.iterdir()) == []


def test_offline_capture_survives_the_journal():
    frames = Frames("/jobs/1/frames/a.%04d.png", FrameRange(1, 2), SCENE.fps, SCENE.resolution)
    cameras = (CapturedCamera("Path", frames, {"1": "35 mm"}),)
    captured = OfflineCapture(SCENE, (Source("camera", "Path", "Path"),), cameras)
    assert read_value(write_value({"captured": captured})) == {"captured": captured}
    assert captured.cameras[0].frames == frames
    assert isinstance(captured.scene, Scene)
