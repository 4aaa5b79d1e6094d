from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doubles.maya import stage
from doubles.maya.program import running

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest

PACKAGE = Path(__file__).resolve().parents[2] / "hosts" / "maya" / "ft_dcc_maya"


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
    """The module's folder as an installation lays it out, by copying alone."""
    folder = tmp_path / "modules"
    shutil.copytree(PACKAGE / "module", folder)
    ignored = shutil.ignore_patterns("module", "__pycache__")
    shutil.copytree(PACKAGE, folder / "ft-dcc" / "scripts" / "ft_dcc_maya", ignore=ignored)
    return folder
