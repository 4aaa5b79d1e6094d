"""Tasks and notes in the real dialog, with a running studio server and a host of colour bars."""

import re
from fractions import Fraction
from functools import partial

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, write_painted
from doubles.faulty_proxy import FaultyProxy
from doubles.notes import add_version_to_review, assign, write_note

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import encode
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.session import operations


@pytest.fixture
def entry(session, task):
    assignment = assign(session, task["id"])
    yield add_version_to_review(session, task)
    session.call([operations.delete("Appointment", assignment)])


@pytest.fixture
def write(session, entry):
    return partial(write_note, session, entry)


def texts(tree):
    rows = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    return [[row.text(column) for column in range(row.columnCount())] for row in rows]


@pytest.fixture
def notes_of(open_dialog, wait_until, task):
    def open_notes(host=None):
        dialog = open_dialog(host, page="tasks")
        rows = dialog.tasks_page.rows
        wait_until(lambda: any(task["id"] == row.data(0, 256) for row in items(rows)), *filter(None, [host]))
        rows.setCurrentItem(next(row for row in items(rows) if row.data(0, 256) == task["id"]))
        dialog.tasks_page.notes.click()
        wait_until(lambda: dialog.controller.feedback.versions and not dialog.controller.feedback.is_loading)
        dialog.refresh()
        return dialog

    return open_notes


def items(tree):
    return [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]


def test_my_tasks_have_version_status_and_open_notes_and_one_click_takes_one(
    open_dialog, wait_until, press, write, task, task_path
):
    write("Arm too high")
    dialog = open_dialog(page="tasks")
    rows = dialog.tasks_page.rows
    wait_until(lambda: task_path in [each[0] for each in texts(rows)])
    (row,) = [each for each in texts(rows) if each[0] == task_path]
    assert row[3].startswith("v001") and row[4] == "1"
    rows.setCurrentItem(next(item for item in items(rows) if item.text(0) == task_path))
    press(dialog.tasks_page.take)
    assert dialog.stack.currentWidget() is dialog.publish_page
    assert dialog.publish_page.task.text() == task_path


def test_notes_are_listed_open_ones_first_and_can_be_answered(notes_of, wait_until, session, write):
    done, _, _ = write("Old"), write("Arm\ntoo high", frame=1004), write("Early", frame=1003)
    session.call([operations.update("Note", done, {"completed_at": "2026-01-01T10:00:00+00:00"})])
    page = notes_of().notes_page
    (version,) = items(page.rows)
    notes = [[version.child(row).text(column) for column in range(2)] for row in range(version.childCount())]
    assert notes == [["Early", "1003"], ["Arm too high", "1004"], ["done: Old", "1002"]]
    page.rows.setCurrentItem(version.child(1))
    assert re.match(r"[^,]+, \d{4}-\d\d-\d\d \d\d:\d\d, frame 1004\n", page.text.text())
    page.answer.setText("Lowered")
    page.reply.click()
    wait_until(lambda: page.note is not None and [reply.text for reply in page.note.replies] == ["Lowered"])
    page.done.click()
    wait_until(lambda: page.note is not None and page.note.is_done)
    wait_until(lambda: page.done.text() == "Re&open")


def test_drawings_are_shown_and_hidden_and_the_frame_is_set(notes_of, wait_until, write):
    write("Arm too high", frame=1004)
    host = ColourBars()
    page = notes_of(host).notes_page
    page.show_drawings.click()
    wait_until(lambda: page.hide_drawings.isEnabled(), host)
    assert [drawing.text for drawing in host.feedback] == ["Arm too high"]
    (version,) = items(page.rows)
    page.rows.itemClicked.emit(version.child(0), 0)
    wait_until(lambda: host.frame == 1004, host)
    page.hide_drawings.click()
    wait_until(lambda: not page.hide_drawings.isEnabled(), host)
    assert host.feedback == ()


def test_a_note_that_arrives_is_announced_on_every_page(notes_of, wait_until, write):
    write("First")
    dialog = notes_of()
    dialog.open_page("queue")
    write("Arm too\nhigh")
    wait_until(lambda: dialog.tabs["notes"].text() == "Notes (1 new)")
    assert "admin: Arm too high" in dialog.news_label.text() and dialog.news_label.isVisible()
    dialog.open_page("notes")
    wait_until(lambda: dialog.tabs["notes"].text() == "Notes")


def test_open_notes_are_a_reminder_with_ticks_and_ticked_ones_are_addressed(
    notes_of, wait_until, press, render, session, write, task, task_path
):
    ticked, other = write("Arm too high"), write("Too dark")
    dialog = notes_of()
    dialog.open_page("publish")
    page = dialog.publish_page
    page.choose_task(task["id"])
    wait_until(lambda: page.addressed.isVisible())
    assert page.addressed.title.text() == "2 notes are open. Tick what this version answers."
    from Qt import QtCore

    # Two notes of one second have no order.
    row = next(page.addressed.rows.item(row) for row in (0, 1) if page.addressed.rows.item(row).data(256) == ticked)
    row.setCheckState(QtCore.Qt.CheckState.Checked)
    page.add_files([render])
    page.comment.setPlainText("Arm lowered")
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    assert (page.comment.toPlainText(), page.last_comment.isVisible()) == ("", True)
    press(page.last_comment)
    assert page.comment.toPlainText() == "Arm lowered"
    wait_until(lambda: page.addressed.rows.count() == 1)
    assert page.addressed.rows.item(0).toolTip() == "Too dark"
    keys = {
        note: [entry["key"] for entry in session.query(f'Metadata where parent_id is "{note}"')]
        for note in (ticked, other)
    }
    assert ("ft_dcc_addressed" in keys[ticked], "ft_dcc_addressed" in keys[other]) == (True, False)


def test_a_server_that_fails_is_a_sentence(open_dialog, wait_until, monkeypatch):
    from ft_dcc.errors import ServerUnreachable
    from ft_dcc.review import my_tasks

    def fail(session, user):
        raise ServerUnreachable("The server does not answer. Try again later.")

    monkeypatch.setattr(my_tasks, "of_user", fail)
    dialog = open_dialog(page="tasks")
    wait_until(lambda: dialog.tasks_page.error.isVisible())
    assert dialog.tasks_page.error.text() == "The server does not answer. Try again later."


def test_a_version_without_a_scene_file_is_a_sentence_and_nothing_is_written(notes_of, wait_until, write, tmp_path):
    write("Arm too high")
    files = notes_of().notes_page.files
    files.download_scene(tmp_path / "fetched")
    wait_until(lambda: "does not contain its scene file" in files.error.text())
    assert not (tmp_path / "fetched").exists()


@pytest.fixture
def upload(session):
    def add(version_id, path, name, **metadata):
        version = session.get("AssetVersion", version_id)
        location = session.query('Location where name is "ftrack.server"').one()
        version.create_component(str(path), {"name": name, "metadata": metadata}, location=location)
        session.commit()

    return add


@pytest.fixture
def with_scene(notes_of, wait_until, upload, write, tmp_path):
    def open_notes(host, name="sh010.bars"):
        write("Arm too high")
        (tmp_path / name).write_bytes(b"a scene")
        dialog = notes_of(host)
        files = dialog.notes_page.files
        upload(dialog.notes_page.version.id, tmp_path / name, "scene")
        files.download_scene(tmp_path / "fetched")
        wait_until(lambda: "The scene is in" in files.message.text(), *filter(None, [host]))
        return dialog, next(iter((tmp_path / "fetched").iterdir()))

    return open_notes


def test_the_scene_file_of_a_version_is_downloaded_and_only_a_host_offers_to_open_it(with_scene):
    dialog, path = with_scene(None)
    assert path.read_bytes() == b"a scene"
    assert not dialog.notes_page.files.open.isVisible()


def saved_host():
    return ColourBars(attrs.evolve(SCENE, is_modified=False))


def test_a_downloaded_scene_is_opened(with_scene, wait_until, press):
    host = saved_host()
    dialog, path = with_scene(host)
    files = dialog.notes_page.files
    press(files.open)
    wait_until(lambda: files.message.text() == f"{path} is open.", host)
    assert (host.scene().path, files.open.isVisible()) == (path, False)
    wait_until(lambda: dialog.controller.queries.scene.path == path, host)


def test_unsaved_changes_are_saved_or_discarded_before_another_scene_is_opened(with_scene, wait_until, press, tmp_path):
    host = ColourBars(attrs.evolve(SCENE, path=tmp_path / "own.bars"))
    dialog, path = with_scene(host)
    files = dialog.notes_page.files
    press(files.open)
    wait_until(lambda: "own.bars has unsaved changes" in files.error.text(), host)
    assert (host.scene().path.name, host.scene().is_modified, files.open.isVisible()) == ("own.bars", True, False)
    press(files.save_and_open)
    wait_until(lambda: host.scene().path == path, host)
    assert host.saves == 1


def test_a_scene_that_was_never_saved_can_only_be_discarded(with_scene, wait_until, press):
    host = ColourBars()
    dialog, path = with_scene(host)
    files = dialog.notes_page.files
    press(files.open)
    wait_until(lambda: files.save_and_open.isVisible(), host)
    press(files.save_and_open)
    wait_until(lambda: "Colour bars have no file" in files.error.text(), host)
    assert host.scene().path is None
    # The scene is as before, and the file can still be opened.
    press(files.open)
    wait_until(lambda: files.discard_and_open.isVisible(), host)
    press(files.discard_and_open)
    wait_until(lambda: host.scene().path == path, host)


def test_a_version_is_compared_and_its_images_are_deleted_at_the_end(
    notes_of, wait_until, press, upload, write, tmp_path
):
    write("Arm too high")
    write_painted(tmp_path, range(1001, 1004), "a")
    frames = Frames(str(tmp_path / "a.%04d.png"), FrameRange(1001, 1003), Fraction(24), Resolution(64, 36))
    host = ColourBars()
    dialog = notes_of(host)
    files = dialog.notes_page.files
    upload(dialog.notes_page.version.id, encode(frames, tmp_path / "movie.mp4").path, "ftrackreview-mp4")
    press(files.compare)
    wait_until(lambda: files.stop.isVisible() and files.stop.isEnabled(), host)
    assert files.message.text() == "main v001 is shown in the scene."
    shown = host.movie
    # A version of another client does not store the frame of its first image: it begins with the scene.
    assert (str(shown.frame_range), shown.images.missing()) == ("1001-1003", ())
    press(files.stop)
    wait_until(lambda: host.movie is None and not files.stop.isVisible(), host)
    assert not shown.images.path(1).parent.exists()


def test_the_scene_file_is_a_tick_with_the_value_of_the_setting(open_dialog, monkeypatch):
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "true")
    options = open_dialog(ColourBars()).publish_page.options
    assert options.switches["include_scene"].isChecked() and "include_scene" not in options.values(("bars",))
    options.switches["include_scene"].setChecked(False)
    assert options.values(("bars",))["include_scene"] is False


@pytest.fixture
def proxy(studio_server, monkeypatch):
    with FaultyProxy(studio_server.server_url).open() as proxy:
        monkeypatch.setenv("FTRACK_SERVER", proxy.url)
        yield proxy


def test_a_reply_that_cannot_be_written_stays_in_its_field(notes_of, wait_until, press, write, proxy):
    write("Arm too high")
    page = notes_of().notes_page
    page.answer.setText("Lowered the arm")
    proxy.set(path="/api", breaks_at=1)
    press(page.reply)
    wait_until(lambda: page.error.isVisible())
    wait_until(lambda: page.answer.text() == "Lowered the arm")
    proxy.set()
    press(page.reply)
    wait_until(lambda: page.note is not None and [reply.text for reply in page.note.replies] == ["Lowered the arm"])
    wait_until(lambda: (page.answer.text(), page.error.text()) == ("", ""))


@pytest.fixture
def files_of(notes_of, entry, session, task, render, tmp_path):
    """Return a function that shows a version with frames on disk, and returns the row of its files."""

    def open_version(host):
        request = PublishRequest(task["id"], str(render / "sh010_light.%04d.png"), asset="main")
        version = publish(request, session, jobs=tmp_path / "publish").first
        page = notes_of(host).notes_page
        page.rows.setCurrentItem(next(item for item in items(page.rows) if item.data(0, 256) == version.version_id))
        return page.files.disk

    return open_version


def test_files_of_a_version_are_copied_loaded_and_opened(files_of, wait_until, press, render, monkeypatch):
    from Qt import QtWidgets

    host, pattern = ColourBars(), str(render / "sh010_light.%04d.png")
    row = files_of(host)
    wait_until(lambda: row.path == pattern, host)
    press(row.copy)
    assert QtWidgets.QApplication.clipboard().text() == pattern
    press(row.load)
    wait_until(lambda: row.message.isVisible(), host)
    assert [(path, str(frames)) for path, frames, _ in host.loaded] == [(pattern, "1001-1012")]
    monkeypatch.setenv("PATH", "")
    press(row.open)
    wait_until(lambda: "Open it in your file browser." in row.error.text(), host)
    assert not row.message.isVisible()


def test_files_that_this_machine_cannot_see_have_a_reason_and_no_buttons(files_of, wait_until, monkeypatch):
    host = ColourBars()
    monkeypatch.setattr("ft_dcc.files.roots.this_system", lambda: "windows")
    row = files_of(host)
    wait_until(lambda: row.reason.isVisible(), host)
    assert "this machine runs Windows" in row.reason.text()
    assert not any(button.isVisible() for button in (row.open, row.copy, row.load))


def test_the_result_of_a_publish_has_its_files(open_dialog, wait_until, press, render, task):
    page = open_dialog().publish_page
    page.choose_task(task["id"])
    page.add_files([render])
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
    row = page.result.files
    assert (row.choice.currentText(), row.path) == ("sh010_light.%04d.png", str(render / "sh010_light.%04d.png"))
    # Without a host there is nothing to load frames into.
    assert row.open.isVisible() and row.copy.isVisible() and not row.load.isVisible()
