"""The dialog in Maya's double, as the menu opens it."""

from __future__ import annotations

from fractions import Fraction

import pytest
import requests
from doubles.maya import stage
from doubles.maya.program import running

from ft_dcc.frames import FrameRange
from ft_dcc.tasks import ensure_task


@pytest.fixture
def maya(tmp_path):
    """The double with the small shot open, saved under a name; what it was misused for fails the test."""
    with running(stage.build()) as program:
        program.scene.path = str(tmp_path / "sh010.ma")
        yield program
    assert program.misuses == []


@pytest.fixture
def choose_from_menu(maya, app, live, monkeypatch, session, task):
    """Choose a line of the menu; return the dialog, open and with the scene read."""
    import ft_dcc_maya
    from ft_dcc_qt import dialog

    monkeypatch.setattr(dialog, "_dialog", None)
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    ft_dcc_maya.install()

    def press(label):
        lines = [line for line in maya.interface.controls.values() if line.kind == "item"]
        next(line for line in lines if line.values["label"] == label).values["command"](False)
        shown = dialog._dialog
        live(lambda: shown.desk.session is not None and not shown.desk.is_busy, maya)
        live(lambda: shown.desk.lookups.wait(0), maya)
        shown.refresh()
        return shown

    yield press
    if dialog._dialog is not None:
        dialog._dialog.desk.close()
        dialog._dialog.close()


def test_the_menu_opens_the_dialog_with_the_scenes_cameras_and_it_publishes(
    maya, choose_from_menu, choose, press, live, session, task, task_path
):
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    assert (page.sources.names, page.sources.wanted) == (["shotCam", "second"], ("shotCam",))
    live(lambda: page.sources.item(0).text() == "shotCam\n1001-1012, 64x36", maya)
    choose(dialog, task_path, maya)
    live(lambda: maya.scene.file_info.get("ft_dcc_task_id") == task["id"], maya)
    assert maya.scene.is_modified
    press(page.publish)
    live(lambda: page.problems.isVisible(), maya)
    assert [button.text() for button in page.problems.repairs] == ["Save the scene"]
    press(page.problems.repairs[0])
    live(lambda: not page.problems.isVisible() and not dialog.desk.is_busy, maya)
    before = maya.state()
    press(page.publish)
    live(lambda: page.outcome.isVisible(), maya)
    assert maya.state() == before
    assert requests.get(page.outcome.link, timeout=30).status_code == 200
    version = session.query(f'AssetVersion where task_id is "{task["id"]}"').one()
    assert (version["version"], version["asset"]["type"]["short"]) == (1, "playblast")


def test_a_problem_of_a_camera_selects_it(maya, choose_from_menu, press, live, session, task, task_path):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    maya.scene.file_info["ft_dcc_task_id"] = task["id"]
    maya.scene.selection = []
    dialog = choose_from_menu("Publish for review…")
    press(dialog.publish_page.publish)
    live(lambda: len(dialog.publish_page.problems.selects) == 1, maya)
    press(dialog.publish_page.problems.selects[0])
    live(lambda: maya.scene.selection == ["shotCam"], maya)


def test_one_button_repairs_whatever_can_be_repaired_and_saves_last(
    maya, choose_from_menu, choose, press, live, session, task, task_path
):
    from Qt import QtCore

    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008), fps=Fraction(25))
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    choose(dialog, task_path, maya)
    live(lambda: maya.scene.is_modified, maya)
    page.sources.item(1).setCheckState(QtCore.Qt.CheckState.Checked)
    press(page.publish)
    live(lambda: page.problems.isVisible(), maya)
    assert [button.text() for button in page.problems.repairs] == [
        *["Give the scene the shot's frame range"] * 2,
        *["Give the scene the shot's frame rate"] * 2,
        *["Save the scene"] * 2,
    ]
    press(page.problems.all)
    live(lambda: not page.problems.isVisible() and not dialog.desk.is_busy, maya)
    assert (dialog.desk.error, maya.scene.is_modified, maya.scene.unit) == ("", False, "pal")
    press(page.publish)
    live(lambda: page.outcome.isVisible(), maya)
    assert len(session.query(f'AssetVersion where task_id is "{task["id"]}"').all()) == 2


def test_a_repair_that_fails_is_a_sentence_and_the_others_are_done(
    maya, choose_from_menu, choose, press, live, session, task_path, tmp_path
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    choose(dialog, task_path, maya)
    live(lambda: maya.scene.is_modified, maya)
    maya.scene.path = str(tmp_path / "a folder that is gone" / "sh010.ma")
    press(page.publish)
    live(lambda: page.problems.all is not None, maya)
    press(page.problems.all)
    live(lambda: len(page.problems.repairs) == 1 and not dialog.desk.is_busy, maya)
    assert page.problems.all is None
    assert page.error.text().startswith("Maya cannot save the scene: Could not save file ")
    assert maya.scene.options["animationEndTime"] == 1008


def test_a_scene_that_a_repair_has_changed_is_not_published_before_it_is_saved(
    maya, choose_from_menu, press, live, session, task, task_path, render
):
    ensure_task(session, task_path, frame_range=FrameRange(1001, 1008))
    maya.scene.file_info["ft_dcc_task_id"] = task["id"]
    (render / "sh010_light.1004.png").unlink()
    dialog = choose_from_menu("Publish for review…")
    page = dialog.publish_page
    page.add_files([render])
    press(page.publish)
    live(lambda: len(page.problems.repairs) == 1, maya)
    press(page.problems.repairs[0])
    live(lambda: page.problems.rest is not None, maya)
    press(page.problems.rest)
    live(lambda: len(page.problems.repairs) == 1 and not dialog.desk.is_busy, maya)
    assert page.problems.repairs[0].text() == "Save the scene"
    captured = [each for each in maya.drawn if str(each.resolution) == "64x36"]
    assert (page.problems.rest, captured) == (None, [])
    press(page.problems.repairs[0])
    live(lambda: page.problems.rest is not None, maya)
    press(page.problems.rest)
    live(lambda: page.outcome.isVisible(), maya)
    assert session.query(f'AssetVersion where task_id is "{task["id"]}"').one()["asset"]["name"] == "Animation shotCam"


def test_each_line_of_the_menu_leads_to_the_same_window(maya, choose_from_menu):
    first = choose_from_menu("Queue")
    assert first.stack.currentWidget() is first.queue_page
    assert choose_from_menu("About") is first
    assert first.windowTitle() == "ft-dcc in Maya"
