"""Several scenes of one file in one publish: each has its own frames, rate, size, cameras and look of the world."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import pytest

from ft_dcc.cli import main as cli
from ft_dcc.errors import CameraMissing, CaptureFailed, UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.media import encode

GREEN, RED_CUBE = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0)


def ignore(frame):
    pass


@pytest.fixture
def second(scene, bpy):
    """Build a second scene: 5 frames at 25 fps, 48x96, a red cube that rises in front of a green sky."""
    from blender import sample_scene

    other = bpy.data.scenes.new("Second")
    other.frame_start, other.frame_end = 11, 15
    other.render.fps, other.render.resolution_x, other.render.resolution_y = 25, 48, 96
    other.render.pixel_aspect_x = 2.0
    other.world = bpy.data.worlds.new("Green")
    other.world.color = GREEN
    cube, camera = sample_scene.add_cube("Riser", RED_CUBE), sample_scene.add_camera("Near")
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


def rows_of(path):
    from blender.sample_scene import pixels

    return pixels(path)


def is_red(red, green, blue):
    return red > 90 and green < 80 and blue < 80


def red_centre(path):
    """Return where the middle of the red pixels is, as shares of the width and the height."""
    rows = rows_of(path)
    found = [
        (x, y) for y, row in enumerate(rows) for x, (red, green, blue) in enumerate(row) if red > 90 > green + blue
    ]
    return [(sum(part) / len(part) + 0.5) / size for part, size in zip(zip(*found), (len(rows[0]), len(rows)))]


def movie_frames(path, folder):
    """Write each image of a movie as a PNG file, and return the paths."""
    import imageio_ffmpeg

    folder.mkdir()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    subprocess.run([*command, str(folder / "%04d.png")], check=True, capture_output=True)
    return sorted(folder.iterdir())


def test_cameras_of_other_scenes_are_sources_with_their_own_frames_rate_and_size(host, second):
    now = host.scene()
    assert now.sources == ("Camera", "Second: Near")
    own, other = now.of("Camera"), now.of("Second: Near")
    assert (str(own.frame_range), own.fps, str(own.resolution), own.pixel_aspect) == ("1001-1012", 24, "64x36", 1)
    assert (str(other.frame_range), other.fps, str(other.resolution)) == ("11-15", 25, "48x96")
    assert (other.pixel_aspect, str(now.range_of("Second: Near"))) == (2, "11-15")


def test_the_movie_of_each_scene_shows_its_own_frames_and_no_scene_changes(
    host, request_of, scene, second, bpy, tmp_path
):
    from blender.test_scene_kinds import differences, dump

    scene.frame_set(1003)
    second.frame_set(14)
    before = dump(bpy)
    for source, numbers, size, fps in (
        ("Camera", "1001-1012", Resolution(64, 36), 24),
        ("Second: Near", "11-15", Resolution(48, 96), 25),
    ):
        request = request_of(numbers, source=source, resolution=size, directory=tmp_path / f"{fps}")
        frames = host.playblast(request, ignore)
        movie = encode(frames, tmp_path / f"{fps}.mp4")
        shown = movie_frames(movie.path, tmp_path / f"{fps} decoded")
        assert (movie.fps, len(shown)) == (Fraction(fps), len(frames.frame_range))
        axis, sky = (0, 2) if fps == 24 else (1, 1)
        centres = [red_centre(path)[axis] for path in shown]
        # The cube moves to the right in one scene, and up in the other.
        assert centres == sorted(centres, reverse=axis == 1) and abs(centres[-1] - centres[0]) > 0.3
        corner = rows_of(shown[0])[0][0]
        assert corner[sky] > 200 > 60 > max(value for index, value in enumerate(corner) if index != sky)
    assert differences(before, dump(bpy)) == {}
    assert bpy.context.window.scene == scene


def test_animated_visibility_of_a_scene_without_a_window_is_captured(host, request_of, second, bpy):
    cube = second.objects["Riser"]
    for frame, value in ((11, False), (12, True)):
        cube.hide_viewport = value
        cube.keyframe_insert("hide_viewport", frame=frame)
    request = request_of("11-12", source="Second: Near", resolution=Resolution(48, 96))
    frames = host.playblast(request, ignore)
    has_red = [
        any(red > 90 > green for row in rows_of(frames.path(each)) for red, green, _ in row) for each in (11, 12)
    ]
    assert has_red == [True, False]


def test_a_scene_without_a_window_is_captured_with_its_first_layer_for_renders(host, request_of, second):
    second.view_layers[0].use = False
    layer = second.view_layers.new("Shown")
    layer.use = True
    assert host.host_of("Second: Near").capture_details({})["view_layer"] == "Shown"


def test_a_view_of_a_scene_without_a_window_is_refused(host, request_of, second):
    with pytest.raises(CaptureFailed, match="choose the shading Solid"):
        host.playblast(request_of("11", source="Second: Near", look={"shading": "VIEWPORT"}), ignore)


def test_a_camera_that_is_named_like_one_of_another_scene_is_that_of_the_open_scene(host, request_of, scene, second):
    from blender import sample_scene

    sample_scene.add_camera("Second: Near")
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
    """Create a task of a shot that wants no range, rate or size."""
    shot = session.create("Shot", {"name": "free", "parent": project})
    task = session.create("Task", {"name": "layout", "parent": shot})
    session.commit()
    return task


@pytest.fixture
def run(tmp_path, studio_server, bpy, second, monkeypatch):
    """Save the file and return a function that runs the command line in this process, and returns its exit code."""
    second["kept"] = 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    keys = ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY")
    account = (studio_server.server_url, studio_server.api_user, studio_server.api_key)
    for name, value in zip((*keys, "FT_DCC_JOBS"), (*account, str(tmp_path / "jobs"))):
        monkeypatch.setenv(name, value)
    return lambda *arguments: cli.run([*map(str, arguments)])


def found_in(folder):
    # A batch has a report of its own beside those of its jobs.
    reports = [json.loads(path.read_text("utf-8")) for path in folder.glob("*/report.json")]
    (found,) = [report["found"] for report in reports if "found" in report]
    return [
        (each["source"], each["frames"], each["fps"], each["resolution"], each["origin"]["scene"]) for each in found
    ]


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
