"""The list of sources: headings, ticked items of a timeline, and their tasks."""

from __future__ import annotations

import uuid
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, painted

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import Footage
from ft_dcc.production.tasks import ensure_task

NODES = {"Write1": "Writes", "Write2": "Writes", "Read1": "Reads", "Read2": "Reads", "Read3": "Reads"}


@pytest.fixture
def sources(app):
    """Return the list of sources in a window of its own."""
    from ft_dcc_qt.publish.source_list import SourceList

    made = SourceList("advice")
    made.show()
    yield made
    made.close()


def visible(sources):
    return [sources.item(row).text() for row in range(sources.count()) if not sources.item(row).isHidden()]


@pytest.fixture
def press_on(app, sources):
    """Return a function that moves to a row and presses a key."""
    from Qt import QtCore, QtTest

    def press(row, name):
        sources.setCurrentRow(row)
        QtTest.QTest.keyClick(sources, getattr(QtCore.Qt.Key, f"Key_{name}"))

    return press


def test_sources_have_headings_with_the_number_of_ticked_ones(sources):
    sources.set_cameras(NODES, {}, NODES)
    assert visible(sources) == ["▾ Writes (2, 1 ticked)", "Write1", "Write2", "▾ Reads (3)", "Read1", "Read2", "Read3"]
    assert (sources.names, sources.checked) == (list(NODES), ("Write1",))
    sources.tick_only(["Read1", "Read3"])
    assert (sources.headings, sources.checked) == (["▾ Writes (2)", "▾ Reads (3, 2 ticked)"], ("Read1", "Read3"))


def test_sources_of_a_group_are_together_in_the_order_of_the_scene(sources):
    names = ["Read2", "Write2", "Write1", "Read1"]
    sources.set_cameras(names, {}, NODES)
    assert (sources.names, sources.checked) == (["Read2", "Read1", "Write2", "Write1"], ("Read2",))
    sources.set_cameras(names, {}, NODES)
    assert sources.names == ["Read2", "Read1", "Write2", "Write1"]


@pytest.mark.parametrize("names", [["Read1"], ["Write1", "Read1", "Read2"], ["Read1", "Read2", "Read3"]])
def test_few_sources_and_those_of_one_group_have_no_headings(sources, names):
    sources.set_cameras(names, {}, NODES)
    assert (visible(sources), sources.headings) == (names, [])


def test_files_get_a_heading_as_soon_as_there_are_several_groups(sources, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"")
    sources.set_cameras(["shotCam", "topCam"])
    sources.add_files([tmp_path / "a.png"])
    assert sources.headings == []
    sources.add_files([tmp_path / "b.png"])
    assert sources.headings == ["▾ Scene (2, 1 ticked)", "▾ Files (2, 2 ticked)"]
    sources.add_files([tmp_path / "c.png"])
    assert sources.headings[1] == "▾ Files (3, 3 ticked)"
    assert [Path(name).name for name in sources.checked] == ["shotCam", "a.png", "b.png", "c.png"]


def test_a_removed_file_is_no_longer_counted(sources, press_on, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    sources.set_cameras(["Write1", "Read1", "Read2"], {}, NODES)
    sources.add_files([tmp_path / "a.png"])
    assert sources.headings[-1] == "▾ Files (1, 1 ticked)"
    press_on(sources.count() - 1, "Delete")
    assert "Files" not in " ".join(visible(sources)) and sources.names == ["Write1", "Read1", "Read2"]


@pytest.mark.parametrize(("collapse", "expand"), [("Space", "Space"), ("Return", "Enter"), ("Left", "Right")])
def test_a_heading_is_collapsed_and_expanded_with_the_keyboard(sources, press_on, collapse, expand):
    sources.set_cameras(NODES, {}, NODES)
    press_on(0, collapse)
    assert visible(sources) == ["▸ Writes (2, 1 ticked)", "▾ Reads (3)", "Read1", "Read2", "Read3"]
    assert sources.checked == ("Write1",)
    press_on(0, expand)
    assert len(visible(sources)) == 7


def test_a_click_on_a_heading_collapses_its_group_and_checks_nothing(sources, app):
    from Qt import QtCore, QtTest

    sources.set_cameras(NODES, {}, NODES)
    place = sources.visualItemRect(sources.item(3)).center()
    QtTest.QTest.mouseClick(sources.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
    assert visible(sources) == ["▾ Writes (2, 1 ticked)", "Write1", "Write2", "▸ Reads (3)"]
    assert sources.checked == ("Write1",)


def test_a_filter_finds_sources_of_collapsed_groups_and_hides_headings_without_any(sources, press_on):
    sources.set_cameras(NODES, {}, NODES)
    press_on(3, "Left")
    sources.tick_only([])
    sources.set_filter("read2")
    assert visible(sources) == ["▾ Reads (1)", "Read2"]
    sources.set_filter("")
    assert visible(sources) == ["▾ Writes (2)", "Write1", "Write2", "▸ Reads (3)"]


def test_no_preview_of_a_heading_is_requested(sources, press_on):
    requested = []
    sources.preview_requested.connect(requested.append)
    sources.set_cameras(NODES, {}, NODES)
    sources.setFocus()
    press_on(3, "Down")
    press_on(0, "Up")
    assert None not in requested and "" not in requested


NOTE = "Only the selected Reads and Writes are listed: in this edition of Nuke, Python reaches ten nodes of a script."


@pytest.mark.parametrize("note", [NOTE, ""])
def test_a_sentence_below_the_sources_says_which_of_them_the_program_cannot_list(open_dialog, wait_until, note):
    host = ColourBars(attrs.evolve(SCENE, sources_note=note))
    dialog = open_dialog(host)
    dialog.open_page("publish")
    wait_until(lambda: dialog.publish_page.sources.names, host)
    label = dialog.publish_page.sources_note
    assert (label.text(), label.isVisibleTo(dialog)) == (note, bool(note))


class Timeline(ColourBars):
    """A host with two items of a timeline beside its cameras."""

    def __init__(self, pattern: str) -> None:
        shots = {"cut/sh010": "sh010", "cut/sh020": "sh020"}
        groups = dict.fromkeys(shots, "Timeline")
        super().__init__(attrs.evolve(SCENE, sources=(*shots, "bars", "second"), shots=shots, groups=groups))
        self._pattern = pattern

    def footage(self, source: str) -> Footage | None:
        first = {"cut/sh010": 101, "cut/sh020": 105}.get(source)
        return None if first is None else Footage(self._pattern, cut=FrameRange(first, first + 3), fps=Fraction(24))


@pytest.fixture
def timeline(tmp_path):
    for frame in range(101, 109):
        (tmp_path / f"day1.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    return Timeline(str(tmp_path / "day1.%04d.png").replace("%04d", "%03d"))


@pytest.fixture
def sequence(session):
    """Return the path of a sequence of a new project, in which sh010 has the task Comp."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010"
    ensure_task(session, f"{path}/sh010/Comp", frame_range=FrameRange(1001, 1004), fps=Fraction(24))
    return path


def versions_at(session, path):
    return [each["version"] for each in session.query(f'AssetVersion where task.parent.name is "{path}"').all()]


def test_items_of_a_timeline_are_ticked_when_the_scene_is_read(open_dialog, timeline, wait_until):
    dialog = open_dialog(timeline)
    page = dialog.publish_page
    page.tick_only(("cut/sh010", "cut/sh020"))
    dialog.open_page("publish")
    wait_until(lambda: page.sources.checked == ("cut/sh010", "cut/sh020"), timeline)
    assert page.sources.headings == ["▾ Timeline (2, 2 ticked)", "▾ Scene (2)"]
    page.sources.tick_only(["bars"])
    dialog.open_page("publish")
    wait_until(lambda: dialog.controller.queries.wait(0), timeline)
    assert page.sources.checked == ("bars",)


def test_the_only_task_of_the_shot_that_an_item_names_is_chosen_but_not_stored(
    open_dialog, timeline, wait_until, session
):
    name = f"sh{uuid.uuid4().hex[:8]}"
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/{name}/Comp"
    ensure_task(session, path)
    shots = {"cut/sh010": name}
    timeline._scene = attrs.evolve(timeline._scene, sources=("cut/sh010", "bars"), shots=shots, task_id=None)
    dialog = open_dialog(timeline)
    dialog.publish_page.tick_only(("cut/sh010",))
    dialog.open_page("publish")
    wait_until(lambda: dialog.publish_page.task.text() == path, timeline)
    assert timeline._scene.task_id is None
    assert not dialog.publish_page.own_shots.isVisible()


def test_the_values_of_a_shot_are_not_compared_with_those_of_the_scene_for_items(
    open_dialog, timeline, choose, wait_until, sequence
):
    dialog = open_dialog(timeline)
    page = tick_both(dialog, timeline, choose, sequence)
    wait_until(lambda: page.wanted.text() == "The shot wants 1001-1004, 24 fps.", timeline)
    assert page.frames.placeholderText() == "1001-1012, from the scene"
    page.sources.tick_only(["bars"])
    dialog.refresh()
    assert "; the scene has 1001-1012, 24 fps, 64x36." in page.wanted.text()
    timeline._scene = attrs.evolve(timeline._scene, sources=("cut/sh010", "cut/sh020"))
    dialog.controller.queries.read_scene(timeline)
    wait_until(lambda: page.frames.placeholderText() == "all frames; or 1001-1048", timeline)


def tick_both(dialog, timeline, choose, sequence):
    choose(dialog, f"{sequence}/sh010/Comp", timeline)
    dialog.publish_page.sources.tick_only(["cut/sh010", "cut/sh020"])
    dialog.refresh()
    return dialog.publish_page


def test_each_item_is_published_to_the_task_at_its_own_shot(
    open_dialog, timeline, choose, press, wait_until, sequence, session
):
    ensure_task(session, f"{sequence}/sh020/Comp", frame_range=FrameRange(1101, 1104), fps=Fraction(24))
    dialog = open_dialog(timeline)
    page = tick_both(dialog, timeline, choose, sequence)
    assert (page.own_shots.isVisible(), page.own_shots.text) == (True, f"also {sequence}/sh020/Comp")
    page.review.setText("")
    press(page.publish)
    wait_until(lambda: len(dialog.controller.published) == 2 and not dialog.controller.is_busy, timeline)
    found = {task: version.source for task, version in dialog.controller.published}
    assert found == {f"{sequence}/sh010/Comp": "cut/sh010", f"{sequence}/sh020/Comp": "cut/sh020"}
    assert (dialog.controller.error, dialog.controller.problems) == ("", ())


def test_a_missing_task_of_another_shot_is_reported_before_anything_is_published(
    open_dialog, timeline, choose, press, wait_until, sequence
):
    dialog = open_dialog(timeline)
    page = tick_both(dialog, timeline, choose, sequence)
    press(page.publish)
    wait_until(lambda: dialog.controller.completed_count > 1 and not dialog.controller.is_busy, timeline)
    assert dialog.controller.published == []
    assert f"{sequence}/sh020" in dialog.controller.error + str(dialog.controller.problems)
    assert not dialog.controller.has_pending_check or dialog.controller.problems


def test_without_own_shots_all_items_go_to_the_chosen_task(open_dialog, timeline, choose, sequence):
    dialog = open_dialog(timeline)
    page = tick_both(dialog, timeline, choose, sequence)
    assert len(page.requests()) == 2
    page.own_shots.box.setChecked(False)
    (request,) = page.requests()
    assert request.source == ("cut/sh010", "cut/sh020") and page.own_shots.isVisible() and page.own_shots.text == ""


def test_many_other_tasks_are_counted(app):
    from ft_dcc_qt.publish.own_shots import OwnShots

    from ft_dcc.publish.models import Task

    task = Task("1", ("Film", "SQ", "sh010", "Comp"), "2", "3")
    shots = OwnShots()
    shots.show_shots(task, ["sh010", "", *(f"sh{number}" for number in range(4)), "sh0"])
    assert shots.text == "also Film/SQ/sh0/Comp, Film/SQ/sh1/Comp and 2 more"
    shots.show_shots(task, ["sh010", ""])
    assert (shots.text, shots.isHidden()) == ("", True)
    shots.show_shots(None, ["sh020"])
    assert shots.isHidden()
