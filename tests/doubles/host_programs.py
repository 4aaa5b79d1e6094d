"""Programs that stand in for Maya and Nuke: they run the doubles as processes of their own, with the real launcher."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from doubles.nuke import sample_script
from doubles.nuke.program import running

ROOT = Path(__file__).resolve().parents[2]


def make_program(path, module, before=""):
    """Create a program that runs the double and imports the suite from the installation alone.

    ``before`` are lines of shell that run first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The doubles need the core, and PYTHONPATH is taken from the programs that are started.
    search = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    line = f'PYTHONPATH="{search}" exec "{sys.executable}" -m {module} "$@"'
    path.write_text(f"#!/bin/sh\n{before}\n{line}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def make_maya(folder, before=""):
    """Return a Maya 2025 in this folder."""
    program = make_program(folder / "maya2025" / "bin" / "maya", "doubles.maya.mayapy", before)
    make_program(program.with_name("mayapy"), "doubles.maya.mayapy", before)
    return program


def make_nuke(folder, before=""):
    """Return a Nuke 16.0 in this folder."""
    return make_program(folder / "Nuke16.0v1" / "Nuke16.0", "doubles.nuke.terminal", before)


def write_maya_scene(path, text='//Maya ASCII 2025 scene\nrequires maya "2025";\n'):
    """Write a scene that the double opens: the small shot."""
    path.write_text(text, encoding="ascii")
    return path


def write_nuke_script(path):
    """Write a script that the double opens: the small script, whose frames were not rendered."""
    with running(sample_script.build(path.parent / "of the script", is_gui=False)) as nuke:
        nuke.module.scriptSave(path.as_posix())
    return path
