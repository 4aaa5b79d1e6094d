"""A publish by mouse clicks, from the dialog to the studio server."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from fractions import Fraction

import attrs
import pytest
import requests
from doubles.colour_bars import SCENE, ColourBars, painted
from doubles.faulty_proxy import FaultyProxy
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.pipeline.pyblish_adapter import is_check
from ft_dcc.publish.pipeline.registry import find_plugins


class SelectingHost(ColourBars):
    selected = ""

    def select(self, source):
        self._demand_main_thread("select")
        self.selected = source


def versions_of(session, task):
    return session.query(f'select version, comment from AssetVersion where task_id is "{task["id"]}"').all()


@pytest.fixture
def prepare_render(open_dialog, choose, render, task_path):
    def prepare(*files):
        dialog = open_dialog()
        dialog.publish_page.add_files(list(files) or [render])
        choose(dialog, task_path)
        return dialog

    return prepare


def test_frames_become_a_version_in_review_sessions_with_a_link(
    app, prepare_render, press, wait_until, render, task, task_path, session, tmp_path
):
    page = prepare_render(render / "sh010_light.1004.png").publish_page
    page.review.setText("Monday; Client")
    page.comment.setPlainText("First blocking")
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    assert page.result.message.text() == f"Version 1 of sh010_light is on the server: {task_path}"
    assert requests.get(page.result.link, timeout=TIMEOUT_SECONDS).status_code == 200
    assert [version["comment"] for version in versions_of(session, task)] == ["First blocking"]
    entries = session.query(f'ReviewSessionObject where asset_version.task_id is "{task["id"]}"').all()
    assert sorted(entry["review_session"]["name"] for entry in entries) == ["Client", "Monday"]
    # Enter opens the review now, so that a second press does not publish again.
    assert app.focusWidget() is page.result.open
    press(page.result.copy)
    assert app.clipboard().text() == page.result.link
    wait_until(lambda: page.recent.rows.count() == 1)
    first_line, second_line = page.recent.rows.item(0).text().splitlines()
    assert first_line.startswith(f"{task_path}  v001") and second_line == "sh010_light  First blocking"
    (job,) = (tmp_path / "jobs").iterdir()
    assert json.loads((job / "report.json").read_text("utf-8"))["task"] == task_path


def test_the_last_versions_have_the_status_and_thumbnail_of_the_server(
    prepare_render, open_dialog, press, wait_until, task, task_path, session
):
    from Qt import QtGui

    dialog = prepare_render()
    page = dialog.publish_page
    page.comment.setPlainText("First blocking")
    press(page.publish)
    wait_until(lambda: page.recent.rows.count() == 1 and not page.recent.rows.item(0).icon().isNull())
    version = session.query(f'select status.name from AssetVersion where task_id is "{task["id"]}"').one()
    item = page.recent.rows.item(0)
    status = version["status"]["name"]
    wait_until(lambda: item.text().splitlines()[0].endswith(f"  {status}"))
    assert item.text().splitlines()[1] == "sh010_light  First blocking"
    # The colours of the bars, and not the grey of a picture that is not loaded yet.
    wait_until(lambda: QtGui.QColor(item.icon().pixmap(64, 36).toImage().pixel(20, 18)).saturation() > 100)
    other = next(each for each in session.query("Status") if each["name"] != status)
    version["status"] = other
    session.commit()
    dialog.open_page("publish")
    wait_until(lambda: page.recent.rows.item(0).text().splitlines()[0].endswith(f"  {other['name']}"))
    # The next window selects the last task; without a login, the versions stay.
    again = open_dialog().publish_page
    wait_until(lambda: again.task.text() == task_path)
    assert again.recent.rows.count() == 1
    dialog.controller.close()
    page.recent.refresh()
    assert (dialog.controller.version_states.value, page.recent.rows.count()) == ({}, 1)


def test_the_last_versions_stay_without_status_and_thumbnail_if_the_server_does_not_answer(
    prepare_render, press, wait_until, session, monkeypatch
):
    with FaultyProxy(session.server_url).open() as line:
        monkeypatch.setenv("FTRACK_SERVER", line.url)
        dialog = prepare_render()
        page = dialog.publish_page
        press(page.publish)
        wait_until(lambda: page.recent.rows.count() == 1 and dialog.controller.version_states.value)
        wait_until(lambda: dialog.controller.queries.wait(0) and dialog.controller.version_states.wait(0))
        dialog.refresh()
        text = page.recent.rows.item(0).text()
        line.set(1)
        dialog.controller.version_states.value = {}
        dialog.controller.queries.read_jobs()
        wait_until(lambda: dialog.controller.queries.wait(0) and dialog.controller.version_states.wait(0))
        dialog.refresh()
        assert page.recent.rows.item(0).text() == text
        assert dialog.error_label.text() == ""
        line.set()


def test_problems_can_be_repaired_and_selected_before_publishing(
    open_dialog, press, wait_until, session, task_path, task
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    host = SelectingHost()
    host.remember_task(task["id"])
    page = open_dialog(host).publish_page
    assert (page.task.text(), page.sources.names) == (task_path, ["bars", "second"])
    assert page.frames.placeholderText() == "1001-1012, from the scene"
    press(page.publish)
    wait_until(lambda: len(page.problems.repairs) == 1 and page.problems.isVisible(), host)
    assert page.problems.repairs[0].text() == "Give the scene the shot's frame range"
    # A second Enter must not start a repair.
    wait_until(page.publish.hasFocus, host)
    captures = host.captures
    press(page.problems.selects[0])
    wait_until(lambda: host.selected == "bars", host)
    press(page.problems.repairs[0])
    wait_until(lambda: not page.problems.isVisible(), host)
    assert (host.scene().frame_range, host.captures) == (FrameRange(1001, 1008), captures)
    wait_until(lambda: page.frames.placeholderText() == "1001-1008, from the scene", host)
    wait_until(lambda: page.sources.item(0).text() == "bars\n1001-1008, 64x36", host)
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), host)
    assert [version["version"] for version in versions_of(session, task)] == [1]


def test_the_checks_before_a_publish_are_its_own_and_follow_the_scene_but_not_during_playback(
    app, open_dialog, wait_until, task, tmp_path
):
    from Qt import QtCore

    class PlayingHost(ColourBars):
        is_playing, readings = False, 0

        def current_frame(self):
            self.frame += self.is_playing
            return super().current_frame()

        def scene(self):
            self.readings += 1
            return super().scene()

    host = PlayingHost(attrs.evolve(SCENE, task_id=task["id"]))
    dialog = open_dialog(host)
    page, checks = dialog.publish_page, dialog.controller.checks
    rows = page.checks

    def shown():
        items = [rows.topLevelItem(row) for row in range(rows.topLevelItemCount())]
        return [(item.text(0), item.text(1)) for item in items]

    wait_until(lambda: ("Frame range", "passed") in shown() and checks.wait(0), host)
    labels = {plugin.label for plugin in find_plugins("Colour bars").plugins if is_check(plugin)}
    assert labels - {"Colour", "Missing frames", "Still"} == {name for name, _ in shown()}
    host._scene = attrs.evolve(host._scene, frame_range=FrameRange(1001, 1008))
    host.is_playing, readings = True, host.readings
    app.sendEvent(dialog, QtCore.QEvent(QtCore.QEvent.Type.WindowActivate))
    first = host.frame
    wait_until(lambda: host.frame > first + 2, host)
    assert host.readings == readings
    host.is_playing = False
    wait_until(lambda: shown()[0][0] == "Frame range" and "expected 1001-1012" in shown()[0][1], host)
    assert page.checks.summary.text().startswith("Checks: 1 to fix, ")
    assert not any((tmp_path / "jobs").iterdir())


def test_publish_the_rest_skips_sources_with_problems(prepare_render, press, wait_until, render, session, task):
    for frame in (1003, 1004):
        (render / f"second.{frame}.png").write_bytes((render / "sh010_light.1001.png").read_bytes())
    page = prepare_render().publish_page
    press(page.publish)
    wait_until(lambda: page.problems.isVisible() and page.problems.rest is not None)
    assert page.problems.summary.text().endswith(" to fix first. Nothing was captured or sent.")
    assert versions_of(session, task) == []
    press(page.problems.rest)
    wait_until(lambda: page.result.isVisible())
    assert page.result.message.text().startswith("Version 1 of sh010_light")
    assert len(versions_of(session, task)) == 1
    assert page.problems.summary.text().endswith(" to fix before the rest can be published.")
    assert page.problems.repairs == []


def test_cancel_leaves_no_version_and_no_job(open_dialog, press, wait_until, slow_bars, session, task, tmp_path):
    slow_bars.remember_task(task["id"])
    page = open_dialog(slow_bars).publish_page
    press(page.publish)
    wait_until(slow_bars.is_held.is_set, slow_bars)
    wait_until(lambda: page.progress.doing.text() == "Capturing bars", slow_bars)
    assert not page.task.isEnabled() and not page.publish.isVisible()
    press(page.progress.cancel)
    assert page.progress.doing.text() == "Cancelling …"
    slow_bars.proceed.set()
    wait_until(lambda: page.publish.isVisible(), slow_bars)
    assert page.error.text() == "Cancelled."
    assert versions_of(session, task) == []
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_publish_continues_after_closing_and_opens_the_window_again(
    open_dialog, press, wait_until, slow_bars, session, task
):
    slow_bars.remember_task(task["id"])
    dialog = open_dialog(slow_bars)
    press(dialog.publish_page.publish)
    wait_until(slow_bars.is_held.is_set, slow_bars)
    dialog.reject()
    assert not dialog.isVisible()
    slow_bars.proceed.set()
    wait_until(dialog.isVisible, slow_bars)
    assert dialog.publish_page.result.isVisible()
    assert len(versions_of(session, task)) == 1


def test_closing_the_window_without_a_publish_emits_closed(open_dialog, wait_until, account, monkeypatch):
    dialog = open_dialog()
    left = []
    dialog.closed.connect(lambda: left.append(True))
    dialog.close()
    assert left == [True]
    dialog.show()
    monkeypatch.setattr("ft_dcc_qt.tables.open_link", lambda address: None)
    dialog.controller.close()
    dialog.sign_in_page.server.setText(account.server)
    dialog.refresh()
    dialog.sign_in_page.browser.click()
    assert dialog.controller.is_busy
    dialog.close()
    assert left == [True, True]
    wait_until(lambda: not dialog.controller.is_busy)
    assert not dialog.isVisible()


def test_opening_another_scene_resets_task_cameras_and_range(open_dialog, wait_until, task, task_path, tmp_path):
    host = ColourBars(attrs.evolve(SCENE, path=tmp_path / "sh010.ma", task_id=task["id"]))
    dialog = open_dialog(host)
    page = dialog.publish_page
    page.frames.setText("1001-1004")
    assert page.task.text() == task_path
    host._scene = attrs.evolve(SCENE, path=tmp_path / "sh020.ma", sources=("other",))
    dialog.open_page("publish")
    wait_until(lambda: page.sources.names == ["other"], host)
    assert (page.task.text(), page.frames.text(), page.sources.checked) == ("", "", ("other",))


def test_a_missing_task_source_or_range_is_reported(open_dialog, choose, press, render, task_path):
    dialog = open_dialog()
    page = dialog.publish_page
    press(page.publish)
    assert page.error.text() == "No task selected. Choose the task to publish to."
    choose(dialog, task_path)
    press(page.publish)
    assert page.error.text() == "No source selected. Check the sources to publish."
    page.add_files([render])
    page.frames.setText("1012-1001")
    press(page.publish)
    assert page.error.text() == "The range 1012-1001 ends before it starts. Give the first frame first."


def test_a_job_waits_for_an_unreachable_server_and_can_be_resumed(
    prepare_render, press, wait_until, session, task, task_path, monkeypatch
):
    with FaultyProxy(session.server_url).open() as line:
        monkeypatch.setenv("FTRACK_SERVER", line.url)
        dialog = prepare_render()
        page = dialog.publish_page
        wait_until(lambda: dialog.controller.queries.wait(0))
        line.set(1)
        press(page.publish)
        wait_until(lambda: page.error.isVisible())
        assert "cannot be reached" in page.error.text() and "waits in the queue" in page.error.text()
        dialog.open_page("queue")
        queue = dialog.queue_page
        wait_until(lambda: queue.rows.topLevelItemCount() == 1)
        texts = [queue.rows.topLevelItem(0).text(column) for column in range(3)]
        assert texts == ["waiting", task_path, "sh010_light.%04d.png"]
        line.set()
        press(queue.resume)
        wait_until(lambda: queue.rows.topLevelItemCount() == 0)
        assert len(versions_of(session, task)) == 1
        assert queue.empty_label.isVisible()


def test_a_job_is_dropped_by_the_second_click(open_dialog, choose, press, wait_until, render, task_path, tmp_path):
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.publish.preparation import prepare

    dialog = open_dialog()
    prepare(PublishRequest(task_path, str(render / "sh010_light.%04d.png")), dialog.controller.server)
    dialog.open_page("queue")
    queue = dialog.queue_page
    wait_until(lambda: queue.rows.topLevelItemCount() == 1)
    press(queue.drop)
    assert queue.drop.text() == "&Drop permanently"
    assert len(list((tmp_path / "jobs").iterdir())) == 1
    press(queue.drop)
    wait_until(lambda: queue.rows.topLevelItemCount() == 0)
    assert list((tmp_path / "jobs").iterdir()) == []


@contextlib.contextmanager
def recorded_calls():
    """Record connections, processes and files that this thread opens, each with its place in the source.

    An audit hook would stay for the whole process, and other threads could not start while it runs.
    """
    calls = []

    def record(frame, event, function):
        if event != "c_call" or frame.f_code.co_filename.startswith("<frozen importlib"):
            return
        is_connection = isinstance(function.__self__, socket.socket) and function.__name__.startswith("connect")
        if is_connection or function in (open, os.open, os.scandir, os.listdir, *starts_and_lookups):
            calls.append((function.__name__, frame.f_code.co_filename, frame.f_lineno))

    names = (("_socket", "getaddrinfo"), ("_posixsubprocess", "fork_exec"), ("_winapi", "CreateProcess"))
    starts_and_lookups = [getattr(sys.modules[module], name) for module, name in names if module in sys.modules]
    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("call", [open, os.listdir, lambda path: subprocess.run([path], check=False)])
def test_calls_of_this_thread_are_recorded(call, tmp_path):
    with recorded_calls() as calls, contextlib.suppress(OSError):
        call(str(tmp_path))
    assert len(calls) == 1


def test_the_main_thread_opens_no_connections_processes_or_files(
    open_dialog, choose, press, wait_until, slow_bars, task, task_path
):
    slow_bars.remember_task(task["id"])
    slow_bars.proceed.set()
    dialog = open_dialog(slow_bars)
    # The preview of the first source is a capture on the main thread.
    wait_until(lambda: dialog.controller.queries.wait(0), slow_bars)
    with recorded_calls() as calls:
        for page in ("reviews", "queue", "settings", "about", "publish"):
            dialog.open_page(page)
            wait_until(lambda: dialog.controller.queries.wait(0), slow_bars)
        choose(dialog, task_path, slow_bars)
        press(dialog.publish_page.publish)
        wait_until(lambda: dialog.publish_page.result.isVisible(), slow_bars)
    assert calls == []


def test_each_version_of_a_publish_has_its_link(prepare_render, press, wait_until, render, tmp_path):
    (tmp_path / "still.png").write_bytes(painted(1, Resolution(64, 36)))
    page = prepare_render(render, tmp_path / "still.png").publish_page
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    assert len(page.result.message.text().splitlines()) == 2
    sources = [page.result.version.itemText(row) for row in range(2)]
    assert sorted(sources) == ["sh010_light", "still"]
    links = set()
    for row in range(2):
        page.result.version.setCurrentIndex(row)
        links.add(page.result.link)
        assert page.result.address.text() == page.result.link
    assert len(links) == 2


def test_many_sources_can_be_filtered_and_ticked_ones_stay(open_dialog, tmp_path):
    for name in ("bg", "fg", *(f"plate_{letter}" for letter in "abcdefghij")):
        (tmp_path / f"{name}.png").write_bytes(painted(1, Resolution(64, 36)))
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([tmp_path / "bg.png", tmp_path / "fg.png"])
    dialog.refresh()
    assert not page.filter.isVisible()
    page.add_files([tmp_path / f"plate_{letter}.png" for letter in "abcdefghij"])
    dialog.refresh()
    assert page.filter.isVisible()
    from Qt import QtCore

    for row in range(1, 12):
        page.sources.item(row).setCheckState(QtCore.Qt.CheckState.Unchecked)
    page.filter.setText("plate _g")
    kept = [page.sources.item(row).text().splitlines()[0] for row in range(12) if not page.sources.item(row).isHidden()]
    assert kept == ["bg.png", "plate_g.png"]
    assert page.sources.checked == (str(tmp_path / "bg.png"),)


def test_a_transparent_background_is_shown_in_its_colour(open_dialog, wait_until, tmp_path):
    from Qt import QtGui

    from ft_dcc.ui.background_queries import Preview

    path = tmp_path / "view.png"
    path.write_bytes(painted(60, Resolution(64, 36), has_alpha=True))
    sources = open_dialog().publish_page.sources
    sources.set_cameras(["shotCam"])
    sources.show_previews({"shotCam": Preview("", path)}, {})
    image = sources.item(0).icon().pixmap(112, 63).toImage()
    assert QtGui.QColor(image.pixel(4, 30)).getRgb()[:3] == (191, 191, 191)


def test_the_review_session_is_filled_in_and_remembered_for_the_project_until_it_is_closed(
    open_dialog, choose, press, wait_until, render, task_path, session, task
):
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render])
    choose(dialog, task_path)
    wait_until(lambda: page.review.text() == "Review")
    assert page.new_reviews.text() == "A new review session is created: Review"
    page.review.setText("Monday; Client")
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    session.create("ReviewSession", {"name": "Newer", "project_id": task["project_id"]})
    session.commit()
    again = open_dialog()
    choose(again, task_path)
    wait_until(lambda: again.publish_page.review.text() == "Monday; Client")
    assert not again.publish_page.new_reviews.isVisible()
    for review in session.query(f'ReviewSession where project_id is "{task["project_id"]}"'):
        review["end_date"] = "2001-01-01T00:00:00"
    session.commit()
    last = open_dialog()
    choose(last, task_path)
    wait_until(lambda: last.publish_page.review.text() == "Review")


def test_an_empty_field_publishes_to_no_review_session(
    open_dialog, choose, press, wait_until, render, task_path, session, task
):
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render])
    choose(dialog, task_path)
    wait_until(lambda: page.review.text() == "Review")
    page.review.clear()
    assert page.review.placeholderText() == "none"
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    assert session.query(f'ReviewSession where project_id is "{task["project_id"]}"').all() == []


def test_what_the_shot_wants_is_shown_before_the_publish(open_dialog, choose, wait_until, task_path):
    host = ColourBars()
    dialog = open_dialog(host)
    page = dialog.publish_page
    choose(dialog, task_path, host)
    wait_until(lambda: page.wanted.isVisible(), host)
    assert page.wanted.text() == "The shot wants 1001-1012, 24 fps." and page.wanted.property("tone") == "dim"
    host.configure(FrameRange(1001, 1010), Fraction(25), Resolution(64, 36))
    dialog.open_page("publish")
    wait_until(lambda: page.wanted.property("tone") == "warning", host)
    assert page.wanted.text() == ("The shot wants 1001-1012, 24 fps; the scene has 1001-1010, 25 fps, 64x36.")
