"""Start the double as Maya starts: ``python -m doubles.maya.start [--year 2025] [--batch] [--press LABEL]``.

Modules are found on MAYA_MODULE_PATH, their ``scripts`` folders are added to Python's path, and every userSetup.py
there runs in ``__main__``, all in one try block: an exception skips the remaining ones. The result is printed as JSON.
Source: Autodesk's description of module files and of Python's start in Maya.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from doubles.maya import sample_scene
from doubles.maya.program import running


def modules(folder, year):
    """Yield the scripts folder of each module in this folder that supports this year's Maya."""
    for file in sorted(folder.glob("*.mod")):
        root = None
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] == ["+"]:
                conditions = dict(word.split(":", 1) for word in words[1:-3])
                _name, _version, path = words[-3:]
                root = folder / path if conditions.get("MAYAVERSION", str(year)) == str(year) else None
            elif root is not None and words[:1] == ["scripts:"]:
                yield (root / words[1]).resolve()


def run_user_setups(main):
    """Run all scripts, and return the error that ended them, if any."""
    try:
        for folder in list(sys.path):
            path = Path(folder, "userSetup.py")
            if path.is_file():
                exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), main)  # noqa: S102 - as Maya does
    except BaseException as error:  # noqa: BLE001 - Maya goes on whatever it was
        return f"{type(error).__name__}: {error}"
    return None


def load_plugins(scripts):
    """Load the plug-ins of each module, as the Plug-in Manager does with those that are set to "Auto load"."""
    for file in (each for folder in scripts for each in sorted((folder.parent / "plug-ins").glob("*.py"))):
        names = {"__name__": file.stem}
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)  # noqa: S102 - as Maya does
        names["initializePlugin"](file)


def press(maya, label):
    """Press a menu item, and wait until its work has ended."""
    item = next(c for c in maya.interface.controls.values() if c.kind == "item" and c.values["label"] == label)
    item.values["command"](False)
    maya.idle()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--year", type=int, default=2025)
    parser.add_argument("--batch", action="store_true")
    parser.add_argument("--press", default="")
    parser.add_argument("--plugins", action="store_true", help="load all plug-ins of the modules")
    options = parser.parse_args()
    # Forget the core modules that the double itself has loaded.
    for name in [name for name in sys.modules if name.partition(".")[0] == "ft_dcc"]:
        del sys.modules[name]
    with running(sample_scene.build(options.year, is_batch=options.batch)) as maya:
        scripts = [
            each
            for folder in os.environ["MAYA_MODULE_PATH"].split(os.pathsep)
            for each in modules(Path(folder), options.year)
        ]
        sys.path[:0] = map(str, reversed(scripts))
        names = {"__name__": "__main__"}
        error, calls_at_start = run_user_setups(names), len(maya.calls)
        loaded = sorted(name for name in sys.modules if name.startswith(("ft_dcc", "pyblish", "requests", "PySide")))
        if options.plugins:
            load_plugins(scripts)
        maya.idle()
        if options.press:
            press(maya, options.press)
        interface = maya.interface
        report = {
            "error": error,
            "loaded": loaded,
            "calls_at_start": calls_at_start,
            "names": sorted(name for name in names if not name.startswith("__")),
            "menus": [control.name for control in interface.controls.values() if control.kind == "menu"],
            "items": [str(c.values["label"]) for c in interface.controls.values() if c.kind == "item"],
            "buttons": [str(c.values["label"]) for c in interface.controls.values() if c.kind == "button"],
            "messages": interface.messages,
            "misuses": maya.misuses,
            "path": [folder for folder in sys.path if Path(folder).name == "vendored"],
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
