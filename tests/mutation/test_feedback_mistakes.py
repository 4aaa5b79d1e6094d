"""Mistakes that an adapter could make when it places a drawing: the tests of the adapter must detect each of them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from mutation.mutations import Mutation
from mutation.test_mutation import ROOT, _forked

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
    return _forked(folder, mutation, lambda: str(int(pytest.main(arguments))))
