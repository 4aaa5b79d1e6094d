"""The add-on in a Blender with a window, which the environment variable FT_DCC_BLENDER names (3.4 or later).

It needs xvfb-run and xdotool; on Debian: apt-get install blender xvfb xauth xdotool.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import requests
from doubles.command_line import account_variables
from doubles.programs import run_process
from PIL import Image
from run_options import TIMEOUT_SECONDS

FOLDER = Path(__file__).resolve().parent
BUILD = FOLDER.parents[1] / "hosts" / "blender" / "build_extension.py"
PROGRAM = os.environ.get("FT_DCC_BLENDER", "")
pytestmark = pytest.mark.timeout(900)


INSTALL = """
import sys, bpy
bpy.ops.preferences.addon_install(filepath=sys.argv[-1])
bpy.ops.preferences.addon_enable(module="ft_dcc_blender")
bpy.ops.wm.save_userpref()
"""


def has_extensions():
    version = run_process(PROGRAM, "--version", check=True).stdout
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
        "FT_DCC_TESTS": str(FOLDER.parent),
        "FT_DCC_MODULE": "bl_ext.user_default.ft_dcc" if has_extensions() else "ft_dcc_blender",
        **account_variables(studio_server),
    }

    return partial(ProgramRun, env=env, output=tmp_path)


class ProgramRun:
    """A run of a program; its output is read line by line, so that a test can wait for an event in it."""

    def __init__(self, *command, env, output, **more):
        self._output, self._text = output, ""
        self._process = subprocess.Popen(
            command,
            env={**env, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def wait_for_event(self, name):
        for line in self._process.stdout:
            self._text += line
            if line.startswith("FT_DCC_EVENT "):
                event = json.loads(line.partition(" ")[2])
                assert event["event"] == name, self._text[-2000:]
                return event
        self.wait()
        raise AssertionError(f"There was no event {name!r}: {self._text[-2000:]}")

    def wait(self):
        self._text += self._process.communicate(timeout=560)[0]
        # Blender may exit with 1 after Escape was pressed.
        assert self._process.returncode == 0 or (self._output / "results.json").exists(), self._text[-4000:]
        error = self._output / "error.txt"
        assert not error.exists(), error.read_text(encoding="utf-8")
        # Blender prints what a panel raises.
        assert "Traceback" not in self._text, self._text[-4000:]

    def stop(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate()


@pytest.fixture
def start_steps(blender, tmp_path):
    started = []

    def start(steps, width, height, **more):
        subprocess.run([sys.executable, str(BUILD), "--platform", "linux-x64", "--to", str(tmp_path)], check=True)
        zips = {"classic" in path.name: str(path) for path in tmp_path.glob("*.zip")}
        if has_extensions():
            options = ("--command", "extension", "install-file", "-r", "user_default", "--enable", zips[False])
        else:
            options = ("-b", "--python-exit-code", "3", "--python-expr", INSTALL, "--", zips[True])
        blender(PROGRAM, *options).wait()
        script = Path(shutil.copy(FOLDER / "run_in_window.py", tmp_path))
        screen = ("xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24")
        if "xvfb" in Path(PROGRAM).name:
            screen = ()
        size = ("--window-geometry", "0", "0", str(width), str(height))
        started.append(blender(*screen, PROGRAM, *size, "-P", str(script), FT_DCC_TEST_STEPS=steps, **more))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def run_steps(start_steps, tmp_path):
    def run(steps, width, height):
        start_steps(steps, width, height).wait()
        return json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))

    return run


def test_an_artist_publishes_and_cancels_in_the_window(run_steps):
    results = run_steps("artist", 1600, 900)
    assert results["publish"] == {"error": "", "is as it was": True}
    assert results["cancel"] == {"error": "Cancelled.", "is as it was": True}
    assert results["two windows"] == ""
    assert results["the view is as it was"]
    assert len(set(results["looks"].values())) == 4 and min(results["looks"].values()) > 500
    [(_, version, link)] = results["published"]
    assert version == 1
    assert requests.get(link, timeout=TIMEOUT_SECONDS).status_code == 200


def test_the_panel_is_drawn_empty_busy_with_problems_for_an_edit_and_in_german(run_steps, tmp_path):
    """``FT_DCC_PANELS`` names a folder for the pictures of the documentation, ``FT_DCC_PANEL_SIZE`` the window."""
    width, height = map(int, os.environ.get("FT_DCC_PANEL_SIZE", "1280x720").split("x"))
    assert run_steps("panel", width, height)["error"] == ""
    assert (tmp_path / "panel-busy.png").stat().st_size > 10_000
    for file, names in PANELS.items():
        panels = [Image.open(tmp_path / f"panel-{name}.png").crop((width - 222, 80, width, 690)) for name in names]
        together = Image.new("RGB", (222 * len(panels), 610))
        for index, panel in enumerate(panels):
            together.paste(panel, (222 * index, 0))
        together.save(Path(os.environ.get("FT_DCC_PANELS", tmp_path), file))


PANELS = {
    "blender-panels.png": ("empty", "task", "published", "one", "eight"),
    "blender-work-file.png": ("offer", "published"),
    "blender-edit.png": ("edit",),
}


def test_nothing_that_is_pressed_or_saved_during_a_publish_changes_the_scene(run_steps):
    results = run_steps("protection", 960, 600)
    print(json.dumps(results)[:3000])
    assert results["work"] == {"error": "", "is as it was": True}
    assert results["the cube exists"] and results["as it was after an undo"]
    assert results["phases"]["captured"] > 5
    assert (results["saved files"] > 1, results["different files"]) == (True, {})
    assert results["views of saves"] == [True]
    assert results["disabled meanwhile"] and results["disabled at frame"] >= 30
    assert (results["left behind"], results["threads"]) == ([], [])


def test_the_key_that_saves_saves_during_a_capture_and_the_keys_of_its_last_slice_are_dropped(run_steps):
    results = run_steps("keys", 960, 600)
    assert results["saved during the capture"]
    assert results["messages"] == [
        "Keys and clicks are blocked until the last frame is captured. Escape cancels the publish.",
        "Saved keys.blend without the changes of the capture, which continues.",
    ]
    assert (results["error"], results["is as it was"]) == ("", True)
    assert (results["saved files"], results["different files"]) == (1, {})
    assert results["keys of the last slice"] == "dropped"
    assert results["keys after the end"] == "deleted the cube"


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT"])
def test_the_session_of_a_blender_that_quits_during_a_capture_is_recovered_as_it_was(
    run_steps, start_steps, tmp_path, mode
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    start_steps(f"quit in {mode}", 960, 600, TMPDIR=str(temporary)).wait()
    shutil.copy(temporary / "quit.blend", tmp_path / "saved-quit.blend")
    results = run_steps("recovery", 960, 600)
    assert (results["saved files"], results["different files"]) == (1, {})


# The mean difference of a channel, of 255, and the share of channels that differ by more than 16. Both ways draw with
# the same anti-aliasing, and round edges and colours differently; a cube that one of them hides is 2 % of the image.
MAX_MEAN_DIFFERENCE, MAX_SHARE_OF_DIFFERENT = 1.0, 0.01


def test_a_window_and_a_headless_blender_capture_the_same_images(run_steps, tmp_path):
    results = run_steps("both ways", 960, 600)
    assert (results["headless"][0], results["is as it was"], results["view layer"]) == (0, True, "Second"), results
    # "Not shown" is in a render, too, but a headless Blender 3.4 draws an object that the viewport hides in black.
    for look, names in {"viewport": {"Moving", "Not rendered"}, "render": {"Moving", "Eye"}}.items():
        images = {way: decoded(tmp_path / way / look) for way in ("window", "headless")}
        for frame, (one, other) in enumerate(zip(images["window"], images["headless"]), 1):
            if look == "render":
                one, other = without_the_middle(one), without_the_middle(other)
            assert (cubes_in(one), cubes_in(other)) == (names, names), (look, frame)
            differences = [abs(a - b) for a, b in zip(one, other)]
            mean, different = sum(differences) / len(one), sum(each > 16 for each in differences) / len(one)
            print(f"{look} {frame}: mean {mean:.3f}, different {different:.4f}")
            assert mean < MAX_MEAN_DIFFERENCE and different < MAX_SHARE_OF_DIFFERENT, (look, frame)


WIDTH, HEIGHT = 320, 180


def test_the_default_look_is_that_of_the_viewport_with_back_plates_and_the_views_are_hidden_meanwhile(
    run_steps, tmp_path
):
    results = run_steps("look", 960, 600)
    assert results["after"] == results["before"]
    assert results["look"]["shading"] == "VIEWPORT"
    # The view is hidden whenever Blender may draw it, except before the first frame and after the last one.
    assert False in results["views"]
    for ours, theirs in zip(decoded(tmp_path / "ours"), decoded(tmp_path / "theirs")):
        assert max(abs(one - other) for one, other in zip(ours, theirs)) <= 1
    assert len({pixels(tmp_path / "ours" / f"{name}.0001.png") for name in ("frame", "overlays", "stamp")}) == 3
    assert results["the quad view is as it was"]
    assert pixels(tmp_path / "quad" / "frame.0001.png") == pixels(tmp_path / "kind 0" / "default.0001.png")
    for number, (kind, sentences) in enumerate(results["kinds"]):
        images = {name: pixels(tmp_path / f"kind {number}" / f"{name}.0001.png") for name in ("frame", *sentences)}
        shares = []
        for name, named in sentences.items():
            differences = [abs(one - other) for one, other in zip(images[name], images["frame"])]
            assert max(differences) <= 1 or (named and name != "default"), (kind, name, max(differences))
            shares.append(f"{sum(each > 16 for each in differences) / len(differences):.1%}")
        print("|", kind, "|", " | ".join(shares), "|", "<br>".join(sentences["solid"]), "|")
    assert number == 15


def without_the_middle(image):
    rows = [image[start : start + 3 * WIDTH] for start in range(0, len(image), 3 * WIDTH)]
    return b"".join(row[: 3 * 130] + row[3 * 190 :] for row in rows)


# Which of red, green and blue each cube has.
CUBES = {
    "Moving": (True, False, False),
    "Not rendered": (False, True, False),
    "Not shown": (False, False, True),
    "Eye": (True, True, False),
    "In box": (True, False, True),
}


def decoded(folder):
    return [pixels(folder / f"frame.{frame:04d}.png") for frame in (1, 2, 3)]


def pixels(path):
    frame = Image.open(path)
    assert frame.size == (WIDTH, HEIGHT)
    return frame.convert("RGB").tobytes()


def cubes_in(image):
    """Return the cubes in the image: at least a hundred pixels have the colour of each."""
    pixels = list(zip(*[iter(image)] * 3))
    counts = dict.fromkeys(CUBES, 0)
    for pixel in pixels:
        low, high = min(pixel), max(pixel)
        if high - low > 60:
            has_channel = tuple(value > (low + high) / 2 for value in pixel)
            for name, channels in CUBES.items():
                counts[name] += has_channel == channels
    return {name for name, count in counts.items() if count > 100}
