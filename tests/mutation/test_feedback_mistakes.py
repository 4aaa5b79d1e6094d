"""Mistakes that an adapter could make when it places a drawing: the tests of the adapter must detect each of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutation.mutations import Mutation
from mutation.test_mutation import ROOT, forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mistake is made in a process of its own, forked")

# Host, file, the text before and after.
MISTAKES = {
    "Maya: y is not flipped": ("maya", "camera_plane.py", "(0.5 - y) * self.size[1]", "(y - 0.5) * self.size[1]"),
    "Maya: height for width": ("maya", "camera_plane.py", "(x - 0.5) * self.size[0]", "(x - 0.5) * self.size[1]"),
    "Maya: one frame late": ("maya", "temporary_nodes.py", "(start, 1)", "(start + 1, 1)"),
    "Maya: linear colours": ("maya", "feedback.py", 'RGB", *colour)', 'RGB", *(each**2.2 for each in colour))'),
    "Maya: nothing is removed": (
        "maya",
        "temporary_nodes.py",
        "                cmds.delete(name)",
        "                pass",
    ),
    "Maya: visible in a capture": ("maya", "feedback.py", 'visibility", False)', 'visibility", True)'),
    "Nuke: y is not flipped": ("nuke", "roto_script.py", "(0.5 - y) * self", "(y - 0.5) * self"),
    "Nuke: height for width": ("nuke", "roto_script.py", "self.width / 2 + across", "self.height / 2 + across"),
    "Nuke: one frame too long": ("nuke", "feedback.py", "> {drawing.last_frame}", "> {drawing.last_frame + 1}"),
    "Nuke: colours are not linear": ("nuke", "feedback.py", "colour=(linear(red)", "colour=(float(red)"),
    "Nuke: nothing is removed": ("nuke", "marked_nodes.py", "            nuke.delete(node)", "            pass"),
}

# File of the Blender adapter, the text before and after.
BLENDER_MISTAKES = {
    "y is not flipped": ("scene/camera_plane.py", "(0.5 - y) * stretch", "(y - 0.5) * stretch"),
    "height for width": ("scene/camera_plane.py", "(x - 0.5) * aspect", "(x - 0.5) * stretch"),
    "one frame late": (
        "scene/feedback.py",
        "(drawing.frame, drawing.last_frame + 1)}",
        "(drawing.frame + 1, drawing.last_frame + 2)}",
    ),
    "colours are not linear": ("scene/feedback.py", "*(linear(value) for value in colour)", "*colour"),
    "nothing is removed": ("scene/feedback.py", "            group.remove(item)", "            pass"),
    "visible in a capture": ("scene/capture.py", "self._state.enter_context(feedback.hidden())", "pass"),
}


@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="there is no bpy for this Python")
@pytest.mark.parametrize("mistake", BLENDER_MISTAKES)
def test_a_mistake_in_a_drawing_in_blender_is_detected(mistake, tmp_path):
    name, before, after = BLENDER_MISTAKES[mistake]
    adapter = tmp_path / "ft_dcc_blender"
    shutil.copytree(ROOT / "hosts" / "blender" / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    source = (adapter / name).read_text(encoding="utf-8")
    assert source.count(before) == 1
    (adapter / name).write_text(source.replace(before, after), encoding="utf-8")
    is_loaded = tmp_path / "loaded"
    with (adapter / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(f"\n__import__('pathlib').Path({str(is_loaded)!r}).touch()\n")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header"]
    done = subprocess.run(
        [*command, str(ROOT / "tests" / "blender" / "test_feedback.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=500,
    )
    # Tests have failed; other numbers are errors of the run itself.
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert is_loaded.exists()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_drawing_is_detected(mistake, tmp_path, monkeypatch):
    host, name, before, after = MISTAKES[mistake]
    assert _outcome(host, tmp_path, monkeypatch, name, before, after) not in ("", "0")


def _outcome(host: str, folder: Path, monkeypatch, name: str, before: str, after: str) -> str:
    """Return the exit code of the adapter's tests with the mistake."""
    adapter = folder / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = adapter / name
    source = path.read_text(encoding="utf-8")
    assert source.count(before) == 1
    mutation = Mutation(path, 1, "mistake", before, after, source.replace(before, after).encode())
    tests = str(ROOT / "tests" / host / "test_feedback.py")
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", tests]
    return forked(folder, mutation, lambda: str(int(pytest.main(arguments))))
