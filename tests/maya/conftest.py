from __future__ import annotations

import shutil

import pytest
from doubles.maya import sample_scene
from doubles.maya.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.install.managed_folder import Target
from ft_dcc.install.maya import module_file, populate


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
def request_of(tmp_path):
    """Return a function that makes a playblast request for the small shot."""

    def make(frames: str = "1001-1003", **values):
        parts = {"source": "shotCam", "resolution": Resolution(64, 36), "directory": tmp_path / "frames"}
        return PlayblastRequest(**{**parts, "name": "shot", **values}, frame_range=FrameRange.parse(frames))

    return make


@pytest.fixture
def module(tmp_path):
    """Return the modules folder of an installation for every Maya, without dependencies."""
    folder = tmp_path / "modules"
    target = Target("maya", folder / "ft-dcc", ("2023", "2024", "2025", "2026", "2027"), (3, 9))
    target.folder.mkdir(parents=True)
    populate(target, [], target.folder)
    shutil.rmtree(target.folder / "vendored", ignore_errors=True)
    (folder / "ft_dcc.mod").write_text(module_file(target.versions, target.python), encoding="utf-8")
    return folder
