"""A proxy, or the login page of a network, answers in place of the server at any request of a publish."""

import contextlib
import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import ColourBars
from doubles.faulty_proxy import DISTORTIONS
from run_options import EVERY_FAULT, TIMEOUT_SECONDS, sample

from ft_dcc.errors import Error, ServerUnreachable
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish import version_transaction
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.jobs.states import DONE, WAITING
from ft_dcc.publish.models import PublishRequest, derived_id
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import Session
from ft_dcc.session.transfer.transfer import remove

pytestmark = pytest.mark.usefixtures("no_pauses")

PAGE = b"<!doctype html><title>Welcome</title><p>Accept the terms of this network."
ANSWERS = {
    "captive page": (200, {"Content-Type": "text/html"}, PAGE),
    "captive redirect": (302, {"Location": "https://login.example.com/"}, b""),
    "bad gateway": (502, {"Content-Type": "text/html"}, PAGE),
    "unavailable": (503, {"Retry-After": "1"}, b""),
    "time-out": (504, {}, b""),
    "server error": (500, {"Content-Type": "text/html"}, PAGE),
    "too many requests": (429, {}, b""),
    "not found": (404, {"Content-Type": "text/html"}, PAGE),
    "forbidden": (403, {"Content-Type": "text/html"}, PAGE),
    "no content": (204, {}, b""),
    "empty list": (200, {"Content-Type": "application/json"}, b"[]"),
    "cut short": (200, {"Content-Type": "application/json"}, b'[{"data": [{"id": '),
    "other JSON": (503, {"Content-Type": "application/json"}, b'{"message": "no backend"}'),
}


@pytest.fixture(scope="module")
def opened(proxy, studio_server):
    def open_session(**fault):
        proxy.set()
        session = Session(proxy.url, studio_server.api_key, studio_server.api_user, timeout=TIMEOUT_SECONDS)
        proxy.set(**fault)
        return session

    return open_session


@pytest.fixture(scope="module")
def methods(opened, proxy, tmp_path_factory):
    with opened() as session:
        path = f"Count{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
        ensure_task(session, path)
        proxy.set()
        Publisher(session, ColourBars(), jobs=tmp_path_factory.mktemp("count")).publish(request_of(path))
        return list(proxy.methods)


def request_of(path):
    return PublishRequest(path, review="Dailies", fps=Fraction(24), frame_range=FrameRange(1001, 1003))


@pytest.fixture
def publish_through(opened, proxy, session, tmp_path):
    """Return a function that publishes a playblast through the proxy, once at once or later: ``(path, **fault)``."""

    def publish(path, **fault):
        ensure_task(session, path)
        host = ColourBars()
        with opened(**fault) as broken:
            publisher = Publisher(broken, host, jobs=tmp_path / path.rpartition("/")[2])
            with contextlib.suppress(Error):
                publisher.publish(request_of(path))
            proxy.set()
            items = queue_items(publisher.jobs)
            if items[0].state != DONE:
                assert items[0].state == WAITING
                assert [result.is_done for result in list(process_queue(without_scene(publisher)))] == [True]
        check_published_once(session, path, host, fault)

    return publish


def without_scene(publisher):
    """Return the publisher as it is in another process, where no scene is open."""
    return Publisher(publisher.session, jobs=publisher.jobs)


def check_published_once(session, path, host, case):
    """Check that there was one capture, and that there is one version whose media is in the server's location."""
    assert host.captures == 1, case
    task_id = ensure_task(session, path)["id"]
    versions = session.query(
        f"select components.component_locations from AssetVersion where task_id is '{task_id}'"
    ).all()
    assert len(versions) == 1, case
    assert {len(part["component_locations"]) for part in versions[0]["components"]} == {1}, case


def test_answer_of_a_proxy_at_any_request_captures_once_and_publishes_once(publish_through, methods, task_path):
    assert len(methods) > 10
    cases = [(number, answer) for number in range(1, len(methods) + 1) for answer in ANSWERS]
    if not EVERY_FAULT:
        # Each answer once, at requests from the first to the last.
        cases = [(1 + place * (len(methods) - 1) // (len(ANSWERS) - 1), answer) for place, answer in enumerate(ANSWERS)]
    for number, answer in cases:
        path = f"{task_path}{number}{answer.replace(' ', '')}"
        publish_through(path, breaks_at=number, answer=ANSWERS[answer])


def test_single_answer_of_a_proxy_to_the_upload_is_noticed(publish_through, methods, task_path):
    """The proxy answers only one request itself, at any place: the step is not recorded as done."""
    uploads = [number for number, method in enumerate(methods, start=1) if method == "PUT"]
    assert len(uploads) == 2
    for number in sorted({*sample(range(1, len(methods) + 1), 12), *uploads}):
        publish_through(f"{task_path}{number}", breaks_at=number, heals=True, answer=ANSWERS["captive page"])


@pytest.mark.parametrize("distort", DISTORTIONS)
def test_distorted_answer_at_any_request_captures_once_and_publishes_once(publish_through, methods, task_path, distort):
    """The server receives the request, and its answer is damaged, replaced or repeated on the way."""
    for number in sample(range(1, len(methods) + 1), 14, 2 * DISTORTIONS.index(distort)):
        # Once, or from this request on until the proxy is repaired.
        for heals in (True, False) if EVERY_FAULT else (number % 2 == 0,):
            publish_through(f"{task_path}{number}{heals}", breaks_at=number, heals=heals, distort=distort)


def test_page_of_a_proxy_after_the_request_arrived_captures_once_and_publishes_once(
    publish_through, methods, task_path
):
    answers = list(ANSWERS)
    for number in sample(range(1, len(methods) + 1), 9, 4):
        for answer in answers if EVERY_FAULT else [answers[number % len(answers)]]:
            path = f"{task_path}{number}{answer.replace(' ', '')}"
            publish_through(path, breaks_at=number, loses_answer=True, answer=ANSWERS[answer])


def test_media_that_the_server_has_lost_is_uploaded_again(session, task, task_path, jobs, monkeypatch):
    make_version_ops = version_transaction.make_version_ops

    def stop(_instance):
        raise ServerUnreachable("The server does not answer.")

    monkeypatch.setattr(version_transaction, "make_version_ops", stop)
    with pytest.raises(ServerUnreachable):
        publish(PublishRequest(task_path), session, ColourBars(), jobs=jobs)
    monkeypatch.setattr(version_transaction, "make_version_ops", make_version_ops)
    (item,) = queue_items(jobs)
    version_id = next(
        values["ft_dcc.version_id"]
        for event in item.job.journal.events()
        for values in [instance["data"] for instance in event.get("instances", ())]
    )
    remove(session, derived_id(version_id, "thumbnail"))
    published = Publisher(session, jobs=jobs).resume(item.job.id)
    assert published.problems == ()
    assert published.first.version == 1
