"""Interrupt a publish: reviewers see complete versions or none, and a resume finishes it once."""

import contextlib
import shutil
import threading
import uuid
from fractions import Fraction

import pytest
import requests
from doubles.colour_bars import write_painted
from run_options import EVERY_FAULT, TIMEOUT_SECONDS, sample

from ft_dcc.errors import Cancelled, Error, ServerError, StorageError
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish import version_transaction
from ft_dcc.publish.jobs import rollback, states
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.models import PublishRequest, derived_id
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import Session

FRAMES = FrameRange(1001, 1003)
pytestmark = pytest.mark.usefixtures("no_pauses")


def assert_nothing_or_complete(session, task_id):
    """Check that all versions of the task are complete, and return their number."""
    versions = session.query(
        f"select thumbnail_id, components.name, components.component_locations, review_session_objects.id "
        f"from AssetVersion where task_id is '{task_id}'"
    ).all()
    for version in versions:
        names = {part["name"] for part in version["components"]}
        assert names - {"prores", "main"} == {"ftrackreview-mp4", "thumbnail"}
        assert len(names) == len(version["components"])
        assert all(len(part["component_locations"]) == 1 for part in version["components"])
        assert version["thumbnail_id"]
        assert len(version["review_session_objects"]) == 1
    return len(versions)


def assert_it_plays(published):
    page = requests.get(published.first.link.partition("#")[0], timeout=TIMEOUT_SECONDS)
    assert page.status_code == 200


def only_job(jobs):
    (job,) = jobs.iterdir()
    return job.name


@pytest.fixture
def frames(paint):
    return paint(str(FRAMES)).pattern


def request_of(task_path, frames):
    more = {"note": "Look.", "burnin": {"top": "{version}"}, "outputs": ("prores",)} if EVERY_FAULT else {}
    return PublishRequest(task=task_path, source=frames, review="Dailies", fps=Fraction(24), **more)


def session_through(proxy, studio_server, timeout=TIMEOUT_SECONDS):
    proxy.set()
    return Session(proxy.url, studio_server.api_key, studio_server.api_user, timeout=timeout)


@pytest.fixture(scope="module")
def request_count(proxy, studio_server, tmp_path_factory):
    folder, task_path = tmp_path_factory.mktemp("count"), f"Count{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
    write_painted(folder, FRAMES, "sh010")
    with session_through(proxy, studio_server) as counted:
        for name in ("first", "second"):
            ensure_task(counted, f"{task_path}{name}")
            proxy.set()
            request = request_of(f"{task_path}{name}", str(folder / "sh010.%04d.png"))
            publish(request, counted, jobs=folder / name)
    return proxy.count


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
def test_permanent_network_failure_at_each_request_leaves_no_partial_version(
    studio_server, session, proxy, request_count, frames, task_path, tmp_path, loses_answer
):
    for number in sample(range(1, request_count + 1), 6, 3 * loses_answer):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(proxy, studio_server) as broken:
            proxy.set(number, loses_answer=loses_answer)
            # If only the link is missing, the complete version is returned with a problem.
            with contextlib.suppress(Error):
                assert publish(request_of(path, frames), broken, jobs=jobs).problems
        assert_nothing_or_complete(session, task_id)
        published = Publisher(session, jobs=jobs).resume(only_job(jobs))
        assert assert_nothing_or_complete(session, task_id) == 1
        assert_it_plays(published)


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
def test_single_network_failure_at_each_request_still_yields_one_version(
    studio_server, session, proxy, request_count, frames, task_path, tmp_path, loses_answer
):
    for number in sample(range(1, request_count + 1), 6, 1 + 3 * loses_answer):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(proxy, studio_server) as shaky:
            proxy.set(number, loses_answer=loses_answer, heals=True)
            try:
                published = publish(request_of(path, frames), shaky, jobs=jobs)
            except Error:
                published = Publisher(shaky, jobs=jobs).resume(only_job(jobs))
        assert (published.first.version, published.problems) == (1, ())
        assert assert_nothing_or_complete(session, task_id) == 1


def test_cancel_without_network_keeps_the_job_until_it_is_dropped(
    studio_server, session, proxy, host, task, task_path, jobs
):
    cancel = threading.Event()

    def on_progress(progress):
        if progress.step == "upload thumbnail":
            proxy.set(1)
            cancel.set()

    with session_through(proxy, studio_server) as broken, pytest.raises(Cancelled, match="ft-dcc queue drop"):
        publish(PublishRequest(task=task_path), broken, host, on_progress=on_progress, jobs=jobs, cancel=cancel)
    uploaded = f"select id from FileComponent where id is '{derived_id(version_id_of(jobs), 'ftrackreview-mp4')}'"
    assert session.query(uploaded).first() is not None
    Publisher(session, jobs=jobs).drop(only_job(jobs))
    assert session.query(uploaded).first() is None
    assert list(jobs.iterdir()) == []


def test_cancel_after_closing_the_session_keeps_the_job(studio_server, session, host, task, task_path, jobs):
    """Check that a closed program keeps its job, so that the upload can be resumed."""
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
    (result,) = process_queue(Publisher(session, jobs=jobs))
    assert (result.is_done, host.captures, assert_nothing_or_complete(session, task["id"])) == (True, 1, 1)


def version_id_of(jobs):
    events = Job(jobs / only_job(jobs)).journal.events()
    return next(event["instances"][0]["data"]["ft_dcc.version_id"] for event in events if "validation" in event)


@pytest.fixture
def small_disk(tmp_path, mounting):
    return mounting(tmp_path / "small", "size=300k")


@pytest.mark.parametrize("step", ["capture", "encode", "upload ftrackreview-mp4"])
def test_full_disk_at_each_step_is_resumed_without_loss(session, host, task, task_path, small_disk, step):
    filler = small_disk / "filler"

    def fill_the_disk(progress):
        if progress.step == step and not filler.exists():
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"\0" * 4096):
                    pass

    jobs = small_disk / "jobs"
    # The last page of the journal may have space for a line; then the version is published without a report.
    with contextlib.suppress(StorageError):
        request = PublishRequest(task=task_path, review="Dailies")
        assert Publisher(session, host, fill_the_disk, jobs).publish(request).problems[-1].check == "Report"
    assert_nothing_or_complete(session, task["id"])
    filler.unlink()
    published = Publisher(session, host, jobs=jobs).resume(only_job(jobs))
    assert assert_nothing_or_complete(session, task["id"]) == 1
    assert host.captures == (2 if step == "capture" else 1)
    assert_it_plays(published)


def test_the_queue_publishes_a_job_that_found_no_room(session, paint, task, task_path, small_disk):
    filler, jobs = small_disk / "filler", small_disk / "jobs"
    filler.write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 60_000))
    with pytest.raises(StorageError, match=r"has \d\d KiB free, this publish needs 1\d\d KiB"):
        publish(request_of(task_path, paint("1001-1200").pattern), session, jobs=jobs)
    assert [item.state for item in queue_items(jobs)] == [states.WAITING]
    filler.unlink()
    assert [result.is_done for result in process_queue(Publisher(session, jobs=jobs))] == [True]
    assert assert_nothing_or_complete(session, task["id"]) == 1


def test_version_transaction_that_arrives_after_the_cancel_is_rejected(
    session, frames, task, task_path, jobs, monkeypatch
):
    """Delay the transaction until the publish is cancelled and rolled back."""
    batches, cancel, original = [], threading.Event(), version_transaction.make_version_ops

    def hang(instance):
        batches.append(original(instance))
        cancel.set()
        raise Cancelled("The publish was cancelled.")

    monkeypatch.setattr(version_transaction, "make_version_ops", hang)
    with pytest.raises(Cancelled, match=r"^The publish was cancelled\.$"):
        publish(request_of(task_path, frames), session, jobs=jobs, cancel=cancel)
    assert list(jobs.iterdir()) == []
    with pytest.raises(ServerError, match="It may be deleted"):
        session.call(batches[0])
    assert assert_nothing_or_complete(session, task["id"]) == 0


def test_version_created_just_before_the_cancel_remains_and_is_named(
    session, frames, task, task_path, jobs, monkeypatch
):
    """Commit the transaction between the rollback's lookup and its deletion."""
    cancel, is_there = threading.Event(), iter([None, 1])
    monkeypatch.setattr(rollback, "version_number", lambda *_: next(is_there))

    def call_and_cancel(operations, *group):
        answer = ask(operations, *group)
        made = [each.get("entity_type") for each in operations if isinstance(each, dict) and each["action"] == "create"]
        if "AssetVersion" in made:
            cancel.set()
        return answer

    ask = session.call
    monkeypatch.setattr(session, "call", call_and_cancel)
    with pytest.raises(Cancelled, match="complete and remain on the server: sh010"):
        publish(request_of(task_path, frames), session, jobs=jobs, cancel=cancel)
    assert assert_nothing_or_complete(session, task["id"]) == 1


def publish_and_cancel_at(proxy, session, request, jobs, number, *, loses_answer):
    """Publish while request ``number`` gets no response, and cancel while the publish waits for it."""
    cancel = threading.Event()

    def watch():
        proxy.hung.wait()
        cancel.set()

    proxy.set(number, loses_answer=loses_answer, hangs=True)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with contextlib.suppress(Cancelled):
        publish(request, session, jobs=jobs, cancel=cancel)
    proxy.hung.set()
    watcher.join()


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request hangs", "answer hangs"])
def test_cancel_at_each_request_does_not_wait_for_a_hanging_server(
    studio_server, session, proxy, request_count, frames, task_path, tmp_path, loses_answer, rollback_timeout
):
    """Check the cancel at each request; a cancel that waits for the response reaches the time-out of the test."""
    rollback_timeout(0.5)
    for number in sample(range(1, request_count + 1), 8, 4 * loses_answer):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        with session_through(proxy, studio_server, timeout=3600) as hanging:
            publish_and_cancel_at(proxy, hanging, request_of(path, frames), jobs, number, loses_answer=loses_answer)
        proxy.set()
        done = assert_nothing_or_complete(session, task_id)
        # The server is back: a rollback that failed before succeeds now.
        with session_through(proxy, studio_server) as healed:
            assert list(process_queue(Publisher(healed, jobs=jobs))) == []
        assert not jobs.exists() or list(jobs.iterdir()) == []
        assert assert_nothing_or_complete(session, task_id) == done
