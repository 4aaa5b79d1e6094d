"""Start the double as Nuke starts: ``python -m doubles.nuke.start [--version 15.1v3] [-t] [--press LABEL]``.

``--hiero`` starts Hiero, which is the same program without nodes; it runs both scripts here.

The folders of NUKE_PATH are on Python's path; their init.py run in every mode, the last folder's first, then each
menu.py if there is a window. ``-x SCRIPT -F FIRST-LAST[xSTEP]`` opens the script and renders all of its Writes, as a
task of a farm does. The result is printed as JSON. Source: Foundry's Python guide, "Start-up Scripts" and "Using the
Command-line".
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from doubles.nuke import sample_script
from doubles.nuke.interface import Menu
from doubles.nuke.program import running


def plugin_folders():
    return [Path(folder) for folder in os.environ.get("NUKE_PATH", "").split(os.pathsep) if folder]


def run_scripts(name):
    """Run the script of each folder, the last one's first; return the errors, after which Nuke continues."""
    errors = []
    for folder in reversed(plugin_folders()):
        path = folder / name
        try:
            if path.is_file():
                exec(compile(path.read_text("utf-8"), str(path), "exec"), {"__name__": name})  # noqa: S102 - as Nuke
        except BaseException as error:  # noqa: BLE001 - it is reported
            errors.append(f"{type(error).__name__}: {error}")
    return errors


def core_modules():
    """Return the modules of the core, and of what only the core needs, that were imported."""
    return sorted(name for name in sys.modules if name.startswith(("ft_dcc.", "pyblish", "requests", "PySide")))


def press(nuke, label):
    nuke.menus["Nuke"].entries["ft-dcc"].entries[label]()
    nuke.idle()


def render(nuke, script, frames):
    """Render these frames of all Writes, as ``-x`` and ``-F`` do."""
    nuke.open(script)
    span, _, step = frames.partition("x")
    first, _, last = span.partition("-")
    for node in nuke.root.every_node():
        if node._kind == "Write" and not node._knobs["disable"]._value:
            nuke.render(node, int(first), int(last or first), int(step or 1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", default="15.1v3")
    parser.add_argument("-t", "--terminal", action="store_true")
    parser.add_argument("--press", default="")
    parser.add_argument("-x", "--script", type=Path)
    parser.add_argument("-F", "--frames", default="1001-1012")
    parser.add_argument("--hiero", action="store_true")
    options = parser.parse_args()
    is_gui = not (options.terminal or options.script)
    # Forget the core modules that the double itself has loaded.
    for name in [name for name in sys.modules if name.partition(".")[0] == "ft_dcc"]:
        del sys.modules[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        running(sample_script.build(Path(folder), options.version, is_gui=is_gui)) as nuke,
    ):
        nuke.env["hiero"] = options.hiero
        sys.path[:0] = [str(folder) for folder in plugin_folders()]
        errors = run_scripts("init.py")
        loaded = core_modules()
        if is_gui:
            errors += run_scripts("menu.py")
        if options.press:
            press(nuke, options.press)
        if options.script:
            render(nuke, options.script, options.frames)
        print(json.dumps(_report(nuke, errors, loaded)))


def _report(nuke, errors, loaded):
    menu = nuke.menus["Nuke"].entries.get("ft-dcc")
    calls = {event: sum(map(len, each.values())) for event, each in nuke.registered.items()}
    return {
        "errors": errors,
        "loaded": loaded,
        "menus": list(nuke.menus["Nuke"].entries),
        "items": list(menu.entries) if isinstance(menu, Menu) else [],
        "calls": {event: count for event, count in calls.items() if count},
        "messages": nuke.messages,
        "misuses": nuke.misuses,
        "rendered": [frame for _, frame, _, _ in nuke.drawn],
        "path": [folder for folder in sys.path if Path(folder).name == "vendored"],
    }


if __name__ == "__main__":
    main()
