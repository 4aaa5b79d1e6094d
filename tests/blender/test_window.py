"""The add-on in a Blender with a window: a thorough run, for whoever names one in FT_DCC_BLENDER (3.4 or later).

It needs xvfb-run and xdotool, and ImageMagick's import for the screenshots; on Debian:
apt-get install blender xvfb xauth xdotool imagemagick.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "hosts" / "blender" / "build_extension.py"
PROGRAM = os.environ.get("FT_DCC_BLENDER", "")


INSTALL = """
import sys, bpy
bpy.ops.preferences.addon_install(filepath=sys.argv[-1])
bpy.ops.preferences.addon_enable(module="ft_dcc_blender")
bpy.ops.wm.save_userpref()
"""


def has_extensions():
    """Whether it is Blender 4.2 or later."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, encoding="utf-8", check=True).stdout
    return tuple(int(part) for part in said.split()[1].split(".")[:2]) >= (4, 2)


@pytest.fixture
def blender(tmp_path, studio_server, project_task):
    if not PROGRAM:
        pytest.skip("FT_DCC_BLENDER names no Blender with a window")
    env = {
        # The add-on has to find its own copy of what it imports.
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "HOME": str(tmp_path),
        "BLENDER_USER_RESOURCES": str(tmp_path),
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
        "FT_DCC_SEEN": str(tmp_path),
        "FT_DCC_ENCODER": "software",
        "FT_DCC_MODULE": "bl_ext.user_default.ft_dcc" if has_extensions() else "ft_dcc_blender",
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
    }

    def run(*command: str) -> None:
        done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", check=False, timeout=560)
        # A Blender in which Escape was pressed may end with 1.
        assert done.returncode == 0 or (tmp_path / "outcome.json").exists(), done.stdout[-2000:] + done.stderr[-2000:]

    return run


@pytest.mark.timeout(900)
def test_an_artist_publishes_and_cancels_in_the_window(blender, tmp_path):
    subprocess.run([sys.executable, str(BUILD), "--platform", "linux-x64", "--to", str(tmp_path)], check=True)
    zips = {"classic" in path.name: str(path) for path in tmp_path.glob("*.zip")}
    if has_extensions():
        blender(PROGRAM, "--command", "extension", "install-file", "-r", "user_default", "--enable", zips[False])
    else:
        blender(PROGRAM, "-b", "--python-exit-code", "3", "--python-expr", INSTALL, "--", zips[True])
    script = Path(shutil.copy(HERE / "in_a_window.py", tmp_path))
    screen = ("xvfb-run", "-a", "-s", "-screen 0 1600x900x24")
    if "xvfb" in Path(PROGRAM).name:
        screen = ()
    blender(*screen, PROGRAM, "--window-geometry", "0", "0", "1600", "900", "-P", str(script))
    error = tmp_path / "error.txt"
    assert not error.exists(), error.read_text(encoding="utf-8")
    outcome = json.loads((tmp_path / "outcome.json").read_text(encoding="utf-8"))
    assert outcome["first visit"] == {"error": "", "is as it was": True}
    assert outcome["second visit"] == {"error": "Cancelled.", "is as it was": True}
    assert outcome["third visit"] == ""
    assert outcome["left behind"] == []
    assert outcome["the view is as it was"]
    assert outcome["disabled meanwhile"]
    assert len(set(outcome["looks"].values())) == 4 and min(outcome["looks"].values()) > 500
    [(_, version, link)] = outcome["published"]
    assert version == 1
    assert requests.get(link, timeout=30).status_code == 200
