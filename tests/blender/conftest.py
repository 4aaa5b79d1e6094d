import math
import os
import struct
import sys
import wave

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
from ft_dcc.cli import main as cli
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest


@pytest.fixture(scope="session")
def bpy(tmp_path_factory):
    if "bpy" not in sys.modules:
        # The user's own Blender settings are neither read nor written.
        os.environ["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("blender"))
    return pytest.importorskip("bpy", reason="there is no bpy for this Python")


@pytest.fixture
def sample(bpy):
    from blender import sample_scene

    return sample_scene


@pytest.fixture
def scene(sample):
    return sample.build()


@pytest.fixture
def host(scene):
    from ft_dcc_blender.host import BlenderHost

    return BlenderHost()


@pytest.fixture
def state(sample):
    return sample.state


@pytest.fixture
def request_of(tmp_path):
    def make(frames="1001-1012", **values):
        parts = {"source": "Camera", "resolution": Resolution(64, 36), "directory": tmp_path / "frames", "name": "shot"}
        parts["look"] = {"samples": "OFF"}
        return PlayblastRequest(**{**parts, **values}, frame_range=FrameRange.parse(frames))

    return make


@pytest.fixture
def playblast(host, request_of):
    return lambda *arguments, **values: host.playblast(request_of(*arguments, **values), lambda frame: None)


@pytest.fixture
def strips(sample, scene):
    return sample.strips(scene.sequence_editor_create())


@pytest.fixture
def tone(bpy, tmp_path):
    if not bpy.app.build_options.audaspace:
        pytest.skip("this Blender was built without sound")
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        values = (int(12000 * math.sin(2 * math.pi * 440 * number / 48000)) for number in range(48000))
        file.writeframes(b"".join(struct.pack("<h", value) for value in values))
    return path


@pytest.fixture
def own_settings(tmp_path, monkeypatch):
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
def run_cli(tmp_path, studio_server, monkeypatch):
    account = (studio_server.server_url, studio_server.api_user, studio_server.api_key, str(tmp_path / "jobs"))
    for name, value in zip(("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FT_DCC_JOBS"), account):
        monkeypatch.setenv(name, value)
    return lambda *arguments: cli.run([*map(str, arguments)])


@pytest.fixture
def small_shot(session, project_shot):
    """Set a short range and a small size on the shot, so that a test can capture it completely."""
    for name, value in {"fend": 1006, "handles": 2, "resolution": "128x72"}.items():
        project_shot["custom_attributes"][name] = value
    session.commit()
