"""The dialog in the Maya double, opened from the menu."""

from fractions import Fraction

import pytest
import requests
from doubles.colour_bars import painted
from doubles.maya import sample_scene
from doubles.maya.program import running
from run_options import TIMEOUT_SECONDS

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.errors import Cancelled
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.production.tasks import ensure_task


@pytest.fixture
def maya(tmp_path):
    """Yield the double with the small shot saved; fail the test if the double was misused."""
    with running(sample_scene.build()) as program:
        program.scene.path = str(tmp_path / "sh010.ma")
        yield program
    assert program.misuses == []


@pytest.fixture
def choose_from_menu(maya, app, wait_until, close_dialog, monkeypatch, session, task):
    import ft_dcc_maya
    from ft_dcc_qt import dialog
    from Qt import QtCompat

    monkeypatch.setattr(dialog, "_dialog", None)
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    ft_dcc_maya.install()

    def press(label, *, waits=True):
        lines = [line for line in maya.interface.controls.values() if line.kind == "item"]
        next(line for line in lines if line.values["label"] == label).values["command"](False)
        shown = dialog._dialog
        if not waits:
            return shown
        wait_until(lambda: shown.controller.session is not None and not shown.controller.is_busy, maya)
        wait_until(lambda: shown.controller.queries.wait(0), maya)
        shown.refresh()
        return shown

    yield press
    if dialog._dialog is not None and QtCompat.isValid(dialog._dialog):
        close_dialog(dialog._dialog, maya)


def test_the_dialog_of_the_menu_lists_the_cameras_and_publishes(
    maya, choose_from_menu, choose, press, wait_until, session, task, task_path
):
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    assert (page.sources.names, page.sources.checked) == (["shotCam", "second"], ("shotCam",))
    wait_until(lambda: page.sources.item(0).text() == "shotCam\n1001-1012, 64x36", maya)
    assert maya.drawn == []
    press(page.draw)
    wait_until(lambda: len(maya.drawn) == 1 and dialog.controller.queries.wait(0), maya)
    assert maya.drawn[0].time == 1004.0
    choose(dialog, task_path, maya)
    wait_until(lambda: maya.scene.file_info.get("ft_dcc_task_id") == task["id"], maya)
    assert maya.scene.is_modified
    press(page.publish)
    wait_until(lambda: page.problems.isVisible(), maya)
    assert [button.text() for button in page.problems.repairs] == ["Save the scene"]
    press(page.problems.repairs[0])
    wait_until(lambda: not page.problems.isVisible() and not dialog.controller.is_busy, maya)
    before = maya.state()
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), maya)
    assert maya.state() == before
    assert requests.get(page.result.link, timeout=TIMEOUT_SECONDS).status_code == 200
    version = session.query(f'AssetVersion where task_id is "{task["id"]}"').one()
    assert (version["version"], version["asset"]["type"]["short"]) == (1, "playblast")


def test_escape_in_a_window_of_maya_cancels_a_capture_and_closes_nothing(maya, app, tmp_path):
    from ft_dcc_maya.host import MayaHost
    from Qt import QtCore, QtTest, QtWidgets

    window = QtWidgets.QDialog()
    field = QtWidgets.QLineEdit(window)
    window.show()
    request = PlayblastRequest("shotCam", FrameRange(1001, 1012), Resolution(64, 36), tmp_path / "frames", "shot")

    def press(frame):
        QtTest.QTest.keyClick(field, QtCore.Qt.Key.Key_Escape if frame == 1002 else QtCore.Qt.Key.Key_A)

    with pytest.raises(Cancelled, match="before frame 1003"):
        MayaHost().playblast(request, press)
    assert window.isVisible() and field.text() == "a"
    QtTest.QTest.keyClick(window, QtCore.Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_the_dialog_belongs_to_the_main_window_of_maya(maya, app):
    from ft_dcc_maya import commands
    from Qt import QtWidgets

    windows = [QtWidgets.QWidget() for _ in range(3)]
    windows[1].setObjectName("MayaWindow")
    assert commands._main_window() is windows[1]


def test_what_the_movies_lack_is_said_once_below_the_result(
    maya, choose_from_menu, press, tick_only, wait_until, session, task, task_path
):
    maya.scene.file_info["ft_dcc_task_id"] = task["id"]
    maya.scene.add_sound("music", filename="/audio/music.wav")
    page = choose_from_menu("Publish for review…").publish_page
    tick_only(page.sources, ("shotCam", "second"))
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), maya)
    lines = [line for line in page.result.message.text().splitlines() if "music" in line]
    expected = "the movie has the sound of the time slider only, not music; mix them into one file, or mute them."
    assert lines == [f"shotCam, second: {expected}"]


def test_a_range_of_the_time_slider_is_chosen_from_a_menu(maya, choose_from_menu, wait_until):
    maya.interface.selected_range = (1003.0, 1006.0)
    page = choose_from_menu("Publish for review…").publish_page
    wait_until(lambda: page.ranges.isVisible(), maya)
    actions = page.ranges.menu().actions()
    assert [each.text() for each in actions] == ["Animation: 1001-1012", "Playback: 1001-1012", "Selection: 1003-1005"]
    actions[2].trigger()
    assert page.frames.text() == "1003-1005"


def test_the_options_choose_look_size_sound_and_burn_in(
    maya, choose_from_menu, choose, press, wait_until, session, task, task_path, tmp_path, monkeypatch
):
    (tmp_path / "own.toml").write_text('[looks.client]\nlook = "lit, samples=16"\n', encoding="utf-8")
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "own.toml"))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "128x72"
    session.commit()
    maya.scene.node("defaultResolution").attributes.update(width=128, height=72)
    maya.scene.file_info["ft_dcc_task_id"] = task["id"]
    dialog = choose_from_menu("Publish for review…")
    page, options = dialog.publish_page, dialog.publish_page.options
    assert not options.isVisible()
    press(page.show_options)
    assert [options.look.itemText(row) for row in range(options.look.count())] == [
        *("textured", "viewport", "lit", "clay", "wireframe", "client")
    ]
    options.look.setCurrentText("client")
    options.scale.setCurrentText("Half size")
    options.switches["scene_sound"].setChecked(False)
    options.switches["burnin"].setChecked(True)
    options.switches["slate"].setChecked(True)
    request = page.request()
    assert (request.scene_sound, request.slate, request.burnin["bottom right"]) == (False, True, "{frame}")
    assert request.look == "client"
    press(page.publish)
    wait_until(lambda: page.result.isVisible() or page.problems.isVisible(), maya)
    assert not page.problems.isVisible()
    drawn = maya.drawn[-1]
    assert (str(drawn.resolution), drawn.view["displayLights"]) == ("64x36", "all")
    assert drawn.settings["multiSampleCount"] == 16
    page.add_files([tmp_path])
    (tmp_path / "still.png").write_bytes(painted(1, Resolution(64, 36)))
    page.add_files([tmp_path / "still.png"])
    press(page.publish)
    assert page.error.text().startswith("Only cameras can be captured at half size.")


def test_repair_all_runs_all_repairs_and_saves_last(
    maya, choose_from_menu, choose, press, wait_until, session, task, task_path
):
    from Qt import QtCore

    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008), fps=Fraction(25))
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    choose(dialog, task_path, maya)
    wait_until(lambda: maya.scene.is_modified, maya)
    page.sources.item(1).setCheckState(QtCore.Qt.CheckState.Checked)
    press(page.publish)
    wait_until(lambda: page.problems.isVisible(), maya)
    # Each is said once, with the names of both cameras.
    assert [button.text() for button in page.problems.repairs] == [
        "Give the scene the shot's frame range",
        "Give the scene the shot's frame rate",
        "Save the scene",
    ]
    assert page.problems.summary.text().startswith("3 problems to fix first.")
    press(page.problems.all)
    wait_until(lambda: not page.problems.isVisible() and not dialog.controller.is_busy, maya)
    assert (dialog.controller.error, maya.scene.is_modified, maya.scene.unit) == ("", False, "pal")
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), maya)
    assert len(session.query(f'AssetVersion where task_id is "{task["id"]}"').all()) == 2


def test_a_failed_repair_is_reported_and_the_others_are_done(
    maya, choose_from_menu, choose, press, wait_until, session, task_path, tmp_path
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    choose(dialog, task_path, maya)
    wait_until(lambda: maya.scene.is_modified, maya)
    maya.scene.path = str(tmp_path / "a folder that is gone" / "sh010.ma")
    press(page.publish)
    wait_until(lambda: page.problems.all is not None, maya)
    press(page.problems.all)
    # The label follows the end of the repair at the rate of the notifications.
    wait_until(lambda: bool(page.error.text()), maya)
    assert (page.problems.all, len(page.problems.repairs)) == (None, 1)
    assert page.error.text().startswith("Maya cannot save the scene: Could not save file ")
    assert maya.scene.options["animationEndTime"] == 1008


def test_a_repaired_scene_must_be_saved_before_it_is_published(
    maya, choose_from_menu, press, wait_until, session, task, task_path, render
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    maya.scene.file_info["ft_dcc_task_id"] = task["id"]
    (render / "sh010_light.1004.png").unlink()
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    wait_until(lambda: (page.task.text(), page.sources.checked) == (task_path, ("shotCam",)), maya)
    page.add_files([render])
    press(page.publish)
    wait_until(lambda: len(page.problems.repairs) == 1, maya)
    press(page.problems.repairs[0])
    wait_until(lambda: page.problems.rest is not None, maya)
    press(page.problems.rest)
    wait_until(lambda: len(page.problems.repairs) == 1 and not dialog.controller.is_busy, maya)
    assert page.problems.repairs[0].text() == "Save the scene"
    captured = [each for each in maya.drawn if str(each.resolution) == "64x36"]
    assert (page.problems.rest, captured) == (None, [])
    press(page.problems.repairs[0])
    wait_until(lambda: page.problems.rest is not None, maya)
    press(page.problems.rest)
    wait_until(lambda: page.result.isVisible(), maya)
    assert session.query(f'AssetVersion where task_id is "{task["id"]}"').one()["asset"]["name"] == "Animation shotCam"


def test_all_menu_items_open_the_same_window(maya, choose_from_menu):
    first = choose_from_menu("Queue")
    assert first.stack.currentWidget() is first.queue_page
    assert choose_from_menu("About") is first
    assert first.windowTitle() == "ft-dcc in Maya"


@pytest.fixture
def built(maya, app, tmp_path):
    from ft_dcc_maya.acceptance import MayaUnderTest

    target = MayaUnderTest()
    target.build()
    return CheckContext(target, tmp_path, "")


def test_keys_that_are_typed_into_the_dialog_do_not_reach_maya(built):
    from ft_dcc_qt.dialog import Dialog
    from Qt import QtCore, QtTest

    before, dialog = built.target.state(), Dialog(built.host)
    dialog.show()
    for widget in (dialog.publish_page.comment, dialog.publish_page.sources, dialog):
        widget.setFocus()
        for key in (QtCore.Qt.Key.Key_S, QtCore.Qt.Key.Key_W, QtCore.Qt.Key.Key_Delete, QtCore.Qt.Key.Key_Shift):
            QtTest.QTest.keyClick(widget, key)
    typed = dialog.publish_page.comment.toPlainText()
    dialog.close()
    dialog.deleteLater()
    assert typed.lower() == "sw"
    assert built.target.state() == before


def test_the_dialog_keeps_a_value_that_is_not_keyed(maya, built, choose_from_menu, wait_until):
    from maya import cmds

    cmds.setAttr("acceptCube.translateX", 2.5)
    dialog = choose_from_menu("Publish for review…")
    wait_until(lambda: dialog.publish_page.sources.names and not dialog.controller.is_busy, maya)
    assert cmds.getAttr("acceptCube.translateX") == 2.5


def test_the_acceptance_check_of_the_panel_passes_in_the_double(maya, choose_from_menu, built):
    from ft_dcc_maya.acceptance import check_panel

    assert check_panel(built)["width"] > 0
    assert "ftDccPanel" not in maya.interface.controls


def test_the_panel_is_a_tab_that_reads_nothing_before_it_is_shown(maya, choose_from_menu, wait_until, monkeypatch):
    from ft_dcc_maya import commands
    from ft_dcc_qt import dialog

    choose_from_menu("Queue", waits=False)
    window = dialog._dialog
    commands.show_panel()
    panel = maya.interface.controls["ftDccPanel"].values
    assert (panel["label"], panel["tabToControl"]) == ("ft-dcc", ("AttributeEditor", -1))
    assert dialog._dialog is window and not window.isWindow() and window.isVisibleTo(panel["widget"])
    wait_until(lambda: window.controller.session is not None and not window.controller.is_busy, maya)
    assert panel["widget"].layout().count() == 1
    commands.show_panel()
    assert panel["widget"].layout().count() == 1


def test_a_menu_item_opens_its_page_in_the_panel_that_was_closed(maya, choose_from_menu):
    from doubles.maya import workspace

    choose_from_menu("Show as a panel")
    workspace.hide(maya, "ftDccPanel")
    shown = choose_from_menu("About")
    assert not shown.isWindow() and shown.isVisible() and shown.stack.currentWidget() is shown.about_page


def test_a_workspace_with_the_panel_reads_nothing_until_its_tab_is_shown(maya, choose_from_menu, wait_until):
    from doubles.maya import workspace
    from ft_dcc_maya import commands
    from ft_dcc_qt import dialog

    maya.interface.add("ftDccPanel", "workspace", "MayaWindow", uiScript=commands._FILL_PANEL)
    assert dialog._dialog is None
    workspace.show(maya, "ftDccPanel")
    shown = dialog._dialog
    wait_until(lambda: shown.controller.session is not None and not shown.controller.is_busy, maya)
    assert shown.isVisible() and shown.parent() is maya.interface.controls["ftDccPanel"].values["widget"]


def test_deleting_the_panel_signs_out_and_a_menu_item_opens_a_window(maya, choose_from_menu, wait_until, close_dialog):
    import ft_dcc_maya

    controller = choose_from_menu("Show as a panel").controller
    ft_dcc_maya.uninstall()
    assert "ftDccPanel" not in maya.interface.controls
    wait_until(lambda: controller.session is None, maya)
    ft_dcc_maya.install()
    assert choose_from_menu("About").isWindow()


def test_an_error_of_the_panel_is_a_warning(maya, choose_from_menu, monkeypatch, capsys):
    from ft_dcc_maya import commands

    def fail(host):
        raise RuntimeError("no screen")

    monkeypatch.setattr("ft_dcc_qt.dock", fail)
    commands.show_panel()
    assert maya.interface.messages == ["The panel of ft-dcc cannot be shown: RuntimeError: no screen"]
    assert "no screen" in capsys.readouterr().err
