"""Several scenes of one file in one publish: each has its own frames, rate, size, cameras and look of the world."""

import json
from fractions import Fraction

import pytest
from doubles.numbered_images import run_ffmpeg

from ft_dcc.errors import CameraMissing, CaptureFailed, UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.media import encode

GREEN, RED_CUBE = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0)


@pytest.fixture
def second(scene, bpy, sample):
    """Build a second scene: 5 frames at 25 fps, 48x96, a red cube that rises in front of a green sky."""
    other = bpy.data.scenes.new("Second")
    other.frame_start, other.frame_end = 11, 15
    other.render.fps, other.render.resolution_x, other.render.resolution_y = 25, 48, 96
    other.render.pixel_aspect_x = 2.0
    other.world = bpy.data.worlds.new("Green")
    other.world.color = GREEN
    cube, camera = sample.add_cube("Riser", RED_CUBE), sample.add_camera("Near")
    for frame, z in ((11, -3.0), (15, 3.0)):
        cube.location = (0, 0, z)
        cube.keyframe_insert("location", frame=frame)
    for item in (cube, camera):
        scene.collection.objects.unlink(item)
        other.collection.objects.link(item)
    other.camera = camera
    # Without a window, Blender before 5.0 computes it for the first time when the scene is rendered.
    camera.matrix_world = camera.matrix_basis.copy()
    # Blender computes the matrices of a scene when a window shows it for the first time.
    bpy.context.window.scene = other
    bpy.context.view_layer.update()
    bpy.context.window.scene = scene
    return other


def red_centre(rows):
    found = [
        (x, y) for y, row in enumerate(rows) for x, (red, green, blue) in enumerate(row) if red > 90 > green + blue
    ]
    return [(sum(part) / len(part) + 0.5) / size for part, size in zip(zip(*found), (len(rows[0]), len(rows)))]


def test_cameras_of_other_scenes_are_sources_with_their_own_frames_rate_and_size(host, second):
    now = host.scene()
    assert now.sources == ("Camera", "Second: Near")
    own, other = now.of("Camera"), now.of("Second: Near")
    assert (str(own.frame_range), own.fps, str(own.resolution), own.pixel_aspect) == ("1001-1012", 24, "64x36", 1)
    assert (str(other.frame_range), other.fps, str(other.resolution)) == ("11-15", 25, "48x96")
    assert (other.pixel_aspect, str(now.range_of("Second: Near"))) == (2, "11-15")


def test_the_movie_of_each_scene_shows_its_own_frames_and_no_scene_changes(
    playblast, sample, scene, second, bpy, tmp_path
):
    from blender.test_scene_kinds import differences, dump

    scene.frame_set(1003)
    second.frame_set(14)
    before = dump(bpy)
    for source, numbers, size, fps in (
        ("Camera", "1001-1012", Resolution(64, 36), 24),
        ("Second: Near", "11-15", Resolution(48, 96), 25),
    ):
        frames = playblast(numbers, source=source, resolution=size, directory=tmp_path / f"{fps}")
        movie = encode(frames, tmp_path / f"{fps}.mp4")
        run_ffmpeg("-i", movie.path, "-fps_mode", "passthrough", tmp_path / f"{fps}-%04d.png")
        shown = [sample.pixels(path) for path in sorted(tmp_path.glob(f"{fps}-*.png"))]
        assert (movie.fps, len(shown)) == (Fraction(fps), len(frames.frame_range))
        axis, sky = (0, 2) if fps == 24 else (1, 1)
        centres = [red_centre(rows)[axis] for rows in shown]
        # The cube moves to the right in one scene, and up in the other.
        assert centres == sorted(centres, reverse=axis == 1) and abs(centres[-1] - centres[0]) > 0.3
        corner = shown[0][0][0]
        assert corner[sky] > 200 > 60 > max(value for index, value in enumerate(corner) if index != sky)
    assert differences(before, dump(bpy)) == {}
    assert bpy.context.window.scene == scene


def test_animated_visibility_of_a_scene_without_a_window_is_captured(playblast, second, sample):
    cube = second.objects["Riser"]
    for frame, value in ((11, False), (12, True)):
        cube.hide_viewport = value
        cube.keyframe_insert("hide_viewport", frame=frame)
    frames = playblast("11-12", source="Second: Near", resolution=Resolution(48, 96))
    has_red = [
        any(red > 90 > green for row in sample.pixels(frames.path(each)) for red, green, _ in row) for each in (11, 12)
    ]
    assert has_red == [True, False]


def test_a_scene_without_a_window_is_captured_with_its_first_layer_for_renders(host, request_of, second):
    second.view_layers[0].use = False
    second.view_layers.new("Shown").use = True
    assert host.host_of("Second: Near").capture_details({})["view_layer"] == "Shown"


def test_a_view_of_a_scene_without_a_window_is_refused(playblast, second):
    with pytest.raises(CaptureFailed, match="choose the shading Solid"):
        playblast("11", source="Second: Near", look={"shading": "VIEWPORT"})


def test_a_camera_that_is_named_like_one_of_another_scene_is_that_of_the_open_scene(
    host, request_of, scene, second, sample
):
    sample.add_camera("Second: Near")
    assert host.scene().sources == ("Camera", "Second: Near")
    assert host.find_source("Second: Near") == (scene, "Second: Near")


def test_scenes_are_chosen_by_name(host, second, bpy):
    assert host.sources_of(("Scene", "Second")) == ("Camera", "Second: Near")
    assert host.sources_of(("Second",), "Near") == ("Second: Near",)
    bpy.data.scenes.new("Empty")
    with pytest.raises(CameraMissing, match="'Empty' has no camera"):
        host.sources_of(("Empty",))
    with pytest.raises(UserFixableError, match=r"no scene 'Third'. Choose one of: Empty, Scene, Second."):
        host.sources_of(("Third",))


@pytest.fixture
def free_task(session, project):
    shot = session.create("Shot", {"name": "free", "parent": project})
    task = session.create("Task", {"name": "layout", "parent": shot})
    session.commit()
    return task


@pytest.fixture
def run(tmp_path, run_cli, bpy, second):
    second["kept"] = 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return run_cli


def found_in(folder):
    # A batch has a report of its own beside those of its jobs.
    reports = [json.loads(path.read_text("utf-8")) for path in folder.glob("*/report.json")]
    (found,) = [report["found"] for report in reports if "found" in report]
    return [(row["source"], row["frames"], row["fps"], row["resolution"], row["origin"]["scene"]) for row in found]


NAMES = ("source", "frames", "fps", "resolution")
FIRST = ("Camera", "1001-1012", "24", "64x36", "Scene")
SECOND = ("Second: Near", "11-15", "25", "48x96", "Second")


def test_the_command_line_publishes_several_scenes_as_one_publish(run, tmp_path, free_task, session, capsys):
    arguments = ("playblast", tmp_path / "shot.blend", "--task", free_task["id"], "--no-review")
    assert run(*arguments, "--scene", "Scene", "--scene", "Second") == 0, capsys.readouterr().err
    assert found_in(tmp_path / "jobs") == [FIRST, SECOND]
    names = {each["asset"]["name"] for each in session.query(f"AssetVersion where task_id is {free_task['id']}")}
    assert names == {"layout Camera", "layout Second: Near"}
    assert run(*arguments, "--scene", "Nowhere") == 3
    assert "Choose one of: Scene, Second." in capsys.readouterr().err
    assert run(*arguments, "--scene", "Scene", "--scene", "Second", "--percentage", "50") == 2
    assert "--percentage is for one scene" in capsys.readouterr().err


def test_an_item_of_a_batch_is_a_scene_of_the_file(run, tmp_path, free_task, capsys):
    table = tmp_path / "items.csv"
    table.write_text(f"source,task,scene\nshot.blend,{free_task['id']},Second\n", encoding="utf-8")
    assert run("batch", table, "--no-review", "--engine", "local:1") == 0, capsys.readouterr()
    assert found_in(tmp_path / "jobs") == [SECOND]
