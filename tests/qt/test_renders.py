"""The page with the recorded renders, in the Nuke double."""

import os

import pytest
from doubles.hostile_names import CONTROLS, misuses
from doubles.nuke import sample_script
from doubles.nuke.program import running
from doubles.nuke.sample_script import set_knobs


@pytest.fixture
def nuke(tmp_path, monkeypatch):
    """Yield the double with a script whose Write asks before a publish; fail the test if the double was misused."""
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    with running(sample_script.build(tmp_path)) as program:
        import ft_dcc_nuke
        from ft_dcc_nuke import tab
        from ft_dcc_nuke.renders import render_watcher

        monkeypatch.setattr(render_watcher, "wake", lambda: None)
        ft_dcc_nuke.start()
        tab.add(program.find("Write1"), "ask")
        set_knobs(program.root, name=str(tmp_path / "comp.nk"))
        yield program
    assert program.misuses == []


@pytest.fixture
def open_renders(nuke, app, wait_until, close_dialog, monkeypatch):
    """Return a function that opens the page from the menu and waits until the renders are read."""
    from ft_dcc_nuke import commands
    from ft_dcc_qt import dialog

    monkeypatch.setattr(dialog, "_dialog", None)

    def show():
        commands.show_page("renders")
        shown = dialog._dialog
        wait_until(lambda: shown.controller.session is not None and not shown.controller.is_busy, nuke)
        wait_until(lambda: shown.controller.renders.is_loaded and shown.controller.queries.wait(0), nuke)
        shown.refresh()
        return shown

    yield show
    if dialog._dialog is not None:
        close_dialog(dialog._dialog, nuke)


def rows_of(page):
    items = [page.rows.topLevelItem(row) for row in range(page.rows.topLevelItemCount())]
    return [tuple(item.text(column) for column in range(3)) for item in items]


def test_renders_of_the_open_script_are_listed_and_published(
    nuke, open_renders, press, wait_until, session, task, tmp_path
):
    write = nuke.find("Write1")
    set_knobs(write, ft_dcc_task=task["id"])
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    nuke.render(write, 1001, 1012)
    # A render of another script.
    set_knobs(nuke.root, name=str(tmp_path / "other.nk"))
    nuke.render(write, 1001, 1002)
    set_knobs(nuke.root, name=str(tmp_path / "comp.nk"))
    dialog = open_renders()
    page = dialog._pages["renders"]
    assert rows_of(page) == [("Write1", "asks first", "new: 1001-1012")]
    press(page.publish)
    wait_until(lambda: page.result.isVisible(), nuke)
    wait_until(lambda: rows_of(page) == [("Write1", "published", "")], nuke)
    assert page.publish.text() == "Publish &again"
    assert session.query(f'AssetVersion where task_id is "{task["id"]}"').one()["version"] == 1


def test_an_incomplete_render_is_published_by_a_button_that_says_so(nuke, open_renders):
    nuke.render(nuke.find("Write1"), 1001, 1009)
    page = open_renders()._pages["renders"]
    assert rows_of(page) == [("Write1", "incomplete", "new: 1001-1009; missing: 1010-1012")]
    assert page.publish.text() == "Publish &incomplete render"
    assert page.detail.text().endswith("comp.%04d.png · new: 1001-1009; missing: 1010-1012")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no files of such names")
def test_markup_and_control_characters_in_the_path_of_a_render_are_plain_text(nuke, open_renders, tmp_path):
    # A "[" would begin an expression in Nuke's file knob.
    folder = tmp_path / f'<img src="x"><b>&File{CONTROLS.replace("[", "")}'
    folder.mkdir()
    set_knobs(nuke.find("Write1"), file=str(folder / "comp.%04d.png"))
    nuke.render(nuke.find("Write1"), 1001, 1009)
    dialog = open_renders()
    assert "missing: 1010-1012" in dialog._pages["renders"].detail.text()
    assert misuses(dialog) == []


def test_a_script_without_renders_is_explained(nuke, open_renders):
    page = open_renders()._pages["renders"]
    assert (page.empty_label.isVisible(), page.publish.isVisible()) == (True, False)
    assert page.empty_label.text().startswith("No render of this script was recorded.")


def test_other_programs_have_no_page_of_renders(open_dialog):
    assert list(open_dialog(is_signed_in=False).tabs) == [
        *("publish", "tasks", "notes", "reviews", "queue", "settings", "about")
    ]
