"""Tasks and notes in the real dialog, with a running studio server and a host of colour bars."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from doubles.colour_bars import ColourBars

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
    page = notes_of().notes_page
    page.download_scene(tmp_path / "fetched")
    wait_until(lambda: "does not contain its scene file" in page.error.text())
    assert not (tmp_path / "fetched").exists()


def test_the_scene_file_of_a_version_is_downloaded(notes_of, wait_until, session, write, tmp_path):
    write("Arm too high")
    scene = tmp_path / "sh010.ma"
    scene.write_bytes(b"//Maya ASCII")
    dialog = notes_of()
    page = dialog.notes_page
    version = session.get("AssetVersion", page.version.id)
    version.create_component(
        str(scene), {"name": "scene"}, location=session.query('Location where name is "ftrack.server"').one()
    )
    session.commit()
    page.download_scene(tmp_path / "fetched")
    wait_until(lambda: "The scene is in" in page.message.text())
    (path,) = (tmp_path / "fetched").iterdir()
    assert path.read_bytes() == b"//Maya ASCII"
