import gc
import re
import sys
import uuid
from pathlib import Path

import pytest
from doubles.programs import run_process

from ft_dcc.errors import ValidationIssue
from ft_dcc.production.project_settings import find_project, write_text
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.progress import Progress


def test_settings_are_listed_with_values_and_sources(open_dialog, wait_until, monkeypatch):
    monkeypatch.setenv("FT_DCC_ASSET_TYPE", "render")
    rows = open_dialog(page="settings").settings_page.rows
    wait_until(lambda: rows.topLevelItemCount() > 20)
    items = [rows.topLevelItem(row) for row in range(rows.topLevelItemCount())]
    texts = {item.text(0): (item.text(1), item.text(2)) for item in items}
    assert texts["Asset type"] == ("render", "environment FT_DCC_ASSET_TYPE")
    assert texts["API key"] == ("set", "environment FTRACK_API_KEY")
    assert texts["Slate"] == ("no", "default")
    assert texts["Local studio stops after (minutes)"] == ("30", "default")
    assert texts["Movie"] == ("", "")


def test_a_setting_of_the_user_is_saved_and_removed(open_dialog, press, wait_until, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "mine.toml"))
    monkeypatch.delenv("FT_DCC_OUTPUTS", raising=False)
    (tmp_path / "mine.toml").touch()
    page = open_dialog(page="settings").settings_page
    wait_until(lambda: page.rows.topLevelItemCount() > 20)
    names = [page.rows.topLevelItem(row).text(0) for row in range(page.rows.topLevelItemCount())]
    page.rows.setCurrentItem(page.rows.topLevelItem(names.index("Outputs")))
    assert not page.remove.isEnabled()
    page.field.setText("1080; prores")
    press(page.save)
    wait_until(lambda: page.rows.currentItem() is not None and page.rows.currentItem().text(2).startswith("user: "))
    assert (tmp_path / "mine.toml").read_text("utf-8") == 'outputs = ["1080", "prores"]\n'
    assert page.field.text() == "1080; prores"
    press(page.remove)
    wait_until(lambda: page.rows.currentItem().text(2) == "default")
    page.field.setText("huge")
    press(page.save)
    wait_until(lambda: "is not one of" in page.error.text())
    page.rows.setCurrentItem(page.rows.topLevelItem(names.index("API key")))
    assert (page.save.isEnabled(), page.field.text()) == (False, "")
    page.rows.setCurrentItem(page.rows.topLevelItem(names.index("Slate")))
    assert page.tick.isVisible() and not (page.field.isVisible() or page.choice.isVisible())
    page.tick.setChecked(True)
    press(page.save)
    wait_until(lambda: "slate" in (tmp_path / "mine.toml").read_text("utf-8"))
    page.rows.setCurrentItem(page.rows.topLevelItem(names.index("Encoder")))
    assert [page.choice.itemText(row) for row in range(3)] == ["auto", "software", "nvenc"]
    page.choice.setCurrentText("software")
    press(page.save)
    wait_until(lambda: 'encoder = "software"' in (tmp_path / "mine.toml").read_text("utf-8"))
    assert "slate = true" in (tmp_path / "mine.toml").read_text("utf-8").replace('"', "")


def test_an_invalid_setting_is_reported(open_dialog, wait_until, monkeypatch):
    monkeypatch.setenv("FT_DCC_SLATE", "perhaps")
    dialog = open_dialog(page="settings", is_signed_in=False)
    wait_until(lambda: "perhaps" in dialog.settings_page.error.text())


def test_about_lists_versions_server_and_licence(open_dialog, wait_until, account):
    dialog = open_dialog(page="about")
    wait_until(lambda: "ft-dcc: 0" in dialog.about_page.details.toPlainText())
    text = dialog.about_page.details.toPlainText()
    assert f"server: {account.server} as {account.user}" in text
    assert "licence: Apache-2.0" in text and "Qt: " in text and account.key not in text


def test_open_review_sessions_are_listed_with_their_pages(open_dialog, wait_until, session, task):
    project = session.get("Project", task["project_id"])
    session.create("ReviewSession", {"name": "Abnahme", "project_id": project["id"]})
    session.commit()
    page = open_dialog(page="reviews").reviews_page
    items = [page.rows.topLevelItem(row) for row in range(page.rows.topLevelItemCount())]
    page.rows.setCurrentItem(next(item for item in items if item.text(1) == project["name"]))
    assert page.rows.currentItem().text(0) == "Abnahme"
    assert page.rows.key.startswith(f"{session.server_url}/review/") and page.open.isEnabled()


def test_opening_the_reviews_page_fetches_new_sessions_and_keeps_problems(open_dialog, wait_until, session, task):
    dialog = open_dialog()
    dialog.controller.problems = (ValidationIssue("Frame range", "bars", "It is another one."),)
    session.create("ReviewSession", {"name": "Theirs", "project_id": task["project_id"]})
    session.commit()
    dialog.open_page("reviews")
    rows = dialog.reviews_page.rows
    wait_until(lambda: "Theirs" in [rows.topLevelItem(row).text(0) for row in range(rows.topLevelItemCount())])
    assert len(dialog.controller.problems) == 1


def test_a_dropped_frame_adds_its_sequence_and_delete_removes_it(app, open_dialog, wait_until, render):
    from Qt import QtCore, QtGui, QtTest

    sources = open_dialog().publish_page.sources
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(render / "sh010_light.1003.png"))])
    action, button = QtCore.Qt.DropAction.CopyAction, QtCore.Qt.MouseButton.LeftButton
    where = QtCore.QPoint(9, 9)
    held = QtCore.Qt.KeyboardModifier.NoModifier
    app.sendEvent(sources.viewport(), QtGui.QDragEnterEvent(where, action, data, button, held))
    app.sendEvent(sources.viewport(), QtGui.QDropEvent(QtCore.QPointF(where), action, data, button, held))
    assert [Path(name).name for name in sources.checked] == ["sh010_light.%04d.png"]
    wait_until(lambda: sources.item(0).text() == "sh010_light.%04d.png\n1001-1012, 12 frames")
    sources.setFocus()
    sources.setCurrentRow(0)
    QtTest.QTest.keyClick(sources, QtCore.Qt.Key.Key_Space)
    assert sources.checked == ()
    QtTest.QTest.keyClick(sources, QtCore.Qt.Key.Key_Delete)
    assert sources.names == []


def test_progress_is_formatted_with_rate_and_remaining_time(app):
    from ft_dcc_qt.publish.progress_panel import format_progress

    upload = Progress("upload", "sh010", 6_000_000, 12_000_000, "bytes", seconds=3.0)
    assert format_progress(upload) == "6.0 of 12.0 MB, 2.0 MB/s, 3 s left"
    assert format_progress(Progress("upload", "sh010", 12_000, 48_000, "bytes", seconds=0.1)) == "12 of 48 kB"
    assert format_progress(Progress("encode", "sh010", 10, 100, "frames", seconds=0.1)) == "10 of 100 frames"


@pytest.mark.parametrize("statement", ["sys.modules['Qt'] = None", "sys.modules['ft_dcc_qt'] = None"])
def test_the_ui_command_without_qt_names_the_missing_extra(statement):
    script = f"import sys; {statement}; from ft_dcc.cli.main import run; sys.exit(run(['ui']))"
    done = run_process(sys.executable, "-c", script)
    assert done.returncode == 2
    assert done.stderr.strip().endswith('The dialog needs more than is installed. Run: pip install "ft-dcc[ui]"')


def test_importing_the_package_loads_no_qt():
    script = "import sys, ft_dcc_qt; print(sorted({'Qt', 'PySide6', 'requests'} & set(sys.modules)))"
    done = run_process(sys.executable, "-c", script, check=True)
    assert done.stdout == "[]\n"


def test_columns_are_side_by_side_in_a_wide_window_and_stacked_in_a_narrow_one(open_dialog, settle):
    dialog = open_dialog()
    page = dialog.publish_page
    places = []
    for width in (940, 430, 940):
        dialog.resize(width, 800)
        settle(dialog)
        places.append(page.task.mapTo(page, page.task.rect().topLeft()).x() > page.sources.geometry().right())
    assert places == [True, False, True]


@pytest.mark.parametrize("has_host", [True, False])
def test_every_widget_of_the_dialog_has_a_parent(app, open_dialog, has_host):
    """A widget without a parent belongs to Python, whose garbage collector may delete it in any thread."""
    from doubles.colour_bars import ColourBars
    from Qt import QtCompat, QtCore, QtWidgets

    kinds = (QtWidgets.QWidget, QtCore.QTimer)

    def without_parent():
        found = [each for each in gc.get_objects() if isinstance(each, kinds) and QtCompat.isValid(each)]
        return {id(each): each for each in found if each.parent() is None}

    gc.collect()
    before = without_parent()
    dialog = open_dialog(ColourBars() if has_host else None)
    for page in dialog.tabs:
        dialog.open_page(page)
    new = [each for key, each in without_parent().items() if key not in before and each is not dialog]
    assert [(type(each).__name__, getattr(each, "text", str)()) for each in new] == []


def test_the_settings_are_those_of_the_chosen_tasks_project(open_dialog, wait_until, session, task):
    """Of two shows in turn, with what the server keeps for each."""
    tasks = {"north": task, "south": ensure_task(session, f"South{uuid.uuid4().hex[:8]}/SQ010/SH010/Layout")}
    for name, each in tasks.items():
        write_text(session, find_project(session, each["project_id"]), f'locked = ["watermark"]\nwatermark = "{name}"')
    dialog = open_dialog()
    rows = dialog.settings_page.rows

    def shown():
        items = [rows.topLevelItem(row) for row in range(rows.topLevelItemCount())]
        return next(((item.text(1), item.text(2)) for item in items if item.text(0) == "Watermark"), ("", ""))

    for name in ("north", "south", "north"):
        dialog.open_page("publish")
        dialog.publish_page.choose_task(tasks[name]["id"])
        dialog.open_page("settings")
        wait_until(lambda name=name: shown()[0] == name)
        assert re.fullmatch(r"server: settings of the project \w+, line 2; locked", shown()[1])
    names = [rows.topLevelItem(row).text(0) for row in range(rows.topLevelItemCount())]
    rows.setCurrentItem(rows.topLevelItem(names.index("Watermark")))
    assert not dialog.settings_page.save.isEnabled()
