"""What panels and dialogs have the desk do, without any of them."""

from __future__ import annotations

import json
import threading

import attrs
import pytest
from doubles.colour_bars import ColourBars, painted
from doubles.faulty_line import FaultyLine

from ft_dcc.credentials import Account
from ft_dcc.desk import Desk
from ft_dcc.frames import Resolution
from ft_dcc.lookups import Lookups
from ft_dcc.preview import preview_camera, preview_file
from ft_dcc.publish.history import past_versions
from ft_dcc.publish.queue import entries
from ft_dcc.publish.records import PublishRequest
from ft_dcc.session import wire
from ft_dcc.tasks import ensure_task, search_tasks, tasks_of


@pytest.fixture
def desk(studio_server, monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    desk = Desk()
    desk.sign_in(Account(studio_server.server_url, studio_server.api_user, studio_server.api_key))
    assert desk.wait(60) and desk.error == ""
    yield desk
    desk.close()


def test_who_has_no_task_is_offered_everybodys_whatever_the_name(session, project_task):
    assert 1 <= len(tasks_of(session, 'Scarlett "Red" O\'Hara', limit=3)) <= 3


def test_tasks_are_searched_on_the_server_by_words_of_their_path(session, project, project_task):
    name = project["name"]
    for words in (name, f"anim {name}", f"SH010 {name} sq010"):
        assert [task["id"] for task in search_tasks(session, words)] == [project_task["id"]]
    assert search_tasks(session, f"{name} lighting") == []
    assert search_tasks(session, '  "; ') == search_tasks(session, " ") == []


def test_a_task_that_was_not_fetched_is_known_once_it_was_found(desk, session, project, project_task):
    assert desk.task(project_task["id"]) is None
    desk.lookups.search_tasks(desk.session, project["name"])
    assert desk.lookups.wait(60) and desk.lookups.error == ""
    assert desk.task(project_task["id"]).path == f"{project['name']}/sq010/sh010/animation"


def test_of_several_questions_of_a_kind_the_newest_is_answered():
    answered, may_go_on = [], threading.Event()
    lookups = Lookups(lambda: None)
    lookups.run("wait", lambda: may_go_on.wait(10) and None)
    for number in range(5):
        lookups.run("count", lambda number=number: answered.append(number))
    may_go_on.set()
    assert lookups.wait(10)
    assert answered == [4]


def test_a_question_that_fails_is_a_sentence_and_the_next_one_is_answered():
    lookups = Lookups(lambda: None)
    lookups.run("divide", lambda: 1 / 0 and None)
    assert lookups.wait(10)
    assert lookups.error == "divide failed: division by zero. The details are in the log."
    lookups.read_settings()
    assert lookups.wait(10)
    assert (lookups.error, lookups.settings.get("slate")) == ("", "false")


def test_reports_that_cannot_be_read_are_passed_over(tmp_path):
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


def test_a_camera_is_seen_from_the_middle_of_its_range(tmp_path):
    host = ColourBars()
    seen = preview_camera("bars", host, host.scene(), tmp_path)
    assert (seen.words, seen.picture.name) == ("1001-1012, 64x36", "seen.1006.png")
    assert host.captures == 1


@pytest.fixture
def answer():
    """Let the host's main thread live until every question is answered."""

    def serve(lookups, host):
        while not lookups.wait(0):
            host.idle()

    return serve


def test_a_picture_that_could_not_be_made_is_made_when_it_is_asked_for_again(answer):
    host, lookups = ColourBars(), Lookups(lambda: None)
    lookups.read_scene(host)
    answer(lookups, host)
    host._scene = attrs.evolve(host._scene, sources=("second",))
    lookups.preview("bars", host)
    answer(lookups, host)
    assert (lookups.error, lookups.previews) == ("There is no camera called bars.", {})
    host._scene = attrs.evolve(host._scene, sources=("bars", "second"))
    lookups.preview("bars", host)
    answer(lookups, host)
    assert lookups.previews["bars"].picture.is_file()


def test_a_picture_of_the_scene_before_is_not_taken_for_one_of_this(answer):
    host, lookups = ColourBars(), Lookups(lambda: None)
    lookups.read_scene(host)
    answer(lookups, host)
    lookups.preview("bars", host)
    lookups.forget_previews()
    answer(lookups, host)
    assert lookups.previews == {}


def test_files_say_what_they_are_and_what_is_wrong_with_them(tmp_path):
    for frame in (1001, 1002, 1004):
        (tmp_path / f"sh.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    seen = preview_file(str(tmp_path / "sh.%04d.png"), tmp_path)
    assert (seen.words, seen.picture.name) == ("1001-1004, 3 frames; missing: 1003", "seen.jpg")
    (tmp_path / "notes.txt").write_text("no film", "utf-8")
    words = preview_file(str(tmp_path / "notes.txt"), tmp_path).words
    assert "notes.txt" in words


def test_whoever_publishes_a_camera_while_nobody_answers_is_told_that_it_is_captured(
    studio_server, session, project, monkeypatch, tmp_path
):
    task = ensure_task(session, f"{project['name']}/sq020/sh020/animation")
    jobs, host = tmp_path / "jobs", ColourBars()
    monkeypatch.setenv("FT_DCC_JOBS", str(jobs))
    monkeypatch.setattr(wire, "wait", lambda *_: None)
    with FaultyLine(studio_server.server_url).open() as line:
        desk = Desk()
        try:
            desk.sign_in(Account(line.url, studio_server.api_user, studio_server.api_key))
            assert desk.wait(60) and desk.error == ""
            line.set(1)
            desk.publish(PublishRequest(task["id"]), host)
            while not desk.wait(0.05):
                host.idle()
            assert "The pictures are captured: 'ft-dcc queue run' publishes the job" in desk.error
            assert [(entry.state, host.captures) for entry in entries(jobs)] == [("waiting", 1)]
            line.set()
            # Whatever is open now.
            desk.resume(entries(jobs)[0].job.id, None)
            assert desk.wait(60) and desk.error == ""
            assert [version.version for _, version in desk.published] == [1]
        finally:
            desk.close()
