from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from doubles.nuke.stage import set_knobs

from ft_dcc.renders import read_renders


@pytest.fixture
def write(terminal):
    """The Write, whose renders are noted."""
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    node = terminal.find("Write1")
    tab.add(node, "always")
    return node


def only():
    (render,) = read_renders()
    return render


def test_a_render_is_noted_with_all_that_a_version_needs(terminal, write, tmp_path):
    terminal.root.save(tmp_path / "comp.nk")
    set_knobs(terminal.root, name=str(tmp_path / "comp.nk"), fps=23.976)
    set_knobs(write, ft_dcc_task="Film/SQ/SH/Comp", ft_dcc_review="Dailies", ft_dcc_comment="Edges")
    terminal.render(write, 1001, 1012)
    render = only()
    assert (render.source, render.frames, str(render.wanted)) == (
        str(tmp_path / "out" / "comp.%04d.png"),
        tuple(range(1001, 1013)),
        "1001-1012",
    )
    execution = render.execution
    assert (execution.node, execution.program, execution.fps, execution.is_proxy) == (
        "Write1",
        "Nuke 15.1v3",
        "24000/1001",
        False,
    )
    assert (execution.wish.task, execution.wish.review, execution.wish.comment) == (
        "Film/SQ/SH/Comp",
        "Dailies",
        "Edges",
    )
    assert (execution.script, execution.views, execution.colour_space) == (
        str(tmp_path / "comp.nk"),
        ("main",),
        "lin_rec709",
    )
    assert render.is_complete and render.is_ended and terminal.said == []


def test_a_write_without_the_tab_or_switched_off_is_not_noted(terminal, write):
    set_knobs(write, ft_dcc_publish="off")
    terminal.render(write, 1001, 1012)
    terminal.render(terminal.make("Write"), 1001, 1002)
    assert read_renders() == []


def test_a_write_without_the_tab_of_the_task_is_for_the_scripts_task(terminal, write):
    from ft_dcc_nuke.host import NukeHost

    NukeHost().remember_task("d6b9")
    terminal.render(write, 1001, 1012)
    assert only().execution.wish.task == "d6b9"


def test_the_calls_are_registered_once_however_often_nuke_is_started(terminal, write):
    import ft_dcc_nuke

    ft_dcc_nuke.start()
    ft_dcc_nuke.start()
    terminal.render(write, 1001, 1003)
    assert len(list((only().folder).glob("*.jsonl"))) == 1
    assert len(only().folder.joinpath(next(iter(only().folder.glob("*.jsonl")))).read_text().splitlines()) == 5


def test_what_came_along_is_looked_for_last_and_once(terminal, monkeypatch):
    import ft_dcc_nuke

    vendored = str(Path(ft_dcc_nuke.__file__).parents[1] / "vendored")
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != vendored])
    ft_dcc_nuke.start()
    ft_dcc_nuke.start()
    assert (sys.path[-1], sys.path.count(vendored)) == (vendored, 1)


def test_after_removal_nobody_looks_beside_the_window(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import watching

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    watching.look()
    thread = watching._watch._thread
    ft_dcc_nuke.uninstall()
    thread.join(30)
    assert not thread.is_alive()


def test_after_removal_nuke_calls_nobody(terminal, write):
    import ft_dcc_nuke

    ft_dcc_nuke.uninstall()
    ft_dcc_nuke.uninstall()
    terminal.render(write, 1001, 1003)
    assert read_renders() == []
    assert all(not calls for each in terminal.registered.values() for calls in each.values())


def test_a_cancelled_render_lacks_the_frames_from_there_on(terminal, write):
    terminal.cancel_at = 1008
    terminal.render(write, 1001, 1012)
    render = only()
    assert terminal.said == ["Cancelled by the user"]
    assert (render.missing, render.is_ended, render.is_complete) == ((1008, 1009, 1010, 1011, 1012), False, False)


@pytest.mark.parametrize("calls_for_each_view", [False, True])
@pytest.mark.parametrize("views", [["left", "right"], ["right"]])
def test_each_view_that_was_rendered_is_a_sequence_and_no_other(terminal, write, tmp_path, views, calls_for_each_view):
    terminal.view_names = ["left", "right"]
    terminal.calls_for_each_view = calls_for_each_view
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    # Of an earlier render, as files of a view that is not rendered now.
    for frame in range(1001, 1013):
        (tmp_path / "out" / f"comp_left.{frame}.png").write_bytes(b"old")
    terminal.render(write, 1001, 1012, views=views)
    found = {render.view: render for render in read_renders()}
    assert sorted(found) == sorted({"left": "", "right": "right"}[view] for view in views)
    assert all(render.is_complete for render in found.values())
    assert found["right"].source.endswith("comp_right.%04d.png")


def test_the_views_are_those_that_the_write_writes(terminal, write):
    terminal.view_names = ["left", "middle", "right"]
    set_knobs(write, views="right left")
    terminal.render(write, 1001, 1012)
    assert only().execution.views == ("left", "right")


def test_one_file_with_all_views_is_one_render(terminal, write):
    terminal.view_names = ["left", "right"]
    terminal.render(write, 1001, 1012)
    assert (only().view, only().is_complete) == ("", True)


def test_a_proxy_render_is_noted_as_such_and_by_its_own_name(terminal, write, tmp_path):
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, proxy=(tmp_path / "out" / "small.%04d.png").as_posix())
    terminal.render(write, 1001, 1012)
    assert (only().execution.is_proxy, only().source) == (True, str(tmp_path / "out" / "small.%04d.png"))


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("comp.####.png", "comp.%04d.png"),
        ("comp.#.png", "comp.%04d.png"),
        ("comp.%d.png", "comp.%04d.png"),
        ("mit Umlaut ü/comp v2.%04d.png", "mit Umlaut ü/comp v2.%04d.png"),
        ("[file rootname [file tail [value root.name]]]/comp.%04d.png", "sh010_comp_v003/comp.%04d.png"),
        ("[getenv SHOT]/[getenv SHOT].%06d.png", "sh010/sh010.%06d.png"),
        ("%V/comp_%v.####.png", "main/comp_m.%04d.png"),
    ],
)
def test_whatever_way_a_name_is_written_it_is_the_one_on_disk(terminal, write, tmp_path, monkeypatch, written, source):
    monkeypatch.setenv("SHOT", "sh010")
    set_knobs(terminal.root, name=(tmp_path / "sh010_comp_v003.nk").as_posix())
    set_knobs(write, file=(tmp_path / "out" / written).as_posix())
    (tmp_path / "out" / source).parent.mkdir(exist_ok=True)
    terminal.render(write, 1001, 1012)
    assert (terminal.said, only().source, only().is_complete) == ([], str(tmp_path / "out" / source), True)


def test_two_scripts_that_write_the_same_files_are_two_renders(terminal, write, tmp_path):
    for name in ("a.nk", "b.nk"):
        set_knobs(terminal.root, name=(tmp_path / name).as_posix(), first_frame=1001 if name == "a.nk" else 1003)
        terminal.root.save(tmp_path / name)
        terminal.render(write, 1001, 1012)
    first, second = read_renders()
    assert (first.source, first.id != second.id) == (second.source, True)
    assert [Path(each.execution.script).name for each in (first, second)] == ["a.nk", "b.nk"]


def test_what_is_rendered_after_the_tab_was_switched_off_is_not_noted_with_what_was_cancelled_before(terminal, write):
    terminal.cancel_at = 1003
    terminal.render(write, 1001, 1012)
    terminal.cancel_at = None
    set_knobs(write, ft_dcc_publish="off")
    terminal.render(write, 1001, 1012)
    assert only().frames == (1001, 1002)


def test_a_process_that_renders_for_a_window_publishes_nothing_itself(terminal, write, monkeypatch):
    monkeypatch.setenv("FT_DCC_NUKE_WINDOW", "the window's")
    before = threading.enumerate()
    terminal.render(write, 1001, 1012)
    assert only().execution.window == "the window's"
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_a_write_in_a_group_in_a_group_is_spoken_for_by_the_nearest_tab(terminal, tmp_path):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    outer = terminal.make("Group", "Shot")
    inner = terminal.make("Group", "Out", parent=outer)
    write = terminal.make("Write", parent=inner)
    set_knobs(write, file=(tmp_path / "out" / "deep.%04d.png").as_posix())
    tab.add(outer, "always")
    tab.add(inner, "ask")
    terminal.render(outer, 1001, 1012)
    assert (only().execution.node, only().execution.wish.when) == ("Shot.Out.Write1", "ask")


def test_the_name_is_the_one_after_the_studios_filters(terminal, write, tmp_path):
    (tmp_path / "mapped").mkdir()
    terminal.module.addFilenameFilter(lambda name: name.replace("/out/", "/mapped/"))
    terminal.render(write, 1001, 1012)
    assert only().source == str(tmp_path / "mapped" / "comp.%04d.png") and only().is_complete


def test_a_range_with_steps_is_complete_without_the_frames_in_between(terminal, write):
    terminal.render(write, 1001, 1012, 2)
    assert (str(only().wanted), only().is_complete) == ("1001-1012x2", True)


def test_the_limit_of_the_write_is_what_it_is_to_have(terminal, write):
    set_knobs(write, use_limit=True, first=1003, last=1005)
    terminal.render(write, 1003, 1005)
    assert (str(only().wanted), only().is_complete) == ("1003-1005", True)


def test_the_tab_says_which_frames_there_must_be(terminal, write):
    set_knobs(write, ft_dcc_frames="1001-1004")
    terminal.render(write, 1001, 1003)
    assert only().missing == (1004,)
    set_knobs(write, ft_dcc_frames="all of them")
    terminal.render(write, 1001, 1004)
    assert not only().is_complete and "'all of them' is not a frame range" in only().problem


# A gizmo has the tab when its author has put it into the gizmo's file.
@pytest.mark.parametrize("kind", ["Group", "Gizmo"])
def test_a_write_in_a_group_is_noted_by_its_full_name(terminal, tmp_path, kind):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    group = terminal.make(kind, "Out")
    write = terminal.make("Write", parent=group)
    set_knobs(write, file=(tmp_path / "out" / "in_group.%04d.png").as_posix())
    tab.add(group, "always")
    terminal.render(group, 1001, 1012)
    assert (only().execution.node, only().is_complete) == ("Out.Write1", True)


@pytest.mark.parametrize("renders_in_thread", [False, True])
def test_it_does_not_matter_on_which_thread_nuke_calls(nuke, renders_in_thread):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    nuke.renders_in_thread = renders_in_thread
    ft_dcc_nuke.start()
    tab.add(nuke.find("Write1"), "always")
    nuke.render(nuke.find("Write1"), 1001, 1012)
    assert only().is_complete


def test_a_node_that_never_says_that_it_has_ended_is_complete_all_the_same(terminal, write):
    terminal.calls_after_render = False
    terminal.render(write, 1001, 1012)
    assert only().is_complete and not only().is_ended


def test_a_folder_that_cannot_be_written_does_not_end_the_render(terminal, write, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "file"))
    terminal.render(write, 1001, 1012)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 24 and terminal.said == []
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("ft-dcc cannot note the render: DiskUnusable: ")


def test_a_disk_that_fills_up_half_way_does_not_end_the_render(terminal, write, tmp_path, capsys):
    import shutil

    terminal.module.addBeforeFrameRender(
        lambda: terminal.root.frame_number == 1005 and shutil.rmtree(tmp_path / "renders")
    )
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.said == []
    assert capsys.readouterr().err.count("cannot note the render") == 1


def test_a_broken_core_does_not_end_the_render(terminal, write, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "ft_dcc.render_records", None)
    monkeypatch.delitem(sys.modules, "ft_dcc_nuke.facts", raising=False)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.said == []
    assert "ft-dcc cannot note the render: ModuleNotFoundError" in capsys.readouterr().err


def test_what_the_artists_own_call_raises_still_ends_the_render(terminal, write):
    set_knobs(write, beforeFrameRender="raise RuntimeError('no licence')")
    terminal.render(write, 1001, 1012)
    assert (terminal.said, terminal.drawn, read_renders()) == (["no licence"], [], [])


def test_the_script_is_not_changed_by_being_rendered(terminal, write):
    terminal.root.is_modified = False
    before = terminal.state()
    terminal.render(write, 1001, 1012)
    assert terminal.state() == before


def test_two_renders_of_a_window_are_two_and_one_that_was_cancelled_goes_on(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab, watching

    ft_dcc_nuke.start()
    watching._watch.look = lambda often=False: None
    write = nuke.find("Write1")
    tab.add(write, "always")
    nuke.cancel_at = 1005
    nuke.render(write, 1001, 1012)
    nuke.cancel_at = None
    nuke.render(write, 1005, 1012)
    assert only().is_complete
    nuke.render(write, 1001, 1012)
    assert [render.is_complete for render in read_renders()] == [True, True]


def test_a_nuke_without_a_console_renders_on(terminal, write, tmp_path, monkeypatch):
    import sys

    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "file"))
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.said == []


def test_a_window_is_the_same_however_often_it_is_started_and_not_the_one_that_started_it(nuke, monkeypatch):
    import os

    import ft_dcc_nuke

    monkeypatch.setenv("FT_DCC_NUKE_WINDOW", "another")
    ft_dcc_nuke.start_window()
    window = os.environ["FT_DCC_NUKE_WINDOW"]
    ft_dcc_nuke.start_window()
    assert os.environ["FT_DCC_NUKE_WINDOW"] == window != "another"


def test_each_view_of_a_proxy_has_the_proxys_name(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, proxy=(tmp_path / "out" / "small_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    names = sorted(render.path(1001).name for render in read_renders())
    assert names == ["small_left.1001.png", "small_right.1001.png"]
    assert all(render.is_complete for render in read_renders())


def test_in_proxy_mode_a_write_without_a_proxys_name_has_its_own_in_each_view(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    assert sorted(render.path(1001).name for render in read_renders()) == ["comp_left.1001.png", "comp_right.1001.png"]


def test_who_is_asked_and_says_no_is_not_asked_again(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab, watching

    from ft_dcc.publish.rendered import state_of

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    tab.add(nuke.find("Write1"))
    nuke.answers = [False]
    nuke.render(nuke.find("Write1"), 1001, 1012)
    while watching._watch.is_at_work:
        nuke.idle()
        time.sleep(0.001)
    ft_dcc_nuke.uninstall()
    assert nuke.said == ["Write1 is rendered (1001-1012). Publish it for review?"]
    assert state_of(only()) == "declined"
