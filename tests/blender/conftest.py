from __future__ import annotations

import os
import sys

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
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

    return sample_scene.build()


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


@pytest.fixture
def own_settings(tmp_path, monkeypatch):
    """Use separate keys, jobs and settings for these tests."""
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FTRACK_APIKEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def addon(scene, own_settings):
    import ft_dcc_blender

    ft_dcc_blender.register()
    yield ft_dcc_blender
    ft_dcc_blender.unregister()


@pytest.fixture
def controller(addon):
    from ft_dcc_blender.ui.controller import CONTROLLER

    return CONTROLLER


@pytest.fixture
def signed_in(controller, bpy, studio_server, project_task):
    server = studio_server
    bpy.ops.ft_dcc.sign_in(server=server.server_url, user=server.api_user, key=server.api_key)
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    return controller


@pytest.fixture
def choices(signed_in, bpy):
    return bpy.context.window_manager.ft_dcc


@pytest.fixture
def small_shot(session, project_shot):
    """Set a short range and a small size on the shot, so that a test can capture it completely."""
    for name, value in {"fend": 1006, "handles": 2, "resolution": "128x72"}.items():
        project_shot["custom_attributes"][name] = value
    session.commit()
