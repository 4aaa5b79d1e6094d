"""The list of sources: headings, ticked items of a timeline, and their tasks."""

from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

NODES = {"Write1": "Writes", "Write2": "Writes", "Read1": "Reads", "Read2": "Reads", "Read3": "Reads"}


@pytest.fixture
def sources(app):
    from ft_dcc_qt.publish.source_list import SourceList

    made = SourceList("advice")
    made.show()
    yield made
    made.close()


def headings(sources):
    return [item.text() for item in sources._heading_items()]


def visible(sources):
    return [sources.item(row).text() for row in range(sources.count()) if not sources.item(row).isHidden()]


@pytest.fixture
def press_on(app, sources):
    from Qt import QtCore, QtTest

    def press(row, name):
        sources.setCurrentRow(row)
        QtTest.QTest.keyClick(sources, getattr(QtCore.Qt.Key, f"Key_{name}"))

    return press


def test_sources_have_headings_with_the_number_of_ticked_ones(sources, tick_only):
    sources.set_cameras(NODES, {}, NODES)
    assert visible(sources) == ["▾ Writes (2, 1 ticked)", "Write1", "Write2", "▾ Reads (3)", "Read1", "Read2", "Read3"]
    assert (sources.names, sources.checked) == (list(NODES), ("Write1",))
    tick_only(sources, ["Read1", "Read3"])
    assert (headings(sources), sources.checked) == (["▾ Writes (2)", "▾ Reads (3, 2 ticked)"], ("Read1", "Read3"))


def test_sources_of_a_group_are_together_in_the_order_of_the_scene(sources):
    names = ["Read2", "Write2", "Write1", "Read1"]
    sources.set_cameras(names, {}, NODES)
    assert (sources.names, sources.checked) == (["Read2", "Read1", "Write2", "Write1"], ("Read2",))
    sources.set_cameras(names, {}, NODES)
    assert sources.names == ["Read2", "Read1", "Write2", "Write1"]


@pytest.mark.parametrize("names", [["Read1"], ["Write1", "Read1", "Read2"], ["Read1", "Read2", "Read3"]])
def test_few_sources_and_those_of_one_group_have_no_headings(sources, names):
    sources.set_cameras(names, {}, NODES)
    assert (visible(sources), headings(sources)) == (names, [])


def test_files_get_a_heading_as_soon_as_there_are_several_groups(sources, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"")
    sources.set_cameras(["shotCam", "topCam"])
    sources.add_files([tmp_path / "a.png"])
    assert headings(sources) == []
    sources.add_files([tmp_path / "b.png"])
    assert headings(sources) == ["▾ Scene (2, 1 ticked)", "▾ Files (2, 2 ticked)"]
    sources.add_files([tmp_path / "c.png"])
    assert headings(sources)[1] == "▾ Files (3, 3 ticked)"
    assert [Path(name).name for name in sources.checked] == ["shotCam", "a.png", "b.png", "c.png"]


def test_a_removed_file_is_no_longer_counted(sources, press_on, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    sources.set_cameras(["Write1", "Read1", "Read2"], {}, NODES)
    sources.add_files([tmp_path / "a.png"])
    assert headings(sources)[-1] == "▾ Files (1, 1 ticked)"
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


def test_a_filter_finds_sources_of_collapsed_groups_and_hides_headings_without_any(sources, press_on, tick_only):
    sources.set_cameras(NODES, {}, NODES)
    press_on(3, "Left")
    tick_only(sources, [])
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
