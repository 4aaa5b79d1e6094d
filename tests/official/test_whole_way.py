"""From a .blend file to a review session by the command line, read back by the official client."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from doubles.command_line import account_variables
from doubles.programs import run_process

from ft_dcc.media import ffmpeg, probe

SIZE = (320, 180)
FRAMES = (1001, 1012)

SMALL_SCENE = f"""
import sys
from pathlib import Path
import bpy
from ft_dcc_blender import demo_scene
demo_scene.build(Path(sys.argv[1]))
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.context.scene
scene.frame_start, scene.frame_end = {FRAMES[0]}, {FRAMES[1]}
scene.render.resolution_x, scene.render.resolution_y = {SIZE[0]}, {SIZE[1]}
bpy.ops.wm.save_mainfile()
"""

OWN_PICTURES = f"""
import sys
from pathlib import Path
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc_blender.host import BlenderHost
host = BlenderHost.open(Path(sys.argv[1]))
source = host.scene().sources[0]
folder = Path(sys.argv[2])
request = PlayblastRequest(source, FrameRange({FRAMES[0]}, {FRAMES[1]}), Resolution{SIZE}, folder, "own")
host.playblast(request, lambda frame: None)
"""


def run(arguments, environment):
    done = run_process(*arguments, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def pictures(path, *options):
    """Return the frames of a movie or an image as an array."""
    command = [str(ffmpeg.find()), "-v", "error", "-i", str(path), *options]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0], 3).astype(int)


@pytest.fixture
def environment(studio_server, tmp_path):
    (tmp_path / "blender").mkdir()
    return {
        **os.environ,
        **account_variables(studio_server, tmp_path / "jobs"),
        "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
    }


@pytest.fixture
def scene(environment, tmp_path):
    pytest.importorskip("bpy", reason="there is no bpy for this Python")
    path = tmp_path / "small shot.blend"
    run([sys.executable, "-c", SMALL_SCENE, str(path)], environment)
    return path


def test_scene_is_published_as_a_movie_that_shows_it(environment, scene, official, tmp_path):
    task = f"Whole way {os.getpid()}/SEQ010/SH010/Animation"
    ft_dcc = [sys.executable, "-m", "ft_dcc.cli.main"]
    run([*ft_dcc, "task", "ensure", task, "--frames", "1001-1012", "--fps", "24", "--create-project"], environment)
    before = scene.read_bytes()
    asked = ["--task", task, "--review", "Dailies", "--comment", 'Ünïcode "quoted" 100 %', "--json"]
    report = json.loads(run([*ft_dcc, "playblast", str(scene), *asked], environment))

    movie = tmp_path / "film.mp4"
    found = official("read_version", report["version_id"], str(movie))

    assert found["version"] == 1
    assert found["comment"] == 'Ünïcode "quoted" 100 %'
    assert found["task"] == [*task.split("/")]
    assert found["thumbnail"] == "thumbnail"
    assert found["components"] == ["ftrackreview-mp4", "scene", "thumbnail"]
    assert found["ftr_meta"] == {"frameIn": 1001, "frameOut": 1012, "frameRate": 24.0, "width": 320, "height": 180}
    assert found["reviews"] == [["Dailies", task.split("/")[0]]]
    assert found["size"] == movie.stat().st_size

    facts = probe(movie)
    assert (facts.frame_count, str(facts.fps), str(facts.resolution)) == (12, "24", "320x180")
    shown = pictures(movie)
    run([sys.executable, "-c", OWN_PICTURES, str(scene), str(tmp_path / "own")], environment)
    for index, frame in ((0, 1001), (11, 1012)):
        own = pictures(tmp_path / "own" / f"own.{frame}.png")[0]
        assert np.abs(shown[index] - own).mean() < 4
    # The two differ, so that the comparison above can fail.
    assert np.abs(shown[0] - shown[11]).mean() > 8
    assert scene.read_bytes() == before
