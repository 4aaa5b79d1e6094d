"""Sources of a scene beside its cameras, the sound of a movie, and the metadata that says what a version came from."""

import hashlib
import json
import struct
import wave
from datetime import datetime, timezone
from fractions import Fraction

import pytest
import requests
from doubles.numbered_images import run_ffmpeg
from doubles.shots import ignore, plan_two_shows
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import CameraMissing, CaptureFailed
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


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


RATE = 48000


def levels(path, fps=24):
    with wave.open(str(path)) as file:
        count = file.getframerate() // fps * file.getnchannels()
        raw = file.readframes(file.getnframes())
    values = struct.unpack(f"<{len(raw) // 2}h", raw)
    return [max(map(abs, values[start : start + count])) for start in range(0, len(values) - count + 1, count)]


def mixed(host, path, frames="1001-1012"):
    assert host.mixdown(FrameRange.parse(frames), path)
    return levels(path)


def test_the_mixdown_covers_the_range_and_restores_the_scene(host, strips, tmp_path, state, tone):
    strips.new_sound("tone", str(tone), 1, 1005)
    before = state()
    heard = mixed(host, tmp_path / "mix.wav")
    # Four silent frames, then the tone.
    assert [level > 1000 for level in heard[:12]] == [False] * 4 + [True] * 8
    assert state() == before


def test_an_animated_volume_is_heard(host, strips, tmp_path, tone):
    strip = strips.new_sound("tone", str(tone), 1, 1001)
    for frame, volume in ((1001, 1.0), (1012, 0.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    heard = mixed(host, tmp_path / "mix.wav")
    assert heard[0] > 2 * heard[7] > 4 * heard[10]


def test_a_packed_sound_is_heard_and_not_refused(host, strips, tmp_path, tone):
    strips.new_sound("tone", str(tone), 1, 1001).sound.pack()
    tone.unlink()
    assert host.scene().sounds == ()
    assert min(mixed(host, tmp_path / "mix.wav")[:10]) > 1000


def test_a_muted_meta_strip_is_silent_and_its_sounds_are_not_listed(host, strips, scene, tmp_path, tone, sample):
    meta = strips.new_meta("scene", 2, 1001)
    sample.strips(meta).new_sound("tone", str(tone), 1, 1001)
    assert [sound.path.name for sound in host.scene().sounds] == ["tone.wav"]
    meta.mute = True
    assert host.scene().sounds == ()
    assert not host.mixdown(FrameRange(1001, 1012), tmp_path / "mix.wav")


def test_a_sound_in_a_trimmed_meta_strip_is_listed_with_the_range_of_the_meta_strip(host, strips, tone, sample):
    meta = strips.new_meta("scene", 2, 1001)
    sample.strips(meta).new_sound("tone", str(tone), 1, 1001)
    setattr(meta, "right_handle" if hasattr(meta, "right_handle") else "frame_final_end", 1007)
    (sound,) = host.scene().sounds
    assert sound.heard == (Fraction(1001), Fraction(1007))


def test_a_scene_without_sound_or_before_frame_0_is_not_mixed(host, strips, tmp_path, tone):
    assert not host.mixdown(FrameRange(1001, 1012), tmp_path / "mix.wav")
    strips.new_sound("tone", str(tone), 1, 1001)
    assert not host.mixdown(FrameRange(-5, 12), tmp_path / "mix.wav")


def test_the_sound_of_a_published_movie_is_the_mixdown(host, strips, session, project_task, tmp_path, tone):
    strip = strips.new_sound("tone", str(tone), 1, 1003)
    for frame, volume in ((1003, 0.2), (1012, 1.0)):
        strip.volume = volume
        strip.keyframe_insert("volume", frame=frame)
    expected = mixed(host, tmp_path / "expected.wav")
    values = {"frame_range": FrameRange(1001, 1012), "fps": Fraction(24), "resolution": host.scene().resolution}
    request = PublishRequest(project_task["id"], "Camera", review=(), look={"samples": "OFF"}, **values)
    version = Publisher(session, host, jobs=tmp_path / "jobs").publish(request).first
    component = next(each for each in version.components if each.name == "ftrackreview-mp4")
    location, movie = session.query("Location where name is 'ftrack.server'").one(), tmp_path / "a.mp4"
    movie.write_bytes(
        requests.get(location.get_url(session.get("FileComponent", component.id)), timeout=TIMEOUT_SECONDS).content
    )
    run_ffmpeg("-i", movie, "-ac", "1", "-ar", str(RATE), tmp_path / "heard.wav")
    heard = levels(tmp_path / "heard.wav")
    # AAC changes levels a little, and smears the start of a tone over its frame.
    assert all(abs(a - b) < 900 for a, b in zip(heard[3:11], expected[3:11]))
    assert max(heard[0], expected[0]) < 200


def publish(host, session, task, jobs):
    values = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": host.scene().resolution}
    request = PublishRequest(task["id"], "Camera", review=(), look={"samples": "OFF"}, **values)
    version = Publisher(session, host, jobs=jobs).publish(request).first
    return json.loads(session.get("AssetVersion", version.version_id)["metadata"]["ft_dcc_origin"])


def test_a_version_names_its_file_with_checksum_camera_program_and_engine(host, bpy, session, project_task, tmp_path):
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    host = host.open(path)
    origin = publish(host, session, project_task, tmp_path / "jobs")
    assert origin.pop("differs_from_viewport")[-1].startswith("No window shows the scene")
    assert origin == {
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "modified": datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds"),
        "has_unsaved_changes": False,
        "look": {"samples": "OFF"},
        "camera": "Camera",
        "program": f"Blender {'.'.join(map(str, bpy.app.version))}",
        "engine": bpy.context.scene.render.engine,
        "scene": "Scene",
        "view_layer": "ViewLayer",
        "visibility": "VIEWPORT",
    }


def test_a_scene_that_was_never_saved_has_no_file(host, session, project_task, tmp_path):
    origin = publish(host, session, project_task, tmp_path / "jobs")
    assert ("file" in origin, "sha256" in origin, origin["camera"]) == (False, False, "Camera")


def test_two_shows_in_one_blender_have_their_own_settings_in_turn(bpy, host, session, tmp_path):
    planned = plan_two_shows(
        session,
        tmp_path,
        lambda path: bpy.ops.wm.save_as_mainfile(filepath=str(path.with_suffix(".blend"))),
        lambda request: Publisher(session, host, jobs=tmp_path / "jobs").validate(request),
    )
    assert [(asset, watermark) for asset, _, watermark in planned] == [
        ("North Layout", "North"),
        ("South Layout", "South"),
        ("North Layout", "North"),
    ]
