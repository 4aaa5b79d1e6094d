from __future__ import annotations

import shutil

import pytest
from doubles.maya import stage
from doubles.maya.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.install.maya import fill, module_file
from ft_dcc.install.place import Place


@pytest.fixture
def maya():
    """The double with the small shot open, as ``import maya`` finds it; what it was misused for fails the test."""
    with running(stage.build()) as program:
        yield program
    assert program.misuses == []


@pytest.fixture
def host(maya):
    from ft_dcc_maya.host import MayaHost

    return MayaHost()


@pytest.fixture
def request_of(tmp_path):
    """A playblast of the small shot; any part of it can be given."""

    def make(frames: str = "1001-1003", **values):
        parts = {"source": "shotCam", "resolution": Resolution(64, 36), "directory": tmp_path / "frames"}
        return PlayblastRequest(**{**parts, "name": "shot", **values}, frame_range=FrameRange.parse(frames))

    return make


@pytest.fixture
def module(tmp_path):
    """The modules folder as an installation for every Maya lays it out, without the packages."""
    folder = tmp_path / "modules"
    place = Place("maya", folder / "ft-dcc", ("2023", "2024", "2025", "2026", "2027"), (3, 9))
    place.folder.mkdir(parents=True)
    fill(place, [], place.folder)
    shutil.rmtree(place.folder / "vendored", ignore_errors=True)
    (folder / "ft_dcc.mod").write_text(module_file(place.versions, place.python), encoding="utf-8")
    return folder
