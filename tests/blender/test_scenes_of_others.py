"""Scenes that nobody made for us, and what artists and add-ons do to one while it is captured."""

from __future__ import annotations

import pytest

from ft_dcc.errors import CameraMissing, CaptureFailed
from ft_dcc.frames import FrameRange


def ignore(frame):
    pass


def at(when, do):
    def on_frame(frame):
        if frame == when:
            do()

    return on_frame


@pytest.fixture
def cut(scene):
    """Markers switch from the first camera to a second one, which sees nothing."""
    from blender import stage

    stage.add_camera("Far", x=100.0)
    for frame, name in ((1001, "Camera"), (1003, "Far")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    return scene


def test_the_linear_space_of_an_output_is_back_afterwards(host, request_of, scene):
    settings = scene.render.image_settings
    settings.file_format, settings.color_management = "OPEN_EXR", "OVERRIDE"
    names = settings.linear_colorspace_settings.bl_rna.properties["name"].enum_items.keys()
    other = next(name for name in names if name.startswith("ACES"))
    settings.linear_colorspace_settings.name = other
    host.playblast(request_of("1001"), ignore)
    assert (settings.file_format, settings.linear_colorspace_settings.name) == ("OPEN_EXR", other)


def test_an_output_with_colours_of_its_own_does_not_make_the_film_dark(host, request_of, scene):
    from blender.stage import red_columns

    settings = scene.render.image_settings
    settings.color_management = "OVERRIDE"
    view = settings.view_settings
    view.view_transform, view.exposure = "Raw", -10.0
    frames = host.playblast(request_of("1001"), ignore)
    assert red_columns(frames.path(1001))
    assert (settings.color_management, view.view_transform, view.exposure) == ("OVERRIDE", "Raw", -10.0)


def test_a_display_of_another_kind_is_not_filmed_and_is_back_afterwards(host, request_of, scene):
    display, view = scene.display_settings, scene.view_settings
    first = host.playblast(request_of("1001", name="srgb"), ignore).path(1001).read_bytes()
    display.display_device = other = "Display P3"
    view.view_transform, view.look = "AgX", "AgX - Punchy"
    assert host.playblast(request_of("1001", name="other"), ignore).path(1001).read_bytes() == first
    assert (display.display_device, view.view_transform, view.look) == (other, "AgX", "AgX - Punchy")


def test_a_white_balance_does_not_colour_the_film(host, request_of, scene):
    if not hasattr(scene.view_settings, "use_white_balance"):
        pytest.skip("the white balance came with Blender 4.3")
    first = host.playblast(request_of("1001", name="plain"), ignore).path(1001).read_bytes()
    scene.view_settings.use_white_balance, scene.view_settings.white_balance_temperature = True, 2500
    assert host.playblast(request_of("1001", name="warm"), ignore).path(1001).read_bytes() == first
    assert scene.view_settings.use_white_balance


def test_a_camera_that_no_marker_names_is_the_scenes_own_again(cut, host, request_of, state):
    from blender import stage

    stage.add_camera("Own")
    cut.frame_set(1005)
    cut.camera = cut.objects["Own"]
    before = state()
    host.playblast(request_of("1001-1003", source="timeline markers"), ignore)
    assert state() == before


def test_an_empty_that_a_marker_looks_through_has_no_lens(host, scene, bpy):
    from blender import stage

    scene.camera.data.type = "PERSP"
    for frame, item in ((1001, stage.add(bpy.data.objects.new("Empty", None))), (1002, scene.camera)):
        scene.timeline_markers.new(item.name, frame=frame).camera = item
    assert host.focal_lengths("timeline markers", FrameRange(1001, 1003)) == {1002: 50.0, 1003: 50.0}


def test_a_camera_that_is_deleted_meanwhile_is_named_and_the_rest_is_as_it_was(host, request_of, scene, bpy):
    from blender import stage

    stage.add_camera("Other")
    scene.render.engine, scene.render.resolution_percentage = "CYCLES", 25
    with pytest.raises(CameraMissing, match=r"no camera 'Camera'\. Choose one of: Other\."):
        host.playblast(request_of(), at(1002, lambda: bpy.data.objects.remove(scene.objects["Camera"])))
    assert (scene.camera, scene.render.engine, scene.render.resolution_percentage) == (None, "CYCLES", 25)


def test_markers_that_come_and_go_meanwhile_are_left_alone(cut, host, request_of):
    def edit():
        cut.timeline_markers.remove(cut.timeline_markers[0])
        cut.timeline_markers.new("new", frame=7)

    host.playblast(request_of("1001-1003"), at(1001, edit))
    found = [(marker.name, marker.camera and marker.camera.name) for marker in cut.timeline_markers]
    assert found == [("Far", "Far"), ("new", None)]
    assert cut.camera.name == "Camera"


def test_a_scene_that_no_window_shows_any_more_is_named(host, request_of, scene, bpy):
    scene.render.engine = "CYCLES"

    def go_elsewhere():
        bpy.context.window.scene = bpy.data.scenes.new("Elsewhere")

    with pytest.raises(CaptureFailed, match="No window shows the scene 'Scene' any more"):
        host.playblast(request_of(), at(1002, go_elsewhere))
    assert scene.render.engine == "CYCLES"


def test_an_undo_meanwhile_leaves_nothing_of_ours(host, request_of, scene, bpy, state):
    scene.render.engine = "CYCLES"
    bpy.ops.ed.undo_push(message="before")
    before = state()
    scene.objects["Cube"].location.z = 1.0
    bpy.ops.ed.undo_push(message="a move")
    with pytest.raises(CaptureFailed):
        host.playblast(request_of(), at(1002, bpy.ops.ed.undo))
    assert state() == before


def test_the_scene_of_the_window_that_was_pressed_is_captured(request_of, scene, bpy):
    from blender.stage import red_columns
    from ft_dcc_blender.host import BlenderHost

    pressed = BlenderHost(scene.name)
    other = bpy.data.scenes.new("Other")
    pressed.remember_task("0b5a4f7e")
    assert "ft_dcc_task_id" not in other
    bpy.context.window.scene = other
    assert pressed.scene().sources == ("Camera",)
    bpy.context.window.scene = scene
    assert red_columns(pressed.playblast(request_of("1001"), ignore).path(1001))
    bpy.context.window.scene = other
    bpy.data.scenes.remove(scene)
    with pytest.raises(CaptureFailed, match="There is no scene 'Scene' any more"):
        pressed.scene()
