"""Sources of a scene beside its cameras: the sequencer's edit, a turntable, and rendered files."""

from __future__ import annotations

import pytest

from ft_dcc.errors import CameraMissing
from ft_dcc.frames import Resolution


def ignore(frame):
    pass


def add_colour_strip(scene, colour, start, end):
    import bpy

    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    length = {"length": end - start} if bpy.app.version >= (5, 0) else {"frame_end": end}
    strip = strips.new_effect("Colour", "COLOR", 1, start, **length)
    strip.color = colour
    return strip


def test_the_edit_of_the_sequencer_is_a_source(host, request_of, scene, state):
    from blender.sample_scene import pixels

    assert host.scene().sources == ("Camera",)
    add_colour_strip(scene, (0.0, 1.0, 0.0), 1001, 1003)
    before = state()
    assert host.scene().sources == ("Camera", "sequencer edit")
    frames = host.playblast(request_of("1001-1003", source="sequencer edit"), ignore)
    middles = [pixels(frames.path(frame))[18][32] for frame in frames.frame_range]
    assert [red < 60 < green for red, green, _ in middles] == [True, True, False]
    assert (state(), host.focal_lengths("sequencer edit", frames.frame_range)) == (before, {})


def test_the_edit_is_captured_in_the_requested_size(host, request_of, scene):
    from blender.sample_scene import pixels

    add_colour_strip(scene, (0.0, 1.0, 0.0), 1001, 1003)
    request = request_of("1001", source="sequencer edit", resolution=Resolution(32, 18))
    rows = pixels(host.playblast(request, ignore).path(1001))
    assert (len(rows[0]), len(rows)) == (32, 18)


def test_a_turntable_goes_around_the_active_object_alone(host, request_of, scene, bpy, state):
    from blender import sample_scene

    cube = scene.objects["Cube"]
    side = sample_scene.add_cube("Side", colour=(0.0, 1.0, 0.0, 1.0))
    side.parent, side.location, side.scale = cube, (2.0, 0, 0), (0.5, 0.5, 0.5)
    sample_scene.add_cube("Other").location = (0, 0, 4)
    bpy.context.view_layer.objects.active = cube
    cube.select_set(True)
    before = state()
    assert host.scene().sources[-1] == "turntable of Cube"
    request = request_of("1-4", source="turntable of Cube", look={"samples": "OFF", "light": "FLAT"})
    frames = host.playblast(request, ignore)
    widths = []
    for frame in frames.frame_range:
        rows = sample_scene.pixels(frames.path(frame))
        green = [x for row in rows for x in range(64) if row[x][1] > 90 and row[x][0] < 80]
        red = [x for row in rows for x in range(64) if row[x][0] > 90 and row[x][1] < 80]
        assert red and min(red) > 0 and max(red) < 63
        widths.append(len(green) and sum(green) / len(green) - sum(red) / len(red))
    # The smaller cube is at the right, then in front or behind, at the left, and behind or in front.
    assert widths[0] > 5 and widths[2] < -5
    assert (state(), "ft-dcc turntable" in bpy.data.objects, len(bpy.data.scenes)) == (before, False, 1)
    assert "ft-dcc turntable" not in bpy.data.cameras


def test_a_turntable_of_a_missing_object_is_reported(host, request_of):
    with pytest.raises(CameraMissing, match="no object 'Chair' for a turntable"):
        host.playblast(request_of("1-4", source="turntable of Chair"), ignore)


@pytest.mark.parametrize("name", ["shot_", "shot_######", "take 1 of 3 - "])
def test_rendered_frames_are_a_source_with_existing_files(host, scene, bpy, tmp_path, name):
    from blender.sample_scene import red_columns

    scene.render.filepath = str(tmp_path / name)
    assert host.scene().sources == ("Camera",)
    scene.render.engine, scene.frame_start, scene.frame_end = "BLENDER_WORKBENCH", 1001, 1002
    scene.display.shading.color_type = "MATERIAL"
    bpy.ops.render.render(animation=True)
    assert host.scene().sources == ("Camera", "rendered files")
    footage = host.footage("rendered files")
    assert (str(footage.frame_range), host.footage("Camera")) == ("1001-1002", None)
    from ft_dcc.frames import Frames

    frames = Frames(footage.pattern, footage.frame_range, host.scene().fps, Resolution(64, 36))
    assert frames.missing() == () and red_columns(frames.path(1001))


def test_a_rendered_movie_is_a_source(host, scene, tmp_path):
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format, scene.render.ffmpeg.format = "FFMPEG", "MPEG4"
    scene.render.filepath = str(tmp_path / "movie")
    (tmp_path / "movie1001-1012.mp4").write_bytes(b"a movie")
    assert host.footage("rendered files").pattern == str(tmp_path / "movie1001-1012.mp4")
