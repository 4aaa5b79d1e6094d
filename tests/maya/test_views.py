"""What a capture makes of the views: its progress, the focus, the size of an image, and what Maya reports."""

import attrs
import pytest
from doubles.maya import sample_scene
from doubles.maya.scene import Node
from doubles.shots import ignore
from doubles.studio_configurations import StudioModule, fragments
from run_options import sample

from ft_dcc.errors import Cancelled, CaptureFailed, SettingInvalid
from ft_dcc.frames import Resolution


def test_the_progress_window_shows_the_frame_that_is_drawn(maya, host, request_of):
    shown = []
    host.playblast(request_of("1001-1003"), lambda frame: shown.append(dict(maya.interface.progress)))
    assert [each["progress"] for each in shown] == [1001, 1002, 1003]
    assert (shown[0]["title"], shown[0]["status"]) == ("ft-dcc", "Capturing. Escape cancels.")


def test_the_focus_stays_where_it_is_if_its_panel_was_closed_during_the_capture(maya, host, request_of):
    maya.interface.focus = "modelPanel2"
    host.playblast(request_of("1001"), lambda frame: maya.call("deleteUI", "modelPanel2"))
    assert maya.interface.focus in maya.interface.controls


def test_a_larger_image_is_cropped_in_its_middle(maya, tmp_path):
    pytest.importorskip("Qt")
    from ft_dcc_maya.capture import crop_png
    from Qt import QtGui

    image = QtGui.QImage(8, 6, QtGui.QImage.Format.Format_RGB32)
    image.fill(QtGui.QColor("black"))
    image.setPixelColor(2, 1, QtGui.QColor("red"))
    image.setPixelColor(5, 4, QtGui.QColor("blue"))
    path = tmp_path / "frame.png"
    image.save(str(path))
    assert crop_png(path, Resolution(4, 4)) == Resolution(4, 4)
    cropped = QtGui.QImage(str(path))
    assert [cropped.pixelColor(0, 0).name(), cropped.pixelColor(3, 3).name()] == ["#ff0000", "#0000ff"]


def test_an_image_that_maya_writes_without_reporting_its_name_is_kept(maya, host, request_of):
    maya.returns_name = False
    assert host.playblast(request_of("1001-1002"), ignore).missing() == ()


@pytest.mark.parametrize(("returns_name", "error"), [(True, CaptureFailed), (False, Cancelled)])
def test_a_missing_image_is_a_failure_if_maya_reports_its_name_and_else_a_cancellation(
    maya, host, request_of, returns_name, error
):
    maya.writes_images, maya.returns_name = False, returns_name
    with pytest.raises(error, match="frame 1001"):
        host.playblast(request_of("1001-1002"), ignore)


@pytest.fixture
def escape(maya, monkeypatch):
    """Return the module that watches the key, with a clock that only its own pauses move."""
    from ft_dcc_maya import viewport as escape

    escape.now, escape.pauses = 0.0, []

    def pause(seconds):
        escape.now += seconds
        escape.pauses.append(seconds)
        # Maya needs a moment to see a key.
        maya.is_escape_pressed = maya.is_escape_pressed or maya.has_key_waiting

    monkeypatch.setattr(escape, "sleep", pause)
    monkeypatch.setattr(escape, "monotonic", lambda: escape.now)
    return escape


def test_escape_is_seen_although_maya_needs_a_moment_to_read_it(maya, host, request_of, escape):
    def press(frame):
        maya.has_key_waiting = frame == 1002
        # A frame takes a second.
        escape.now += 1.0

    with pytest.raises(Cancelled, match="before frame 1003"):
        host.playblast(request_of("1001-1012"), press)


def test_a_capture_waits_for_the_key_at_most_twice_a_second(host, request_of, escape):
    host.playblast(request_of("1001-1012"), lambda frame: setattr(escape, "now", escape.now + 0.125))
    assert escape.pauses == [0.03] * 3


@pytest.fixture
def gizmo(maya):
    """Register a locator and a cache of plug-ins with a filter each, and add one of both to the scene."""
    maya.plugin_types = {
        "rigGizmo": ("locator", "drawdb/geometry/rigGizmo"),
        "gpuCache": ("surfaceShape", "drawdb/subscene/gpuCache"),
    }
    maya.interface.plugin_filters = {
        "gizmoFilter": "drawdb/geometry/rigGizmo",
        "gpuCacheDisplayFilter": "drawdb/subscene/gpuCache",
        "unusedFilter": "drawdb/geometry/other",
        "emptyFilter": "",
    }
    maya.scene.nodes += [Node("gizmo1", "rigGizmo"), Node("cache1", "gpuCache")]


SHOWN = {"gizmoFilter": True, "gpuCacheDisplayFilter": True, "unusedFilter": True, "emptyFilter": True}


@pytest.mark.parametrize(("look", "shown"), [({}, {**SHOWN, "gizmoFilter": False}), ({"hide": ["joints"]}, SHOWN)])
def test_locators_of_plugins_are_hidden_with_locators_and_content_is_drawn(maya, host, request_of, gizmo, look, shown):
    before = maya.state()
    host.playblast(request_of("1001", look=look), ignore)
    assert maya.drawn[-1].view["pluginObjects"] == shown
    assert maya.state() == before


def test_a_look_hides_the_objects_of_a_plugin_by_the_name_of_its_filter(maya, host, request_of, gizmo):
    host.playblast(request_of("1001", look={"hide": ["gpuCacheDisplayFilter", "joints"]}), ignore)
    view = maya.drawn[-1].view
    assert view["pluginObjects"] == {**SHOWN, "gpuCacheDisplayFilter": False}
    assert (view["joints"], "gpuCacheDisplayFilter" in view) == (False, False)
    with pytest.raises(SettingInvalid, match=r"look.hide cannot be 'meshFilter'\..*gizmoFilter, gpuCache"):
        host.playblast(request_of("1001", look={"hide": ["meshFilter"]}), ignore)


def test_a_filter_of_locators_and_content_hides_nothing(maya, host, request_of, gizmo):
    maya.interface.plugin_filters = {"everythingFilter": "drawdb"}
    host.playblast(request_of("1001"), ignore)
    assert maya.drawn[-1].view["pluginObjects"] == {"everythingFilter": True}


def test_a_look_like_the_viewport_copies_the_filters_of_plugins(maya, host, request_of, gizmo):
    maya.interface.controls["modelPanel4"].values["pluginObjects"] = {"gpuCacheDisplayFilter": False}
    host.playblast(request_of("1001", look={"like_viewport": True}), ignore)
    assert maya.drawn[-1].view["pluginObjects"] == {**SHOWN, "gpuCacheDisplayFilter": False}


def test_tiles_are_loaded_again_for_a_scene_that_was_opened_again(maya, host, request_of, tmp_path):
    maya.scene.add_texture("skin", fileTextureName="skin.1001.exr", uvTilingMode=3)
    maya.call("file", rename=str(tmp_path / "shot.ma"))
    maya.call("file", save=True)
    host.playblast(request_of("1001"), ignore)
    maya.call("file", str(tmp_path / "shot.ma"), open=True)
    host.playblast(request_of("1001"), ignore)
    host.playblast(request_of("1001"), ignore)
    assert [drawn.has_all_textures for drawn in maya.drawn] == [True] * 3
    assert len([call for call in maya.calls if call.command == "ogs"]) == 2


@pytest.fixture
def sequence_time(maya):
    """Let the artist's second view show the time of the Camera Sequencer."""
    maya.scene.add_sequencer()
    maya.interface.sequence_panel = "modelPanel2"


def test_a_view_on_sequence_time_takes_neither_the_focus_nor_the_image_of_a_capture(
    maya, host, request_of, sequence_time
):
    before = maya.state()
    frames = host.playblast(request_of("1001-1003"), ignore)
    assert {drawn.camera for drawn in maya.drawn} == {"shotCam"}
    assert len({frames.path(frame).read_bytes() for frame in (1001, 1002, 1003)}) == 3
    assert maya.state() == before


def test_nothing_is_done_about_sequence_time_if_no_view_shows_it(maya, host, request_of):
    maya.scene.add_sequencer()
    host.playblast(request_of("1001"), ignore)
    assert [call.mode for call in maya.calls if call.command == "sequenceManager"] == ["query"]


def test_sequence_time_is_not_given_back_to_a_view_that_was_closed(maya, host, request_of, sequence_time):
    host.playblast(request_of("1001"), lambda frame: maya.call("deleteUI", "modelPanel2"))
    assert maya.interface.sequence_panel == ""


def test_sequence_time_is_not_touched_in_a_scene_that_was_opened_during_the_capture(
    maya, host, request_of, sequence_time
):
    from doubles.maya.scene import Scene

    with pytest.raises(CaptureFailed, match="The scene was closed"):
        host.playblast(request_of("1001-1002"), lambda frame: maya.open(Scene.new()))
    assert maya.interface.sequence_panel == ""


def images(frames):
    return {frames.path(frame).read_bytes() for frame in (1001, 1002, 1003)}


@pytest.mark.parametrize(("focus_activates", "refuses"), [(True, False), (True, True), (False, False)])
def test_an_image_plane_advances_whichever_way_makes_a_view_play(maya, host, request_of, focus_activates, refuses):
    maya.focus_activates, maya.refuses_active_view, maya.new_panels_take_focus = focus_activates, refuses, False
    maya.interface.focus = "outlinerPanel1"
    before = maya.interface.focus
    assert len(images(host.playblast(request_of("1001-1003"), ignore))) == 3
    assert maya.interface.focus == before


def test_the_view_that_plays_is_restored_with_the_focus(maya, host, request_of):
    maya.interface.focus, maya.interface.active_view = "outlinerPanel1", "modelPanel2"
    host.playblast(request_of("1001"), ignore)
    assert (maya.interface.focus, maya.interface.active_view) == ("outlinerPanel1", "modelPanel2")


def test_a_capture_is_as_without_a_studio_and_changes_nothing(maya, host, request_of):
    from maya import cmds

    def script_job(event):
        maya.callbacks[len(maya.callbacks) + 1000] = (event[0], lambda _data: event[1]())

    def capture():
        image = host.playblast(request_of("1001"), lambda frame: None).path(1001)
        drawn = maya.drawn[-1]
        # The name of its panel depends on what else there is.
        return image.read_bytes(), attrs.evolve(drawn, flags={**drawn.flags, "editorPanelName": ""})

    expected, changed = capture(), []
    for code in sample(fragments("maya"), 5):
        fresh = sample_scene.build()
        maya.scene, maya.interface, maya.undo, maya.is_undo_on = fresh.scene, fresh.interface, [], True
        maya.callbacks.clear()
        called = []
        exec(code, {"cmds": StudioModule(cmds, scriptJob=script_job), "studio": called})  # noqa: S102 - as Maya does
        maya.idle()
        called.clear()
        before = maya.state()
        if (capture(), maya.state()) != (expected, before) or (called and "timeChanged" not in code):
            changed.append(code)
    assert changed == [] and len(fragments("maya")) > 80
