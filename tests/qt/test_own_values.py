"""Each source has its own task, asset, frames, comment and thumbnail, and one publish sends all of them."""

from fractions import Fraction

import pytest
from doubles.colour_bars import write_painted

from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task


@pytest.fixture
def renders(tmp_path):
    for name in ("beauty", "matte", "extra"):
        (tmp_path / name).mkdir()
        write_painted(tmp_path / name, range(1001, 1013), name)
    return tmp_path


@pytest.fixture
def enter():
    """Return a function that selects a source and enters its own values."""
    from Qt import QtCore, QtTest

    def write(page, name, **values):
        items = {item.text().partition("\n")[0]: item for item in page.sources._source_items()}
        page.sources.setCurrentItem(items[name])
        page.own.show_fields.setChecked(True)
        for field, text in values.items():
            page.own.fields[field].selectAll()
            QtTest.QTest.keyClick(page.own.fields[field], QtCore.Qt.Key.Key_Backspace)
            QtTest.QTest.keyClicks(page.own.fields[field], str(text))

    return write


def test_each_source_is_published_with_its_own_values(
    open_dialog, choose, press, wait_until, enter, renders, session, task, task_path
):
    from Qt import QtCore, QtTest

    other_path = task_path.replace("SH010", "SH020")
    other = ensure_task(session, other_path, frame_range=FrameRange(1004, 1009), fps=Fraction(24))
    dialog = open_dialog()
    page = dialog.publish_page
    choose(dialog, task_path)
    page.add_files([renders / name for name in ("beauty", "matte", "extra")])
    page.comment.setPlainText("For all")
    enter(page, "extra.%04d.png", task=other_path.replace("/", " "), frame_range="1004-1009", thumbnail=1005)
    wait_until(lambda: other_path in [text for _, text in page.own.task.choices])
    QtTest.QTest.keyClick(page.own.task, QtCore.Qt.Key.Key_Return)
    enter(page, "matte.%04d.png", asset="roto", comment="Only the matte", thumbnail=renders / "extra/extra.1001.png")
    assert f"Task: {other_path}" in page.sources.item(2).text()
    press(page.publish)
    # The page has shown the result, and has forgotten the comments.
    wait_until(lambda: page.result.isVisible() and not page.comment.toPlainText())
    assert dialog.controller.error == "" and dialog.controller.problems == ()
    found = {}
    for _, published in dialog.controller.published:
        version = session.get("AssetVersion", published.version_id)
        found[published.source] = version
        assert version["task_id"] == (other["id"] if published.source == "extra" else task["id"])
    # Two sources of one task have assets of their own; the only one of another task has its name.
    names = {source: (each["asset"]["name"], each["comment"]) for source, each in found.items()}
    assert names == {
        "beauty": ("Animation beauty", "For all"),
        "matte": ("roto", "Only the matte"),
        "extra": ("Animation", "For all"),
    }
    assert page.own.values(page.sources.checked)[page.sources.checked[1]].keys() == {"asset", "thumbnail"}


def test_a_wrong_value_of_one_source_is_named_before_anything_is_sent(
    open_dialog, choose, press, wait_until, enter, renders, task_path
):
    dialog = open_dialog()
    page = dialog.publish_page
    choose(dialog, task_path)
    page.add_files([renders / "beauty", renders / "matte"])
    enter(page, "matte.%04d.png", frame_range="never")
    press(page.publish)
    assert "matte.%04d.png: " in page.error.text() and dialog.controller.activity != "publish"
    enter(page, "matte.%04d.png", frame_range="", thumbnail=2000)
    press(page.publish)
    wait_until(lambda: page.problems.rest is not None)
    expected = "matte has the frames 1001-1012, so frame 2000 cannot be its thumbnail. Choose another one."
    assert [each.message for each in dialog.controller.problems] == [expected]
    press(page.problems.rest)
    wait_until(lambda: dialog.controller.published)
    assert [version.source for _, version in dialog.controller.published] == ["beauty"]
