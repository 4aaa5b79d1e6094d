"""Captures of scenes with unusual settings, and of scenes that change during the capture."""

from types import SimpleNamespace

import attrs
import pytest
from doubles.shots import ignore

from ft_dcc.errors import CameraMissing, CaptureFailed
from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import FrameRange
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


def at(when, do):
    def on_frame(frame):
        if frame == when:
            do()

    return on_frame


@pytest.fixture
def cut(scene, sample):
    """Return the scene with markers that switch from the first camera to a second one, which shows nothing."""
    sample.add_camera("Far", x=100.0)
    for frame, name in ((1001, "Camera"), (1003, "Far")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    return scene


def test_the_linear_colour_space_of_the_output_is_restored(playblast, scene):
    settings = scene.render.image_settings
    settings.file_format, settings.color_management = "OPEN_EXR", "OVERRIDE"
    names = settings.linear_colorspace_settings.bl_rna.properties["name"].enum_items.keys()
    other = next(name for name in names if name.startswith("ACES"))
    settings.linear_colorspace_settings.name = other
    playblast("1001")
    assert (settings.file_format, settings.linear_colorspace_settings.name) == ("OPEN_EXR", other)


def test_overridden_output_colours_do_not_change_the_image_and_are_restored(playblast, scene, sample):
    settings = scene.render.image_settings
    settings.color_management = "OVERRIDE"
    view = settings.view_settings
    view.view_transform, view.exposure = "Raw", -10.0
    assert sample.red_columns(playblast("1001").path(1001))
    assert (settings.color_management, view.view_transform, view.exposure) == ("OVERRIDE", "Raw", -10.0)


def test_display_device_and_white_balance_do_not_change_the_image_and_are_restored(playblast, scene):
    display, view = scene.display_settings, scene.view_settings
    first = sha256_of(playblast("1001", name="srgb").path(1001))
    display.display_device = other = "Display P3"
    view.view_transform, view.look = "AgX", "AgX - Punchy"
    # It came with Blender 4.3.
    if has_balance := hasattr(view, "use_white_balance"):
        view.use_white_balance, view.white_balance_temperature = True, 2500
    assert sha256_of(playblast("1001", name="other").path(1001)) == first
    assert (display.display_device, view.view_transform, view.look) == (other, "AgX", "AgX - Punchy")
    assert getattr(view, "use_white_balance", False) == has_balance


def test_an_empty_bound_to_a_marker_has_no_focal_length(host, scene, bpy, sample):
    scene.camera.data.type = "PERSP"
    for frame, item in ((1001, sample.add(bpy.data.objects.new("Empty", None))), (1002, scene.camera)):
        scene.timeline_markers.new(item.name, frame=frame).camera = item
    assert host.focal_lengths("timeline markers", FrameRange(1001, 1003)) == {1002: 50.0, 1003: 50.0}


def test_a_camera_deleted_during_the_capture_is_named_and_the_rest_is_restored(host, request_of, scene, bpy, sample):
    sample.add_camera("Other")
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


def test_the_named_scene_is_captured_while_another_is_active(request_of, scene, bpy, sample):
    from ft_dcc_blender.host import BlenderHost

    pressed = BlenderHost(scene.name)
    other = bpy.data.scenes.new("Other")
    pressed.remember_task("0b5a4f7e")
    assert "ft_dcc_task_id" not in other
    bpy.context.window.scene = other
    assert pressed.scene().sources == ("Camera",)
    bpy.context.window.scene = scene
    assert sample.red_columns(pressed.playblast(request_of("1001"), ignore).path(1001))
    bpy.context.window.scene = other
    bpy.data.scenes.remove(scene)
    with pytest.raises(CaptureFailed, match="The scene 'Scene' does not exist any more"):
        pressed.scene()


@pytest.mark.parametrize("is_another_file", [True, False])
def test_a_publish_never_captures_another_file_or_scene_of_the_same_name(
    scene, bpy, sample, session, project_task, small_shot, tmp_path, is_another_file
):
    from ft_dcc_blender.host import BlenderHost

    scene.render.fps_base = 1.001
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    request = PublishRequest(project_task["id"], "Camera", review=(), frame_range=FrameRange(1001, 1002))
    check = Publisher(session, BlenderHost(scene.name), jobs=tmp_path / "jobs").validate(request)
    if is_another_file:
        sample.build()
    elif not hasattr(scene, "session_uid"):
        pytest.skip("this Blender has no ids of data-blocks")
    else:
        scene.name, own = "Old", scene.copy()
        own.name = "Scene"
    with pytest.raises(CaptureFailed, match="Another file or scene has replaced the scene 'Scene'"):
        check.publish()
    assert session.query(f'AssetVersion where task_id is "{project_task["id"]}"').all() == []


def test_wide_pixels_have_the_shape_in_the_movie_that_the_camera_shows(host, playblast, scene, bpy, tmp_path):
    from ft_dcc.media import encode

    scene.render.pixel_aspect_x = 2.0
    assert host.scene().pixel_aspect == 2
    frames = playblast("1001")
    assert str(encode(frames, tmp_path / "a.mp4").resolution) == "128x36"
    # The file's own value agrees, except that Blender 4.2 writes square pixels.
    from_file = encode(attrs.evolve(frames, pixel_aspect=None), tmp_path / "b.mp4")
    assert str(from_file.resolution) == ("128x36" if bpy.app.version >= (4, 3) else "64x36")


def own_channel(cube, bpy):
    return cube, "location", (7.5, 0.25, 0.125)


def float_property(cube, bpy):
    cube["weight"] = 1.0
    return cube, '["weight"]', 0.25


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
    material = cube.data.materials[0]
    if material.node_tree is None:
        material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeValue")
    return material.node_tree, f'nodes["{node.name}"].outputs[0].default_value', 0.75


def compositor_node(cube, bpy):
    scene = bpy.context.scene
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Comp", "CompositorNodeTree")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
    node = tree.nodes.new("CompositorNodeBlur")
    return tree, f'nodes["{node.name}"].inputs["Size"].default_value', None


KEYED = (
    *(own_channel, float_property, bool_property, int_array_property, property_with_dots_and_quotes),
    *(property_of_a_modifier, property_of_a_bone, enumeration, switch, material_node, compositor_node),
)
IN_NLA = (own_channel, bool_property, material_node)


@pytest.mark.parametrize(
    ("kind", "is_in_nla"),
    [*((kind, False) for kind in KEYED), *((kind, True) for kind in IN_NLA)],
    ids=lambda each: getattr(each, "__name__", "nla" if each else "action"),
)
def test_an_unkeyed_change_of_a_keyed_channel_is_kept(playblast, scene, bpy, kind, is_in_nla):
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
    playblast("1001-1003")
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


def test_a_handler_that_saves_at_each_frame_change_ends_the_capture(playblast, bpy, state, tmp_path):
    def save(*_):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)

    before = state()
    bpy.app.handlers.frame_change_post.append(save)
    try:
        with pytest.raises(CaptureFailed, match="A script of the scene saves the file at frame 1001"):
            playblast("1001-1003")
    finally:
        bpy.app.handlers.frame_change_post.remove(save)
    assert state() == before


def test_a_handler_that_sets_the_camera_does_not_change_the_movie(playblast, scene, bpy, sample):
    far = sample.add_camera("Far", x=100.0)

    def switch(changed, *_):
        changed.camera = far

    for handlers in (bpy.app.handlers.frame_change_pre, bpy.app.handlers.frame_change_post):
        handlers.append(switch)
        try:
            frames = playblast("1001-1002", name=f"shot{len(handlers)}")
        finally:
            handlers.remove(switch)
        assert all(sample.red_columns(frames.path(frame)) for frame in (1001, 1002))


def test_a_handler_that_deletes_the_camera_of_a_marker_leaves_the_other_markers_bound(cut, playblast, bpy):
    def delete(*_):
        if "Far" in cut.objects:
            bpy.data.objects.remove(cut.objects["Far"])

    bpy.app.handlers.frame_change_post.append(delete)
    try:
        playblast("1001-1002", source="Camera")
    finally:
        bpy.app.handlers.frame_change_post.remove(delete)
    assert [marker.camera and marker.camera.name for marker in cut.timeline_markers] == ["Camera", None]


def test_a_capture_while_blender_renders_is_refused(bpy, monkeypatch):
    from ft_dcc_blender.scene import blender_compat

    app = SimpleNamespace(is_job_running=lambda kind: kind == "RENDER")
    monkeypatch.setattr(blender_compat, "bpy", SimpleNamespace(app=app))
    with pytest.raises(CaptureFailed, match="Blender is rendering"):
        blender_compat.require_drawing()
