from __future__ import annotations

import os
import sys

import pytest

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest


@pytest.fixture(scope="session")
def bpy(tmp_path_factory):
    if "bpy" not in sys.modules:
        # The user's own Blender settings are neither read nor written.
        os.environ["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("blender"))
    return pytest.importorskip("bpy", reason="there is no bpy for this Python")


@pytest.fixture
def scene(bpy):
    from blender import sample_scene

    yield sample_scene.build()
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def host(scene):
    from ft_dcc_blender.host import BlenderHost

    return BlenderHost()


@pytest.fixture
def state(bpy):
    from blender import sample_scene

    return sample_scene.state


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes a playblast request for the small scene."""

    def make(frames: str = "1001-1012", **values):
        parts = {"source": "Camera", "resolution": Resolution(64, 36), "directory": tmp_path / "frames", "name": "shot"}
        parts["look"] = {"samples": "OFF"}
        return PlayblastRequest(**{**parts, **values}, frame_range=FrameRange.parse(frames))

    return make
