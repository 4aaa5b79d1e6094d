"""The add-on in a Blender with a window, which the environment variable FT_DCC_BLENDER names (3.4 or later).

It needs xvfb-run and xdotool, and ImageMagick's import for the screenshots; on Debian: apt-get install blender xvfb
xauth xdotool imagemagick.
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

FOLDER = Path(__file__).resolve().parent
BUILD = FOLDER.parents[1] / "hosts" / "blender" / "build_extension.py"
PROGRAM = os.environ.get("FT_DCC_BLENDER", "")


INSTALL = """
import sys, bpy
bpy.ops.preferences.addon_install(filepath=sys.argv[-1])
bpy.ops.preferences.addon_enable(module="ft_dcc_blender")
bpy.ops.wm.save_userpref()
"""


def has_extensions():
    """Return whether it is Blender 4.2 or later."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, encoding="utf-8", check=True).stdout
    return tuple(int(part) for part in version.split()[1].split(".")[:2]) >= (4, 2)


@pytest.fixture
def blender(tmp_path, studio_server, project_task):
    if not PROGRAM:
        pytest.skip("FT_DCC_BLENDER names no Blender with a window")
    env = {
        # The add-on must import its own copies of its dependencies.
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "HOME": str(tmp_path),
        "BLENDER_USER_RESOURCES": str(tmp_path),
        "FT_DCC_JOBS": str(tmp_path / "jobs"),
        "FT_DCC_TEST_OUTPUT": str(tmp_path),
        "FT_DCC_ENCODER": "software",
        "FT_DCC_MODULE": "bl_ext.user_default.ft_dcc" if has_extensions() else "ft_dcc_blender",
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
    }

    def run(*command: str, **more: str) -> None:
        done = subprocess.run(
            command, env={**env, **more}, capture_output=True, encoding="utf-8", check=False, timeout=560
        )
        # Blender may exit with 1 after Escape was pressed.
        assert done.returncode == 0 or (tmp_path / "results.json").exists(), done.stdout[-2000:] + done.stderr[-2000:]

    return run


@pytest.fixture
def run_steps(blender, tmp_path, monkeypatch):
    """Return a function that installs the add-on, runs these steps in a window, and returns their results."""

    def run(steps: str, width: int, height: int):
        subprocess.run([sys.executable, str(BUILD), "--platform", "linux-x64", "--to", str(tmp_path)], check=True)
        zips = {"classic" in path.name: str(path) for path in tmp_path.glob("*.zip")}
        if has_extensions():
            blender(PROGRAM, "--command", "extension", "install-file", "-r", "user_default", "--enable", zips[False])
        else:
            blender(PROGRAM, "-b", "--python-exit-code", "3", "--python-expr", INSTALL, "--", zips[True])
        script = Path(shutil.copy(FOLDER / "run_in_window.py", tmp_path))
        screen = ("xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24")
        if "xvfb" in Path(PROGRAM).name:
            screen = ()
        size = ("--window-geometry", "0", "0", str(width), str(height))
        blender(*screen, PROGRAM, *size, "-P", str(script), FT_DCC_TEST_STEPS=steps)
        error = tmp_path / "error.txt"
        assert not error.exists(), error.read_text(encoding="utf-8")
        return json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))

    return run


@pytest.mark.timeout(900)
def test_an_artist_publishes_and_cancels_in_the_window(run_steps):
    results = run_steps("artist", 1600, 900)
    assert results["publish"] == {"error": "", "is as it was": True}
    assert results["cancel"] == {"error": "Cancelled.", "is as it was": True}
    assert results["two windows"] == ""
    assert results["the view is as it was"]
    assert len(set(results["looks"].values())) == 4 and min(results["looks"].values()) > 500
    [(_, version, link)] = results["published"]
    assert version == 1
    assert requests.get(link, timeout=30).status_code == 200


@pytest.mark.timeout(900)
def test_the_screenshot_of_the_documentation_shows_a_version_with_its_note(run_steps, tmp_path):
    """``FT_DCC_SCREENSHOT`` names the file that the image is written to: ``make screenshot-blender``."""
    results = run_steps("screenshot", 1320, 1180)
    assert results["error"] == ""
    image = tmp_path / "screenshot.png"
    assert image.stat().st_size > 10_000
    if "FT_DCC_SCREENSHOT" in os.environ:
        shutil.copy(image, os.environ["FT_DCC_SCREENSHOT"])


@pytest.mark.timeout(900)
def test_nothing_that_is_pressed_or_saved_during_a_publish_changes_the_scene(run_steps):
    results = run_steps("protection", 960, 600)
    print(json.dumps(results)[:3000])
    assert results["work"] == {"error": "", "is as it was": True}
    assert results["the cube exists"] and results["as it was after an undo"]
    assert results["phases"]["captured"] > 5
    assert (results["saved files"] > 1, results["different files"]) == (True, {})
    assert results["disabled meanwhile"] and results["disabled at frame"] >= 30
    assert (results["left behind"], results["threads"]) == ([], [])
