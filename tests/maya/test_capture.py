import shutil
import threading

import pytest
from doubles.maya.interface import VIEW, VIEW_ABOUT
from doubles.shots import ignore

from ft_dcc.errors import Cancelled, CaptureFailed, SceneBusy, SettingInvalid, StorageError
from ft_dcc.frames import Resolution
from ft_dcc.host_support.capture_files import png_size
from ft_dcc.ui.background_queries import preview_camera


@pytest.fixture
def image_of(maya, host, request_of):
    def draw(**look):
        host.playblast(request_of("1001", look=look), ignore)
        return maya.drawn[-1]

    return draw


def test_an_image_shows_the_view_of_the_camera_in_the_best_quality_without_overlays_and_ornaments(image_of):
    drawn = image_of()
    assert drawn.flags.items() >= {("quality", 100), ("sequenceTime", False), ("showOrnaments", False)}
    found = (drawn.camera, drawn.time, str(drawn.resolution), drawn.overlays, drawn.overscan)
    assert found == ("shotCam", 1001.0, "64x36", (), 1.0)
    hidden = {name for name, value in drawn.view.items() if value is False}
    assert hidden >= {"cameras", "controlVertices", "grid", "headsUpDisplay", "joints", "lights", "locators"}
    assert hidden >= {"manipulators", "motionTrails", "nurbsCurves", "selectionHiliteDisplay"}
    assert {name: value for name, value in drawn.view.items() if value is not False} == {
        "displayAppearance": "smoothShaded",
        "displayLights": "default",
        "displayTextures": True,
        "ignorePanZoom": True,
        "rendererName": "vp2Renderer",
    }
    assert not hidden & {"polymeshes", "nurbsSurfaces", "pluginShapes", "fluids", "imagePlane"}


# The double cannot know which flags matter, so all of them are listed for review.
def test_no_overlay_of_the_camera_is_drawn(maya, image_of):
    camera = maya.scene.node("shotCamShape")
    overlays = [name for name in camera.attributes if name.startswith("display")]
    camera.attributes.update(dict.fromkeys(overlays, True))
    assert len(overlays) == 8
    assert image_of().overlays == ()
    assert all(camera.attributes[name] for name in overlays)


def test_the_look_sets_anti_aliasing_and_occlusion_of_the_renderer(image_of):
    assert image_of().settings == {
        "lineAAEnable": True,
        "multiSampleCount": 8,
        "multiSampleEnable": True,
        "ssaoEnable": False,
    }
    assert image_of(samples=0, occlusion=True).settings == {
        "lineAAEnable": False,
        "multiSampleCount": 8,
        "multiSampleEnable": False,
        "ssaoEnable": True,
    }
    assert image_of(samples=16).settings["multiSampleCount"] == 16


def test_the_settings_of_a_look_change_the_view(image_of):
    flags = {"shadows": True, "wireframe": True, "default_material": True, "textures": False}
    view = image_of(shading="wireframe", lights="all", hide=["polymeshes"], **flags).view
    assert (view["displayAppearance"], view["displayLights"], view["displayTextures"]) == ("wireframe", "all", False)
    assert (view["shadows"], view["wireframeOnShaded"], view["useDefaultMaterial"]) == (True, True, True)
    assert (view["polymeshes"], "locators" in view) == (False, False)


def test_the_background_does_not_depend_on_the_preferences_of_the_artist(maya, image_of):
    before = maya.state()
    assert image_of().background == (0.36, 0.36, 0.36)
    assert image_of(background="black").background == (0.0, 0.0, 0.0)
    assert image_of(background="own").background is None
    assert maya.state() == before


def test_a_look_like_the_viewport_copies_the_view_of_the_artist(maya, image_of):
    own = maya.interface.controls["modelPanel4"].values
    own.update(displayAppearance="wireframe", displayLights="all", joints=False, locators=True, shadows=True)
    view = image_of(like_viewport=True).view
    assert (view["displayAppearance"], view["displayLights"], view["shadows"]) == ("wireframe", "all", True)
    assert (view["joints"], view["locators"], view["selectionHiliteDisplay"]) == (False, True, False)
    # The focus may be in another editor, or in another view: only modelPanel4 is visible.
    maya.interface.focus = "outlinerPanel1"
    assert image_of(like_viewport=True).view["displayAppearance"] == "wireframe"
    maya.interface.controls["modelPanel2"].values["displayLights"] = "none"
    maya.interface.focus = "modelPanel2"
    assert image_of(like_viewport=True).view["displayLights"] == "none"


def test_selected_nodes_can_be_drawn_alone(maya, host, request_of, image_of):
    maya.scene.selection = ["second"]
    assert image_of(isolate_selected=True).view["isolated"] == ("|second",)
    maya.scene.selection = []
    with pytest.raises(SettingInvalid, match="nothing is selected"):
        host.playblast(request_of(look={"isolate_selected": True}), ignore)


@pytest.mark.parametrize("year", [2023, 2025, 2026])
@pytest.mark.parametrize("options", [{}, {"playblastShowBluePencil": 1}])
def test_drawings_in_the_view_are_hidden_in_every_version_that_has_them(maya, image_of, year, options):
    maya.year = year
    maya.interface.options.update(options)
    before = maya.state()
    assert not image_of().has_blue_pencil and maya.state() == before
    assert image_of(like_viewport=True).has_blue_pencil and maya.state() == before


def test_a_look_like_the_viewport_has_each_flag_of_the_view_and_another_look_none(maya, image_of):
    plain, other = image_of().view, {"displayAppearance": "points", "displayLights": "all"}
    for name, default in VIEW.items():
        kinds = {bool: lambda value: not value, str: lambda value, name=name: other.get(name, "another")}
        change = kinds.get(type(default), lambda value: [0.1] * 4 if isinstance(value, list) else value + 7)
        other[name] = change(default)
    # Aids show the selection or are over the image, and the flag of objects of plug-ins cannot be read.
    image = {name for name, about in VIEW_ABOUT.items() if about != "aid"} - {"rendererName", "pluginShapes"}
    own = {name: value for name, value in other.items() if name in image}
    maya.interface.controls["modelPanel4"].values.update(own)
    found = image_of(like_viewport=True).view
    assert {name: found.get(name) for name in own} == own
    assert image_of().view == plain


def test_every_preset_of_the_host_is_a_valid_look(host, image_of):
    assert list(host.looks) == ["textured", "viewport", "lit", "clay", "wireframe"]
    for options in host.looks.values():
        image_of(**options)


def test_isolated_nodes_are_drawn_alone_and_leave_no_set_in_the_scene(maya, image_of):
    before = maya.state()
    view = image_of(isolate=["second"]).view
    assert (view["isolated"], view["viewSelected"]) == (("second",), True)
    assert maya.state() == before


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"shading": "oil"}, "look.shading cannot be 'oil'. Choose from smoothShaded, flatShaded"),
        ({"samples": 3}, "look.samples cannot be 3. Choose from 0, 2, 4, 8, 16."),
        ({"textures": "yes"}, "look.textures cannot be 'yes'. Choose from true, false."),
        ({"hide": "everything"}, "look.hide cannot be 'everything'"),
        ({"background": "pink"}, "look.background cannot be 'pink'. Choose from grey, black, white, own."),
        ({"colour": "red"}, "Unknown setting of a look: colour. Choose from shading"),
        ({"isolate": ["ghost"]}, "look.isolate names 'ghost', which is not in the scene"),
    ],
)
def test_an_invalid_look_is_rejected_before_anything_is_changed(maya, host, request_of, look, words):
    before = maya.state()
    with pytest.raises(SettingInvalid) as caught:
        host.playblast(request_of(look=look), ignore)
    assert words in str(caught.value)
    assert (maya.state(), maya.drawn) == (before, [])


def test_the_current_time_only_increases_during_a_capture(maya, host, request_of):
    host.playblast(request_of("1001-1003"), ignore)
    set_to = [call.first() for call in maya.calls if call.command == "currentTime" and call.mode != "query"]
    assert set_to == [1001, 1002, 1003, 1004.0]


def change_everything(maya):
    """Make everything differ from what a playblast needs."""
    camera = maya.scene.node("shotCamShape")
    camera.attributes.update(displaySafeAction=True, displayFieldChart=True, overscan=1.5)
    camera.locked |= {"overscan", "displayResolution"}
    maya.scene.time, maya.scene.is_modified = 1005.25, True
    maya.scene.selection = ["second"]
    maya.interface.focus = "modelPanel2"
    maya.interface.is_playing = True
    maya.interface.options.pop("inViewMessageEnable")
    maya.undo.append("the artist's own step")


def test_the_scene_is_restored_after_a_capture(maya, host, request_of):
    change_everything(maya)
    before = maya.state()
    assert host.playblast(request_of("1001-1012"), ignore).missing() == ()
    assert maya.state() == before


def test_playback_is_stopped_during_a_capture(maya, host, request_of):
    maya.interface.is_playing, states = True, []
    host.playblast(request_of("1001-1002"), lambda frame: states.append(maya.interface.is_playing))
    assert (states, maya.interface.is_playing) == ([False, False], True)


def test_undo_that_the_artist_has_switched_off_stays_off(maya, host, request_of):
    maya.is_undo_on = False
    host.playblast(request_of("1001"), ignore)
    assert not maya.is_undo_on


def test_the_scene_is_evaluated_at_each_frame(maya, host, request_of):
    cube, seen = maya.scene.node("second"), []
    cube.keys["translateX"] = {1001.0: 1.0, 1002.0: 2.0, 1003.0: 3.0}
    host.playblast(request_of("1001-1003"), lambda frame: seen.append(cube.attributes["translateX"]))
    assert seen == [1.0, 2.0, 3.0]


def test_a_change_between_two_frames_is_kept_can_be_undone_and_counts_as_modified(maya, host, request_of):
    def change(frame):
        if frame == 1002:
            maya.call("setAttr", "second.translateX", 4.0)

    assert (maya.scene.is_modified, maya.undo) == (False, [])
    host.playblast(request_of("1001-1004"), change)
    assert maya.scene.node("second").attributes["translateX"] == 4.0
    assert (maya.scene.is_modified, maya.undo, maya.is_undo_on) == (True, ["setAttr"], True)


def test_the_scene_saved_between_two_frames_stays_unmodified(maya, host, request_of, tmp_path):
    def save(frame):
        if frame == 1002:
            maya.call("file", rename=str(tmp_path / "shot.ma"))
            maya.call("file", save=True)

    maya.scene.is_modified = True
    host.playblast(request_of("1001-1004"), save)
    assert not maya.scene.is_modified


def settings_in(scene):
    from ft_dcc_maya.capture import OVERLAYS

    camera, hardware = scene.node("shotCamShape"), scene.node("hardwareRenderingGlobals")
    values = {name: camera.attributes[name] for name in (*OVERLAYS, "overscan")}
    values |= {name: hardware.attributes[name] for name in ("multiSampleEnable", "lineAAEnable", "ssaoEnable")}
    values["image format"] = scene.node("defaultRenderGlobals").attributes["imageFormat"]
    return values | {"locked": set(camera.locked), "edits": dict(scene.edits)}


@pytest.mark.parametrize("is_referenced", [False, True])
def test_a_file_saved_between_two_frames_has_the_values_of_the_artist(maya, host, request_of, tmp_path, is_referenced):
    camera = maya.scene.node("shotCamShape")
    camera.attributes.update(overscan=1.3, displayResolution=True)
    camera.is_referenced, camera.locked = is_referenced, {"overscan"}
    maya.scene.node("hardwareRenderingGlobals").attributes.update(ssaoEnable=True, multiSampleEnable=False)
    before, name = settings_in(maya.scene), (tmp_path / "shot.ma").as_posix()
    during = []

    def save(frame):
        if frame == 1002:
            maya.call("file", rename=name)
            maya.call("file", save=True)
        during.append(settings_in(maya.scene)["overscan"])

    host.playblast(request_of("1001-1004", look={"samples": 8}), save)
    assert during == [1.0] * 4
    assert settings_in(maya.files[name]) == before == settings_in(maya.scene)


def test_a_camera_setting_changed_between_two_frames_is_kept(maya, host, request_of):
    def change(frame):
        if frame == 1002:
            maya.call("setAttr", "shotCamShape.overscan", 1.7)

    host.playblast(request_of("1001-1003"), change)
    camera = maya.scene.node("shotCamShape").attributes
    assert (camera["overscan"], camera["displayResolution"]) == (1.7, True)


def test_escape_between_two_frames_cancels_and_restores_the_scene(maya, host, request_of):
    def press(frame):
        maya.is_escape_pressed = frame == 1002

    change_everything(maya)
    before, request = maya.state(), request_of("1001-1012")
    with pytest.raises(Cancelled, match="before frame 1003"):
        host.playblast(request, press)
    assert maya.state() == before
    assert sorted(path.name for path in request.directory.iterdir()) == ["shot.1001.png", "shot.1002.png"]


def test_escape_within_a_frame_cancels_and_restores_the_scene(maya, host, request_of):
    change_everything(maya)
    before, maya.escape_at = maya.state(), 1002
    with pytest.raises(Cancelled, match="at frame 1002"):
        host.playblast(request_of("1001-1012"), ignore)
    assert maya.state() == before


def test_a_failed_playblast_raises_an_error_with_the_message_of_maya(maya, host, request_of):
    change_everything(maya)
    before, maya.fail_at = maya.state(), 1003
    with pytest.raises(CaptureFailed, match=r"Maya did not write frame 1003 .*No space left on device"):
        host.playblast(request_of("1001-1012"), ignore)
    assert maya.state() == before


def test_an_existing_progress_window_is_not_changed(maya, host, request_of):
    maya.interface.progress = {"title": "Bake", "progress": 7}
    before = maya.state()
    host.playblast(request_of("1001-1002"), ignore)
    assert maya.state() == before


def test_closing_the_scene_ends_the_capture_and_leaves_the_new_scene_unchanged(maya, host, request_of):
    from doubles.maya.scene import Scene

    after = []

    def close(frame):
        maya.open(Scene.new())
        maya.scene.time = 7.0
        after.append(maya.scene.state())

    change_everything(maya)
    with pytest.raises(CaptureFailed, match="The scene was closed while it was captured"):
        host.playblast(request_of("1001-1012"), close)
    assert maya.scene.state() == after[0]
    assert maya.is_undo_on and "ftDccCapture" not in maya.interface.controls


def test_a_leftover_capture_window_does_not_stop_the_next_capture(maya, host, request_of):
    maya.interface.add("ftDccCapture", "window", widthHeight=(8, 8), visible=True)
    assert host.playblast(request_of("1001", resolution=Resolution(320, 180)), ignore).missing() == ()
    assert "ftDccCapture" not in maya.interface.controls


def test_a_driven_overscan_is_named_in_the_error(maya, host, request_of):
    maya.scene.node("shotCamShape").driven.add("overscan")
    before = maya.state()
    with pytest.raises(CaptureFailed, match=r"shotCamShape.overscan is 1.3 and something drives it"):
        host.playblast(request_of(), ignore)
    assert maya.state() == before


def test_a_referenced_camera_with_the_right_settings_gets_no_edit(maya, host, request_of):
    maya.scene.add_camera("rig:cam").is_referenced = True
    host.playblast(request_of("1001", source="rig:cam"), ignore)
    assert maya.scene.edits == {}


def test_a_change_of_the_artist_in_a_referenced_camera_during_a_capture_is_kept_with_its_edit(maya, host, request_of):
    camera = maya.scene.node("shotCamShape")
    camera.is_referenced = True

    def change(frame):
        if frame == 1001:
            maya.call("setAttr", "shotCamShape.overscan", 1.7)

    host.playblast(request_of("1001-1002"), change)
    assert camera.attributes["overscan"] == 1.7
    assert list(maya.scene.edits) == ["|shotCam|shotCamShape.overscan"]


@pytest.mark.parametrize("removes", [True, False])
def test_a_capture_leaves_no_edit_in_the_reference_of_a_camera_if_maya_can_remove_it(maya, host, request_of, removes):
    maya.removes_applied_edits = removes
    camera = maya.scene.node("shotCamShape")
    camera.is_referenced, camera.locked = True, {"overscan"}
    before = maya.state()
    host.playblast(request_of("1001"), ignore)
    assert {name: value for name, value in maya.state().items() if name != "edits"} == {
        name: value for name, value in before.items() if name != "edits"
    }
    left = {plug.rpartition(".")[2] for plug in maya.scene.edits}
    assert left == (set() if removes else {"overscan", "displayResolution", "displayGateMask"})


def test_only_the_edits_of_a_capture_are_removed_from_a_reference(maya, host, request_of):
    camera = maya.scene.node("shotCamShape")
    camera.is_referenced = True
    camera.attributes.update(displaySafeTitle=True, displayFilmGate=True)
    maya.call("setAttr", "shotCamShape.displayFilmGate", True)
    # Not on an attribute that a capture sets.
    maya.call("setAttr", "shotCamShape.focalLength", 80.0)
    before = maya.state()
    host.playblast(request_of("1001"), ignore)
    assert maya.state() == before
    edits = {plug.rpartition(".")[2] for plug in maya.scene.edits}
    assert edits == {"displayFilmGate", "focalLength"}


def test_an_edit_in_the_file_of_a_nested_reference_does_not_keep_that_of_a_capture(maya, host, request_of):
    maya.scene.node("shotCamShape").is_referenced = True
    maya.scene.inner_edits = {"|shotCam|shotCamShape.overscan", "|shotCam|shotCamShape.displayResolution"}
    before = maya.state()
    host.playblast(request_of("1001"), ignore)
    assert maya.state() == before and maya.scene.edits == {}


def test_on_windows_an_image_is_drawn_larger_and_cropped(maya, host, request_of):
    pytest.importorskip("Qt")
    maya.is_windows = True
    frames = host.playblast(request_of("1001-1002", resolution=Resolution(63, 35)), ignore)
    assert [png_size(frames.path(frame)) for frame in (1001, 1002)] == [Resolution(63, 35)] * 2
    assert str(maya.drawn[-1].resolution) == "64x36"


def test_tiles_of_textures_are_loaded_once_before_the_first_frame(maya, host, request_of):
    maya.scene.add_texture("skin", fileTextureName="skin.1001.exr", uvTilingMode=3)
    maya.scene.add_texture("label", fileTextureName="label.png")
    host.playblast(request_of("1001-1002"), ignore)
    host.playblast(request_of("1001-1002"), ignore)
    assert all(drawn.has_all_textures for drawn in maya.drawn)
    loaded = [call.flags for call in maya.calls if call.command == "ogs"]
    assert loaded == [{"regenerateUVTilePreview": "skin"}]
    # Another file needs other tiles.
    maya.scene.node("skin").attributes["fileTextureName"] = "skin_v2.1001.exr"
    host.playblast(request_of("1001"), ignore)
    assert len([call for call in maya.calls if call.command == "ogs"]) == 2


def test_a_texture_whose_tiles_cannot_be_read_does_not_stop_a_capture(maya, host, request_of):
    maya.scene.add_texture("skin", uvTilingMode=3)
    assert host.playblast(request_of("1001"), ignore).missing() == ()


def test_an_image_of_the_current_frame_is_drawn_by_the_active_view(maya, host, tmp_path):
    maya.new_panels_take_focus = False
    host.snapshot("shotCam", Resolution(64, 36), tmp_path / "now.png", {})
    at_1004 = (tmp_path / "now.png").read_bytes()
    maya.scene.time = 1005.0
    host.snapshot("shotCam", Resolution(64, 36), tmp_path / "now.png", {})
    assert at_1004 != (tmp_path / "now.png").read_bytes()


def test_a_locked_reference_is_reported_in_one_sentence(maya, host, request_of):
    camera = maya.scene.node("shotCamShape")
    camera.is_reference_locked = True
    camera.locked.add("displayResolution")
    before = maya.state()
    with pytest.raises(CaptureFailed, match=r"displayResolution is True and locked by its reference"):
        host.playblast(request_of(), ignore)
    assert maya.state() == before


def test_an_image_of_another_size_raises_capture_failed(maya, host, request_of, monkeypatch):
    monkeypatch.setattr("doubles.maya.drawing._resolution", lambda *_: Resolution(60, 36))
    with pytest.raises(CaptureFailed, match="Frame 1001 is 60x36; expected 64x36"):
        host.playblast(request_of(), ignore)


def test_a_cancelled_frame_leaves_no_image_of_an_earlier_capture(maya, host, request_of):
    whole = host.playblast(request_of("1001-1002"), ignore)
    maya.escape_at = 1002
    with pytest.raises(Cancelled):
        host.playblast(request_of("1001-1002"), ignore)
    assert whole.missing() == (1002,)


def test_a_folder_that_cannot_be_created_is_reported_before_anything_is_changed(maya, host, request_of, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    before = maya.state()
    with pytest.raises(StorageError, match="cannot be created"):
        host.playblast(request_of(directory=tmp_path / "file" / "frames"), ignore)
    assert maya.state() == before


def test_a_preview_never_exposes_a_changed_scene(maya, host, tmp_path):
    scene, before, seen = host.scene(), maya.state(), []

    def preview():
        seen.append(preview_camera("shotCam", host, scene, tmp_path, {}))

    thread = threading.Thread(target=preview, daemon=True)
    thread.start()
    while thread.is_alive():
        maya.idle()
        assert maya.state() == before
    assert seen[0].image.is_file()


@pytest.fixture
def pose(maya):
    """Give a node a value that is not keyed, and return a function that reads it."""
    cube = maya.scene.node("second")
    cube.curves["translateX"], cube.attributes["translateX"] = 0.0, 4.5
    return lambda: cube.attributes["translateX"]


@pytest.mark.parametrize("evaluates", [False, True])
def test_a_preview_that_nobody_asked_for_draws_nothing_and_keeps_an_unkeyed_pose(maya, host, tmp_path, pose, evaluates):
    maya.playblast_evaluates = evaluates
    before = maya.state()
    preview = preview_camera("shotCam", host, host.scene(), tmp_path)
    assert (preview.summary, preview.image) == ("1001-1012, 64x36", None)
    assert (maya.state(), maya.drawn, pose()) == (before, [], 4.5)
    assert [call for call in maya.calls if call.command == "currentTime" and call.mode != "query"] == []


def test_a_requested_preview_shows_the_current_time_and_keeps_an_unkeyed_pose(maya, host, tmp_path, pose):
    maya.scene.time, before = 1004.25, maya.state()
    before = maya.state()
    assert preview_camera("shotCam", host, host.scene(), tmp_path, {"shading": "wireframe"}).image.is_file()
    (drawn,) = maya.drawn
    assert (drawn.time, drawn.view["displayAppearance"], pose()) == (1004.25, "wireframe", 4.5)
    assert maya.state() == before


def test_a_shot_of_the_sequencer_is_captured_through_its_camera(maya, host, request_of, tmp_path):
    maya.scene.add_shot("sh020", currentCamera="secondShape", startTime=1003.0, endTime=1004.0)
    assert host.playblast(request_of("1003-1004", source="sh020"), ignore).missing() == ()
    host.snapshot("sh020", Resolution(64, 36), tmp_path / "now.png", {})
    assert {drawn.camera for drawn in maya.drawn} == {"second"}


def test_a_second_capture_inside_of_a_capture_raises_scene_busy(maya, host, request_of, tmp_path):
    with pytest.raises(SceneBusy, match=r"^The scene is being captured\. Try again when the capture has ended\.$"):
        host.playblast(request_of(), lambda frame: host.playblast(request_of(directory=tmp_path / "other"), ignore))
    assert not (tmp_path / "other").exists()
    assert host.playblast(request_of(), ignore).missing() == ()


@pytest.mark.parametrize("camera", ["shotCam", "second"])
def test_without_a_window_the_camera_is_captured_as_the_only_renderable_one(maya, request_of, camera):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch = True
    before = maya.state()
    frames = MayaHost().playblast(request_of(source=camera, look={"samples": 4, "occlusion": True}), ignore)
    assert frames.missing() == ()
    found = [(each.camera, each.time, each.overlays, each.overscan) for each in maya.drawn]
    assert found == [(camera, time, (), 1.0) for time in (1001.0, 1002.0, 1003.0)]
    assert {str(each.resolution) for each in maya.drawn} == {"64x36"}
    assert maya.drawn[0].settings["multiSampleCount"] == 4
    assert maya.state() == before


@pytest.mark.parametrize("look", [{"shading": "wireframe"}, {"lights": "all"}, {"isolate": ["shotCam"]}])
def test_without_a_window_a_look_of_a_view_is_refused(maya, request_of, look):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch = True
    before = maya.state()
    with pytest.raises(SettingInvalid, match=r"^Maya without a window draws every scene smooth shaded and textured"):
        MayaHost().playblast(request_of(look=look), ignore)
    assert (maya.state(), maya.drawn) == (before, [])


def test_a_folder_removed_during_the_capture_is_reported(host, request_of, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    request = request_of("1001-1003")
    with pytest.raises(StorageError, match="Frame 1002 cannot be written to"):
        host.playblast(request, lambda frame: shutil.rmtree(folder))
