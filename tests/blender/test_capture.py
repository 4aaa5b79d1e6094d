from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ft_dcc.errors import CameraMissing, CaptureFailed, SettingInvalid, StorageError
from ft_dcc.frames import Resolution


def ignore(frame):
    pass


def test_the_images_show_the_animation(host, request_of):
    from blender.sample_scene import red_columns

    frames = host.playblast(request_of("1001-1012"), ignore)
    first, last = red_columns(frames.path(1001)), red_columns(frames.path(1012))
    # The cube is 2 of the camera's 10 units wide, 12.8 of 64 pixels, and its middle moves from pixel 12.8 to 51.2.
    assert (min(first), max(first)) == (6, 18)
    assert (min(last), max(last)) == (45, 57)


def test_markers_do_not_switch_the_named_camera(host, request_of, scene, state):
    from blender import sample_scene

    sample_scene.add_camera("Far", x=100.0)
    for frame, name in ((1001, "Camera"), (1004, "Far")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    before = state()
    frames = host.playblast(request_of("1001-1006"), ignore)
    assert all(sample_scene.red_columns(frames.path(frame)) for frame in frames.frame_range)
    assert state() == before


def test_a_hidden_camera_can_be_captured(host, request_of, scene, bpy):
    from blender.sample_scene import red_columns

    attic = bpy.data.collections.new("Attic")
    scene.collection.children.link(attic)
    attic.objects.link(scene.camera)
    scene.collection.objects.unlink(scene.camera)
    bpy.context.view_layer.layer_collection.children["Attic"].exclude = True
    scene.camera.hide_render = scene.camera.hide_viewport = True
    frames = host.playblast(request_of("1001"), ignore)
    assert red_columns(frames.path(1001))


def test_a_camera_that_was_renamed_is_named_in_the_error(host, request_of, scene):
    scene.camera.name = "shot_cam"
    with pytest.raises(CameraMissing, match=r"no camera 'Camera'\. Choose one of: shot_cam\."):
        host.playblast(request_of(), ignore)


def test_a_scene_without_a_camera_raises_camera_missing(host, request_of, scene, bpy):
    bpy.data.objects.remove(scene.camera)
    with pytest.raises(CameraMissing, match="has no camera"):
        host.playblast(request_of(), ignore)


def test_a_size_that_blender_would_round_up_is_rejected(host, request_of):
    with pytest.raises(SettingInvalid, match="cannot draw 3x36"):
        host.playblast(request_of("1001", resolution=Resolution(3, 36)), ignore)


def test_border_stamp_views_and_movie_format_do_not_change_the_image(host, request_of, scene, state):
    from blender.sample_scene import pixels, red_columns

    render = scene.render
    render.use_border = render.use_crop_to_border = render.use_stamp = render.use_multiview = True
    render.border_min_x, render.border_max_x = 0.4, 0.6
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "QUICKTIME", "PNG"
    before = state()
    frames = host.playblast(request_of("1001-1002"), ignore)
    assert len(pixels(frames.path(1002))[0]) == 64 and red_columns(frames.path(1002))
    assert state() == before


def test_the_image_format_is_restored(host, request_of, scene, state):
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
    settings.exr_codec = "DWAA"
    before = state()
    host.playblast(request_of("1001"), ignore)
    assert state() == before


def change_everything(bpy, scene):
    """Make everything differ from what a playblast needs."""
    scene.frame_set(1005, subframe=0.25)
    scene.render.engine, scene.render.filepath = "CYCLES", "//renders/shot_####"
    scene.render.film_transparent = True
    scene.display.shading.light, scene.display.shading.show_xray = "FLAT", True
    scene.view_settings.view_transform, scene.view_settings.exposure = "AgX", 1.5
    scene.view_settings.look = "AgX - Punchy"
    scene.objects["Cube"].select_set(True)
    bpy.context.view_layer.objects.active = scene.objects["Cube"]
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1003, 1004
    scene.frame_step = 3


def test_the_scene_is_restored_after_a_capture(host, request_of, scene, bpy, state):
    change_everything(bpy, scene)
    before = state()
    frames = host.playblast(request_of("1001-1012"), ignore)
    assert (frames.missing(), state()) == ((), before)


def test_the_scene_is_restored_after_a_failure(host, request_of, scene, bpy, state):
    change_everything(bpy, scene)
    before, request = state(), request_of("1001-1012")

    def block_the_next(frame):
        (request.directory / f"shot.{frame + 1:04d}.png").mkdir()

    with pytest.raises(StorageError, match=r"shot\.1002\.png cannot be replaced"):
        host.playblast(request, block_the_next)
    assert state() == before


def test_an_image_contains_no_file_name_or_date(host, request_of, bpy, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "secret_project.blend"))
    content = host.playblast(request_of("1001"), ignore).path(1001).read_bytes()
    assert b"secret_project" not in content and b"Date" not in content


def test_a_folder_that_cannot_be_created_is_reported_before_anything_is_drawn(host, request_of, tmp_path, state):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    before = state()
    with pytest.raises(StorageError, match=r"file.frames cannot be created"):
        host.playblast(request_of(directory=tmp_path / "file" / "frames"), ignore)
    assert state() == before


@contextmanager
def small_disk(folder, size):
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or mount is None or unmount is None:
        pytest.skip("a small disk can be mounted on Linux only")
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([unmount, str(folder)], check=True)


def test_a_full_disk_is_reported_and_the_scene_is_restored(host, request_of, scene, state, tmp_path):
    before = state()
    with small_disk(tmp_path / "disk", "64k") as disk, pytest.raises(StorageError, match="No space left on device"):
        (disk / "ballast").write_bytes(bytes(52 * 1024))
        host.playblast(request_of(directory=disk, resolution=Resolution(320, 180)), ignore)
    assert state() == before


def test_an_existing_image_is_replaced(host, request_of):
    request = request_of("1001")
    request.directory.mkdir()
    (request.directory / "shot.1001.png").write_bytes(b"old")
    frames = host.playblast(request, ignore)
    assert frames.path(1001).stat().st_size > 100


@pytest.mark.parametrize("folder", ["with space", "brace {x}", "hash ####", "über", "percent 50%"])
def test_special_characters_in_the_folder_name_are_kept(host, request_of, tmp_path, folder):
    frames = host.playblast(request_of("1001", directory=tmp_path / folder), ignore)
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["shot.1001.png"]
    assert frames.missing() == ()


def test_the_scene_of_the_active_window_is_captured(host, request_of, bpy):
    from blender import sample_scene

    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    with pytest.raises(CameraMissing, match="'Other' has no camera"):
        host.playblast(request_of("1"), ignore)
    other.camera = sample_scene.add_camera("Empty stage")
    frames = host.playblast(request_of("1", source="Empty stage"), ignore)
    assert sample_scene.red_columns(frames.path(1)) == []


def test_a_missing_library_does_not_stop_the_capture(host, request_of, scene, bpy, tmp_path):
    from blender import sample_scene
    from ft_dcc_blender.host import BlenderHost

    library, shot = tmp_path / "library.blend", tmp_path / "shot.blend"
    sample_scene.add_camera("Layout camera")
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    sample_scene.build()
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.objects = ["Layout camera"]
    sample_scene.add(linked.objects[0])
    assert BlenderHost().scene().sources == ("Camera", "Layout camera [library.blend]")
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    library.unlink()
    host = BlenderHost.open(shot)
    assert host.scene().sources == ("Camera",)
    frames = host.playblast(request_of("1001"), ignore)
    assert sample_scene.red_columns(frames.path(1001))


def test_a_missing_egl_library_is_reported(host, request_of, monkeypatch):
    from ft_dcc_blender.scene import blender_compat

    if not sys.platform.startswith("linux"):
        pytest.skip("EGL is asked for on Linux only")
    monkeypatch.setattr(blender_compat, "EGL", "libEGL-of-nobody.so.1")
    with pytest.raises(CaptureFailed, match=r"cannot draw without libEGL-of-nobody\.so\.1"):
        host.playblast(request_of(), ignore)


def test_an_invalid_look_is_rejected_before_anything_is_drawn(host, request_of):
    with pytest.raises(SettingInvalid, match="Unknown setting of a look: sparkle"):
        host.playblast(request_of(look={"sparkle": True}), ignore)
    with pytest.raises(SettingInvalid, match=r"look\.colours cannot be 'RAINBOW'"):
        host.playblast(request_of(look={"colours": "RAINBOW"}), ignore)


def test_capturing_prints_nothing(host, request_of, capfd):
    host.playblast(request_of("1001-1002"), ignore)
    assert capfd.readouterr().out == ""


def test_closing_the_scene_during_the_capture_raises_capture_failed(host, request_of, bpy):
    def close(frame):
        bpy.ops.wm.read_factory_settings(use_empty=True)

    with pytest.raises(CaptureFailed, match="The scene was closed or undone during the capture"):
        host.playblast(request_of("1001-1003"), close)


def test_the_markers_are_a_source_that_switches_cameras(host, request_of, scene, state):
    from blender import sample_scene

    sample_scene.add_camera("Far", x=100.0)
    for frame, name in ((1003, "Camera"), (1005, "Far"), (1007, "Camera")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    scene.timeline_markers.new("only a name", frame=1004)
    before = state()
    assert host.scene().sources == ("timeline markers", "Camera", "Far")
    frames = host.playblast(request_of("1001-1008", source="timeline markers"), ignore)
    # Before the first marker its camera is used; the camera "Far" shows nothing.
    seen = [frame for frame in frames.frame_range if sample_scene.red_columns(frames.path(frame))]
    assert seen == [1001, 1002, 1003, 1004, 1007, 1008]
    assert state() == before


def test_without_bound_markers_there_is_no_markers_source(host, request_of, scene):
    scene.timeline_markers.new("only a name", frame=1004)
    assert host.scene().sources == ("Camera",)
    with pytest.raises(CameraMissing, match="no camera 'timeline markers'"):
        host.playblast(request_of("1001", source="timeline markers"), ignore)


@pytest.mark.parametrize("kind", ["curve", "text", "grease_pencil"])
def test_curves_text_and_grease_pencil_are_in_the_image(host, request_of, scene, bpy, kind):
    from blender import sample_scene

    bpy.data.objects.remove(scene.objects["Cube"])
    empty = sample_scene.pixels(host.playblast(request_of("1001", name="empty"), ignore).path(1001))
    getattr(sample_scene, f"add_{kind}")()
    seen = sample_scene.pixels(host.playblast(request_of("1001", name="seen"), ignore).path(1001))
    different = [
        (x, y)
        for y, rows in enumerate(zip(empty, seen))
        for x, (before, after) in enumerate(zip(*rows))
        if before != after
    ]
    # Each is about six of the camera's ten units wide, 38 of 64 pixels, and centred.
    columns, lines = {x for x, _ in different}, {y for _, y in different}
    assert len(different) > 60
    assert (min(columns) < 22, max(columns) > 42, min(lines) < 18 <= max(lines)) == (True, True, True)


def test_the_look_can_draw_a_stamp(host, request_of, scene):
    from blender import sample_scene

    size = Resolution(320, 180)
    scene.render.use_stamp_note, scene.render.stamp_note_text = True, "for review"
    plain = sample_scene.pixels(host.playblast(request_of("1001", resolution=size, name="plain"), ignore).path(1001))
    look = {"samples": "OFF", "stamp": True}
    stamped = sample_scene.pixels(host.playblast(request_of("1001", resolution=size, look=look), ignore).path(1001))
    assert sum(a != b for before, after in zip(plain, stamped) for a, b in zip(before, after)) > 100
    assert not scene.render.use_stamp


def test_the_look_can_keep_the_colours_of_the_scene(host, request_of, scene):
    from blender import sample_scene

    scene.view_settings.exposure = 3.0
    own = {"samples": "OFF", "scene_colours": True}
    plain, bright = (
        sample_scene.pixels(host.playblast(request_of("1001", look=look, name=name), ignore).path(1001))[18][12]
        for name, look in (("plain", {"samples": "OFF"}), ("bright", own))
    )
    assert sum(bright) > sum(plain) + 60


def test_viewport_shading_needs_a_3d_view(host, request_of, state):
    before = state()
    with pytest.raises(CaptureFailed, match="No 3D view is open"):
        host.playblast(request_of("1001", look={"shading": "VIEWPORT"}), ignore)
    assert state() == before


def test_rendered_shading_uses_the_engine_of_the_scene(host, request_of, scene, state):
    from blender.sample_scene import red_columns

    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.color_type, scene.display.shading.single_color = "SINGLE", (0.0, 1.0, 0.0)
    before = state()
    frames = host.playblast(request_of("1001", look={"samples": "OFF", "shading": "RENDERED"}), ignore)
    assert red_columns(frames.path(1001))
    assert state() == before
