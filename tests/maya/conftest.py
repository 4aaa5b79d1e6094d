import shutil

import pytest
from doubles.maya import sample_scene
from doubles.maya.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.install.layouts import Target, fill_maya, module_file


@pytest.fixture
def maya():
    """Yield the double with the small shot open; fail the test if the double was misused."""
    with running(sample_scene.build()) as program:
        yield program
    assert program.misuses == []


@pytest.fixture
def host(maya):
    from ft_dcc_maya.host import MayaHost

    return MayaHost()


@pytest.fixture
def artists_view(maya, tmp_path):
    """Return a function that draws a frame as the artist's view shows it through the camera."""
    from maya import cmds

    def draw(frame, size=(64, 36)):
        cmds.modelEditor("modelPanel4", edit=True, camera="shotCam")
        kind = {"format": "image", "compression": "png", "viewer": False, "forceOverwrite": True, "percent": 100}
        path = str(tmp_path / "view.png")
        cmds.playblast(completeFilename=path, frame=[frame], editorPanelName="modelPanel4", widthHeight=size, **kind)
        return maya.drawn[-1]

    return draw


@pytest.fixture
def request_of(tmp_path):
    def make(frames="1001-1003", **values):
        parts = {"source": "shotCam", "resolution": Resolution(64, 36), "directory": tmp_path / "frames"}
        return PlayblastRequest(**{**parts, "name": "shot", **values}, frame_range=FrameRange.parse(frames))

    return make


@pytest.fixture
def module(tmp_path):
    folder = tmp_path / "modules"
    target = Target("maya", folder / "ft-dcc", ("2023", "2024", "2025", "2026", "2027"), (3, 9))
    target.folder.mkdir(parents=True)
    fill_maya(target, [], target.folder)
    shutil.rmtree(target.folder / "vendored", ignore_errors=True)
    (folder / "ft_dcc.mod").write_text(module_file(target.versions), encoding="utf-8")
    return folder
