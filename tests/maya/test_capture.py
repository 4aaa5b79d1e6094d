from __future__ import annotations

import shutil
import threading

import pytest

from ft_dcc.errors import Cancelled, CaptureFailed, DiskUnusable, SceneLent, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.preview import preview_camera


def ignore(frame):
    pass


@pytest.fixture
def picture(maya, host, request_of):
    """What can be seen in the one picture of frame 1001, with parts of a look."""

    def draw(**look):
        host.playblast(request_of("1001", look=look), ignore)
        return maya.drawn[-1]

    return draw


def test_a_picture_shows_the_cameras_view_and_nothing_else(picture):
    drawn = picture()
    assert (drawn.camera, drawn.time, str(drawn.resolution), drawn.overlays, drawn.overscan) == (
        "shotCam",
        1001.0,
        "64x36",
        (),
        1.0,
    )
    hidden = {name for name, value in drawn.view.items() if value is False}
    assert hidden >= {"cameras", "controlVertices", "grid", "headsUpDisplay", "joints", "lights", "locators"}
    assert hidden >= {"manipulators", "motionTrails", "nurbsCurves", "selectionHiliteDisplay"}
    assert not hidden & {"polymeshes", "nurbsSurfaces", "pluginShapes", "fluids", "imagePlane"}


# Reviewed by a person: a double cannot know that a flag mattered, so what is asked for is written down.
def test_this_is_all_that_playblast_is_asked_for(picture):
    assert picture().flags == {
        "compression": "png",
        "editorPanelName": "modelPanel6",
        "forceOverwrite": True,
        "format": "image",
        "offScreen": True,
        "percent": 100,
        "quality": 100,
        "sequenceTime": False,
        "showOrnaments": False,
        "throwOnError": True,
        "viewer": False,
        "widthHeight": (64, 36),
    }


def test_this_is_all_that_a_view_is_asked_for(picture):
    view = {name: value for name, value in picture().view.items() if value is not False}
    assert view == {
        "displayAppearance": "smoothShaded",
        "displayLights": "default",
        "displayTextures": True,
        "ignorePanZoom": True,
        "rendererName": "vp2Renderer",
    }


def test_the_renderer_smooths_edges_as_the_look_says(picture):
    assert picture().settings == {
        "lineAAEnable": True,
        "multiSampleCount": 8,
        "multiSampleEnable": True,
        "ssaoEnable": False,
    }
    assert picture(samples=0, occlusion=True).settings == {
        "lineAAEnable": False,
        "multiSampleCount": 8,
        "multiSampleEnable": False,
        "ssaoEnable": True,
    }
    assert picture(samples=16).settings["multiSampleCount"] == 16


def test_a_look_changes_what_is_drawn(picture):
    view = picture(
        shading="wireframe",
        lights="all",
        textures=False,
        shadows=True,
        wireframe=True,
        default_material=True,
        hide=["polymeshes"],
    ).view
    assert (view["displayAppearance"], view["displayLights"], view["displayTextures"]) == ("wireframe", "all", False)
    assert (view["shadows"], view["wireframeOnShaded"], view["useDefaultMaterial"]) == (True, True, True)
    assert (view["polymeshes"], "locators" in view) == (False, False)


def test_only_what_is_isolated_is_drawn_and_no_set_is_left_in_the_scene(maya, picture):
    before = maya.state()
    assert picture(isolate=["second"]).view["isolated"] == ("second",)
    assert maya.state() == before


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"shading": "oil"}, "look.shading cannot be 'oil'. It is one of smoothShaded, flatShaded"),
        ({"samples": 3}, "look.samples cannot be 3. It is one of 0, 2, 4, 8, 16."),
        ({"hide": ["everything"]}, "look.hide cannot be 'everything'"),
        ({"colour": "red"}, "A look has no colour. It has shading"),
        ({"isolate": ["ghost"]}, "look.isolate names 'ghost', which the scene does not have"),
    ],
)
def test_a_look_that_cannot_be_is_refused_before_anything_is_changed(maya, host, request_of, look, words):
    before = maya.state()
    with pytest.raises(SettingInvalid) as caught:
        host.playblast(request_of(look=look), ignore)
    assert words in str(caught.value)
    assert (maya.state(), maya.drawn) == (before, [])


def test_the_time_only_ever_goes_forward_from_frame_to_frame(maya, host, request_of):
    host.playblast(request_of("1001-1004"), ignore)
    set_to = [call.first() for call in maya.calls if call.command == "currentTime" and call.mode != "query"]
    assert set_to == [1001, 1002, 1003, 1004, 1004.0]


def disturb(maya):
    """A scene in which next to nothing is as a playblast needs it."""
    camera = maya.scene.node("shotCamShape")
    camera.attributes.update(displaySafeAction=True, displayFieldChart=True, overscan=1.5)
    camera.locked |= {"overscan", "displayResolution"}
    maya.scene.time, maya.scene.is_modified = 1005.25, True
    maya.scene.selection = ["second"]
    maya.interface.focus = "modelPanel2"
    maya.interface.is_playing = True
    maya.interface.options.pop("inViewMessageEnable")
    maya.undo.append("the artist's own step")


def test_the_scene_is_as_it_was_after_success(maya, host, request_of):
    disturb(maya)
    before = maya.state()
    assert host.playblast(request_of("1001-1012"), ignore).missing() == ()
    assert maya.state() == before


def test_escape_between_two_frames_cancels_and_the_scene_is_as_it_was(maya, host, request_of):
    def press(frame):
        maya.is_escape_pressed = frame == 1002

    disturb(maya)
    before, request = maya.state(), request_of("1001-1012")
    with pytest.raises(Cancelled, match="before frame 1003"):
        host.playblast(request, press)
    assert maya.state() == before
    assert sorted(path.name for path in request.directory.iterdir()) == ["shot.1001.png", "shot.1002.png"]


def test_escape_within_a_frame_cancels_and_the_scene_is_as_it_was(maya, host, request_of):
    disturb(maya)
    before, maya.escape_at = maya.state(), 1002
    with pytest.raises(Cancelled, match="at frame 1002"):
        host.playblast(request_of("1001-1012"), ignore)
    assert maya.state() == before


def test_a_playblast_that_fails_half_way_is_told_with_mayas_words(maya, host, request_of):
    disturb(maya)
    before, maya.fail_at = maya.state(), 1003
    with pytest.raises(CaptureFailed, match=r"Maya wrote no picture of frame 1003 .*No space left on device"):
        host.playblast(request_of("1001-1012"), ignore)
    assert maya.state() == before


def test_somebody_elses_progress_bar_is_left_alone(maya, host, request_of):
    maya.interface.progress = {"title": "Bake", "progress": 7}
    before = maya.state()
    host.playblast(request_of("1001-1002"), ignore)
    assert maya.state() == before


def test_a_scene_that_is_closed_meanwhile_ends_the_capture_and_the_new_one_is_not_touched(maya, host, request_of):
    from doubles.maya.scene import Scene

    after = []

    def close(frame):
        maya.open(Scene.new())
        maya.scene.time = 7.0
        after.append(maya.scene.state())

    disturb(maya)
    with pytest.raises(CaptureFailed, match="The scene was closed while it was captured"):
        host.playblast(request_of("1001-1012"), close)
    assert maya.scene.state() == after[0]
    assert maya.is_undo_on and "ftDccCapture" not in maya.interface.controls


def test_a_window_that_a_crash_left_behind_does_not_stop_the_next_capture(maya, host, request_of):
    maya.interface.add("ftDccCapture", "window", widthHeight=(8, 8), visible=True)
    assert host.playblast(request_of("1001", resolution=Resolution(320, 180)), ignore).missing() == ()
    assert "ftDccCapture" not in maya.interface.controls


def test_an_overscan_that_something_drives_is_named(maya, host, request_of):
    maya.scene.node("shotCamShape").driven.add("overscan")
    before = maya.state()
    with pytest.raises(CaptureFailed, match=r"shotCamShape.overscan is 1.3 and something drives it"):
        host.playblast(request_of(), ignore)
    assert maya.state() == before


def test_a_referenced_camera_that_is_right_already_gets_no_edit(maya, host, request_of):
    camera = maya.scene.add_camera("rig:cam")
    camera.is_referenced = True
    host.playblast(request_of("1001", source="rig:cam"), ignore)
    assert maya.scene.edits == []


def test_a_size_larger_than_mayas_window_is_drawn_whole(maya, host, request_of):
    frames = host.playblast(request_of("1001", resolution=Resolution(1920, 1080)), ignore)
    assert str(maya.drawn[-1].resolution) == "1920x1080" and frames.missing() == ()


def test_a_picture_of_another_size_is_not_taken_for_the_one_asked_for(maya, host, request_of, monkeypatch):
    # On Windows Maya wants sizes that four divides.
    monkeypatch.setattr("doubles.maya.drawing._resolution", lambda *_: Resolution(60, 36))
    with pytest.raises(CaptureFailed, match="Maya drew frame 1001 at 60x36, wanted is 64x36"):
        host.playblast(request_of(), ignore)


def test_an_old_picture_does_not_pass_for_a_new_one(host, request_of):
    request = request_of("1001")
    request.directory.mkdir()
    (request.directory / "shot.1001.png").write_bytes(b"old")
    assert host.playblast(request, ignore).path(1001).stat().st_size > 100


def test_a_picture_of_an_earlier_capture_does_not_pass_for_one_that_was_cancelled(maya, host, request_of):
    whole = host.playblast(request_of("1001-1002"), ignore)
    maya.escape_at = 1002
    with pytest.raises(Cancelled):
        host.playblast(request_of("1001-1002"), ignore)
    assert whole.missing() == (1002,)


@pytest.mark.parametrize("folder", ["with space", "brace {x}", "hash ####", "über", "percent 50%"])
def test_the_folders_name_is_taken_as_it_is(host, request_of, tmp_path, folder):
    host.playblast(request_of("1001", directory=tmp_path / folder), ignore)
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["shot.1001.png"]


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_changed(maya, host, request_of, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    before = maya.state()
    with pytest.raises(DiskUnusable, match="cannot be made"):
        host.playblast(request_of(directory=tmp_path / "file" / "frames"), ignore)
    assert maya.state() == before


def test_the_window_lives_between_two_frames_of_a_capture_from_another_thread(maya, host, request_of):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(host.playblast(request_of("1001-1003"), ignore)))
    lived = []
    maya.modules()["maya.utils"].executeDeferred(lambda: lived.append(len(maya.drawn)))
    thread.start()
    maya.serve(thread)
    assert answers[0].missing() == () and lived == [0]


def test_whoever_reads_the_scene_never_finds_it_as_a_small_picture_of_a_camera_changes_it(maya, host, tmp_path):
    scene, before, seen = host.scene(), maya.state(), []

    def look():
        seen.append(preview_camera("shotCam", host, scene, tmp_path))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    while thread.is_alive():
        maya.idle()
        assert maya.state() == before
    assert seen[0].picture.is_file()


def test_a_small_picture_waits_for_the_end_of_a_capture(maya, host, request_of, tmp_path):
    scene, before, order = host.scene(), maya.state(), []

    def look():
        preview_camera("second", host, scene, tmp_path)
        order.append("picture")

    looking = threading.Thread(target=look, daemon=True)

    def begin_looking(frame):
        if frame == 1001:
            looking.start()
            # Long enough for it to come in between, if it could.
            looking.join(0.2)
        order.append(frame)

    capturing = threading.Thread(target=lambda: host.playblast(request_of("1001-1003"), begin_looking), daemon=True)
    capturing.start()
    maya.serve(capturing)
    maya.serve(looking)
    assert order == [1001, 1002, 1003, "picture"]
    assert maya.state() == before


def test_what_maya_carries_out_in_the_middle_of_a_capture_gets_no_scene(maya, host, request_of, tmp_path):
    with pytest.raises(SceneLent, match=r"^The scene is being captured\. Try again when that is over\.$"):
        host.playblast(request_of(), lambda frame: host.playblast(request_of(directory=tmp_path / "other"), ignore))
    assert not (tmp_path / "other").exists()
    assert host.playblast(request_of(), ignore).missing() == ()


def test_without_a_window_it_is_said_what_can_be_done_instead(maya, request_of):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch = True
    before = maya.state()
    with pytest.raises(CaptureFailed) as caught:
        MayaHost().playblast(request_of(), ignore)
    assert str(caught.value) == (
        "Maya without a window has no viewport to capture. "
        "Publish from Maya's window, or render the frames and give them: ft-dcc publish 'name.%04d.png'"
    )
    assert maya.state() == before


def test_a_full_disk_is_named(host, request_of, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    request = request_of("1001-1003")

    def take_away(frame):
        shutil.rmtree(folder)

    with pytest.raises(DiskUnusable, match="Frame 1002 cannot be written to"):
        host.playblast(request, take_away)
