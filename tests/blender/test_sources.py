"""Sources of a scene beside its cameras: the sequencer's edit, a turntable, and rendered files."""

import pytest

from ft_dcc.errors import CameraMissing, CaptureFailed
from ft_dcc.frames import Resolution


def ignore(frame):
    pass


def test_the_edit_of_the_sequencer_is_a_source(host, playblast, strips, state, sample):
    assert host.scene().sources == ("Camera",)
    sample.add_colour_strip(strips, (0.0, 1.0, 0.0), 1001, 1003)
    before = state()
    assert host.scene().sources == ("Camera", "sequencer edit")
    frames = playblast("1001-1003", source="sequencer edit")
    middles = [sample.pixels(frames.path(frame))[18][32] for frame in frames.frame_range]
    assert [red < 60 < green for red, green, _ in middles] == [True, True, False]
    assert (state(), host.focal_lengths("sequencer edit", frames.frame_range)) == (before, {})


def test_the_edit_is_captured_in_the_requested_size(playblast, strips, sample):
    sample.add_colour_strip(strips, (0.0, 1.0, 0.0), 1001, 1003)
    rows = sample.pixels(playblast("1001", source="sequencer edit", resolution=Resolution(32, 18)).path(1001))
    assert (len(rows[0]), len(rows)) == (32, 18)


def test_a_turntable_goes_around_the_active_object_alone(host, request_of, scene, bpy, state, sample):
    cube = scene.objects["Cube"]
    side = sample.add_cube("Side", colour=(0.0, 1.0, 0.0, 1.0))
    side.parent, side.location, side.scale = cube, (2.0, 0, 0), (0.5, 0.5, 0.5)
    sample.add_cube("Other").location = (0, 0, 4)
    bpy.context.view_layer.objects.active = cube
    cube.select_set(True)
    before = state()
    assert host.scene().sources[-1] == "turntable of Cube"
    request = request_of("1-4", source="turntable of Cube", look={"samples": "OFF", "light": "FLAT"})
    frames = host.playblast(request, ignore)
    widths = []
    for frame in frames.frame_range:
        rows = sample.pixels(frames.path(frame))
        green = [x for row in rows for x in range(64) if row[x][1] > 90 and row[x][0] < 80]
        red = [x for row in rows for x in range(64) if row[x][0] > 90 and row[x][1] < 80]
        assert red and min(red) > 0 and max(red) < 63
        widths.append(len(green) and sum(green) / len(green) - sum(red) / len(red))
    # The smaller cube is at the right, then in front or behind, at the left, and behind or in front.
    assert widths[0] > 5 and widths[2] < -5
    assert (state(), "ft-dcc turntable" in bpy.data.objects, len(bpy.data.scenes)) == (before, False, 1)
    assert "ft-dcc turntable" not in bpy.data.cameras


def instance_of(collection, name, bpy):
    from blender import sample_scene

    item = sample_scene.add(bpy.data.objects.new(name, None))
    item.instance_type, item.instance_collection = "COLLECTION", collection
    return item


def asset(bpy):
    from blender import sample_scene

    box = sample_scene.add_cube("Box")
    box.scale, box.location = (3, 2, 2), (20, 0, 0)
    bpy.context.scene.collection.objects.unlink(box)
    collection = bpy.data.collections.new("Asset")
    collection.objects.link(box)
    return collection


def collection_instance(bpy):
    return instance_of(asset(bpy), "Item", bpy)


def instance_in_an_instance(bpy):
    inner = instance_of(asset(bpy), "Inner", bpy)
    bpy.context.scene.collection.objects.unlink(inner)
    outer = bpy.data.collections.new("Outer")
    outer.objects.link(inner)
    return instance_of(outer, "Item", bpy)


def parent_of_an_instance(bpy):
    from blender import sample_scene

    item = sample_scene.add(bpy.data.objects.new("Item", None))
    instance_of(asset(bpy), "Child", bpy).parent = item
    return item


@pytest.mark.parametrize("kind", [collection_instance, instance_in_an_instance, parent_of_an_instance])
def test_a_turntable_of_an_instance_shows_the_whole_asset(host, request_of, scene, bpy, state, tmp_path, kind, sample):
    from doubles.numbered_images import run_ffmpeg

    from ft_dcc.media import encode

    item = kind(bpy)
    item.location = (0, 0, 7)
    bpy.context.view_layer.objects.active = item
    item.select_set(True)
    before = state()
    assert host.scene().sources[-1] == "turntable of Item"
    request = request_of("1-4", source="turntable of Item", look={"samples": "OFF", "light": "FLAT"})
    movie = encode(host.playblast(request, ignore), tmp_path / "movie.mp4")
    run_ffmpeg("-i", movie.path, tmp_path / "decoded.%d.png")
    for number in range(1, 5):
        columns = sample.red_columns(tmp_path / f"decoded.{number}.png")
        assert len(columns) > 10 and min(columns) > 0 and max(columns) < 63
    assert state() == before


def test_a_turntable_of_nothing_visible_is_not_offered_and_refused(host, playblast, scene, bpy, state, sample):
    item = sample.add(bpy.data.objects.new("Nothing", None))
    cube = scene.objects["Cube"]
    bpy.context.view_layer.objects.active = item
    item.select_set(True)
    assert host.scene().sources == ("Camera",)
    with pytest.raises(CameraMissing, match="Nothing has no geometry that a turntable can show"):
        playblast("1-4", source="turntable of Nothing")
    cube.hide_viewport = True
    before = state()
    with pytest.raises(CaptureFailed, match="Nothing of Cube is visible"):
        playblast("1-4", source="turntable of Cube")
    assert state() == before


def test_a_turntable_of_a_missing_object_is_reported(playblast):
    with pytest.raises(CameraMissing, match="no object 'Chair' for a turntable"):
        playblast("1-4", source="turntable of Chair")


@pytest.mark.parametrize("name", ["shot_", "shot_######", "take 1 of 3 - "])
def test_rendered_frames_are_a_source_with_existing_files(host, scene, bpy, tmp_path, name, sample):
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
    assert frames.missing() == () and sample.red_columns(frames.path(1001))


def test_a_rendered_movie_is_a_source(host, scene, tmp_path):
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format, scene.render.ffmpeg.format = "FFMPEG", "MPEG4"
    scene.render.filepath = str(tmp_path / "movie")
    (tmp_path / "movie1001-1012.mp4").write_bytes(b"a movie")
    assert host.footage("rendered files").pattern == str(tmp_path / "movie1001-1012.mp4")
