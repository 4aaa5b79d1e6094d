"""The double as a program of its own: ``python -m doubles.maya.mayapy [--year 2025] -c CODE | -command MEL``.

``-c`` is mayapy without a window: modules exist once ``maya.standalone.initialize`` was called. ``-command`` is Maya
with its window: the argument of MEL's ``python("…")`` runs after the start, and Maya continues until it quits.

Every .ma file in the working folder is the small shot. One with ``requires "torn"`` cannot be opened, one with
``requires "missing"`` is opened with an error. DOUBLE_CRASH_AT and DOUBLE_HANG_AT are frames at which the program
crashes or waits.
"""

import argparse
import copy
import os
import sys
from pathlib import Path
from types import ModuleType

from doubles.maya import sample_scene
from doubles.maya.program import running
from doubles.maya.start import modules, run_user_setups


def begin(maya):
    """Add the scripts of the modules to the path and run every userSetup.py."""
    for folder in os.environ.get("MAYA_MODULE_PATH", "").split(os.pathsep):
        if folder:
            sys.path[:0] = map(str, modules(Path(folder), maya.year))
    error = run_user_setups({"__name__": "__main__"})
    if error is not None:
        sys.stderr.write(f"# Error: {error}\n")


def add_scenes(maya):
    for path in Path.cwd().glob("*.ma"):
        text = path.read_text(encoding="ascii")
        if 'requires "torn"' not in text:
            maya.files[path.as_posix()] = copy.deepcopy(maya.scene)
        maya.opens_with_errors |= 'requires "missing"' in text
    for name in ("crash_at", "hang_at"):
        frame = os.environ.get(f"DOUBLE_{name.upper()}")
        setattr(maya, name, None if frame is None else float(frame))


def main():
    """Run, and end when Maya would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--year", type=int, default=2025)
    parser.add_argument("-c", dest="code")
    parser.add_argument("-command", dest="command")
    options = parser.parse_args()
    # The module must load its own copy of the core, not the one that the double has loaded.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ft_dcc", "requests", "attrs")]:
        del sys.modules[name]
    with running(sample_scene.build(options.year, is_batch=options.code is not None)) as maya:
        standalone = ModuleType("maya.standalone")
        standalone.__dict__["initialize"] = lambda name="python": begin(maya)
        sys.modules["maya.standalone"] = sys.modules["maya"].__dict__["standalone"] = standalone
        add_scenes(maya)
        main_names = {"__name__": "__main__"}
        if options.code is not None:
            exec(options.code, main_names)  # noqa: S102 - as mayapy does
        else:
            begin(maya)
            exec(options.command.removeprefix('python("').removesuffix('")'), main_names)  # noqa: S102 - as Maya does
            while not maya.has_quit:
                maya.idle()
        if maya.misuses:
            sys.exit("\n".join(maya.misuses))


if __name__ == "__main__":
    main()
