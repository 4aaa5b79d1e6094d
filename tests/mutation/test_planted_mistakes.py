"""Mistakes that an adapter could make and that no test noticed once: its tests must detect each of them.

The mistakes of a host are made one after the other in one process, which loads the host program or its double once.
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]
PYTEST_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=line")
TESTS_FAILED, ALL_PASSED = int(pytest.ExitCode.TESTS_FAILED), int(pytest.ExitCode.OK)
# Tests in the test_feedback.py of each host; those in another file are named with it.
PLACE_IN_MAYA = "test_a_drawing_lies_over_its_place_in_the_image"
NOT_SAVED = "test_nothing_is_saved_and_the_drawings_are_shown_again"
PLACE_IN_NUKE = "test_a_point_lies_at_its_pixel_counted_from_the_bottom_left"
PLACE_IN_BLENDER = "test_a_drawing_lies_within_half_a_pixel_of_where_it_was_drawn[perspective-size1]"
ON_ITS_FRAMES = "test_a_drawing_is_visible_on_its_frames_only"


# By host: a file of the adapter, its text before and after the mistake, and the test that must fail.
MISTAKES = {
    "maya": {
        "y is not flipped": ("cameras.py", "(0.5 - y) * self.size[1]", "(y - 0.5) * self.size[1]", PLACE_IN_MAYA),
        "height for width": ("cameras.py", "(x - 0.5) * self.size[0]", "(x - 0.5) * self.size[1]", PLACE_IN_MAYA),
        "one frame late": ("maintained.py", "(start, 1)", "(start + 1, 1)", ON_ITS_FRAMES),
        "linear colours": (
            "feedback.py",
            'RGB", *colour)',
            'RGB", *(each**2.2 for each in colour))',
            "test_width_and_colour_are_those_of_the_stroke",
        ),
        "nothing is removed": ("maintained.py", "cmds.delete(name)", "pass", NOT_SAVED),
        "visible in a capture": (
            "feedback.py",
            'visibility", False)',
            'visibility", True)',
            "test_a_capture_shows_no_drawing",
        ),
        "a short name of two equal cameras": (
            "cameras.py",
            "parent=True, path=True",
            "parent=True",
            "test_host.py::test_sources_list_renderable_cameras_first_and_no_startup_cameras",
        ),
        "undo is on after a capture, although it was off": (
            "maintained.py",
            "stateWithoutFlush=has_undo",
            "stateWithoutFlush=True",
            "test_capture.py::test_undo_that_the_artist_has_switched_off_stays_off",
        ),
        "hidden objects are drawn in the look of the viewport": (
            "look.py",
            "*_RENDERABLES, *_OTHER_FLAGS",
            "*_OTHER_FLAGS",
            "test_capture.py::test_a_look_like_the_viewport_has_each_flag_of_the_view_and_another_look_none",
        ),
        "every key is swallowed during a capture": (
            "viewport.py",
            "return bool(is_escape)",
            "return True",
            "../qt/test_maya.py::test_escape_in_a_window_of_maya_cancels_a_capture_and_closes_nothing",
        ),
        "a reference without a file hides the missing ones": (
            "checks/validate_scene.py",
            "have no file.\n            continue",
            "have no file.\n            break",
            "test_host.py::test_references_without_their_file_are_found_behind_those_of_maya_itself",
        ),
        "a frame is drawn without an evaluation of the scene": (
            "capture.py",
            "cmds.currentTime(frame)",
            "cmds.currentTime(frame, update=False)",
            "test_capture.py::test_the_scene_is_evaluated_at_each_frame",
        ),
        "the notes are in the current namespace": (
            "feedback.py",
            'f":{GROUP}"',
            "GROUP",
            "test_the_group_is_hidden_in_the_outliner_and_cannot_be_selected",
        ),
        "in-view messages stay switched off": (
            "viewport.py",
            "int(cmds.optionVar(query=name))",
            "0",
            "test_capture.py::test_drawings_in_the_view_are_hidden_in_every_version_that_has_them",
        ),
    },
    "nuke": {
        "y is not flipped": ("feedback.py", "(0.5 - y) * self", "(y - 0.5) * self", PLACE_IN_NUKE),
        "height for width": ("feedback.py", "self.width / 2 + across", "self.height / 2 + across", PLACE_IN_NUKE),
        "one frame too long": (
            "feedback.py",
            "> {drawing.last_frame}",
            "> {drawing.last_frame + 1}",
            "test_a_drawing_is_drawn_on_its_frames_only",
        ),
        "colours are not linear": (
            "feedback.py",
            "_number(shared.linear(each))",
            "_number(float(each))",
            "test_colours_are_linear",
        ),
        "nothing is removed": ("maintained.py", "nuke.delete(node)", "pass", NOT_SAVED),
        "the name of the files is not evaluated": (
            "node_info.py",
            "is not documented.\n    path = str(knob.evaluate(view=view))",
            "is not documented.\n    path = str(knob.value())",
            "test_host.py::test_the_files_of_a_view_have_the_evaluated_name",
        ),
        "nodes of a capture are ignored for ever": (
            "renders/render_callbacks.py",
            "_ignored_nodes.discard(name)",
            "pass",
            "test_render_callbacks.py::test_a_write_with_the_name_of_one_of_a_capture_is_recorded",
        ),
        "variables in a label are evaluated": (
            "node_info.py",
            r"[\\\[\]$]",
            r"[\\\[\]]",
            "test_drawings_of_several_authors_have_their_own_nodes_and_captions",
        ),
        "an undo group is left open": (
            "host.py",
            "setValue(_format_name(resolution))\n        finally:\n            nuke.Undo.end()",
            "setValue(_format_name(resolution))\n        finally:\n            pass",
            "test_host.py::test_configure_adds_a_format_only_if_there_is_none_with_square_pixels",
        ),
        "drawings are shown in another script": (
            "maintained.py",
            "nuke.GUI and is_shown",
            "nuke.GUI",
            "test_drawings_do_not_follow_the_artist_into_another_script",
        ),
        "Viewers are not restored": (
            "maintained.py",
            "restore_viewers(node, str(node[self._knob_name].value()))",
            "pass",
            "test_an_error_leaves_each_viewer_as_it_was",
        ),
        "a question is lost after 60 seconds": (
            "renders/render_watcher.py",
            "nuke.ask(current.question)), timeout=None)",
            "nuke.ask(current.question)))",
            "test_render_callbacks.py::test_a_declined_render_is_not_asked_about_again",
        ),
        "the width of an anamorphic format": (
            "feedback.py",
            "round(int(size.width()) * float(size.pixelAspect()))",
            "int(size.width())",
            "test_a_drawing_of_an_anamorphic_movie_fits_a_script_with_such_pixels",
        ),
    },
    "blender": {
        "y is not flipped": ("scene/feedback.py", "(0.5 - y) * stretch", "(y - 0.5) * stretch", PLACE_IN_BLENDER),
        "height for width": ("scene/feedback.py", "(x - 0.5) * aspect", "(x - 0.5) * stretch", PLACE_IN_BLENDER),
        "one frame late": (
            "scene/feedback.py",
            "(drawing.frame, drawing.last_frame + 1)}",
            "(drawing.frame + 1, drawing.last_frame + 2)}",
            ON_ITS_FRAMES,
        ),
        "colours are not linear": (
            "scene/feedback.py",
            "*(linear(value) for value in colour)",
            "*colour",
            "test_a_colour_between_black_and_full_is_drawn_as_it_was_chosen",
        ),
        "nothing is removed": (
            "scene/feedback.py",
            "group.remove(item)",
            "pass",
            "test_cleared_drawings_leave_no_trace",
        ),
        "visible in a capture": (
            "scene/capture.py",
            "self._state.enter_context(feedback.hidden())",
            "pass",
            "test_drawings_are_not_captured",
        ),
    },
}


@pytest.mark.parametrize("host", MISTAKES)
def test_each_mistake_is_detected(host, tmp_path):
    if host == "blender" and importlib.util.find_spec("bpy") is None:
        pytest.skip("there is no bpy for this Python")
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"from mutation.test_planted_mistakes import write_exit_codes as write; write({host!r}, {str(tmp_path)!r})"
    paths = os.pathsep.join((str(tmp_path), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    done = run_process(sys.executable, "-B", "-c", code, env={**os.environ, "PYTHONPATH": paths}, cwd=ROOT)
    found = tmp_path / "exit_codes.json"
    assert found.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    expected = {**dict.fromkeys(MISTAKES[host], TESTS_FAILED), "no mistake": ALL_PASSED}
    assert json.loads(found.read_text(encoding="utf-8")) == expected, done.stdout[-4000:]


def write_exit_codes(host, folder):
    """Make one mistake after the other in the copy of the adapter, run its test, and write pytest's exit codes.

    Without a mistake, all of these tests pass at the end: no mistake has left something that a later test fails by.
    """
    adapter, exit_codes = Path(folder, f"ft_dcc_{host}"), {}
    tests = []
    for name, (file, before, after, test) in MISTAKES[host].items():
        tests.append(f"tests/{host}/{test}" if "::" in test else f"tests/{host}/test_feedback.py::{test}")
        source = (adapter / file).read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{before} is not once in {file}"
        (adapter / file).write_text(source.replace(before, after), encoding="utf-8")
        exit_codes[name] = _run(adapter, tests[-1])
        (adapter / file).write_text(source, encoding="utf-8")
    exit_codes["no mistake"] = _run(adapter, *dict.fromkeys(tests))
    Path(folder, "exit_codes.json").write_text(json.dumps(exit_codes), encoding="utf-8")


def _run(adapter, *tests):
    """Run the tests with the adapter as it is on the disk now, and return pytest's exit code."""
    for loaded in [name for name in sys.modules if name.partition(".")[0] == adapter.name]:
        del sys.modules[loaded]
    found = importlib.util.find_spec(adapter.name)
    assert found is not None and found.origin == str(adapter / "__init__.py")
    return int(pytest.main([*PYTEST_OPTIONS, *tests]))
