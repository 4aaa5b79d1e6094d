"""A capture through the view of the artist, which the setting ``maya_view`` chooses, and the view that plays."""

from __future__ import annotations

import pytest
from doubles.maya.scene import Node

from ft_dcc.errors import CaptureFailed, SettingInvalid


def ignore(frame):
    pass


def images(frames):
    return {frames.path(frame).read_bytes() for frame in (1001, 1002, 1003)}


@pytest.fixture
def artists_view(monkeypatch):
    monkeypatch.setenv("FT_DCC_MAYA_VIEW", "artist")


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


def test_image_planes_advance_in_the_artists_view_if_they_do_not_in_a_hidden_one(
    maya, host, request_of, artists_view, monkeypatch
):
    maya.hidden_views_advance = False
    frames = host.playblast(request_of("1001-1003"), ignore)
    assert (len(images(frames)), maya.drawn[-1].flags["editorPanelName"]) == (3, "modelPanel4")
    monkeypatch.setenv("FT_DCC_MAYA_VIEW", "own")
    assert len(images(host.playblast(request_of("1001-1003"), ignore))) == 1


def test_the_artists_view_is_drawn_like_a_hidden_one_and_given_back(maya, host, request_of, monkeypatch):
    maya.plugin_types = {"rigGizmo": ("locator", "drawdb/geometry/rigGizmo")}
    maya.interface.plugin_filters = {"gizmoFilter": "drawdb/geometry/rigGizmo"}
    maya.scene.nodes.append(Node("gizmo1", "rigGizmo"))
    maya.interface.controls["modelPanel4"].values.update(joints=False, displayLights="all", camera="second")
    before = maya.state()
    host.playblast(request_of("1001"), ignore)
    monkeypatch.setenv("FT_DCC_MAYA_VIEW", "artist")
    host.playblast(request_of("1001"), ignore)
    own, artists = maya.drawn
    assert (own.camera, artists.camera) == ("shotCam", "shotCam")
    differing = {
        name for name in {*own.view, *artists.view} if own.view.get(name, True) != artists.view.get(name, True)
    }
    assert differing == set()
    assert maya.state() == before


def test_the_artists_view_is_given_back_after_a_failure(maya, host, request_of, artists_view):
    maya.interface.controls["modelPanel4"].values.update(camera="second", displayAppearance="boundingBox")
    before, maya.fail_at = maya.state(), 1002
    with pytest.raises(CaptureFailed, match="did not write frame 1002"):
        host.playblast(request_of("1001-1003"), ignore)
    assert maya.state() == before


def test_the_view_keeps_its_camera_if_another_scene_was_opened(maya, host, request_of, artists_view):
    from doubles.maya.scene import Scene

    maya.interface.controls["modelPanel4"].values["camera"] = "second"
    with pytest.raises(CaptureFailed, match="The scene was closed"):
        host.playblast(request_of("1001-1002"), lambda frame: maya.open(Scene.new()))
    assert maya.interface.controls["modelPanel4"].values["displayAppearance"] == "wireframe"


def test_a_hidden_view_is_used_if_the_artist_has_none(maya, host, request_of, artists_view):
    maya.interface.focus = "outlinerPanel1"
    maya.interface.remove("modelPanel4")
    host.playblast(request_of("1001"), ignore)
    assert maya.drawn[-1].flags["editorPanelName"] not in ("modelPanel1", "modelPanel2", "modelPanel3")


@pytest.mark.parametrize("look", [{"isolate": ["second"]}, {"isolate_selected": True}, {"hide": ["pluginShapes"]}])
def test_a_look_that_cannot_be_given_back_is_refused(maya, host, request_of, artists_view, look):
    before = maya.state()
    with pytest.raises(SettingInvalid, match=r"^A capture through your own view cannot use look\."):
        host.playblast(request_of("1001", look=look), ignore)
    assert (maya.state(), maya.drawn) == (before, [])
