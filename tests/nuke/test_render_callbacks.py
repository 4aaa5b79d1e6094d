from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from doubles.nuke.sample_script import set_knobs
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import SettingInvalid
from ft_dcc.files.checksum import sha256_of
from ft_dcc.renders.renders import read_renders


@pytest.fixture
def write(terminal):
    """Return a Write whose renders are recorded."""
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    node = terminal.find("Write1")
    tab.add(node, "always")
    return node


def only_render():
    (render,) = read_renders()
    return render


def test_a_render_is_recorded_with_all_data_of_a_version(terminal, write, tmp_path):
    terminal.root.save(tmp_path / "comp.nk")
    set_knobs(terminal.root, name=str(tmp_path / "comp.nk"), fps=23.976)
    set_knobs(write, ft_dcc_task="Film/SQ/SH/Comp", ft_dcc_review="Dailies", ft_dcc_comment="Edges")
    terminal.render(write, 1001, 1012)
    render = only_render()
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
    assert (execution.options.task, execution.options.review, execution.options.comment) == (
        "Film/SQ/SH/Comp",
        "Dailies",
        "Edges",
    )
    assert (execution.script, execution.views, execution.colour_space) == (
        str(tmp_path / "comp.nk"),
        ("main",),
        "lin_rec709",
    )
    assert render.is_complete and render.is_ended and terminal.messages == []
    assert render.script_revision["sha256"] == sha256_of(tmp_path / "comp.nk")


@pytest.mark.parametrize("is_modified", [False, True])
def test_a_render_records_whether_the_script_has_unsaved_changes(terminal, write, is_modified):
    terminal.root.setModified(is_modified)
    terminal.render(write, 1001, 1002)
    assert only_render().execution.has_unsaved_changes is is_modified


def test_a_write_without_the_tab_or_switched_off_is_not_recorded(terminal, write):
    set_knobs(write, ft_dcc_publish="off")
    terminal.render(write, 1001, 1012)
    terminal.render(terminal.make("Write"), 1001, 1002)
    assert read_renders() == []


def test_a_write_without_a_task_uses_the_task_of_the_script(terminal, write):
    from ft_dcc_nuke.host import NukeHost

    NukeHost().remember_task("d6b9")
    terminal.render(write, 1001, 1012)
    assert only_render().execution.options.task == "d6b9"


def test_the_task_of_the_tab_precedes_the_task_of_the_script(terminal, write):
    from ft_dcc_nuke.host import NukeHost

    NukeHost().remember_task("d6b9")
    set_knobs(write, ft_dcc_task="a5e2")
    terminal.render(write, 1001, 1012)
    assert only_render().execution.options.task == "a5e2"


def test_starting_repeatedly_registers_the_callbacks_once(terminal, write):
    import ft_dcc_nuke

    ft_dcc_nuke.start()
    ft_dcc_nuke.start()
    terminal.render(write, 1001, 1003)
    (log,) = only_render().folder.glob("*.jsonl")
    assert [next(iter(json.loads(line))) for line in log.read_text("utf-8").splitlines()] == [
        "begin",
        "script",
        *["frame"] * 3,
        "end",
    ]


def test_the_vendored_folder_is_added_once_at_the_end_of_the_path(terminal, monkeypatch):
    import ft_dcc_nuke

    vendored = str(Path(ft_dcc_nuke.__file__).parents[1] / "vendored")
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != vendored])
    ft_dcc_nuke.start()
    ft_dcc_nuke.start()
    assert (sys.path[-1], sys.path.count(vendored)) == (vendored, 1)


def test_uninstall_ends_the_watcher_thread_also_while_it_works(nuke, monkeypatch):
    import ft_dcc_nuke
    from ft_dcc_nuke.renders import render_watcher

    started, release = threading.Event(), threading.Event()

    def hold(watcher):
        started.set()
        assert release.wait(TIMEOUT_SECONDS)

    monkeypatch.setattr(render_watcher.RenderWatcher, "_check_renders", hold)
    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    render_watcher.wake()
    thread = render_watcher._watcher._thread
    assert started.wait(TIMEOUT_SECONDS)
    ft_dcc_nuke.uninstall()
    release.set()
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()


def test_the_watcher_starts_again_after_an_uninstall(nuke, monkeypatch):
    import ft_dcc_nuke
    from ft_dcc_nuke.renders import render_watcher

    checked = threading.Event()
    monkeypatch.setattr(render_watcher.RenderWatcher, "_check_renders", lambda watcher: checked.set())
    for _ in range(2):
        ft_dcc_nuke.start_window()
        render_watcher.wake()
        assert checked.wait(TIMEOUT_SECONDS)
        checked.clear()
        ft_dcc_nuke.uninstall()


def test_uninstall_removes_all_callbacks(terminal, write):
    import ft_dcc_nuke

    ft_dcc_nuke.uninstall()
    ft_dcc_nuke.uninstall()
    terminal.render(write, 1001, 1003)
    assert read_renders() == []
    assert all(not calls for each in terminal.registered.values() for calls in each.values())


def test_a_cancelled_render_lacks_the_remaining_frames(terminal, write):
    terminal.cancel_at = 1008
    terminal.render(write, 1001, 1012)
    render = only_render()
    assert terminal.messages == ["Cancelled by the user"]
    assert (render.missing, render.is_ended, render.is_complete) == ((1008, 1009, 1010, 1011, 1012), False, False)


@pytest.mark.parametrize("calls_for_each_view", [False, True])
@pytest.mark.parametrize("views", [["left", "right"], ["right"]])
def test_each_rendered_view_is_recorded_as_a_sequence(terminal, write, tmp_path, views, calls_for_each_view):
    terminal.view_names = ["left", "right"]
    terminal.calls_for_each_view = calls_for_each_view
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    # Files of an earlier render, of a view that is not rendered now.
    for frame in range(1001, 1013):
        (tmp_path / "out" / f"comp_left.{frame}.png").write_bytes(b"old")
    terminal.render(write, 1001, 1012, views=views)
    found = {render.view: render for render in read_renders()}
    assert sorted(found) == sorted({"left": "", "right": "right"}[view] for view in views)
    assert all(render.is_complete for render in found.values())
    assert found["right"].source.endswith("comp_right.%04d.png")


def test_the_view_of_the_callback_counts_also_if_its_file_looks_unchanged(terminal, write, tmp_path, monkeypatch):
    from ft_dcc_nuke.renders import render_callbacks

    # As on a disk with coarse times, where a frame is rendered again.
    monkeypatch.setattr(render_callbacks, "_file_state", lambda path: (1, 1))
    terminal.module.addView("right")
    terminal.calls_for_each_view = True
    set_knobs(write, file=str(tmp_path / "out" / "comp_%V.%04d.png"), views="main right")
    terminal.render(write, 1001, 1002)
    assert sorted((render.view, render.frames) for render in read_renders()) == [
        ("", (1001, 1002)),
        ("right", (1001, 1002)),
    ]


def test_the_frames_of_the_environment_take_precedence_over_the_tab(terminal, write, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDER_FRAMES", "1001-1003")
    set_knobs(write, ft_dcc_frames="1001-1012")
    terminal.render(write, 1001, 1003)
    assert str(only_render().wanted) == "1001-1003" and only_render().is_complete


def test_only_the_views_of_the_write_are_recorded(terminal, write):
    terminal.view_names = ["left", "middle", "right"]
    set_knobs(write, views="right left")
    terminal.render(write, 1001, 1012)
    assert only_render().execution.views == ("left", "right")


def test_one_file_with_all_views_is_one_render(terminal, write):
    terminal.view_names = ["left", "right"]
    terminal.render(write, 1001, 1012)
    assert (only_render().view, only_render().is_complete) == ("", True)


def test_a_proxy_render_is_recorded_with_the_proxy_file_name(terminal, write, tmp_path):
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, proxy=(tmp_path / "out" / "small.%04d.png").as_posix())
    terminal.render(write, 1001, 1012)
    assert (only_render().execution.is_proxy, only_render().source) == (True, str(tmp_path / "out" / "small.%04d.png"))


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
def test_the_recorded_file_name_is_the_one_on_disk(terminal, write, tmp_path, monkeypatch, written, source):
    monkeypatch.setenv("SHOT", "sh010")
    set_knobs(terminal.root, name=(tmp_path / "sh010_comp_v003.nk").as_posix())
    set_knobs(write, file=(tmp_path / "out" / written).as_posix())
    (tmp_path / "out" / source).parent.mkdir(exist_ok=True)
    terminal.render(write, 1001, 1012)
    assert (terminal.messages, only_render().source, only_render().is_complete) == (
        [],
        str(tmp_path / "out" / source),
        True,
    )


def test_two_scripts_that_write_the_same_files_are_two_renders(terminal, write, tmp_path):
    for name in ("a.nk", "b.nk"):
        set_knobs(terminal.root, name=(tmp_path / name).as_posix(), first_frame=1001 if name == "a.nk" else 1003)
        terminal.root.save(tmp_path / name)
        terminal.render(write, 1001, 1012)
    first, second = read_renders()
    assert (first.source, first.id != second.id) == (second.source, True)
    assert [Path(each.execution.script).name for each in (first, second)] == ["a.nk", "b.nk"]


def test_a_render_with_the_tab_switched_off_does_not_continue_a_cancelled_one(terminal, write):
    terminal.cancel_at = 1003
    terminal.render(write, 1001, 1012)
    terminal.cancel_at = None
    set_knobs(write, ft_dcc_publish="off")
    terminal.render(write, 1001, 1012)
    assert only_render().frames == (1001, 1002)


def test_a_child_process_of_a_window_publishes_nothing_itself(terminal, write, monkeypatch):
    monkeypatch.setenv("FT_DCC_NUKE_WINDOW", "the window's")
    before = threading.enumerate()
    terminal.render(write, 1001, 1012)
    assert only_render().execution.window == "the window's"
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_the_watcher_does_not_keep_nuke_from_ending(tmp_path):
    import ft_dcc_nuke

    code = """
import sys
from pathlib import Path
from doubles.nuke import sample_script
from doubles.nuke.program import running
from run_options import TIMEOUT_SECONDS
# It is not exited, because that would end the thread.
program = running(sample_script.build(Path(sys.argv[1])))
program.__enter__()
from ft_dcc_nuke.renders import render_watcher
render_watcher.poll_regularly()
print("ended", flush=True)
"""
    folders = (Path(ft_dcc_nuke.__file__).parents[1], Path(__file__).parents[1], Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
        "FT_DCC_RENDERS": str(tmp_path / "renders"),
    }
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


def test_the_nearest_tab_applies_to_a_write_in_nested_groups(terminal, tmp_path):
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
    assert (only_render().execution.node, only_render().execution.options.when) == ("Shot.Out.Write1", "ask")


def test_the_recorded_file_name_has_passed_the_filename_filters(terminal, write, tmp_path):
    (tmp_path / "mapped").mkdir()
    terminal.module.addFilenameFilter(lambda name: name.replace("/out/", "/mapped/"))
    terminal.render(write, 1001, 1012)
    assert only_render().source == str(tmp_path / "mapped" / "comp.%04d.png") and only_render().is_complete


def test_a_range_with_a_step_is_complete_without_the_skipped_frames(terminal, write):
    terminal.render(write, 1001, 1012, 2)
    assert (str(only_render().wanted), only_render().is_complete) == ("1001-1012x2", True)


def test_the_limit_of_a_write_defines_a_complete_render(terminal, write):
    set_knobs(write, use_limit=True, first=1003, last=1005)
    terminal.render(write, 1003, 1005)
    assert (str(only_render().wanted), only_render().is_complete) == ("1003-1005", True)


def test_the_frames_of_the_tab_define_a_complete_render(terminal, write):
    set_knobs(write, ft_dcc_frames="1001-1004")
    terminal.render(write, 1001, 1003)
    assert only_render().missing == (1004,)
    set_knobs(write, ft_dcc_frames="all of them")
    terminal.render(write, 1001, 1004)
    assert not only_render().is_complete and "'all of them' is not a frame range" in only_render().problem


# A gizmo has the tab if its author has added it to the gizmo's file.
@pytest.mark.parametrize("kind", ["Group", "Gizmo"])
def test_a_write_in_a_group_is_recorded_by_its_full_name(terminal, tmp_path, kind):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    group = terminal.make(kind, "Out")
    write = terminal.make("Write", parent=group)
    set_knobs(write, file=(tmp_path / "out" / "in_group.%04d.png").as_posix())
    tab.add(group, "always")
    terminal.render(group, 1001, 1012)
    assert (only_render().execution.node, only_render().is_complete) == ("Out.Write1", True)


@pytest.mark.parametrize("renders_in_thread", [False, True])
def test_callbacks_work_on_any_thread(nuke, renders_in_thread):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    nuke.renders_in_thread = renders_in_thread
    ft_dcc_nuke.start()
    tab.add(nuke.find("Write1"), "always")
    nuke.render(nuke.find("Write1"), 1001, 1012)
    assert only_render().is_complete


def test_a_render_without_an_after_render_callback_is_complete(terminal, write):
    terminal.calls_after_render = False
    terminal.render(write, 1001, 1012)
    assert only_render().is_complete and not only_render().is_ended


def test_an_unwritable_folder_does_not_end_the_render(terminal, write, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "file"))
    terminal.render(write, 1001, 1012)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 24 and terminal.messages == []
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1 and printed[0].startswith("ft-dcc cannot record the render: StorageError: ")


def test_a_log_folder_removed_during_the_render_does_not_end_it(terminal, write, tmp_path, capsys):
    import shutil

    terminal.module.addBeforeFrameRender(
        lambda: terminal.root.frame_number == 1005 and shutil.rmtree(tmp_path / "renders")
    )
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.messages == []
    assert capsys.readouterr().err.count("cannot record the render") == 1


def test_a_broken_core_does_not_end_the_render(terminal, write, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "ft_dcc.renders.log", None)
    monkeypatch.delitem(sys.modules, "ft_dcc_nuke.node_info", raising=False)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.messages == []
    assert "ft-dcc cannot record the render: ModuleNotFoundError" in capsys.readouterr().err


def test_an_exception_in_a_callback_of_the_artist_still_ends_the_render(terminal, write):
    set_knobs(write, beforeFrameRender="raise RuntimeError('no licence')")
    terminal.render(write, 1001, 1012)
    assert (terminal.messages, terminal.drawn, read_renders()) == (["no licence"], [], [])


def test_recording_a_render_does_not_change_the_script(terminal, write):
    terminal.root.is_modified = False
    before = terminal.state()
    terminal.render(write, 1001, 1012)
    assert terminal.state() == before


def test_a_window_continues_a_cancelled_render_and_starts_a_new_one_after_completion(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab
    from ft_dcc_nuke.renders import render_watcher

    ft_dcc_nuke.start()
    render_watcher._watcher.wake = lambda poll=False: None
    write = nuke.find("Write1")
    tab.add(write, "always")
    nuke.cancel_at = 1005
    nuke.render(write, 1001, 1012)
    nuke.cancel_at = None
    nuke.render(write, 1005, 1012)
    assert only_render().is_complete
    nuke.render(write, 1001, 1012)
    assert [render.is_complete for render in read_renders()] == [True, True]


def test_a_window_starts_a_new_render_after_an_incomplete_one_that_was_published(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab
    from ft_dcc_nuke.renders import render_watcher

    from ft_dcc.renders.publish import PUBLISHED, RenderPublishState

    ft_dcc_nuke.start()
    render_watcher._watcher.wake = lambda poll=False: None
    write = nuke.find("Write1")
    tab.add(write, "always")
    nuke.render(write, 1001, 1004)
    RenderPublishState(only_render().state_file).update(end=PUBLISHED)
    nuke.render(write, 1005, 1012)
    assert [render.frames for render in read_renders()] == [tuple(range(1001, 1005)), tuple(range(1005, 1013))]


def test_a_failed_log_does_not_end_the_render_without_a_console(terminal, write, tmp_path, monkeypatch):
    import sys

    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "file"))
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.messages == []


def test_the_window_id_is_constant_and_differs_from_the_parent_process(nuke, monkeypatch):
    import os

    import ft_dcc_nuke

    monkeypatch.setenv("FT_DCC_NUKE_WINDOW", "another")
    ft_dcc_nuke.start_window()
    window = os.environ["FT_DCC_NUKE_WINDOW"]
    ft_dcc_nuke.start_window()
    assert os.environ["FT_DCC_NUKE_WINDOW"] == window != "another"


def test_the_window_id_is_set_before_menu_py_runs(nuke):
    import os

    import ft_dcc_nuke

    ft_dcc_nuke.start()
    early = os.environ["FT_DCC_NUKE_WINDOW"]
    ft_dcc_nuke.start_window()
    assert os.environ["FT_DCC_NUKE_WINDOW"] == early


def test_each_view_of_a_proxy_render_has_the_proxy_file_name(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, proxy=(tmp_path / "out" / "small_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    names = sorted(render.path(1001).name for render in read_renders())
    assert names == ["small_left.1001.png", "small_right.1001.png"]
    assert all(render.is_complete for render in read_renders())


def test_in_proxy_mode_a_write_without_a_proxy_file_name_uses_its_own(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    assert sorted(render.path(1001).name for render in read_renders()) == ["comp_left.1001.png", "comp_right.1001.png"]


def test_a_declined_render_is_not_asked_about_again(nuke):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    from ft_dcc.renders.publish import state_of

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    tab.add(nuke.find("Write1"))
    nuke.answers = [False]
    nuke.render(nuke.find("Write1"), 1001, 1012)
    serve_watcher(nuke)
    ft_dcc_nuke.uninstall()
    assert nuke.messages == ["Write1 is rendered (1001-1012). Publish it for review?"]
    assert state_of(only_render()) == "declined"


def serve_watcher(nuke):
    """Be the window's event loop until the watcher is idle."""
    from ft_dcc_nuke.renders import render_watcher

    while render_watcher._watcher.is_working:
        nuke.idle()
        time.sleep(0.001)


def test_a_window_without_an_id_does_not_take_the_renders_of_processes_without_a_window(nuke, monkeypatch):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    monkeypatch.delenv("FT_DCC_NUKE_WINDOW")
    tab.add(nuke.find("Write1"))
    nuke.answers = [False]
    nuke.render(nuke.find("Write1"), 1001, 1012)
    serve_watcher(nuke)
    assert (only_render().execution.window, nuke.messages) == ("", [])


def test_an_accepted_render_that_cannot_be_published_is_reported_with_the_reason(nuke, monkeypatch, capsys):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    def refuse():
        raise SettingInvalid("FTRACK_SERVER is not an address.")

    monkeypatch.setattr("ft_dcc.ui.menu_commands.open_publisher", refuse)
    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    tab.add(nuke.find("Write1"))
    nuke.answers = [True]
    nuke.render(nuke.find("Write1"), 1001, 1012)
    serve_watcher(nuke)
    ft_dcc_nuke.uninstall()
    assert capsys.readouterr().err.splitlines() == ["Write1 is not published: FTRACK_SERVER is not an address."]


@pytest.mark.parametrize("is_ended", [False, True])
def test_an_incomplete_render_is_reported_when_it_has_ended(nuke, capsys, is_ended):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab
    from ft_dcc_nuke.renders import render_watcher

    ft_dcc_nuke.start()
    tab.add(nuke.find("Write1"), "always")
    # Without this callback the render looks as if it were running.
    nuke.calls_after_render = is_ended
    nuke.render(nuke.find("Write1"), 1001, 1003)
    render_watcher.wake()
    serve_watcher(nuke)
    assert capsys.readouterr().err.count("Write1 is not published yet: 1004-1012 of ") == is_ended
