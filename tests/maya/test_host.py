import threading
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.maya.scene import Node, Reference
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import CameraMissing, SettingInvalid, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.host import DescribesCaptures, ProvidesPlugins, SupportsFocalLengths
from ft_dcc.host_support.main_thread import run_on_main_thread

VRAY = ("width", "height", "aspectRatio")


UNITS = (
    "film 24, pal 25, ntsc 30, show 48, palf 50, ntscf 60, game 15, sec 1, min 1/60, hour 1/3600, millisec 1000, "
    "23.976fps 24000/1001, 29.97fps 30000/1001, 29.97df 30000/1001, 47.952fps 48000/1001, 59.94fps 60000/1001, "
    "12fps 12, 120fps 120, 750fps 750"
)


def test_the_frame_rate_of_each_time_unit_is_exact(maya, host):
    for unit, rate in map(str.split, UNITS.split(", ")):
        maya.scene.unit = unit
        assert host.scene().fps == Fraction(rate), unit


def test_an_unknown_time_unit_raises_setting_invalid(maya, host):
    maya.scene.unit = "fortnight"
    with pytest.raises(SettingInvalid, match="time unit 'fortnight' is not known"):
        host.scene()


@pytest.mark.parametrize(
    ("rate", "unit"), [("24", "film"), ("24000/1001", "23.976fps"), ("30", "ntsc"), ("12", "12fps"), ("60", "ntscf")]
)
def test_configure_sets_the_time_unit_and_keeps_keys_on_their_frames(maya, host, rate, unit):
    host.configure(FrameRange(1001, 1048, 8), Fraction(rate), Resolution(1920, 1080))
    scene = host.scene()
    assert (maya.scene.unit, scene.fps, str(scene.frame_range)) == (unit, Fraction(rate), "993-1056")
    assert maya.scene.keys == [1001.0, 1012.0]
    assert maya.scene.node("defaultResolution").attributes["deviceAspectRatio"] == pytest.approx(16 / 9)


def test_configure_sets_size_aspect_ratio_and_the_range_of_the_time_slider_as_one_undo_step(maya, host):
    host.configure(FrameRange(1001, 1048, 8), Fraction(24), Resolution(2048, 858))
    values = maya.scene.node("defaultResolution").attributes
    assert (values["width"], values["height"], values["deviceAspectRatio"]) == (2048, 858, pytest.approx(2048 / 858))
    starts, ends = ("animationStartTime", "minTime"), ("animationEndTime", "maxTime")
    assert maya.scene.options == {**dict.fromkeys(starts, 993), **dict.fromkeys(ends, 1056)}
    assert (maya.undo, maya.open_chunks) == (["ft-dcc: shot settings"], [])


@pytest.mark.parametrize("rate", ["23.976", "29.97", "47.952", "59.94", "2", "90", "750"])
def test_configure_names_each_rate_as_maya_does(maya, host, rate):
    host.configure(FrameRange(1, 2), frame_rate(rate), Resolution(64, 36))
    assert maya.scene.unit == f"{rate}fps" and host.scene().fps == frame_rate(rate)


def test_ranges_that_are_not_quite_whole_are_rounded(maya, host):
    maya.scene.options.update(animationStartTime=1000.9999, animationEndTime=1011.9999)
    maya.scene.options.update(minTime=1004.9999, maxTime=1009.9999)
    maya.scene.add_shot("sh020", currentCamera="second", startTime=1002.9999, endTime=1005.9999)
    scene = host.scene()
    found = (str(scene.frame_range), str(scene.ranges["playback"]), str(scene.range_of("sh020")))
    assert found == ("1001-1012", "1005-1010", "1003-1006")


def test_configure_with_an_unsupported_rate_changes_nothing(maya, host):
    before = maya.state()
    with pytest.raises(SettingInvalid, match=r"no time unit for 33.3 fps"):
        host.configure(FrameRange(1, 2), Fraction("33.3"), Resolution(64, 36))
    assert maya.state() == before


@pytest.mark.parametrize(
    ("setting", "frames"), [("", "1001-1012"), ("animation", "1001-1012"), ("playback", "1005-1010")]
)
def test_the_setting_says_which_range_of_the_time_slider_is_that_of_the_scene(maya, host, monkeypatch, setting, frames):
    maya.scene.options.update(minTime=1005, maxTime=1010)
    monkeypatch.setenv("FT_DCC_MAYA_RANGE", setting)
    assert str(host.scene().frame_range) == frames


def test_the_ranges_of_the_time_slider_and_the_selection_in_it_are_offered(maya, host):
    maya.scene.options.update(minTime=1005, maxTime=1010)
    found = {name: str(frames) for name, frames in host.scene().ranges.items()}
    assert found == {"animation": "1001-1012", "playback": "1005-1010"}
    # Maya returns the first frame that is not selected.
    maya.interface.selected_range = (1006.0, 1009.0)
    assert str(host.scene().ranges["selection"]) == "1006-1008"


def test_without_a_window_there_is_no_selection_in_the_time_slider(maya):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch, maya.interface.selected_range = True, (1006.0, 1009.0)
    assert list(MayaHost().scene().ranges) == ["animation", "playback"]


def test_a_shot_on_the_shape_of_a_camera_whose_name_is_not_unique_is_a_source(maya, host):
    maya.scene.add_camera("shotCam", parent=maya.scene.node("second"))
    maya.scene.add_shot(
        "sh020", currentCamera="second|shotCam|shotCamShape", startTime=1003.0, endTime=1006.0, shotName="020"
    )
    assert host.scene().labels == {"sh020": "shot 020: 1003-1006, second|shotCam"}


def test_shots_are_ordered_by_their_start_and_then_by_their_name(maya, host):
    for name, start, end in (("b", 1005.0, 1012.0), ("z", 1001.0, 1001.0), ("a", 1005.0, 1012.0)):
        maya.scene.add_shot(name, currentCamera="second", startTime=start, endTime=end)
    assert host.scene().sources == ("shotCam", "second", "z", "a", "b")
    assert str(host.scene().range_of("z")) == "1001-1001"


def test_shots_of_the_camera_sequencer_follow_the_cameras_with_their_own_range(maya, host):
    maya.scene.add_shot("sh030", currentCamera="second", startTime=1007.0, endTime=1010.0, shotName="030")
    maya.scene.add_shot("sh020", currentCamera="shotCamShape", startTime=1001.0, endTime=1006.0, shotName="020")
    maya.scene.add_shot("muted", currentCamera="second", startTime=1001.0, endTime=1006.0, mute=True)
    maya.scene.add_shot("empty", startTime=1001.0, endTime=1006.0)
    maya.scene.add_shot("gone", currentCamera="deleted", startTime=1001.0, endTime=1006.0)
    maya.scene.add_shot("of_persp", currentCamera="persp", startTime=1001.0, endTime=1006.0)
    maya.scene.add_shot("backwards", currentCamera="second", startTime=1006.0, endTime=1001.0)
    scene = host.scene()
    assert scene.sources == ("shotCam", "second", "sh020", "sh030")
    assert (str(scene.range_of("sh030")), str(scene.range_of("second"))) == ("1007-1010", "1001-1012")
    assert scene.labels == {"sh020": "shot 020: 1001-1006, shotCam", "sh030": "shot 030: 1007-1010, second"}
    assert [scene.groups[name] for name in scene.sources[-2:]] == ["Shots", "Shots"]
    assert set(scene.groups.values()) == {"Cameras", "Shots"}


def test_a_shot_is_selected_and_measured_as_its_camera(maya, host):
    maya.scene.add_shot("sh030", currentCamera="second", startTime=1007.0, endTime=1010.0)
    maya.scene.node("secondShape").attributes["focalLength"] = 50.0
    assert host.focal_lengths("sh030", FrameRange(1007, 1008)) == {1007: 50.0, 1008: 50.0}
    host.select("sh030")
    assert maya.scene.selection == ["second"]


@pytest.mark.parametrize(
    ("values", "applied", "of_views"),
    [
        ({}, "ACES 1.0 SDR-video (sRGB)", "ACES 1.0 SDR-video (sRGB)"),
        ({"outputUseViewTransform": False}, "Raw", "ACES 1.0 SDR-video (sRGB)"),
        ({"outputTransformEnabled": False}, "", "ACES 1.0 SDR-video (sRGB)"),
        ({"cmEnabled": False}, "", ""),
    ],
)
def test_the_view_transform_of_the_images_is_recorded(maya, host, values, applied, of_views):
    assert isinstance(host, DescribesCaptures)
    maya.interface.colour_management.update(values)
    found = host.capture_details({})
    assert (found["view_transform"], found["view_transform_of_views"]) == (applied, of_views)


def test_sounds_that_the_time_slider_does_not_play_are_recorded(maya, host):
    for name, values in (("b", {}), ("a", {}), ("muted", {"mute": True}), ("empty", {"filename": ""})):
        maya.scene.add_sound(name, **{"filename": f"/{name}.wav", **values})
    assert host.capture_details({})["unheard_sounds"] == ["a", "b"]
    maya.interface.sound = "a"
    assert host.capture_details({})["unheard_sounds"] == ["b"]
    assert [track.path for track in host.scene().sounds] == [Path("/a.wav")]


def test_references_without_their_file_are_found_behind_those_of_maya_itself(maya):
    from ft_dcc_maya.checks.validate_scene import missing_references

    maya.scene.references = [Reference("rigRN", "/show/rig.ma", is_loaded=False)]
    assert missing_references() == [("/show/rig.ma", "rigRN")]


def test_sources_list_renderable_cameras_first_and_no_startup_cameras(maya, host):
    maya.scene.add_camera("a_witness")
    assert host.scene().sources == ("shotCam", "a_witness", "second")
    # Cameras of the same name are listed by their paths.
    maya.scene.add_camera("shotCam", parent=maya.scene.node("second"))
    assert set(host.scene().sources) == {"|shotCam", "second|shotCam", "a_witness", "second"}


def test_the_camera_of_the_active_view_precedes_equally_renderable_ones(maya, host):
    maya.scene.node("shotCamShape").attributes["renderable"] = False
    maya.interface.controls["modelPanel4"].values["camera"] = "second"
    assert host.scene().sources == ("second", "shotCam")
    maya.interface.controls["modelPanel4"].values["camera"] = "secondShape"
    assert host.scene().sources == ("second", "shotCam")
    for name in ("shotCam", "shotCamShape"):
        maya.interface.controls["modelPanel4"].values["camera"] = name
        assert host.scene().sources == ("shotCam", "second")
    maya.interface.focus = "outlinerPanel1"
    assert host.scene().sources == ("second", "shotCam")


def test_a_scene_with_only_startup_cameras_has_no_sources(maya, host):
    from doubles.maya.scene import Scene

    maya.open(Scene.new())
    assert host.scene().sources == ()
    with pytest.raises(CameraMissing, match="no camera 'shotCam', and no other that was added"):
        host.focal_lengths("shotCam", FrameRange(1, 2))


@pytest.mark.parametrize(("end", "heard"), [(48.0, (Fraction(1005), Fraction(1029))), (24.0, None)])
def test_a_sound_starts_where_its_file_begins_and_is_heard_up_to_its_end_or_completely(maya, host, end, heard):
    maya.scene.add_sound("dialogue", filename="/audio/sh010.wav", offset=1005.0, sourceStart=24.0, sourceEnd=end)
    maya.interface.sound = "dialogue"
    (track,) = host.scene().sounds
    assert (track.path, track.start, track.heard) == (Path("/audio/sh010.wav"), Fraction(981), heard)


def test_configure_sets_square_pixels_and_the_size_of_v_ray(maya, host):
    maya.scene.node("defaultResolution").attributes["pixelAspect"] = 2.0
    maya.scene.nodes.append(Node("vraySettings", "VRaySettingsNode", attributes=dict.fromkeys(VRAY, 1)))
    maya.scene.node("vraySettings").attributes["aspectRatio"] = 1.0
    host.configure(FrameRange(1, 2), Fraction(24), Resolution(1920, 1080))
    assert maya.scene.node("defaultResolution").attributes["pixelAspect"] == 1.0
    assert list(maya.scene.node("vraySettings").attributes.values()) == [1920, 1080, pytest.approx(16 / 9)]


def test_a_muted_hidden_or_missing_sound_is_ignored(maya, host):
    node = maya.scene.add_sound("dialogue", filename="/audio/sh010.wav")
    assert host.scene().sounds == ()
    maya.interface.sound = "dialogue"
    maya.interface.shows_sound = False
    assert host.scene().sounds == ()
    maya.interface.shows_sound = True
    node.attributes["mute"] = True
    assert host.scene().sounds == ()
    node.attributes.update(mute=False, filename="")
    assert host.scene().sounds == ()
    maya.interface.sound = "deleted"
    assert host.scene().sounds == ()


def test_remember_task_marks_the_scene_as_modified(maya, host):
    host.remember_task("d6b9")
    assert (host.scene().task_id, host.scene().is_modified, maya.undo) == ("d6b9", True, [])


def test_save_writes_the_scene_to_its_file(maya, host, tmp_path):
    maya.scene.path, maya.scene.is_modified = str(tmp_path / "sh010.ma"), True
    assert host.save() == tmp_path / "sh010.ma"
    assert (tmp_path / "sh010.ma").is_file() and not host.scene().is_modified


def test_save_raises_an_error_for_a_missing_folder_or_name(maya, host, tmp_path):
    maya.scene.path = str(tmp_path / "nowhere" / "sh010.ma")
    with pytest.raises(StorageError, match="Maya cannot save the scene: Could not save file"):
        host.save()
    maya.scene.path = ""
    with pytest.raises(UserFixableError, match="never been saved"):
        host.save()


def test_focal_lengths_cover_each_frame_with_handles(host):
    assert isinstance(host, SupportsFocalLengths) and isinstance(host, ProvidesPlugins)
    assert host.focal_lengths("shotCam", FrameRange(1001, 1002, 1)) == dict.fromkeys(range(1000, 1004), 35.0)


def run_as_maya(function, **values):
    from maya import utils

    return run_on_main_thread(function, "Maya", utils.executeDeferred, **values)


def test_in_batch_mode_one_thread_at_a_time_uses_the_scene(maya):
    is_second_inside, was_disturbed = threading.Event(), []
    second = threading.Thread(target=lambda: run_as_maya(is_second_inside.set, has_window=False))

    def hold():
        second.start()
        was_disturbed.append(is_second_inside.wait(0.3))

    first = threading.Thread(target=lambda: run_as_maya(hold, has_window=False))
    first.start()
    first.join(TIMEOUT_SECONDS)
    second.join(TIMEOUT_SECONDS)
    assert (was_disturbed, is_second_inside.is_set()) == ([False], True)
