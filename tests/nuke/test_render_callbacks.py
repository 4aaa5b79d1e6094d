import os
import shutil
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from doubles.nuke.knobs import knobs_of
from doubles.nuke.sample_script import set_knobs
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import SettingInvalid
from ft_dcc.files.checksum import sha256_of
from ft_dcc.renders.renders import read_renders


def record(nuke, node=None, when="always", *, has_menu=False):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    if has_menu:
        ft_dcc_nuke.start_window()
    node = node or nuke.find("Write1")
    tab.add(node, when)
    return node


@pytest.fixture
def write(terminal):
    return record(terminal)


def only_render():
    (render,) = read_renders()
    return render


def test_a_render_is_recorded_with_all_data_of_a_version(terminal, write, tmp_path):
    terminal.root.save(tmp_path / "comp.nk")
    set_knobs(terminal.root, name=str(tmp_path / "comp.nk"), fps=23.976)
    set_knobs(write, ft_dcc_task="Film/SQ/SH/Comp", ft_dcc_review="Dailies", ft_dcc_comment="Edges")
    terminal.render(write, 1001, 1012)
    render = only_render()
    assert (render.source, str(render.wanted)) == (str(tmp_path / "out" / "comp.%04d.png"), "1001-1012")
    assert render.frames == tuple(range(1001, 1013))
    execution, script = render.execution, str(tmp_path / "comp.nk")
    facts = (execution.node, execution.program, execution.fps, execution.is_proxy)
    assert facts == ("Write1", "Nuke 15.1v3", "24000/1001", False)
    options = (execution.options.task, execution.options.review, execution.options.comment)
    assert options == ("Film/SQ/SH/Comp", "Dailies", "Edges")
    assert (execution.script, execution.views, execution.colour_space) == (script, ("main",), "lin_rec709")
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


@pytest.mark.parametrize("task", ["", "a5e2"])
def test_the_task_of_the_tab_precedes_the_task_of_the_script(terminal, write, task):
    from ft_dcc_nuke.host import NukeHost

    NukeHost().remember_task("d6b9")
    set_knobs(write, ft_dcc_task=task)
    terminal.render(write, 1001, 1012)
    assert only_render().execution.options.task == (task or "d6b9")


def test_a_render_of_a_script_of_several_shots_has_the_task_of_the_current_one(terminal, write):
    from ft_dcc_nuke.host import NukeHost

    host = NukeHost()
    host.remember_task("of the script")
    (variables,) = [knob for knob in knobs_of("Root", 16) if knob.name() == "gsv"]
    terminal.root._bind(variables)
    for shot in ("sh010", "sh020"):
        variables._value = {"__default__": {"shot": shot}}
        host.remember_task(f"of {shot}")
    variables._value = {"__default__": {"shot": "sh010"}}
    terminal.render(write, 1001, 1002)
    assert only_render().execution.options.task == "of sh010"


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
    found = sorted((render.view, render.frames) for render in read_renders())
    assert found == [("", (1001, 1002)), ("right", (1001, 1002))]


@pytest.mark.parametrize(
    ("requested", "wanted", "is_complete"),
    [("1001-1003", "1001-1012", True), ("1001-1012x2", "1001-1012x2", False), ("1001-1004", "1001-1012", False)],
)
def test_the_frames_of_the_environment_are_those_that_the_tasks_render(
    terminal, write, tmp_path, monkeypatch, requested, wanted, is_complete
):
    monkeypatch.setenv("FT_DCC_RENDER_FRAMES", requested)
    set_knobs(write, ft_dcc_frames="1001-1012")
    for frame in range(1004, 1013):
        (tmp_path / "out" / f"comp.{frame}.png").write_bytes(b"of an earlier render")
    terminal.render(write, 1001, 1003)
    assert (str(only_render().wanted), only_render().is_complete) == (wanted, is_complete)


def test_only_the_views_of_the_write_are_recorded(terminal, write):
    terminal.view_names = ["left", "middle", "right"]
    set_knobs(write, views="right left")
    terminal.render(write, 1001, 1012)
    assert only_render().execution.views == ("left", "right")


def test_one_file_with_all_views_is_one_render(terminal, write):
    terminal.view_names = ["left", "right"]
    terminal.render(write, 1001, 1012)
    assert (only_render().view, only_render().is_complete) == ("", True)


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
    found = (terminal.messages, only_render().source, only_render().is_complete)
    assert found == ([], str(tmp_path / "out" / source), True)


@pytest.mark.parametrize("views", [["main"], ["left", "right"]])
@pytest.mark.parametrize(
    ("mode", "text", "first"),
    [("start at", "1", 1), ("offset", "-1000", 1), ("expression", "frame - 1000", 1), ("expression", "frame+5", 1006)],
)
def test_files_with_numbers_of_their_own_are_the_frames_of_the_shot(
    terminal, write, tmp_path, views, mode, text, first
):
    terminal.view_names = views
    name = (tmp_path / "out" / "v2_%V.%04d.png").as_posix()
    set_knobs(write, file=name, frame_mode=mode, frame=text, views=" ".join(views))
    terminal.render(write, 1001, 1011)
    terminal.render(write, 1012, 1012)
    for render in read_renders():
        assert (render.is_complete, render.execution.file_shift) == (True, first - 1001)
        assert render.path(1012).name == render.source.rpartition("/")[2] % (first + 11) and render.path(1012).is_file()
    assert len(read_renders()) == len(views)


def test_a_start_number_is_that_of_the_limited_range(terminal, write):
    set_knobs(write, frame_mode="start at", frame="1", use_limit=True, first=1003, last=1005)
    terminal.render(write, 1003, 1005)
    assert only_render().is_complete and only_render().path(1003).name == "comp.0001.png"


def test_numbers_that_are_no_constant_are_refused_in_a_sentence(terminal, write, capsys):
    set_knobs(write, frame_mode="expression", frame="frame*2")
    terminal.render(write, 1001, 1012)
    assert read_renders() == [] and len(terminal.drawn) == 12
    assert "Write1 numbers its files by expression 'frame*2', which is no constant" in capsys.readouterr().err


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
render_watcher.wake(poll=True)
print("ended", flush=True)
"""
    folders = (Path(ft_dcc_nuke.__file__).parents[1], Path(__file__).parents[1], Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
        "FT_DCC_RENDERS": str(tmp_path / "renders"),
    }
    done = run_process(sys.executable, "-c", code, tmp_path, env=environment, timeout=TIMEOUT_SECONDS)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


def test_the_nearest_tab_applies_to_a_write_in_nested_groups(terminal, tmp_path):
    outer = terminal.make("Group", "Shot")
    inner = terminal.make("Group", "Out", parent=outer)
    set_knobs(terminal.make("Write", parent=inner), file=(tmp_path / "out" / "deep.%04d.png").as_posix())
    record(terminal, outer)
    record(terminal, inner, "ask")
    terminal.render(outer, 1001, 1012)
    assert (only_render().execution.node, only_render().execution.options.when) == ("Shot.Out.Write1", "ask")


def test_the_recorded_file_name_has_passed_the_filename_filters(terminal, write, tmp_path):
    (tmp_path / "mapped").mkdir()
    terminal.module.addFilenameFilter(lambda name: name.replace("/out/", "/mapped/"))
    terminal.render(write, 1001, 1012)
    assert only_render().source == str(tmp_path / "mapped" / "comp.%04d.png") and only_render().is_complete


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
    group = terminal.make(kind, "Out")
    set_knobs(terminal.make("Write", parent=group), file=(tmp_path / "out" / "in_group.%04d.png").as_posix())
    record(terminal, group)
    terminal.render(group, 1001, 1012)
    assert (only_render().execution.node, only_render().is_complete) == ("Out.Write1", True)


@pytest.mark.parametrize("renders_in_thread", [False, True])
def test_callbacks_work_on_any_thread(nuke, renders_in_thread):
    nuke.renders_in_thread = renders_in_thread
    nuke.render(record(nuke), 1001, 1012)
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
    terminal.module.addBeforeFrameRender(
        lambda: terminal.root.frame_number == 1005 and shutil.rmtree(tmp_path / "renders")
    )
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.messages == []
    assert capsys.readouterr().err.count("cannot record the render") == 1


def test_a_broken_core_does_not_end_the_render(terminal, write, monkeypatch, capsys):
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


def test_a_failed_log_does_not_end_the_render_without_a_console(terminal, write, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "file"))
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    terminal.render(write, 1001, 1012)
    assert len(terminal.drawn) == 12 and terminal.messages == []


def test_the_window_id_is_set_before_menu_py_runs_constant_and_not_that_of_the_parent_process(nuke, monkeypatch):
    import ft_dcc_nuke

    monkeypatch.setenv("FT_DCC_NUKE_WINDOW", "another")
    ft_dcc_nuke.start()
    window = os.environ["FT_DCC_NUKE_WINDOW"]
    ft_dcc_nuke.start_window()
    assert os.environ["FT_DCC_NUKE_WINDOW"] == window != "another"


def test_each_view_of_a_proxy_render_has_the_proxy_file_name(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, proxy=(tmp_path / "out" / "small_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    names = sorted(render.path(1001).name for render in read_renders())
    assert names == ["small_left.1001.png", "small_right.1001.png"]
    assert all(render.is_complete and render.execution.is_proxy for render in read_renders())


def test_in_proxy_mode_a_write_without_a_proxy_file_name_uses_its_own(terminal, write, tmp_path):
    terminal.view_names = ["left", "right"]
    set_knobs(terminal.root, proxy=True)
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    terminal.render(write, 1001, 1012)
    assert sorted(render.path(1001).name for render in read_renders()) == ["comp_left.1001.png", "comp_right.1001.png"]


def test_a_render_of_another_window_is_left_to_it(nuke, monkeypatch):
    from ft_dcc_nuke.renders import render_watcher

    write = record(nuke, when="ask", has_menu=True)
    with monkeypatch.context() as patch:
        patch.setattr(render_watcher, "wake", lambda: None)
        patch.setenv("FT_DCC_NUKE_WINDOW", "another")
        nuke.render(write, 1001, 1012)
    render_watcher.wake()
    serve_watcher(nuke)
    assert (only_render().execution.window, nuke.messages) == ("another", [])


def test_a_declined_render_is_not_asked_about_again(nuke, monkeypatch):
    from ft_dcc_nuke import maintained

    from ft_dcc.renders.publish import state_of

    # The question waits for the artist, however long.
    run, limits = maintained.run_on_main_thread, []
    monkeypatch.setattr(
        maintained,
        "run_on_main_thread",
        lambda *values, **named: limits.append(named["timeout"]) or run(*values, **named),
    )
    nuke.answers = [False]
    nuke.render(record(nuke, when="ask", has_menu=True), 1001, 1012)
    serve_watcher(nuke)
    assert nuke.messages == ["Write1 is rendered (1001-1012; new: 1001-1012). Publish it for review?"]
    assert (state_of(only_render()), limits) == ("declined", [None])


def serve_watcher(nuke):
    from ft_dcc_nuke.renders import render_watcher

    while render_watcher._watcher.is_working:
        nuke.idle()
        time.sleep(0.001)


def test_a_window_without_an_id_does_not_take_the_renders_of_processes_without_a_window(nuke, monkeypatch):
    write = record(nuke, when="ask")
    monkeypatch.delenv("FT_DCC_NUKE_WINDOW")
    nuke.answers = [False]
    nuke.render(write, 1001, 1012)
    serve_watcher(nuke)
    assert (only_render().execution.window, nuke.messages) == ("", [])


def test_an_accepted_render_that_cannot_be_published_is_reported_with_the_reason(nuke, monkeypatch, capsys):
    def refuse():
        raise SettingInvalid("FTRACK_SERVER is not an address.")

    monkeypatch.setattr("ft_dcc.ui.menu_commands.open_publisher", refuse)
    nuke.answers = [True]
    nuke.render(record(nuke, when="ask", has_menu=True), 1001, 1012)
    serve_watcher(nuke)
    assert capsys.readouterr().err.splitlines() == ["Write1 is not published: FTRACK_SERVER is not an address."]


def test_an_accepted_render_is_published_and_reported(nuke, monkeypatch, capsys):
    published = SimpleNamespace(first=SimpleNamespace(link="http://127.0.0.1/v/1"))
    monkeypatch.setattr("ft_dcc.ui.menu_commands.open_publisher", nullcontext)
    monkeypatch.setattr("ft_dcc.renders.publish.publish_render", lambda render, publisher: published)
    nuke.answers = [True, True]
    write = record(nuke, when="ask", has_menu=True)
    for first, last in ((1001, 1012), (1005, 1006)):
        nuke.render(write, first, last)
        serve_watcher(nuke)
    sentence = "Write1 is in review. http://127.0.0.1/v/1"
    assert capsys.readouterr().err.splitlines() == [sentence, f"{sentence} New frames: 1005-1006."]


@pytest.mark.parametrize("is_ended", [False, True])
def test_an_incomplete_render_is_reported_when_it_has_ended(nuke, capsys, is_ended):
    from ft_dcc_nuke.renders import render_watcher

    # Without this callback the render looks as if it were running.
    nuke.calls_after_render = is_ended
    nuke.render(record(nuke), 1001, 1003)
    render_watcher.wake()
    serve_watcher(nuke)
    assert capsys.readouterr().err.count("Write1 is not published yet: new: 1001-1003; missing: 1004-1012") == is_ended


def test_a_write_with_the_name_of_one_of_a_capture_is_recorded(terminal, tmp_path):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab
    from ft_dcc_nuke.host import NukeHost

    from ft_dcc.frames import FrameRange, Resolution
    from ft_dcc.host import PlayblastRequest

    ft_dcc_nuke.start()
    request = PlayblastRequest("Write1", FrameRange(1001, 1001), Resolution(64, 36), tmp_path / "f", "shot")
    NukeHost().playblast(request, lambda frame: None)
    made = terminal.make("Write")
    assert made.path in {path for path, *_ in terminal.drawn}
    tab.add(made, tab.ALWAYS)
    set_knobs(made, file=(tmp_path / "out" / "second.%04d.png").as_posix())
    terminal.render(made, 1001, 1001)
    assert [each.execution.node for each in read_renders()] == [made.path]
