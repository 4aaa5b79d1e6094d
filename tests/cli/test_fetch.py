"""``ft-dcc fetch`` on a running studio, in this process."""

from fractions import Fraction
from functools import partial

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.command_line import run_command

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish


@pytest.fixture
def fetch(signed_in):
    return partial(run_command, "fetch")


@pytest.fixture
def version_path(session, project, project_task, tmp_path):
    scene = tmp_path / "sh010.blend"
    scene.write_bytes(b"a scene")
    size = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": Resolution(64, 36)}
    host = ColourBars(attrs.evolve(SCENE, path=scene, is_modified=False, **size))
    request = PublishRequest(project_task["id"], asset="main", include_scene=True, **size)
    publish(request, session, host, jobs=tmp_path / "jobs")
    return f"{project['name']}/sq010/sh010/main/v001"


def test_scene_file_and_movie_of_a_version_are_downloaded_once(fetch, version_path, tmp_path):
    folder = tmp_path / "fetched"
    found = fetch(version_path, "--to", folder)
    path = folder / "sh010_main_v001_scene.blend"
    assert (found.returncode, found.stdout) == (0, f"{path}\n"), found.stderr
    assert path.read_bytes() == b"a scene"
    again = fetch(version_path, "--to", folder)
    assert (again.returncode, "exists. Move it" in again.stderr) == (3, True)
    assert fetch(version_path, "--component", "ftrackreview-mp4", "--to", folder).returncode == 0
    assert {each.name for each in folder.iterdir()} == {path.name, "sh010_main_v001_ftrackreview-mp4.mp4"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["no/such/asset/v001"], 2, "There is no version no/such/asset/v001"),
        (["x"], 1, "There is no version x"),
        ([], 2, "VERSION"),
    ],
)
def test_wrong_arguments_are_one_sentence(fetch, arguments, code, sentence):
    done = fetch(*arguments)
    assert (done.returncode, sentence in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
