"""A proxy, or the login page of a network, answers in place of the server at any request of a publish."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction

import pytest
from doubles.colour_bars import ColourBars
from doubles.faulty_proxy import DISTORTIONS, FaultyProxy

from ft_dcc.errors import Error, ServerUnreachable
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish import version_transaction
from ft_dcc.publish.jobs.queue import WAITING, process_queue, queue_items
from ft_dcc.publish.models import PublishRequest, derived_id
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.session import Session
from ft_dcc.session.transfer.transfer import remove
from ft_dcc.session.transport import http

# Test every answer at every request instead of one answer at every third request.
EVERY_ANSWER = bool(os.environ.get("FT_DCC_EVERY_FAULT"))

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


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Retry without pauses."""
    monkeypatch.setattr(http, "wait", lambda *_: None)


@pytest.fixture(scope="module")
def proxy(studio_server):
    """Start a proxy in front of the shared server."""
    with FaultyProxy(studio_server.server_url).open() as proxy:
        yield proxy


@pytest.fixture
def publish_through(proxy, studio_server, session, tmp_path):
    """Return a function that publishes a playblast through the proxy: ``publish_through(path, **fault)``."""

    def publish(path, **fault):
        ensure_task(session, path)
        host = ColourBars()
        proxy.set()
        with Session(proxy.url, studio_server.api_key, studio_server.api_user, timeout=20) as broken:
            proxy.set(**fault)
            publisher = Publisher(broken, host, jobs=tmp_path / path.rpartition("/")[2])
            with contextlib.suppress(Error):
                publisher.publish(PublishRequest(path, review="Dailies", fps=Fraction(24)))
            count, publish.methods = proxy.count, proxy.methods
            proxy.set()
            items = queue_items(publisher.jobs)
            if not items[0].is_done:
                assert items[0].state == WAITING
                results = list(process_queue(without_scene(publisher)))
                assert [result.is_done for result in results] == [True]
        return host, count

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


def test_answer_of_a_proxy_at_any_request_captures_once_and_publishes_once(publish_through, session, task_path):
    _, total = publish_through(f"{task_path}0")
    assert total > 10
    numbers = range(1, total + 1)
    cases = [(number, answer) for number in numbers for answer in ANSWERS]
    if not EVERY_ANSWER:
        cases = [(number, list(ANSWERS)[number % len(ANSWERS)]) for number in numbers[::3]]
        cases += [(1, answer) for answer in ANSWERS]
    for number, answer in cases:
        path = f"{task_path}{number}{answer.replace(' ', '')}"
        host, _ = publish_through(path, breaks_at=number, answer=ANSWERS[answer])
        check_published_once(session, path, host, (number, answer))


def test_single_answer_of_a_proxy_to_the_upload_is_noticed(publish_through, session, task_path):
    """The proxy answers only one request itself, at any place: the step is not recorded as done."""
    _, total = publish_through(f"{task_path}0")
    uploads = [number for number, method in enumerate(publish_through.methods, start=1) if method == "PUT"]
    assert len(uploads) == 2
    for number in sorted({*range(1, total + 1, 1 if EVERY_ANSWER else 3), *uploads}):
        path = f"{task_path}{number}"
        host, _ = publish_through(path, breaks_at=number, heals=True, answer=ANSWERS["captive page"])
        task_id = ensure_task(session, path)["id"]
        assert len(session.query(f"select id from AssetVersion where task_id is '{task_id}'").all()) == 1
        assert host.captures == 1


@pytest.mark.parametrize("distort", DISTORTIONS)
def test_distorted_answer_at_any_request_captures_once_and_publishes_once(publish_through, session, task_path, distort):
    """The server receives the request, and its answer is damaged, replaced or repeated on the way."""
    _, total = publish_through(f"{task_path}0")
    first = 1 + DISTORTIONS.index(distort) % 4
    for number in range(1, total + 1) if EVERY_ANSWER else range(first, total + 1, 4):
        # Once, or from this request on until the proxy is repaired.
        for heals in (True, False) if EVERY_ANSWER else (number % 8 < 4,):
            path = f"{task_path}{number}{heals}"
            host, _ = publish_through(path, breaks_at=number, heals=heals, distort=distort)
            check_published_once(session, path, host, (number, heals))


def test_page_of_a_proxy_after_the_request_arrived_captures_once_and_publishes_once(
    publish_through, session, task_path
):
    _, total = publish_through(f"{task_path}0")
    answers = list(ANSWERS)
    for number in range(1, total + 1, 1 if EVERY_ANSWER else 2):
        for answer in answers if EVERY_ANSWER else [answers[number % len(answers)]]:
            path = f"{task_path}{number}{answer.replace(' ', '')}"
            host, _ = publish_through(path, breaks_at=number, loses_answer=True, answer=ANSWERS[answer])
            check_published_once(session, path, host, (number, answer))


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
