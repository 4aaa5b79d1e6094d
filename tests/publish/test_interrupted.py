"""Whatever interrupts a publish: reviewers see the complete version or nothing, and a resume finishes it, once."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from fractions import Fraction

import pytest
import requests
from doubles.colour_bars import ColourBars
from doubles.faulty_line import FaultyLine

from ft_dcc.errors import Cancelled, DiskUnusable, Error, ServerError, ServerUnreachable, TransferFailed
from ft_dcc.publish import integrate, withdraw
from ft_dcc.publish.batch import make_batch
from ft_dcc.publish.job import Job
from ft_dcc.publish.queue import work_through
from ft_dcc.publish.records import PublishRequest, derived_id
from ft_dcc.publish.run import Publisher, publish
from ft_dcc.session import Session, wire
from ft_dcc.tasks import ensure_task

# Every request instead of some of them, of a publish that makes more of them.
EVERY_FAULT = bool(os.environ.get("FT_DCC_EVERY_FAULT"))


def assert_nothing_or_complete(session, task_id):
    """What a reviewer could find of this task; returns the number of versions."""
    versions = session.query(
        f"select thumbnail_id, components.name, components.component_locations, review_session_objects.id "
        f"from AssetVersion where task_id is '{task_id}'"
    ).all()
    for version in versions:
        names = {part["name"] for part in version["components"]}
        assert names - {"ftrackreview-mp4-720"} == {"ftrackreview-mp4", "thumbnail"}
        assert len(names) == len(version["components"])
        assert all(len(part["component_locations"]) == 1 for part in version["components"])
        assert version["thumbnail_id"]
        assert len(version["review_session_objects"]) == 1
    return len(versions)


def assert_it_plays(published):
    page = requests.get(published.first.link.partition("#")[0], timeout=30)
    assert page.status_code == 200


def only_job(jobs):
    (job,) = jobs.iterdir()
    return job.name


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Nobody waits for a line that a test has cut."""
    monkeypatch.setattr(wire, "wait", lambda *_: None)


@contextlib.contextmanager
def serving(folder, port=0):
    """A studio server of its own, which can be killed; yields its session's arguments and the process."""
    arguments = [sys.executable, "-m", "ft_dcc.server", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        said = dict(server.stdout.readline().strip().split("=", 1) for _ in range(3))
        yield (
            {
                "server_url": said["FTRACK_SERVER"],
                "api_user": said["FTRACK_API_USER"],
                "api_key": said["FTRACK_API_KEY"],
            },
            server,
        )
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_a_server_that_dies_between_upload_and_register_gets_exactly_one_version(tmp_path, jobs):
    host = ColourBars()
    with serving(tmp_path / "studio") as (credentials, server), Session(**credentials) as session:
        task_id = ensure_task(session, "Show/SQ010/SH010/Animation")["id"]

        def on_progress(progress):
            if progress.step == "upload thumbnail":
                server.kill()
                server.wait()

        # The thumbnail is as good as there; what dies is the answer, or the next request.
        with pytest.raises((ServerUnreachable, TransferFailed), match="ft-dcc queue resume") as caught:
            publish(PublishRequest(task=task_id, review="Dailies"), session, host, on_progress=on_progress, jobs=jobs)
        assert only_job(jobs) in str(caught.value)
    port = int(credentials["server_url"].rpartition(":")[2])
    with serving(tmp_path / "studio", port) as (credentials, _), Session(**credentials) as session:
        assert assert_nothing_or_complete(session, task_id) == 0
        published = Publisher(session, jobs=jobs).resume(only_job(jobs))
        again = Publisher(session, jobs=jobs).resume(only_job(jobs))
        assert assert_nothing_or_complete(session, task_id) == 1
        assert_it_plays(published)
    assert (host.captures, published.first.version) == (1, 1)
    assert published.versions == again.versions


@pytest.fixture(scope="module")
def line(studio_server):
    with FaultyLine(studio_server.server_url).open() as line:
        yield line


@pytest.fixture
def frames(paint):
    return paint("1001-1004")


def request_of(task_path, frames):
    more = {"note": "Look.", "burnin": {"top": "{version}"}, "outputs": ("720",)} if EVERY_FAULT else {}
    return PublishRequest(task=task_path, source=frames.pattern, review="Dailies", fps=Fraction(24), **more)


def session_through(line, studio_server):
    line.set()
    return Session(line.url, studio_server.api_key, studio_server.api_user, timeout=20)


def requests_of_a_publish(line, session, studio_server, task_path, frames, tmp_path):
    """How many there are; the second publish counts, since the first one opens the review session."""
    for name in ("first", "second"):
        ensure_task(session, f"{task_path}{name}")
        with session_through(line, studio_server) as counted:
            line.set()
            publish(request_of(f"{task_path}{name}", frames), counted, jobs=tmp_path / name)
    return line.count


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
def test_a_line_that_breaks_at_any_request_for_ever_leaves_nothing_half_done(
    studio_server, session, line, frames, task_path, tmp_path, loses_answer
):
    total = requests_of_a_publish(line, session, studio_server, task_path, frames, tmp_path)
    for number in range(1, total + 1):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(line, studio_server) as broken:
            line.set(number, loses_answer=loses_answer)
            # Where only the link is missing, the version is complete, and that is what is returned.
            with contextlib.suppress(Error):
                assert publish(request_of(path, frames), broken, jobs=jobs).problems
        assert_nothing_or_complete(session, task_id)
        published = Publisher(session, jobs=jobs).resume(only_job(jobs))
        assert assert_nothing_or_complete(session, task_id) == 1
        assert_it_plays(published)


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
def test_a_line_that_breaks_at_any_request_once_delays_at_most(
    studio_server, session, line, frames, task_path, tmp_path, loses_answer
):
    total = requests_of_a_publish(line, session, studio_server, task_path, frames, tmp_path)
    for number in range(1, total + 1):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(line, studio_server) as shaky:
            line.set(number, loses_answer=loses_answer, heals=True)
            try:
                published = publish(request_of(path, frames), shaky, jobs=jobs)
            except Error:
                published = Publisher(shaky, jobs=jobs).resume(only_job(jobs))
        assert (published.first.version, published.problems) == (1, ())
        assert assert_nothing_or_complete(session, task_id) == 1


def test_a_cancel_without_a_line_keeps_the_job_until_it_is_dropped(
    studio_server, session, line, host, task, task_path, jobs
):
    cancel = threading.Event()

    def on_progress(progress):
        if progress.step == "upload thumbnail":
            line.set(1)
            cancel.set()

    with session_through(line, studio_server) as broken, pytest.raises(Cancelled, match="ft-dcc queue drop"):
        publish(PublishRequest(task=task_path), broken, host, on_progress=on_progress, jobs=jobs, cancel=cancel)
    uploaded = f"select id from FileComponent where id is '{derived_id(version_id_of(jobs), 'ftrackreview-mp4')}'"
    assert session.query(uploaded).first() is not None
    Publisher(session, jobs=jobs).drop(only_job(jobs))
    assert session.query(uploaded).first() is None
    assert list(jobs.iterdir()) == []


def test_whoever_leaves_gives_nothing_up(studio_server, session, host, task, task_path, jobs):
    """A program that is closed closes its session; the upload that was on its way goes on later."""
    cancel = threading.Event()

    def on_progress(progress):
        if progress.step == "upload ftrackreview-mp4":
            leaving.close()
            cancel.set()

    with (
        Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as leaving,
        pytest.raises(Cancelled, match="ft-dcc queue resume"),
    ):
        publish(
            PublishRequest(task_path, review="Dailies"),
            leaving,
            host,
            on_progress=on_progress,
            jobs=jobs,
            cancel=cancel,
        )
    (outcome,) = work_through(Publisher(session, jobs=jobs))
    assert (outcome.is_done, host.captures, assert_nothing_or_complete(session, task["id"])) == (True, 1, 1)


def version_id_of(jobs):
    events = Job(jobs / only_job(jobs)).journal.events()
    return next(event["instances"][0]["data"]["ft_dcc.version_id"] for event in events if "gate" in event)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 300 kB; only root can have one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [mount, "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot make a small disk")
    yield folder
    subprocess.run([umount, folder], check=True)


@pytest.mark.parametrize("step", ["capture", "encode", "upload ftrackreview-mp4"])
def test_a_disk_that_becomes_full_loses_nothing(session, host, task, task_path, small_disk, step):
    filler = small_disk / "filler"

    def fill_the_disk(progress):
        if progress.step == step and not filler.exists():
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"\0" * 4096):
                    pass

    jobs = small_disk / "jobs"
    # The journal's last page may have room for a line or two; what is published then has no report.
    with contextlib.suppress(DiskUnusable):
        request = PublishRequest(task=task_path, review="Dailies")
        assert Publisher(session, host, fill_the_disk, jobs).publish(request).problems[-1].check == "Report"
    assert_nothing_or_complete(session, task["id"])
    filler.unlink()
    published = Publisher(session, host, jobs=jobs).resume(only_job(jobs))
    assert assert_nothing_or_complete(session, task["id"]) == 1
    assert host.captures == (2 if step == "capture" else 1)
    assert_it_plays(published)


def test_a_batch_that_arrives_after_the_cancel_makes_no_version(session, frames, task, task_path, jobs, monkeypatch):
    """It hangs on its way, the publish is cancelled and taken back, and then it arrives."""
    batches, cancel = [], threading.Event()

    def hang(instance):
        batches.append(make_batch(instance))
        cancel.set()
        raise Cancelled("The publish was cancelled.")

    monkeypatch.setattr(integrate, "make_batch", hang)
    with pytest.raises(Cancelled, match=r"^The publish was cancelled\.$"):
        publish(request_of(task_path, frames), session, jobs=jobs, cancel=cancel)
    assert list(jobs.iterdir()) == []
    with pytest.raises(ServerError, match="It may be deleted"):
        session.call(batches[0])
    assert assert_nothing_or_complete(session, task["id"]) == 0


def test_a_version_that_was_made_just_before_the_cancel_stays_and_is_named(
    session, frames, task, task_path, jobs, monkeypatch
):
    """The batch arrives between the question whether it has and the taking back."""
    cancel, is_there = threading.Event(), iter([None, 1])
    monkeypatch.setattr(withdraw, "version_number", lambda *_: next(is_there))

    def call_and_cancel(operations):
        answer = ask(operations)
        made = [each.get("entity_type") for each in operations if isinstance(each, dict) and each["action"] == "create"]
        if "AssetVersion" in made:
            cancel.set()
        return answer

    ask = session.call
    monkeypatch.setattr(session, "call", call_and_cancel)
    with pytest.raises(Cancelled, match="What was complete stays on the server: sh010"):
        publish(request_of(task_path, frames), session, jobs=jobs, cancel=cancel)
    assert assert_nothing_or_complete(session, task["id"]) == 1


def test_a_job_that_somebody_works_on_is_left_alone(session, host, task, task_path, jobs):
    published = publish(PublishRequest(task=task_path), session, host, jobs=jobs)
    with Job(published.job).locked(), pytest.raises(Error, match="Somebody else works on the job"):
        Publisher(session, jobs=jobs).resume(published.job.name)


def hanging_at(line, session, request, jobs, number, *, loses_answer):
    """Publish on a line on which request ``number`` gets no answer, and cancel when somebody waits for it.

    Returns the seconds from the cancel to the end.
    """
    cancel, cancelled_at = threading.Event(), []

    def watch():
        line.hung.wait(60)
        cancelled_at.append(time.monotonic())
        cancel.set()

    line.set(number, loses_answer=loses_answer, hangs=True)
    watcher = threading.Thread(target=watch)
    watcher.start()
    with contextlib.suppress(Cancelled):
        publish(request, session, jobs=jobs, cancel=cancel)
    ended_at = time.monotonic()
    line.hung.set()
    watcher.join()
    return ended_at - cancelled_at[0]


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request hangs", "answer hangs"])
def test_a_cancel_does_not_wait_for_a_server_that_hangs_at_any_request(
    studio_server, session, line, frames, task_path, tmp_path, loses_answer, patience
):
    """One that waited would wait for the time-out of 20 s."""
    patience(0.5)
    total = requests_of_a_publish(line, session, studio_server, task_path, frames, tmp_path)
    for number in range(1, total + 1, 1 if EVERY_FAULT else 5):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(line, studio_server) as hanging:
            waited = hanging_at(line, hanging, request_of(path, frames), jobs, number, loses_answer=loses_answer)
        assert waited < 3
        line.set()
        done = assert_nothing_or_complete(session, task_id)
        # The server is there again: what could not be taken back then is taken back now.
        with session_through(line, studio_server) as healed:
            assert list(work_through(Publisher(healed, jobs=jobs))) == []
        assert list(jobs.iterdir()) == []
        assert assert_nothing_or_complete(session, task_id) == done
