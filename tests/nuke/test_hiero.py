"""Hiero, on the double: its menus, its host, and a publish of items to a real studio server."""

from __future__ import annotations

import inspect
import sys
import threading
import uuid
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest
import requests
from doubles.nuke import hiero, timeline
from doubles.numbered_images import numbers_in, write_numbered

from ft_dcc.errors import CameraMissing, CaptureFailed, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import PlayblastRequest, SupportsFootage, SupportsSelection
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.session import SERVER_LOCATION_ID

PLATE = "/plates/sh010/plate.%04d.exr"
ITEMS = ["Publish timeline items…", "My tasks", "Notes", "Review sessions", "Queue", "Settings", "About"]
SIZE = Resolution(64, 36)


@pytest.fixture
def program(nuke):
    with hiero.hiero(nuke) as program:
        yield program


@pytest.fixture
def package(program):
    import ft_dcc_nuke

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    yield ft_dcc_nuke
    ft_dcc_nuke.uninstall()


@pytest.fixture
def host(program):
    from ft_dcc_nuke.hiero_mode.host import HieroHost
    from ft_dcc_nuke.timeline import offered

    offered.offer([])
    return HieroHost()


def offer(program):
    from ft_dcc_nuke.timeline import offered

    return offered.offer(program.selected)


@pytest.fixture
def shown(monkeypatch):
    """Return the hosts, pages and parents with which the dialog was opened, and its ticked sources."""
    opened = []
    dialog = ModuleType("ft_dcc_qt")
    dialog.__dict__["show"] = lambda host, page, parent, sources: opened.append((host.name, page, parent, [*sources]))
    monkeypatch.setitem(sys.modules, "ft_dcc_qt", dialog)
    return opened


def test_the_menu_bar_has_the_commands_of_hiero_once_however_often_it_is_started(program, package):
    package.start_timelines()
    package.start_window()
    assert program.menus == {"ft-dcc": ITEMS}
    assert [action.text for action in program.right_click().actions] == ["Publish to ft-dcc…"]
    package.uninstall()
    package.uninstall()
    assert program.menus == {} and program.right_click().actions == [] and not any(program.handlers.values())


def test_menu_py_before_the_modules_of_hiero_leaves_the_menu_to_the_start_up_script(program, monkeypatch):
    import ft_dcc_nuke

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "hiero.ui", None)
        ft_dcc_nuke.start()
        ft_dcc_nuke.start_window()
    assert program.menus == {}
    ft_dcc_nuke.start_timelines()
    assert program.menus == {"ft-dcc": ITEMS}
    ft_dcc_nuke.uninstall()


def test_the_start_up_script_of_hiero_finds_the_vendored_packages_without_init_py(program, monkeypatch):
    import ft_dcc_nuke

    vendored = str(Path(ft_dcc_nuke.__file__).parents[1] / "vendored")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [folder for folder in sys.path if folder != vendored])
        ft_dcc_nuke.start_timelines()
        assert sys.path[-1] == vendored
    ft_dcc_nuke.uninstall()


def test_nuke_studio_gets_the_right_click_later_if_menu_py_runs_before_its_modules(nuke, monkeypatch):
    import ft_dcc_nuke

    with timeline.studio(nuke) as studio:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "hiero.ui", None)
            ft_dcc_nuke.start_window()
        assert studio.right_click().actions == [] and list(nuke.menus["Nuke"].entries) == ["ft-dcc"]
        ft_dcc_nuke.start_timelines()
        assert len(studio.right_click().actions) == 1
        ft_dcc_nuke.uninstall()
        assert not any(studio.handlers.values())


def test_hiero_player_gets_no_menu(program):
    import ft_dcc_nuke

    program.is_player = True
    ft_dcc_nuke.start_timelines()
    assert program.menus == {} and program.right_click().actions == []


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("My tasks", "tasks"),
        ("Notes", "notes"),
        ("Review sessions", "reviews"),
        ("Queue", "queue"),
        ("Settings", "settings"),
        ("About", "about"),
    ],
)
def test_each_command_opens_its_page_with_the_main_window_as_parent(program, package, shown, label, page):
    program.press(label)
    assert (shown, program.nuke.messages) == ([("Hiero", page, program.window, [])], [])


@pytest.mark.parametrize("subtype", ["kTimeline", "kSpreadsheet", "menu bar"])
def test_the_command_opens_the_dialog_with_the_selected_items(program, package, shown, subtype):
    program.add("sh010", program.clip(PLATE), (0, 9))
    program.add("sh020", program.clip(PLATE), (0, 9), at=10)._is_enabled = False
    if subtype == "menu bar":
        program.press("Publish timeline items…")
    else:
        program.right_click(subtype).actions[0].trigger()
    assert shown == [("Hiero", "publish", program.window, ["cut_v3/sh010"])]
    assert program.nuke.messages == ["Not published:\ncut_v3/sh020 is disabled. Enable it first."]


def test_without_selected_items_a_message_says_what_to_select(program, package, shown):
    program.press("Publish timeline items…")
    assert (shown, program.nuke.messages) == ([], ["Select the items to publish in a timeline."])
    assert sys.modules["Qt.QtWidgets"].QMessageBox.parents == [program.window]


def test_a_missing_dialog_is_reported(program, package, monkeypatch):
    monkeypatch.setitem(sys.modules, "ft_dcc_qt", None)
    program.press("Queue")
    assert program.nuke.messages == ["The dialog is not installed here. The command line ft-dcc works."]


def test_a_core_that_cannot_be_loaded_is_printed_if_qt_cannot_be_loaded_either(program, package, monkeypatch, capsys):
    # Undone before the program ends, which else would leave its Qt to the next tests.
    with monkeypatch.context() as patch:
        for name in ("ft_dcc.ui.menu_commands", "Qt"):
            patch.setitem(sys.modules, name, None)
        program.press("About")
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback ") and "ft-dcc cannot be loaded: ModuleNotFoundError: " in printed
    assert program.nuke.messages == []


def test_the_scene_is_the_project_of_the_active_sequence_and_its_items(program, host, tmp_path):
    program.add("sh020", program.clip(PLATE), (0, 9), at=100)
    program.add("sh010", program.clip("/plates/day1.mov"), (0, 9), at=50)
    assert (host.name, host.version, host.scene().sources, host.scene().path) == ("Hiero", "15.1v3", (), None)
    offer(program)
    program.sequence._project._path = str(tmp_path / "cut.hrox")
    program.sequence._project._is_modified = True
    scene = host.scene()
    assert (scene.path, scene.is_modified, scene.task_id) == (tmp_path / "cut.hrox", True, None)
    assert scene.sources == ("cut_v3/sh010", "cut_v3/sh020")
    assert scene.shots == {"cut_v3/sh010": "sh010", "cut_v3/sh020": "sh020"}
    assert (scene.frame_range, scene.fps) == (FrameRange(0, 199), Fraction(24000, 1001))
    assert scene.resolution == Resolution(2048, 1080)


def test_offered_items_keep_their_project_when_another_timeline_becomes_active(program, host):
    program.add("sh010", program.clip(PLATE), (0, 9))
    offer(program)
    program.sequence._project._path = "/edit/cut.hrox"
    program.sequence = hiero.Sequence(program.nuke, "other", (25, 1))
    assert (host.scene().path.name, host.scene().fps) == ("cut.hrox", Fraction(24000, 1001))
    offer_nothing = program.selected = []
    assert offer(program) == (offer_nothing, [])
    assert (host.scene().path, host.scene().fps) == (None, Fraction(25))


def test_without_a_timeline_the_scene_is_empty(program, host):
    program.has_active_sequence = False
    scene = host.scene()
    assert (scene.path, scene.is_modified, scene.sources, scene.fps) == (None, False, (), Fraction(24))
    assert (scene.frame_range, scene.resolution) == (FrameRange(1, 1), Resolution(1920, 1080))
    with pytest.raises(UserFixableError, match="never been saved"):
        host.save()


def test_an_item_is_the_files_that_it_shows_and_can_be_selected(program, host):
    first = program.add("sh010", program.clip(PLATE, first=86400, duration=100, colour="linear"), (8, 55))
    program.add("sh020", program.clip(PLATE), (0, 9), at=48)
    offer(program)
    footage = host.footage("cut_v3/sh010")
    assert (footage.pattern, footage.fps, footage.colour_space) == (PLATE, Fraction(24000, 1001), "lin_rec709")
    assert footage.cut == FrameRange(86408, 86455, handles=8, tail=44)
    host.select("cut_v3/sh010")
    assert program.selected == [first]
    assert host.footage("elsewhere.mov") is None
    with pytest.raises(CameraMissing, match=r"^Read1 is not an item of a timeline\. "):
        host.select("Read1")
    first._track = None
    with pytest.raises(CameraMissing, match=r"^cut_v3/sh010 is no longer in the timeline\."):
        host.footage("cut_v3/sh010")


@pytest.mark.parametrize(
    ("name", "path", "is_of_environment", "expected"),
    [
        ("nuke-default", "", False, ("lin_rec709", "")),
        ("nuke-default", "/nuke/configs/nuke-default/config.ocio", False, ("lin_rec709", "")),
        ("", "/studio/config.ocio", False, ("ACES - ACEScg", "/studio/config.ocio")),
        ("aces_1.2", "/nuke/configs/aces_1.2/config.ocio", False, ("ACES - ACEScg", None)),
        ("", "", True, ("ACES - ACEScg", "")),
    ],
)
def test_colours_are_those_of_the_project(program, host, name, path, is_of_environment, expected):
    project = program.sequence._project
    project._config_name, project._config_path, project._has_environment_config = name, path, is_of_environment
    is_own = expected[0] == "lin_rec709"
    program.add("sh010", program.clip(PLATE, colour="linear" if is_own else "ACES/ACES - ACEScg"), (0, 9))
    offer(program)
    footage = host.footage("cut_v3/sh010")
    assert footage.colour_space == expected[0]
    assert footage.ocio == (path if expected[1] is None else expected[1])


def test_the_project_is_saved_to_its_file(program, host, tmp_path):
    project = program.sequence._project
    with pytest.raises(UserFixableError, match="never been saved"):
        host.save()
    project._path, project._is_modified = str(tmp_path / "cut.hrox"), True
    assert (host.save(), project._is_modified) == (tmp_path / "cut.hrox", False)
    project._error = "No space left on device."
    with pytest.raises(StorageError, match=r"cannot save the project: No space left on device\. Save it elsewhere\."):
        host.save()


def test_what_hiero_cannot_do_is_refused_and_a_task_is_not_stored(program, host, tmp_path):
    request = PlayblastRequest("sh010", FrameRange(1, 2), SIZE, tmp_path, "sh010")
    with pytest.raises(CaptureFailed, match=r"^sh010 cannot be captured, because Hiero has no nodes"):
        host.playblast(request, lambda frame: None)
    with pytest.raises(UserFixableError, match="cannot have the settings of one of its shots"):
        host.configure(FrameRange(1, 2), Fraction(24), SIZE)
    host.remember_task("d6b9")
    assert host.scene().task_id is None
    assert isinstance(host, SupportsFootage) and isinstance(host, SupportsSelection)


def in_thread(nuke, function):
    """Call the function in a thread while Hiero handles events; return or raise its result."""
    results = []

    def call():
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - raised again below
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    nuke.serve(thread)
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def test_calls_of_other_threads_run_on_the_main_thread(program, host):
    assert in_thread(program.nuke, lambda: host.run_in_main_thread(threading.current_thread)) is threading.main_thread()

    def fail():
        raise CameraMissing("gone")

    with pytest.raises(CameraMissing, match="gone"):
        in_thread(program.nuke, lambda: host.run_in_main_thread(fail))
    assert host.run_in_main_thread(lambda: 3) == 3


def test_work_in_the_background_shows_its_result_in_a_message(program, package):
    from ft_dcc_nuke import commands

    commands._run_in_background(lambda: "Version 1 is in review.")
    for thread in [each for each in threading.enumerate() if each.name == "ft-dcc publish"]:
        program.nuke.serve(thread)
    program.nuke.idle()
    assert program.nuke.messages == ["Version 1 is in review."]


def test_an_item_is_published_with_the_frames_that_it_shows_and_the_numbers_of_its_shot(
    program, package, host, session, shown, tmp_path
):
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Comp"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24000, 1001))
    plate = Frames(str(tmp_path / "plate.%05d.png"), FrameRange(86400, 86429), Fraction(24), SIZE)
    for number in plate.frame_range:
        write_numbered(plate.path(number), number, SIZE)
    clip = program.clip(plate.pattern, first=86400, duration=30)
    program.add("SH010", clip, (8, 19))
    program.press("Publish timeline items…")
    ((_, _, _, sources),) = shown
    request = PublishRequest(task=task["id"], source=sources[0], review=())
    made = in_thread(program.nuke, lambda: publish(request, session, host, jobs=tmp_path / "jobs")).first
    version = session.get("AssetVersion", made.version_id)
    assert (version["task"]["id"], version["asset"]["name"]) == (task["id"], "Comp")
    component = session.query(f"Component where version_id is {made.version_id} and name is ftrackreview-mp4").one()
    movie = tmp_path / "movie.mp4"
    movie.write_bytes(requests.get(session.get("Location", SERVER_LOCATION_ID).get_url(component), timeout=30).content)
    # The images have room for 16 bits of their number.
    assert numbers_in(movie, SIZE) == [number & 0xFFFF for number in range(86408, 86420)]


def test_each_method_of_the_double_names_its_source():
    kinds = [each for each in vars(hiero).values() if inspect.isclass(each) and issubclass(each, timeline._Strict)]
    methods = {
        f"{kind.__name__}.{name}": method.__doc__ or ""
        for kind in kinds
        if kind.__module__ == hiero.__name__
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert len(methods) > 12
    assert [name for name, text in methods.items() if not text.startswith("Source: ")] == []


def test_the_double_records_functions_of_nuke_that_hiero_does_not_have(nuke):
    with hiero.hiero(nuke):
        import nuke as module

        with pytest.raises(AttributeError):
            module.root()
    assert nuke.misuses == ["nuke.root is not for Hiero"]
    nuke.misuses.clear()
