import sys
from fractions import Fraction

import pytest
from doubles.programs import run_process

from ft_dcc.frames import Resolution


@pytest.fixture(scope="module")
def demo(bpy, tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.blend"
    done = run_process(sys.executable, "-m", "ft_dcc_blender.demo_scene", path, check=True)
    # A Blender without a sound card may print a warning first.
    assert done.stdout.splitlines()[-1] == str(path)
    return path


@pytest.fixture
def host(demo):
    from ft_dcc_blender.host import BlenderHost

    return BlenderHost.open(demo)


def test_the_demo_scene_has_the_documented_settings(host):
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1048", Fraction(24), "1280x720")
    assert (scene.sources, scene.is_modified, scene.task_id) == (("Camera", "Side"), False, None)


def test_the_ball_is_visible_in_every_fourth_frame(playblast, sample):
    frames = playblast("1001-1048x4", resolution=Resolution(160, 90))
    middles = []
    for frame in frames.frame_range:
        rows = sample.pixels(frames.path(frame))
        # Nothing else is as red as the ball.
        red = [x for row in rows for x in range(160) if row[x][0] > 170 and row[x][1] < 75 and row[x][2] < 70]
        assert len(red) > 5, frame
        middles.append(sum(red) / len(red))
    # The ball crosses the image.
    assert middles[0] < 70 and middles[-1] > 90


def test_an_unwritable_path_is_named_in_the_error(bpy, tmp_path):
    from ft_dcc_blender import demo_scene

    from ft_dcc.errors import StorageError

    with pytest.raises(StorageError, match="cannot be saved as"):
        demo_scene.build(tmp_path / "nowhere" / "demo.blend")
