"""The publish controller and its background queries, without a user interface."""

from __future__ import annotations

import json
import os
import sys
import threading
from fractions import Fraction
from uuid import uuid4

import attrs
import pytest
from doubles.colour_bars import ColourBars, painted, write_painted
from doubles.faulty_proxy import FaultyProxy
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.credentials import Account
from ft_dcc.frames import Resolution
from ft_dcc.production.tasks import assigned_tasks, ensure_task, search_tasks
from ft_dcc.publish.jobs.queue import queue_items
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.report import past_versions
from ft_dcc.session.transport import http
from ft_dcc.ui.background_queries import BackgroundQueries, preview_camera, preview_file
from ft_dcc.ui.publish_controller import PublishController


@pytest.fixture
def controller(studio_server, monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    controller = PublishController()
    controller.sign_in(Account(studio_server.server_url, studio_server.api_user, studio_server.api_key))
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    yield controller
    controller.close()


def test_a_user_without_tasks_gets_all_tasks(session, project_task):
    assert 1 <= len(assigned_tasks(session, 'Scarlett "Red" O\'Hara', limit=3)) <= 3


def test_tasks_are_searched_by_words_of_their_path(session, project, project_task):
    name = project["name"]
    for words in (name, f"anim {name}", f"SH010 {name} sq010"):
        assert [task["id"] for task in search_tasks(session, words)] == [project_task["id"]]
    assert search_tasks(session, f"{name} lighting") == []
    asset = session.create("AssetBuild", {"name": "robot", "parent": project})
    session.commit()
    found = search_tasks(session, name, or_parent=True)
    assert [each["id"] for each in found] == [project_task["id"], project_task["parent_id"], asset["id"]]
    assert search_tasks(session, '  "; ') == search_tasks(session, " ") == []


def test_a_searched_task_is_available_by_id(controller, session, project, project_task):
    assert controller.task(project_task["id"]) is None
    controller.queries.search_tasks(controller.session, project["name"])
    assert controller.queries.wait(TIMEOUT_SECONDS) and controller.queries.error == ""
    assert controller.task(project_task["id"]).path == f"{project['name']}/sq010/sh010/animation"


def test_only_the_latest_query_of_a_kind_runs():
    answered, may_go_on = [], threading.Event()
    queries = BackgroundQueries(lambda: None)
    queries.run("wait", lambda: may_go_on.wait(TIMEOUT_SECONDS) and None)
    for number in range(5):
        queries.run("count", lambda number=number: answered.append(number))
    may_go_on.set()
    assert queries.wait(TIMEOUT_SECONDS)
    assert answered == [4]


def test_a_failed_query_sets_the_error_and_the_next_one_clears_it():
    queries = BackgroundQueries(lambda: None)
    queries.run("divide", lambda: 1 / 0 and None)
    assert queries.wait(TIMEOUT_SECONDS)
    assert queries.error == "divide failed: division by zero. The details are in the log."
    queries.read_settings()
    assert queries.wait(TIMEOUT_SECONDS)
    assert (queries.error, queries.settings.get("slate")) == ("", "false")


def test_unreadable_reports_are_skipped(tmp_path):
    jobs = tmp_path / "jobs"
    good = {"source": "bars", "version": 3, "link": None}
    texts = {
        "20261121-100000-000001-aaaa": "no json",
        "20261121-100000-000002-aaaa": json.dumps({"schema": 99}),
        "20261121-100000-000003-aaaa": json.dumps({"schema": 1, "task": "A/B", "server": "s", "versions": [good]}),
        "not a job": json.dumps({"schema": 1, "task": "A/B", "server": "s", "versions": [good]}),
    }
    for name, text in texts.items():
        (jobs / name).mkdir(parents=True)
        (jobs / name / "report.json").write_text(text, "utf-8")
    (jobs / "20261121-100000-000004-aaaa").mkdir()
    assert [(past.path, past.version, f"{past.begun:%H:%M}") for past in past_versions(jobs)] == [("A/B", 3, "10:00")]
    assert past_versions(tmp_path / "nowhere") == []


def test_preview_of_a_camera_shows_the_middle_frame(tmp_path):
    host = ColourBars()
    seen = preview_camera("bars", host, host.scene(), tmp_path)
    assert (seen.summary, seen.image.name) == ("1001-1012, 64x36", "preview.1006.png")
    assert host.captures == 1


@pytest.fixture
def answer():
    """Return a function that runs the host's main thread until all queries have ended."""

    def serve(queries, host):
        while not queries.wait(0):
            host.idle()

    return serve


def test_a_failed_preview_is_retried_on_the_next_request(answer):
    host, queries = ColourBars(), BackgroundQueries(lambda: None)
    queries.read_scene(host)
    answer(queries, host)
    host._scene = attrs.evolve(host._scene, sources=("second",))
    queries.preview("bars", host)
    answer(queries, host)
    assert (queries.error, queries.previews) == ("There is no camera called bars.", {})
    host._scene = attrs.evolve(host._scene, sources=("bars", "second"))
    queries.preview("bars", host)
    answer(queries, host)
    assert queries.previews["bars"].image.is_file()


def test_a_late_preview_of_the_previous_scene_is_discarded(answer):
    host, queries = ColourBars(), BackgroundQueries(lambda: None)
    queries.read_scene(host)
    answer(queries, host)
    queries.preview("bars", host)
    queries.previews = {}
    answer(queries, host)
    assert queries.previews == {}


def test_preview_of_files_has_summary_and_errors(tmp_path):
    write_painted(tmp_path, (1001, 1002, 1004), "sh")
    seen = preview_file(str(tmp_path / "sh.%04d.png"), tmp_path)
    assert (seen.summary, seen.image.name) == ("1001-1004, 3 frames; missing: 1003", "preview.jpg")
    (tmp_path / "notes.txt").write_text("no film", "utf-8")
    words = preview_file(str(tmp_path / "notes.txt"), tmp_path).summary
    assert "notes.txt" in words


def test_a_camera_is_captured_and_queued_while_the_server_is_down(
    studio_server, session, project, monkeypatch, tmp_path
):
    task = ensure_task(session, f"{project['name']}/sq020/sh020/animation")
    jobs, host = tmp_path / "jobs", ColourBars()
    monkeypatch.setenv("FT_DCC_JOBS", str(jobs))
    monkeypatch.setattr(http, "wait", lambda *_: None)
    with FaultyProxy(studio_server.server_url).open() as line:
        controller = PublishController()
        try:
            controller.sign_in(Account(line.url, studio_server.api_user, studio_server.api_key))
            assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
            line.set(1)
            controller.publish(PublishRequest(task["id"]), host)
            while not controller.wait(0.05):
                host.idle()
            assert "The frames are captured: 'ft-dcc queue run' publishes the job" in controller.error
            assert [(entry.state, host.captures) for entry in queue_items(jobs)] == [("waiting", 1)]
            line.set()
            # Whatever is open now.
            controller.resume(queue_items(jobs)[0].job.id, None)
            assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
            assert [version.version for _, version in controller.published] == [1]
        finally:
            controller.close()


def frames_of(folder, name):
    for frame in (1001, 1002):
        (folder / f"{name}.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    return str(folder / f"{name}.%04d.png")


def test_valid_sources_are_published_without_those_with_problems_when_the_artist_decides(controller, session, tmp_path):
    task = ensure_task(session, f"Show{uuid4().hex[:8]}/SQ010/SH010/Comp", fps=Fraction(24))
    missing = str(tmp_path / "second.%04d.png")
    controller.publish(PublishRequest(task["id"], (frames_of(tmp_path, "first"), missing), review=()))
    assert controller.wait(TIMEOUT_SECONDS) and controller.published == []
    assert controller.is_partly_publishable and controller.has_pending_check
    assert {problem.instance for problem in controller.problems} == {"second"}
    controller.publish_valid()
    assert controller.wait(TIMEOUT_SECONDS) and [version.source for _, version in controller.published] == ["first"]
    assert not controller.has_pending_check


# Every import takes a while, as on a studio's network disk, so that the threads import at the same time.
_FIRST_USE = """
import sys, time

class SlowFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith(("ft_dcc.", "requests.", "urllib3.", "pyblish.")):
            time.sleep(0.005)

sys.meta_path.insert(0, SlowFinder)
from pathlib import Path
from ft_dcc.ui.publish_controller import PublishController

def find_account(is_cancelled):
    from ft_dcc.accounts.browser_login import find_account
    return find_account()

controller = PublishController()
controller.queries.read_settings()
controller.queries.read_jobs()
controller.queries.preview(sys.argv[1])
controller.sign_in_with(find_account, then=lambda account: None)
assert controller.wait(600), "still busy"
assert controller.queries.wait(600)
print(controller.error, controller.queries.error, controller.completed_count)
"""


def test_the_first_queries_and_the_sign_in_import_the_core_at_the_same_time(tmp_path):
    (tmp_path / "frame.0001.png").write_bytes(painted(1, Resolution(64, 36)))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FTRACK_", "FT_DCC_"))}
    environment.update(FT_DCC_JOBS=str(tmp_path / "jobs"), HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    done = run_process(
        sys.executable, "-c", _FIRST_USE, tmp_path / "frame.0001.png", env=environment, timeout=TIMEOUT_SECONDS
    )
    assert done.stdout.split() == ["1"], done.stdout + done.stderr
