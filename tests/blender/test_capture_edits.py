"""Captures of scenes with unusual settings, and of scenes that change during the capture."""

from __future__ import annotations

import attrs
import pytest

from ft_dcc.errors import CameraMissing, CaptureFailed
from ft_dcc.files.checksum import sha256_of
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
    """Return the scene with markers that switch from the first camera to a second one, which shows nothing."""
    from blender import sample_scene

    sample_scene.add_camera("Far", x=100.0)
    for frame, name in ((1001, "Camera"), (1003, "Far")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    return scene


def test_the_linear_colour_space_of_the_output_is_restored(host, request_of, scene):
    settings = scene.render.image_settings
    settings.file_format, settings.color_management = "OPEN_EXR", "OVERRIDE"
    names = settings.linear_colorspace_settings.bl_rna.properties["name"].enum_items.keys()
    other = next(name for name in names if name.startswith("ACES"))
    settings.linear_colorspace_settings.name = other
    host.playblast(request_of("1001"), ignore)
    assert (settings.file_format, settings.linear_colorspace_settings.name) == ("OPEN_EXR", other)


def test_overridden_output_colours_do_not_change_the_image_and_are_restored(host, request_of, scene):
    from blender.sample_scene import red_columns

    settings = scene.render.image_settings
    settings.color_management = "OVERRIDE"
    view = settings.view_settings
    view.view_transform, view.exposure = "Raw", -10.0
    frames = host.playblast(request_of("1001"), ignore)
    assert red_columns(frames.path(1001))
    assert (settings.color_management, view.view_transform, view.exposure) == ("OVERRIDE", "Raw", -10.0)


def test_the_display_device_does_not_change_the_image_and_is_restored(host, request_of, scene):
    display, view = scene.display_settings, scene.view_settings
    first = sha256_of(host.playblast(request_of("1001", name="srgb"), ignore).path(1001))
    display.display_device = other = "Display P3"
    view.view_transform, view.look = "AgX", "AgX - Punchy"
    assert sha256_of(host.playblast(request_of("1001", name="other"), ignore).path(1001)) == first
    assert (display.display_device, view.view_transform, view.look) == (other, "AgX", "AgX - Punchy")


def test_a_white_balance_does_not_change_the_image(host, request_of, scene):
    if not hasattr(scene.view_settings, "use_white_balance"):
        pytest.skip("the white balance came with Blender 4.3")
    first = sha256_of(host.playblast(request_of("1001", name="plain"), ignore).path(1001))
    scene.view_settings.use_white_balance, scene.view_settings.white_balance_temperature = True, 2500
    assert sha256_of(host.playblast(request_of("1001", name="warm"), ignore).path(1001)) == first
    assert scene.view_settings.use_white_balance


def test_the_active_camera_is_restored_after_a_capture_of_the_markers(cut, host, request_of, state):
    from blender import sample_scene

    sample_scene.add_camera("Own")
    cut.frame_set(1005)
    cut.camera = cut.objects["Own"]
    before = state()
    host.playblast(request_of("1001-1003", source="timeline markers"), ignore)
    assert state() == before


def test_an_empty_bound_to_a_marker_has_no_focal_length(host, scene, bpy):
    from blender import sample_scene

    scene.camera.data.type = "PERSP"
    for frame, item in ((1001, sample_scene.add(bpy.data.objects.new("Empty", None))), (1002, scene.camera)):
        scene.timeline_markers.new(item.name, frame=frame).camera = item
    assert host.focal_lengths("timeline markers", FrameRange(1001, 1003)) == {1002: 50.0, 1003: 50.0}


def test_a_camera_deleted_during_the_capture_is_named_and_the_rest_is_restored(host, request_of, scene, bpy):
    from blender import sample_scene

    sample_scene.add_camera("Other")
    scene.render.engine, scene.render.resolution_percentage = "CYCLES", 25
    with pytest.raises(CameraMissing, match=r"no camera 'Camera'\. Choose one of: Other\."):
        host.playblast(request_of(), at(1002, lambda: bpy.data.objects.remove(scene.objects["Camera"])))
    assert (scene.camera, scene.render.engine, scene.render.resolution_percentage) == (None, "CYCLES", 25)


def test_markers_edited_during_the_capture_keep_the_edits(cut, host, request_of):
    def edit():
        cut.timeline_markers.remove(cut.timeline_markers[0])
        cut.timeline_markers.new("new", frame=7)

    host.playblast(request_of("1001-1003"), at(1001, edit))
    found = [(marker.name, marker.camera and marker.camera.name) for marker in cut.timeline_markers]
    assert found == [("Far", "Far"), ("new", None)]
    assert cut.camera.name == "Camera"


def test_a_scene_without_a_window_is_named_in_the_error(host, request_of, scene, bpy):
    scene.render.engine = "CYCLES"

    def go_elsewhere():
        bpy.context.window.scene = bpy.data.scenes.new("Elsewhere")

    with pytest.raises(CaptureFailed, match="No window shows the scene 'Scene' any more"):
        host.playblast(request_of(), at(1002, go_elsewhere))
    assert scene.render.engine == "CYCLES"


def test_an_undo_during_the_capture_restores_the_scene(host, request_of, scene, bpy, state):
    scene.render.engine = "CYCLES"
    bpy.ops.ed.undo_push(message="before")
    before = state()
    scene.objects["Cube"].location.z = 1.0
    bpy.ops.ed.undo_push(message="a move")
    with pytest.raises(CaptureFailed):
        host.playblast(request_of(), at(1002, bpy.ops.ed.undo))
    assert state() == before


def test_the_named_scene_is_captured_while_another_is_active(request_of, scene, bpy):
    from blender.sample_scene import red_columns
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
    with pytest.raises(CaptureFailed, match="The scene 'Scene' does not exist any more"):
        pressed.scene()


def test_wide_pixels_have_the_shape_in_the_movie_that_the_camera_shows(host, request_of, scene, bpy, tmp_path):
    from ft_dcc.media import encode

    scene.render.pixel_aspect_x = 2.0
    assert host.scene().pixel_aspect == 2
    frames = host.playblast(request_of("1001"), ignore)
    assert str(encode(frames, tmp_path / "a.mp4").resolution) == "128x36"
    # The file's own value agrees, except that Blender 4.2 writes square pixels.
    from_file = encode(attrs.evolve(frames, pixel_aspect=None), tmp_path / "b.mp4")
    assert str(from_file.resolution) == ("128x36" if bpy.app.version >= (4, 3) else "64x36")


def own_channel(cube, bpy):
    return cube, "location", (7.5, 0.25, 0.125)


def float_property(cube, bpy):
    cube["weight"] = 1.0
    return cube, '["weight"]', 0.25


def int_property(cube, bpy):
    cube["count"] = 1
    return cube, '["count"]', 9


def bool_property(cube, bpy):
    cube["is_on"] = True
    return cube, '["is_on"]', False


def int_array_property(cube, bpy):
    cube["counts"] = [1, 2]
    return cube, '["counts"]', (3, 4)


def property_with_dots_and_quotes(cube, bpy):
    cube['a.b]"c'] = 1
    return cube, '["a.b]\\"c"]', 2


def property_of_a_modifier(cube, bpy):
    return cube, f'modifiers["{cube.modifiers.new("a.b", "BEVEL").name}"].segments', 4


def property_of_a_bone(cube, bpy):
    from blender import sample_scene

    rig = sample_scene.add(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("arm.L").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.pose.bones["arm.L"]["ik.fk"] = 0
    return rig, 'pose.bones["arm.L"]["ik.fk"]', 1


def enumeration(cube, bpy):
    cube.rotation_euler = (0.1, 0.2, 0.3)
    return cube, "rotation_mode", "ZYX"


def switch(cube, bpy):
    return cube, "show_name", True


def material_node(cube, bpy):
    return node_value(cube.data.materials[0], "ShaderNodeValue")


def world_strength(cube, bpy):
    return node_value(bpy.context.scene.world, "ShaderNodeValue")


def light_node(cube, bpy):
    from blender import sample_scene

    light = bpy.data.lights.new("Lamp", "POINT")
    sample_scene.add(bpy.data.objects.new("Lamp", light))
    return node_value(light, "ShaderNodeValue")


def texture_node(cube, bpy):
    texture = cube.modifiers.new("Displace", "DISPLACE").texture = bpy.data.textures.new("Noise", "CLOUDS")
    return node_value(texture, "TextureNodeValToRGB", "inputs[0].default_value")


def line_style_node(cube, bpy):
    scene = bpy.context.scene
    if not hasattr(scene.render, "use_freestyle"):
        pytest.skip("this Blender was built without Freestyle")
    scene.render.use_freestyle = True
    style = bpy.context.view_layer.freestyle_settings.linesets.new("Ink").linestyle
    return node_value(style, "ShaderNodeValue")


def compositor_node(cube, bpy):
    scene = bpy.context.scene
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Comp", "CompositorNodeTree")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
    node = tree.nodes.new("CompositorNodeBlur")
    return tree, f'nodes["{node.name}"].inputs["Size"].default_value', None


def node_value(owner, kind, path="outputs[0].default_value"):
    if owner.node_tree is None:
        owner.use_nodes = True
    node = owner.node_tree.nodes.new(kind)
    return owner.node_tree, f'nodes["{node.name}"].{path}', 0.75


def shape_key(cube, bpy):
    cube.shape_key_add(name="Basis")
    cube.shape_key_add(name="smile.L")
    return cube.data.shape_keys, 'key_blocks["smile.L"].value', 0.25


def camera_lens(cube, bpy):
    return bpy.context.scene.camera.data, "lens", 77.0


KEYED = (
    *(own_channel, float_property, int_property, bool_property, int_array_property, property_with_dots_and_quotes),
    *(property_of_a_modifier, property_of_a_bone, enumeration, switch, material_node, world_strength, light_node),
    *(texture_node, line_style_node, compositor_node, shape_key, camera_lens),
)


@pytest.mark.parametrize("is_in_nla", [False, True], ids=["action", "nla"])
@pytest.mark.parametrize("kind", KEYED, ids=lambda each: each.__name__)
def test_an_unkeyed_change_of_a_keyed_channel_is_kept(host, request_of, scene, bpy, kind, is_in_nla):
    cube = scene.objects["Cube"]
    item, path, changed = kind(cube, bpy)
    scene.frame_set(1004)
    item.keyframe_insert(path, frame=1001)
    if is_in_nla:
        move_to_nla(item.animation_data)
    scene.frame_set(1004)
    keyed = value_of(item, path)
    if changed is None:
        # Older versions of Blender have this as an integer, newer ones as two numbers.
        changed = tuple(each + 3 for each in keyed) if isinstance(keyed, tuple) else keyed + 0.25
    assert keyed != changed
    assign(item, path, changed)
    angles = tuple(cube.rotation_euler)
    host.playblast(request_of("1001-1003"), ignore)
    found = value_of(item, path)
    assert (found, types_of(found)) == (changed, types_of(keyed))
    assert tuple(cube.rotation_euler) == angles
    scene.frame_set(1004)
    assert value_of(item, path) == keyed


def move_to_nla(animation):
    action, slot = animation.action, getattr(animation, "action_slot", None)
    strip = animation.nla_tracks.new().strips.new("strip", 1001, action)
    if slot is not None:
        strip.action_slot = slot
    animation.action = None


def value_of(item, path):
    value = item.path_resolve(path)
    return tuple(value) if hasattr(value, "__len__") and not isinstance(value, str) else value


def types_of(value):
    return [type(each) for each in value] if isinstance(value, tuple) else type(value)


def assign(item, path, value):
    """Set a property as an artist does, without a key."""
    if isinstance(value, tuple):
        item.path_resolve(path)[:] = value
    elif path.endswith('"]'):
        owner = item.pose.bones[0] if path.startswith("pose") else item
        owner[next(iter(owner.keys()))] = value
    else:
        head, _, name = path.rpartition(".")
        setattr(item.path_resolve(head) if head else item, name, value)


def test_the_shortcut_that_saves_restores_the_scene_in_the_file_during_the_capture(
    host, request_of, scene, bpy, state, tmp_path
):
    from ft_dcc_blender.scene.input_guard import save_file

    messages = []
    path = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    before = state()
    path.unlink()
    host.playblast(request_of("1001-1002"), lambda frame: messages.append(save_file()))
    assert messages == [("INFO", "Saved shot.blend without the changes of the capture, which continues.")] * 2
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert state() == before


def test_a_file_that_the_shortcut_cannot_save_is_named_with_the_reason(scene, bpy, tmp_path):
    from ft_dcc_blender.scene.input_guard import save_file

    assert save_file() == (
        "WARNING",
        "The scene has never been saved. Save it under a name when the last frame is captured.",
    )
    folder = tmp_path / "removed"
    folder.mkdir()
    path = folder / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    path.unlink()
    folder.rmdir()
    kind, message = save_file()
    assert (kind, message.partition(" Error")[0]) == (
        "ERROR",
        f"{path} was not saved. Save it elsewhere when the last frame is captured.",
    )
    assert message.endswith("No such file or directory")


def test_the_scene_is_restored_for_a_save_during_the_capture(host, request_of, scene, bpy, state, tmp_path):
    before, saved = state(), []

    def save():
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)
        saved.append(state())

    frames = host.playblast(request_of("1001-1003"), at(1002, save))
    assert saved == [before]
    assert len({frames.path(frame).read_bytes() for frame in frames.frame_range}) == 3
    assert state() == before
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert {**state(), "file": ""} == before


def test_a_handler_that_saves_at_each_frame_change_ends_the_capture(host, request_of, bpy, state, tmp_path):
    def save(*_):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)

    before = state()
    bpy.app.handlers.frame_change_post.append(save)
    try:
        with pytest.raises(CaptureFailed, match="A script of the scene saves the file at frame 1001"):
            host.playblast(request_of("1001-1003"), ignore)
    finally:
        bpy.app.handlers.frame_change_post.remove(save)
    assert state() == before


def test_a_handler_that_sets_the_camera_does_not_change_the_movie(host, request_of, scene, bpy):
    from blender import sample_scene

    far = sample_scene.add_camera("Far", x=100.0)

    def switch(changed, *_):
        changed.camera = far

    for handlers in (bpy.app.handlers.frame_change_pre, bpy.app.handlers.frame_change_post):
        handlers.append(switch)
        try:
            frames = host.playblast(request_of("1001-1002", name=f"shot{len(handlers)}"), ignore)
        finally:
            handlers.remove(switch)
        assert all(sample_scene.red_columns(frames.path(frame)) for frame in (1001, 1002))


def test_a_handler_that_deletes_the_camera_of_a_marker_leaves_the_other_markers_bound(cut, host, request_of, bpy):
    def delete(*_):
        if "Far" in cut.objects:
            bpy.data.objects.remove(cut.objects["Far"])

    bpy.app.handlers.frame_change_post.append(delete)
    try:
        host.playblast(request_of("1001-1002", source="Camera"), ignore)
    finally:
        bpy.app.handlers.frame_change_post.remove(delete)
    assert [marker.camera and marker.camera.name for marker in cut.timeline_markers] == ["Camera", None]
