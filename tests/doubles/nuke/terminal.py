"""The double as a program of its own, without a window: ``python -m doubles.nuke.terminal -t SCRIPT.py``."""

import argparse
import sys
import tempfile
from pathlib import Path

from doubles.nuke import sample_script
from doubles.nuke.program import running
from doubles.nuke.start import plugin_folders, run_scripts


def main():
    """Run the script after every init.py, and end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", dest="script", type=Path, required=True)
    options = parser.parse_args()
    # The folder on NUKE_PATH must load its own copy of the core, not the one that the double has loaded.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ft_dcc", "requests", "attrs")]:
        del sys.modules[name]
    with tempfile.TemporaryDirectory() as folder, running(sample_script.build(Path(folder), is_gui=False)) as nuke:
        sys.path[:0] = [str(folder) for folder in plugin_folders()]
        errors = run_scripts("init.py")
        exec(compile(options.script.read_text("utf-8"), str(options.script), "exec"), {"__name__": "__main__"})  # noqa: S102
        if errors or nuke.misuses:
            sys.exit("\n".join((*errors, *nuke.misuses)))


if __name__ == "__main__":
    main()
