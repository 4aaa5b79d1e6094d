"""Mistakes that an adapter could make when it places a drawing: the tests of the adapter must detect each of them.

The mistakes of a host are made one after the other in one process, which loads the host program or its double once.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTEST_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=line")
TESTS_FAILED, ALL_PASSED = int(pytest.ExitCode.TESTS_FAILED), int(pytest.ExitCode.OK)
# Tests in the test_feedback.py of each host.
PLACE_IN_MAYA = "test_a_drawing_lies_over_its_place_in_the_image"
NOT_SAVED = "test_nothing_is_saved_and_the_drawings_are_shown_again"
PLACE_IN_NUKE = "test_a_point_lies_at_its_pixel_counted_from_the_bottom_left"
PLACE_IN_BLENDER = "test_a_drawing_lies_within_half_a_pixel_of_where_it_was_drawn[perspective-size1]"
ON_ITS_FRAMES = "test_a_drawing_is_visible_on_its_frames_only"


@attrs.frozen
class Mistake:
    """A change of one line of an adapter, and the test of its drawings that fails with it."""

    file: str
    before: str
    after: str
    test: str


MISTAKES = {
    "maya": {
        "y is not flipped": Mistake(
            "camera_plane.py", "(0.5 - y) * self.size[1]", "(y - 0.5) * self.size[1]", PLACE_IN_MAYA
        ),
        "height for width": Mistake(
            "camera_plane.py", "(x - 0.5) * self.size[0]", "(x - 0.5) * self.size[1]", PLACE_IN_MAYA
        ),
        "one frame late": Mistake("temporary_nodes.py", "(start, 1)", "(start + 1, 1)", ON_ITS_FRAMES),
        "linear colours": Mistake(
            "feedback.py",
            'RGB", *colour)',
            'RGB", *(each**2.2 for each in colour))',
            "test_width_and_colour_are_those_of_the_stroke",
        ),
        "nothing is removed": Mistake("temporary_nodes.py", "cmds.delete(name)", "pass", NOT_SAVED),
        "visible in a capture": Mistake(
            "feedback.py", 'visibility", False)', 'visibility", True)', "test_a_capture_shows_no_drawing"
        ),
    },
    "nuke": {
        "y is not flipped": Mistake("roto_script.py", "(0.5 - y) * self", "(y - 0.5) * self", PLACE_IN_NUKE),
        "height for width": Mistake(
            "roto_script.py", "self.width / 2 + across", "self.height / 2 + across", PLACE_IN_NUKE
        ),
        "one frame too long": Mistake(
            "feedback.py",
            "> {drawing.last_frame}",
            "> {drawing.last_frame + 1}",
            "test_a_drawing_is_drawn_on_its_frames_only",
        ),
        "colours are not linear": Mistake(
            "feedback.py", "colour=(linear(red)", "colour=(float(red)", "test_colours_are_linear"
        ),
        "nothing is removed": Mistake("marked_nodes.py", "nuke.delete(node)", "pass", NOT_SAVED),
    },
    "blender": {
        "y is not flipped": Mistake(
            "scene/camera_plane.py", "(0.5 - y) * stretch", "(y - 0.5) * stretch", PLACE_IN_BLENDER
        ),
        "height for width": Mistake(
            "scene/camera_plane.py", "(x - 0.5) * aspect", "(x - 0.5) * stretch", PLACE_IN_BLENDER
        ),
        "one frame late": Mistake(
            "scene/feedback.py",
            "(drawing.frame, drawing.last_frame + 1)}",
            "(drawing.frame + 1, drawing.last_frame + 2)}",
            ON_ITS_FRAMES,
        ),
        "colours are not linear": Mistake(
            "scene/feedback.py",
            "*(linear(value) for value in colour)",
            "*colour",
            "test_a_colour_between_black_and_full_is_drawn_as_it_was_chosen",
        ),
        "nothing is removed": Mistake(
            "scene/feedback.py", "group.remove(item)", "pass", "test_cleared_drawings_leave_no_trace"
        ),
        "visible in a capture": Mistake(
            "scene/capture.py",
            "self._state.enter_context(feedback.hidden())",
            "pass",
            "test_drawings_are_not_captured",
        ),
    },
}


@pytest.mark.parametrize("host", MISTAKES)
def test_each_mistake_in_a_drawing_is_detected(host, tmp_path):
    if host == "blender" and importlib.util.find_spec("bpy") is None:
        pytest.skip("there is no bpy for this Python")
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"from mutation.test_feedback_mistakes import write_exit_codes as write; write({host!r}, {str(tmp_path)!r})"
    paths = os.pathsep.join((str(tmp_path), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        # Sources are compiled in memory only: two changes in one second must not be taken for each other.
        [sys.executable, "-B", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found = tmp_path / "exit_codes.json"
    assert found.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    expected = {**dict.fromkeys(MISTAKES[host], TESTS_FAILED), "no mistake": ALL_PASSED}
    assert json.loads(found.read_text(encoding="utf-8")) == expected, done.stdout[-4000:]


def write_exit_codes(host: str, folder: str) -> None:
    """Make one mistake after the other in the copy of the adapter, run its test, and write pytest's exit codes.

    Without a mistake, all of these tests pass at the end: no mistake has left something that a later test fails by.
    """
    adapter, exit_codes = Path(folder, f"ft_dcc_{host}"), {}
    tests = {name: f"tests/{host}/test_feedback.py::{mistake.test}" for name, mistake in MISTAKES[host].items()}
    for name, mistake in MISTAKES[host].items():
        path = adapter / mistake.file
        source = path.read_text(encoding="utf-8")
        assert source.count(mistake.before) == 1, f"{mistake.before} is not once in {mistake.file}"
        path.write_text(source.replace(mistake.before, mistake.after), encoding="utf-8")
        exit_codes[name] = _run(adapter, tests[name])
        path.write_text(source, encoding="utf-8")
    exit_codes["no mistake"] = _run(adapter, *dict.fromkeys(tests.values()))
    Path(folder, "exit_codes.json").write_text(json.dumps(exit_codes), encoding="utf-8")


def _run(adapter: Path, *tests: str) -> int:
    """Run the tests with the adapter as it is on the disk now, and return pytest's exit code."""
    for loaded in [name for name in sys.modules if name.partition(".")[0] == adapter.name]:
        del sys.modules[loaded]
    found = importlib.util.find_spec(adapter.name)
    assert found is not None and found.origin == str(adapter / "__init__.py")
    return int(pytest.main([*PYTEST_OPTIONS, *tests]))
