"""A publish with real clicks, from the window to the studio server."""

from __future__ import annotations

import json
import threading

import pytest
import requests
from doubles.colour_bars import ColourBars
from doubles.faulty_line import FaultyLine

from ft_dcc.frames import FrameRange
from ft_dcc.tasks import ensure_task


class SelectingBars(ColourBars):
    """Knows what was selected last."""

    selected = ""

    def select(self, source):
        self._demand_main_thread("select")
        self.selected = source


def versions_of(session, task):
    return session.query(f'select version, comment from AssetVersion where task_id is "{task["id"]}"').all()


def test_frames_are_a_version_in_a_review_session_and_the_link_is_there(
    app, open_dialog, choose, press, live, render, task, task_path, session
):
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render / "sh010_light.1004.png"])
    choose(dialog, task_path)
    page.review.setText("Monday; Client")
    page.comment.setPlainText("First blocking")
    press(page.publish)
    live(lambda: page.outcome.isVisible())
    assert page.outcome.words.text() == f"Version 1 of sh010_light is on the server: {task_path}"
    assert requests.get(page.outcome.link, timeout=30).status_code == 200
    assert [version["comment"] for version in versions_of(session, task)] == ["First blocking"]
    entries = session.query(f'ReviewSessionObject where asset_version.task_id is "{task["id"]}"').all()
    assert sorted(entry["review_session"]["name"] for entry in entries) == ["Client", "Monday"]
    # Enter opens the review now: a second press of it must not publish a second time.
    assert app.focusWidget() is page.outcome.open
    press(page.outcome.copy)
    assert app.clipboard().text() == page.outcome.link
    live(lambda: page.past.rows.count() == 1)
    assert page.past.rows.item(0).text().startswith(f"{task_path}  v001")


def test_what_was_published_is_remembered_by_the_next_window(open_dialog, choose, press, live, render, task_path):
    dialog = open_dialog()
    dialog.publish_page.add_files([render])
    choose(dialog, task_path)
    press(dialog.publish_page.publish)
    live(lambda: dialog.publish_page.outcome.isVisible())
    live(lambda: dialog.publish_page.past.rows.count() == 1)
    again = open_dialog()
    live(lambda: again.publish_page.task.text() == task_path)
    assert again.publish_page.past.rows.count() == 1


def test_problems_are_shown_repaired_and_selected_and_then_it_is_published(
    open_dialog, press, live, session, task_path, task
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    host = SelectingBars()
    host.remember_task(task["id"])
    dialog = open_dialog(host)
    page = dialog.publish_page
    assert (page.task.text(), page.sources.names) == (task_path, ["bars", "second"])
    assert page.frames.placeholderText() == "1001-1012, as the scene has it"
    press(page.publish)
    live(lambda: len(page.problems.repairs) == 1 and page.problems.isVisible(), host)
    assert page.problems.repairs[0].text() == "Give the scene the shot's frame range"
    # A second Enter is no wish for a repair.
    live(page.publish.hasFocus, host)
    captures = host.captures
    press(page.problems.selects[0])
    live(lambda: host.selected == "bars", host)
    press(page.problems.repairs[0])
    live(lambda: not page.problems.isVisible(), host)
    assert (host.scene().frame_range, host.captures) == (FrameRange(1001, 1008), captures)
    live(lambda: page.frames.placeholderText() == "1001-1008, as the scene has it", host)
    live(lambda: page.sources.item(0).text() == "bars\n1001-1008, 64x36", host)
    press(page.publish)
    live(lambda: page.outcome.isVisible(), host)
    assert [version["version"] for version in versions_of(session, task)] == [1]


def test_what_has_no_problem_is_published_without_what_has_one(
    open_dialog, choose, press, live, render, session, task, task_path
):
    for frame in (1003, 1004):
        (render / f"second.{frame}.png").write_bytes((render / "sh010_light.1001.png").read_bytes())
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render])
    choose(dialog, task_path)
    press(page.publish)
    live(lambda: page.problems.rest is not None)
    assert page.problems.summary.text().endswith(" to be mended first. Nothing was captured or sent.")
    assert versions_of(session, task) == []
    press(page.problems.rest)
    live(lambda: page.outcome.isVisible())
    assert page.outcome.words.text().startswith("Version 1 of sh010_light")
    assert len(versions_of(session, task)) == 1
    assert page.problems.summary.text().endswith(" to be mended before the rest can be published.")
    assert page.problems.repairs == []


def test_cancel_leaves_no_version_and_no_job(open_dialog, press, live, slow_bars, session, task, tmp_path):
    slow_bars.remember_task(task["id"])
    dialog = open_dialog(slow_bars)
    page = dialog.publish_page
    press(page.publish)
    live(slow_bars.is_waiting.is_set, slow_bars)
    live(lambda: page.progress.doing.text() == "Capturing bars", slow_bars)
    assert not page.task.isEnabled() and not page.publish.isVisible()
    press(page.progress.cancel)
    assert page.progress.doing.text() == "Cancelling …"
    slow_bars.go.set()
    live(lambda: page.publish.isVisible(), slow_bars)
    assert page.error.text() == "Cancelled."
    assert versions_of(session, task) == []
    assert list((tmp_path / "jobs").iterdir()) == []


def test_cancel_stops_also_what_is_published_without_the_rest(
    open_dialog, press, live, slow_bars, render, session, task, tmp_path
):
    slow_bars.remember_task(task["id"])
    (render / "sh010_light.1004.png").unlink()
    dialog = open_dialog(slow_bars)
    page = dialog.publish_page
    page.add_files([render])
    press(page.publish)
    live(lambda: page.problems.rest is not None, slow_bars)
    slow_bars.is_waiting.clear()
    press(page.problems.rest)
    live(slow_bars.is_waiting.is_set, slow_bars)
    press(page.progress.cancel)
    slow_bars.go.set()
    live(lambda: not dialog.desk.is_busy, slow_bars)
    assert (dialog.desk.error, versions_of(session, task)) == ("Cancelled.", [])


def test_closing_the_window_lets_the_publish_go_on_and_brings_the_window_back(
    open_dialog, press, live, slow_bars, session, task
):
    slow_bars.remember_task(task["id"])
    dialog = open_dialog(slow_bars)
    press(dialog.publish_page.publish)
    live(slow_bars.is_waiting.is_set, slow_bars)
    dialog.reject()
    assert not dialog.isVisible()
    slow_bars.go.set()
    live(dialog.isVisible, slow_bars)
    assert dialog.publish_page.outcome.isVisible()
    assert len(versions_of(session, task)) == 1


def test_a_window_that_is_closed_without_a_publish_has_left(open_dialog, live, account, monkeypatch):
    dialog = open_dialog()
    left = []
    dialog.left.connect(lambda: left.append(True))
    dialog.close()
    assert left == [True]
    dialog.show()
    monkeypatch.setattr("ft_dcc_qt.sign_in_page.open_link", lambda address: None)
    dialog.desk.close()
    dialog.sign_in_page.server.setText(account.server)
    dialog.refresh()
    dialog.sign_in_page.browser.click()
    assert dialog.desk.is_busy
    dialog.close()
    assert left == [True, True]
    live(lambda: not dialog.desk.is_busy)
    assert not dialog.isVisible()


def test_another_scene_brings_its_own_task_cameras_and_range(open_dialog, live, task, task_path, tmp_path):
    import attrs
    from doubles.colour_bars import SCENE

    host = ColourBars(attrs.evolve(SCENE, path=tmp_path / "sh010.ma", task_id=task["id"]))
    dialog = open_dialog(host)
    page = dialog.publish_page
    page.frames.setText("1001-1004")
    assert page.task.text() == task_path
    host._scene = attrs.evolve(SCENE, path=tmp_path / "sh020.ma", sources=("other",))
    dialog.open_page("publish")
    live(lambda: page.sources.names == ["other"], host)
    assert (page.task.text(), page.frames.text(), page.sources.wanted) == ("", "", ("other",))


def test_without_a_task_or_a_tick_it_is_said_what_is_lacking(open_dialog, choose, press, render, task_path):
    dialog = open_dialog()
    page = dialog.publish_page
    press(page.publish)
    assert page.error.text() == "No task is chosen. Choose the task that this is made for."
    choose(dialog, task_path)
    press(page.publish)
    assert page.error.text() == "Nothing is ticked. Tick what is to be published."
    page.add_files([render])
    page.frames.setText("1012-1001")
    press(page.publish)
    assert page.error.text() == "The range 1012-1001 ends before it starts."


def test_a_server_that_went_away_leaves_a_job_that_the_queue_goes_on_with(
    open_dialog, choose, press, live, render, session, task, task_path, monkeypatch
):
    with FaultyLine(session.server_url).open() as line:
        monkeypatch.setenv("FTRACK_SERVER", line.url)
        dialog = open_dialog()
        page = dialog.publish_page
        page.add_files([render])
        choose(dialog, task_path)
        live(lambda: dialog.desk.lookups.wait(0))
        line.set(1)
        press(page.publish)
        live(lambda: page.error.isVisible())
        assert "Nothing is lost: the job " in page.error.text() and "waits in the queue" in page.error.text()
        dialog.open_page("queue")
        queue = dialog.queue_page
        live(lambda: queue.rows.topLevelItemCount() == 1)
        assert [queue.rows.topLevelItem(0).text(column) for column in range(3)] == [
            "waiting",
            task_path,
            "sh010_light.%04d.png",
        ]
        line.set()
        press(queue.resume)
        live(lambda: queue.rows.topLevelItemCount() == 0)
        assert len(versions_of(session, task)) == 1
        assert queue.nothing.isVisible()


def test_a_job_is_dropped_by_the_second_press_only(open_dialog, choose, press, live, render, task_path, tmp_path):
    from ft_dcc.publish.records import PublishRequest
    from ft_dcc.publish.run import prepare

    dialog = open_dialog()
    prepare(PublishRequest(task_path, str(render / "sh010_light.%04d.png")), dialog.desk.server)
    dialog.open_page("queue")
    queue = dialog.queue_page
    live(lambda: queue.rows.topLevelItemCount() == 1)
    press(queue.drop)
    assert queue.drop.text() == "&Drop it for good"
    assert len(list((tmp_path / "jobs").iterdir())) == 1
    press(queue.drop)
    live(lambda: queue.rows.topLevelItemCount() == 0)
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.fixture
def audited():
    """What the main thread does besides painting, while ``is_on`` is true: connections, programs, files."""
    import sys
    from types import SimpleNamespace

    seen = SimpleNamespace(is_on=False, events=[])
    main = threading.main_thread()

    def hook(event, arguments):
        if not seen.is_on or threading.current_thread() is not main:
            return
        if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.scandir", "os.listdir"):
            seen.events.append((event, str(arguments)))
        # What is imported late is read from the disk; and a picture is Qt's to load.
        elif event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so")):
            seen.events.append((event, str(arguments[0])))

    sys.addaudithook(hook)
    yield seen
    seen.is_on = False


def test_nothing_but_painting_happens_on_the_windows_thread(
    open_dialog, choose, press, live, slow_bars, task, task_path, audited
):
    slow_bars.remember_task(task["id"])
    slow_bars.go.set()
    dialog = open_dialog(slow_bars)
    # The picture of its first source is a capture, and drawn where the program draws.
    live(lambda: dialog.desk.lookups.wait(0), slow_bars)
    audited.is_on = True
    for page in ("reviews", "queue", "settings", "about", "publish"):
        dialog.open_page(page)
        live(lambda: dialog.desk.lookups.wait(0), slow_bars)
    choose(dialog, task_path, slow_bars)
    press(dialog.publish_page.publish)
    live(lambda: dialog.publish_page.outcome.isVisible(), slow_bars)
    audited.is_on = False
    assert audited.events == []


def test_the_report_says_which_task_it_was(open_dialog, choose, press, live, render, task_path, tmp_path):
    dialog = open_dialog()
    dialog.publish_page.add_files([render])
    choose(dialog, task_path)
    press(dialog.publish_page.publish)
    live(lambda: dialog.publish_page.outcome.isVisible())
    (job,) = (tmp_path / "jobs").iterdir()
    assert json.loads((job / "report.json").read_text("utf-8"))["task"] == task_path
