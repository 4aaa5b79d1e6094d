import sys

import pytest
from doubles.shots import ignore

from ft_dcc.errors import CameraMissing, CaptureFailed, SettingInvalid, StorageError
from ft_dcc.frames import Resolution


def test_the_images_show_the_animation(playblast, sample):
    frames = playblast("1001-1012")
    first, last = sample.red_columns(frames.path(1001)), sample.red_columns(frames.path(1012))
    # The cube is 2 of the camera's 10 units wide, 12.8 of 64 pixels, and its middle moves from pixel 12.8 to 51.2.
    assert (min(first), max(first)) == (6, 18)
    assert (min(last), max(last)) == (45, 57)


def test_markers_do_not_switch_the_named_camera(playblast, scene, state, sample):
    sample.add_camera("Far", x=100.0)
    for frame, name in ((1001, "Camera"), (1004, "Far")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    before = state()
    frames = playblast("1001-1006")
    assert all(sample.red_columns(frames.path(frame)) for frame in frames.frame_range)
    assert state() == before


def test_a_hidden_camera_can_be_captured(playblast, scene, bpy, sample):
    attic = bpy.data.collections.new("Attic")
    scene.collection.children.link(attic)
    attic.objects.link(scene.camera)
    scene.collection.objects.unlink(scene.camera)
    bpy.context.view_layer.layer_collection.children["Attic"].exclude = True
    scene.camera.hide_render = scene.camera.hide_viewport = True
    assert sample.red_columns(playblast("1001").path(1001))


def test_a_camera_that_was_renamed_is_named_in_the_error(playblast, scene):
    scene.camera.name = "shot_cam"
    with pytest.raises(CameraMissing, match=r"no camera 'Camera'\. Choose one of: shot_cam\."):
        playblast()


def test_a_scene_without_a_camera_raises_camera_missing(playblast, scene, bpy):
    bpy.data.objects.remove(scene.camera)
    with pytest.raises(CameraMissing, match="has no camera"):
        playblast()


def test_a_size_that_blender_would_round_up_is_rejected(playblast):
    with pytest.raises(SettingInvalid, match="cannot draw 3x36"):
        playblast("1001", resolution=Resolution(3, 36))


def test_border_stamp_views_and_movie_format_do_not_change_the_image(playblast, scene, state, sample):
    render = scene.render
    render.use_border = render.use_crop_to_border = render.use_stamp = render.use_multiview = True
    render.border_min_x, render.border_max_x = 0.4, 0.6
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "QUICKTIME", "PNG"
    before = state()
    frames = playblast("1001-1002")
    assert len(sample.pixels(frames.path(1002))[0]) == 64 and sample.red_columns(frames.path(1002))
    assert state() == before


def change_everything(bpy, scene):
    """Make everything differ from what a playblast needs."""
    scene.frame_set(1005, subframe=0.25)
    scene.render.engine, scene.render.filepath = "CYCLES", "//renders/shot_####"
    scene.render.film_transparent = True
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
    settings.exr_codec = "DWAA"
    scene.display.shading.light, scene.display.shading.show_xray = "FLAT", True
    scene.view_settings.view_transform, scene.view_settings.exposure = "AgX", 1.5
    scene.view_settings.look = "AgX - Punchy"
    scene.objects["Cube"].select_set(True)
    bpy.context.view_layer.objects.active = scene.objects["Cube"]
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1003, 1004
    scene.frame_step = 3


def test_the_scene_is_restored_after_a_capture_and_after_a_failure(host, request_of, scene, bpy, state):
    change_everything(bpy, scene)
    before, request = state(), request_of("1001-1012")
    assert (host.playblast(request, lambda frame: None).missing(), state()) == ((), before)

    def block_the_next(frame):
        (request.directory / f"shot.{frame + 1:04d}.png").unlink()
        (request.directory / f"shot.{frame + 1:04d}.png").mkdir()

    with pytest.raises(StorageError, match=r"shot\.1002\.png cannot be replaced"):
        host.playblast(request, block_the_next)
    assert state() == before


def test_an_image_contains_no_file_name_or_date(playblast, bpy, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "secret_project.blend"))
    content = playblast("1001").path(1001).read_bytes()
    assert b"secret_project" not in content and b"Date" not in content


def test_a_full_disk_is_reported_and_the_scene_is_restored(playblast, scene, state, tmp_path, mounting):
    before, disk = state(), mounting(tmp_path / "disk", "size=64k")
    with pytest.raises(StorageError, match="No space left on device"):
        (disk / "ballast").write_bytes(bytes(52 * 1024))
        playblast(directory=disk, resolution=Resolution(320, 180))
    assert state() == before


def test_an_existing_image_is_replaced(host, request_of):
    request = request_of("1001")
    request.directory.mkdir()
    (request.directory / "shot.1001.png").write_bytes(b"old")
    assert host.playblast(request, ignore).path(1001).stat().st_size > 100


def test_a_missing_library_does_not_stop_the_capture(host, playblast, scene, bpy, tmp_path, sample):
    from ft_dcc_blender.host import BlenderHost

    library, shot = tmp_path / "library.blend", tmp_path / "shot.blend"
    sample.add_camera("Layout camera")
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    sample.build()
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.objects = ["Layout camera"]
    sample.add(linked.objects[0])
    assert BlenderHost().scene().sources == ("Camera", "Layout camera [library.blend]")
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    library.unlink()
    assert BlenderHost.open(shot).scene().sources == ("Camera",)
    assert sample.red_columns(playblast("1001").path(1001))


def test_a_missing_egl_library_is_reported(playblast, monkeypatch):
    from ft_dcc_blender.scene import blender_compat

    if not sys.platform.startswith("linux"):
        pytest.skip("EGL is asked for on Linux only")
    monkeypatch.setattr(blender_compat, "EGL", "libEGL-of-nobody.so.1")
    with pytest.raises(CaptureFailed, match=r"cannot draw without libEGL-of-nobody\.so\.1"):
        playblast()


def test_an_invalid_look_is_rejected_before_anything_is_drawn(playblast):
    with pytest.raises(SettingInvalid, match="Unknown setting of a look: sparkle"):
        playblast(look={"sparkle": True})
    with pytest.raises(SettingInvalid, match=r"look\.colours cannot be 'RAINBOW'"):
        playblast(look={"colours": "RAINBOW"})


def test_capturing_prints_nothing(playblast, capfd):
    playblast("1001-1002")
    assert capfd.readouterr().out == ""


def test_closing_the_scene_during_the_capture_raises_capture_failed(host, request_of, bpy):
    def close(frame):
        bpy.ops.wm.read_factory_settings(use_empty=True)

    with pytest.raises(CaptureFailed, match="The scene was closed or undone during the capture"):
        host.playblast(request_of("1001-1003"), close)


def test_the_markers_are_a_source_that_switches_cameras(host, playblast, scene, state, sample):
    sample.add_camera("Far", x=100.0)
    for frame, name in ((1003, "Camera"), (1005, "Far"), (1007, "Camera")):
        scene.timeline_markers.new(name, frame=frame).camera = scene.objects[name]
    scene.timeline_markers.new("only a name", frame=1004)
    scene.frame_set(1005)
    scene.camera = sample.add_camera("Own")
    before = state()
    assert host.scene().sources == ("timeline markers", "Own", "Camera", "Far")
    frames = playblast("1001-1008", source="timeline markers")
    # Before the first marker its camera is used; the camera "Far" shows nothing.
    seen = [frame for frame in frames.frame_range if sample.red_columns(frames.path(frame))]
    assert seen == [1001, 1002, 1003, 1004, 1007, 1008]
    assert state() == before


def test_without_bound_markers_there_is_no_markers_source(host, playblast, scene):
    scene.timeline_markers.new("only a name", frame=1004)
    assert host.scene().sources == ("Camera",)
    with pytest.raises(CameraMissing, match="no camera 'timeline markers'"):
        playblast("1001", source="timeline markers")


@pytest.mark.parametrize("kind", ["curve", "text", "grease_pencil"])
def test_curves_text_and_grease_pencil_are_in_the_image(playblast, scene, bpy, kind, sample):
    bpy.data.objects.remove(scene.objects["Cube"])
    empty = sample.pixels(playblast("1001", name="empty").path(1001))
    getattr(sample, f"add_{kind}")()
    seen = sample.pixels(playblast("1001", name="seen").path(1001))
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


def test_the_look_can_draw_a_stamp(playblast, scene, sample):
    size = Resolution(320, 180)
    scene.render.use_stamp_note, scene.render.stamp_note_text = True, "for review"
    plain = sample.pixels(playblast("1001", resolution=size, name="plain").path(1001))
    look = {"samples": "OFF", "stamp": True}
    stamped = sample.pixels(playblast("1001", resolution=size, look=look).path(1001))
    assert sum(a != b for before, after in zip(plain, stamped) for a, b in zip(before, after)) > 100
    assert not scene.render.use_stamp


def test_the_look_can_keep_the_colours_of_the_scene(playblast, scene, sample):
    scene.view_settings.exposure = 3.0
    plain, bright = (
        sample.pixels(playblast("1001", look=look, name=name).path(1001))[18][12]
        for name, look in (("plain", {"samples": "OFF"}), ("bright", {"samples": "OFF", "scene_colours": True}))
    )
    assert sum(bright) > sum(plain) + 60


def test_viewport_shading_needs_a_3d_view(playblast, state):
    before = state()
    with pytest.raises(CaptureFailed, match="No 3D view is open"):
        playblast("1001", look={"shading": "VIEWPORT"})
    assert state() == before


def test_rendered_shading_uses_the_engine_of_the_scene(playblast, scene, state, sample):
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.color_type, scene.display.shading.single_color = "SINGLE", (0.0, 1.0, 0.0)
    before = state()
    assert sample.red_columns(playblast("1001", look={"samples": "OFF", "shading": "RENDERED"}).path(1001))
    assert state() == before


@pytest.fixture
def apply(scene):
    from ft_dcc_blender.scene.look import Look, applied_look

    return lambda **settings: applied_look(Look.from_request(settings), scene)


def test_the_default_look_has_material_colours_in_even_light(apply, scene):
    shading = scene.display.shading
    with apply():
        assert (shading.color_type, shading.light, shading.studio_light) == ("MATERIAL", "STUDIO", "paint.sl")
        assert (scene.view_settings.view_transform, scene.view_settings.look) == ("Standard", "None")
        assert (scene.display.render_aa, scene.render.film_transparent) == ("FXAA", False)


def test_the_settings_of_a_look_are_applied(apply, scene):
    with apply(colours="OBJECT", light="MATCAP", samples="16", shadows=False, view_transform="AgX", transparent=True):
        shading = scene.display.shading
        assert (shading.color_type, shading.light, shading.show_shadows) == ("OBJECT", "MATCAP", False)
        assert (scene.display.render_aa, scene.view_settings.view_transform) == ("16", "AgX")
        assert scene.render.film_transparent


def test_a_default_that_the_colour_configuration_lacks_is_skipped(scene):
    from ft_dcc_blender.scene.look import _optional_setting

    with _optional_setting(scene, "view_settings", "view_transform", None, "Rec.1886 of a studio"):
        assert scene.view_settings.view_transform == "AgX"


@pytest.mark.parametrize("settings", [{"view_transform": "Kodak"}, {"studio_light": "candle"}])
def test_an_unavailable_value_is_named_in_the_error(apply, state, settings):
    before = state()
    with (
        pytest.raises(SettingInvalid, match=r"cannot be '(Kodak|candle)': this Blender does not have it"),
        apply(**settings),
    ):
        pass
    assert state() == before


def test_a_transparent_image_has_an_alpha_channel(playblast):
    frames = playblast("1001", look={"transparent": True})
    # The byte after the size and the depth is the colour type; 6 is RGB with alpha (PNG, 11.2.1).
    assert frames.path(1001).read_bytes()[25] == 6
