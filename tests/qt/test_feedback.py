"""Tasks and notes in the real dialog, with a running studio server and a host of colour bars."""

from __future__ import annotations

import json
from fractions import Fraction
from uuid import uuid4

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, painted
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import encode
from ft_dcc.session import operations

PEN = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0.25, 0.25, 0.5], [0.75, 0.5, 0.5]]}


@pytest.fixture
def entry(session, task):
    """Yield the entry of version 1 of the task in a review session; the task is the user's."""
    ids = {name: str(uuid4()) for name in ("assignment", "asset", "version", "review", "entry")}
    user = session.query(f'User where username is "{session.api_user}"').one()
    assignment = {"context_id": task["id"], "resource_id": user["id"], "type": "assignment"}
    asset_type = session.query("AssetType").first()["id"]
    asset = {"id": ids["asset"], "name": "main", "context_id": task["parent_id"], "type_id": asset_type}
    version = {"id": ids["version"], "asset_id": ids["asset"], "task_id": task["id"]}
    review = {"id": ids["review"], "name": "Dailies", "project_id": task["project_id"]}
    item = {"id": ids["entry"], "review_session_id": ids["review"], "version_id": ids["version"]}
    session.call(
        [
            operations.create("Appointment", {"id": ids["assignment"], **assignment}),
            operations.create("Asset", asset),
            operations.create("AssetVersion", version),
            operations.create("ReviewSession", review),
            operations.create("ReviewSessionObject", {**item, "name": "x", "description": ""}),
        ]
    )
    yield ids["entry"]
    # Without any assignment, all tasks are offered to publish to.
    session.call([operations.delete("Appointment", ids["assignment"])])


@pytest.fixture
def write(session, entry):
    """Return a function that writes a note with a drawing as a reviewer does, and returns its id."""

    def make(text, frame=1002):
        note, annotation = str(uuid4()), str(uuid4())
        data = json.dumps({"version": 2, "shapes": [PEN]})
        own = json.dumps({"frame": frame, "annotation_id": annotation})
        values = {"id": annotation, "frame_number": frame, "data": data, "review_session_object_id": entry}
        content = {"id": note, "content": text, "parent_id": entry, "parent_type": "ReviewSessionObject"}
        metadata = {"parent_id": note, "parent_type": "Note", "key": "ft_dcc", "value": own}
        session.call(
            [
                operations.create("Note", content),
                operations.create("ReviewSessionObjectAnnotation", values),
                operations.create("Metadata", metadata),
            ]
        )
        return note

    return make


def texts(tree):
    rows = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    return [[row.text(column) for column in range(row.columnCount())] for row in rows]


@pytest.fixture
def notes_of(open_dialog, wait_until, task):
    """Return a function that opens the page of the notes on the task."""

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
    done, _ = write("Old"), write("Arm\ntoo high", frame=1004)
    session.call([operations.update("Note", done, {"completed_at": "2026-01-01T10:00:00+00:00"})])
    dialog = notes_of()
    page = dialog.notes_page
    (version,) = items(page.rows)
    notes = [[version.child(row).text(column) for column in range(2)] for row in range(version.childCount())]
    assert notes == [["Arm too high", "1004"], ["done: Old", "1002"]]
    assert "frame 1004" in page.text.text()
    page.answer.setText("Lowered")
    page.reply.click()
    wait_until(lambda: page.note is not None and [reply.text for reply in page.note.replies] == ["Lowered"])
    page.done.click()
    wait_until(lambda: page.note is not None and page.note.is_done)
    wait_until(lambda: page.done.text() == "Re&open")


def test_drawings_are_shown_and_hidden_and_the_frame_is_set(notes_of, wait_until, write):
    write("Arm too high", frame=1004)
    host = ColourBars()
    dialog = notes_of(host)
    page = dialog.notes_page
    page.show_drawings.click()
    wait_until(lambda: page.hide_drawings.isEnabled(), host)
    assert [drawing.text for drawing in host.feedback] == ["Arm too high"]
    page.go_to.click()
    wait_until(lambda: host.frame == 1004, host)
    page.hide_drawings.click()
    wait_until(lambda: not page.hide_drawings.isEnabled(), host)
    assert host.feedback == ()


def test_a_note_that_arrives_is_announced_on_every_page(notes_of, wait_until, write):
    write("First")
    dialog = notes_of()
    dialog.open_page("queue")
    write("Second")
    wait_until(lambda: dialog.tabs["notes"].text() == "Notes (1 new)")
    assert "Second" in dialog.news_label.text() and dialog.news_label.isVisible()
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
    assert page.addressed.title.text() == "2 notes are open on v001. Tick what this version answers."
    from Qt import QtCore

    # Two notes of one second have no order.
    row = next(page.addressed.rows.item(row) for row in (0, 1) if page.addressed.rows.item(row).data(256) == ticked)
    row.setCheckState(QtCore.Qt.CheckState.Checked)
    page.add_files([render])
    press(page.publish)
    wait_until(lambda: page.result.isVisible())
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
    """Return a function that adds a file to a version as a component."""

    def add(version_id, path, name, **metadata):
        version = session.get("AssetVersion", version_id)
        location = session.query('Location where name is "ftrack.server"').one()
        version.create_component(str(path), {"name": name, "metadata": metadata}, location=location)
        session.commit()

    return add


@pytest.fixture
def with_scene(notes_of, wait_until, upload, write, tmp_path):
    """Return a function that opens the notes in a host, and downloads the scene of the version."""

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


def test_a_scene_of_another_program_is_a_sentence(with_scene, wait_until, press):
    host = saved_host()
    dialog, _ = with_scene(host, "sh010.ma")
    files = dialog.notes_page.files
    press(files.open)
    wait_until(lambda: "is no scene of Colour bars" in files.error.text(), host)
    assert host.scene().path is None


def test_a_version_is_compared_and_its_images_are_deleted_at_the_end(
    notes_of, wait_until, press, upload, write, tmp_path
):
    write("Arm too high")
    for frame in range(1001, 1004):
        (tmp_path / f"a.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    frames = Frames(str(tmp_path / "a.%04d.png"), FrameRange(1001, 1003), Fraction(24), Resolution(64, 36))
    host = ColourBars()
    dialog = notes_of(host)
    files = dialog.notes_page.files
    movie = encode(frames, tmp_path / "movie.mp4").path
    upload(dialog.notes_page.version.id, movie, "ftrackreview-mp4")
    press(files.compare)
    wait_until(lambda: files.stop.isVisible() and files.stop.isEnabled(), host)
    assert files.message.text() == "main v001 is shown in the scene."
    shown = host.movie
    # A version of another client does not store the frame of its first image: it begins with the scene.
    assert (str(shown.frame_range), shown.images.missing()) == ("1001-1003", ())
    press(files.stop)
    wait_until(lambda: host.movie is None and not files.stop.isVisible(), host)
    assert not shown.images.path(1).parent.exists()


def test_a_version_without_a_movie_is_a_sentence(notes_of, wait_until, press, write):
    write("Arm too high")
    host = ColourBars()
    files = notes_of(host).notes_page.files
    press(files.compare)
    wait_until(lambda: "The version has no component ftrackreview-mp4." in files.error.text(), host)
    assert (host.movie, files.stop.isVisible()) == (None, False)


def test_the_scene_file_is_a_tick_with_the_value_of_the_setting(open_dialog, monkeypatch):
    monkeypatch.setenv("FT_DCC_INCLUDE_SCENE", "true")
    host = ColourBars()
    options = open_dialog(host).publish_page.options
    assert options.switches["include_scene"].isChecked() and "include_scene" not in options.values(("bars",))
    options.switches["include_scene"].setChecked(False)
    assert options.values(("bars",))["include_scene"] is False


def test_the_tick_uploads_the_scene_file(open_dialog, wait_until, session, task, tmp_path):
    scene = tmp_path / "sh010.bars"
    scene.write_bytes(b"a scene")
    host = ColourBars(attrs.evolve(SCENE, path=scene, is_modified=False, frame_range=FrameRange(1001, 1012)))
    dialog = open_dialog(host)
    page = dialog.publish_page
    page.choose_task(task["id"])
    page.options.switches["include_scene"].setChecked(True)
    wait_until(lambda: page.publish.isEnabled() and dialog.controller.queries.wait(0), host)
    page.start_publish()
    wait_until(lambda: not dialog.controller.is_busy, host)
    assert (dialog.controller.error, dialog.controller.problems) == ("", ())
    found = session.query(f'select name from FileComponent where version.task_id is "{task["id"]}"').all()
    assert "scene" in {component["name"] for component in found}


@pytest.fixture
def proxy(studio_server, monkeypatch):
    """Return a proxy in front of the server; the dialog signs in through it."""
    with FaultyProxy(studio_server.server_url).open() as proxy:
        monkeypatch.setenv("FTRACK_SERVER", proxy.url)
        yield proxy


def test_a_server_that_never_answers_does_not_freeze_the_dialog(notes_of, wait_until, press, write, proxy):
    write("Arm too high")
    host = ColourBars()
    dialog = notes_of(host)
    page = dialog.notes_page
    proxy.set(path="/api", breaks_at=1, hangs=True)
    press(page.again)
    wait_until(proxy.hung.is_set, host)
    # The notes stay, drawings are shown, and other pages open.
    press(page.show_drawings)
    wait_until(lambda: len(host.feedback) == 1, host)
    for name in ("tasks", "queue", "notes"):
        dialog.open_page(name)
        wait_until(lambda name=name: dialog.stack.currentWidget() is dialog._pages[name], host)
    assert items(page.rows)
    proxy.set(path="/api", breaks_at=1)
    wait_until(lambda: not dialog.controller.feedback.is_loading, host)
    wait_until(lambda: page.error.isVisible() and proxy.url in page.error.text(), host)
    proxy.set()


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
