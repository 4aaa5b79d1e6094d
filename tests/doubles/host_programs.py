"""Programs that stand in for Maya and Nuke: they run the doubles as processes of their own, with the real launcher."""

import os
from pathlib import Path

from doubles.nuke import sample_script
from doubles.nuke.program import running
from doubles.programs import write_program

ROOT = Path(__file__).resolve().parents[2]


def make_program(path, module, before=""):
    """Create a program that runs the double and imports the suite from the installation alone.

    ``before`` is Python code that runs first, with ``os``, ``sys`` and ``time``.
    """
    # The doubles need the core, and PYTHONPATH is taken from the programs that are started.
    search = [str(ROOT / "tests"), str(ROOT)]
    run = f"import runpy; sys.path[:1] = {search}; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    set_path = f"os.environ['PYTHONPATH'] = {os.pathsep.join(search)!r}"
    return write_program(path, f"import os, sys, time\n{before}\n{set_path}\n{run}\n")


def make_maya(folder, before=""):
    make_program(folder / "maya2025" / "bin" / "mayapy", "doubles.maya.mayapy", before)
    return make_program(folder / "maya2025" / "bin" / "maya", "doubles.maya.mayapy", before)


def make_nuke(folder, before=""):
    return make_program(folder / "Nuke16.0v1" / "Nuke16.0", "doubles.nuke.terminal", before)


def write_maya_scene(path, text='//Maya ASCII 2025 scene\nrequires maya "2025";\n'):
    path.write_text(text, encoding="ascii")
    return path


def write_nuke_script(path):
    """Write a script that the double opens: the small script, whose frames were not rendered."""
    with running(sample_script.build(path.parent / "of the script", is_gui=False)) as nuke:
        nuke.module.scriptSaveAs(path.as_posix())
    return path
