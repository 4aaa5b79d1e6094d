"""The menu of Hiero as a menu of Qt, and the dialog that it opens, on the double of Hiero."""

from __future__ import annotations

import sys
import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import painted
from doubles.nuke import sample_script
from doubles.nuke.hiero import hiero
from doubles.nuke.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.production.tasks import ensure_task


@pytest.fixture
def program(app, tmp_path):
    """Yield the double with a real menu bar and window; fail the test if it was misused."""
    from Qt import QtWidgets

    def create_action(name, method):
        action = QtWidgets.QAction(name, None)
        action.triggered.connect(method)
        return action

    with running(sample_script.build(tmp_path)) as nuke, hiero(nuke, has_qt=False) as program:
        program.window = QtWidgets.QMainWindow()
        sys.modules["hiero.ui"].__dict__.update(menuBar=program.window.menuBar, createMenuAction=create_action)
        yield program
    assert nuke.misuses == []


@pytest.fixture
def package(program):
    import ft_dcc_nuke

    ft_dcc_nuke.start_timelines()
    yield ft_dcc_nuke
    ft_dcc_nuke.uninstall()


def titles(program):
    return [action.text() for action in program.window.menuBar().actions()]


def press_item(program, label):
    (menu,) = program.window.menuBar().actions()
    next(action for action in menu.menu().actions() if action.text() == label).trigger()


def test_the_menu_of_the_window_appears_once_and_is_removed(program, package):
    package.start_window()
    assert titles(program) == ["ft-dcc"]
    assert len(program.window.menuBar().actions()[0].menu().actions()) == 7
    package.uninstall()
    assert titles(program) == []


def test_the_dialog_of_the_menu_has_the_selected_items_and_publishes_them(
    program, package, close_dialog, choose, press, wait_until, session, tmp_path, monkeypatch
):
    from ft_dcc_qt import dialog as dialogs

    monkeypatch.setattr(dialogs, "_dialog", None)
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/{uuid.uuid4().hex[:8]}/Comp"
    ensure_task(session, path, frame_range=FrameRange(1001, 1004), fps=Fraction(24000, 1001))
    for frame in range(101, 109):
        (tmp_path / f"day1.{frame:04d}.png").write_bytes(painted(frame, Resolution(64, 36)))
    clip = program.clip((tmp_path / "day1.%04d.png").as_posix(), first=101, duration=8)
    program.add(path.split("/")[2], clip, (2, 5))
    press_item(program, "Publish timeline items…")
    dialog = dialogs._dialog
    assert dialog.parent() is program.window
    page, nuke = dialog.publish_page, program.nuke
    wait_until(lambda: page.task.text() == path, nuke)
    wait_until(lambda: page.sources.checked and not dialog.controller.is_busy, nuke)
    page.review.setText("")
    press(page.publish)
    wait_until(lambda: dialog.controller.published and not dialog.controller.is_busy, nuke)
    ((task, version),) = dialog.controller.published
    assert (task, version.source) == (path, page.sources.checked[0])
    assert (dialog.controller.error, dialog.controller.problems, nuke.messages) == ("", (), [])
    close_dialog(dialog, nuke)


def test_a_message_is_a_window_in_front_of_hiero(program, package, monkeypatch):
    from Qt import QtWidgets

    shown = []
    monkeypatch.setattr(QtWidgets.QMessageBox, "exec", lambda box: shown.append((box.text(), box.parent())))
    press_item(program, "Publish timeline items…")
    assert shown == [("Select the items to publish in a timeline.", program.window)]
