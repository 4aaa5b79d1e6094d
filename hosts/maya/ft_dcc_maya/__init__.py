"""The adapter for Maya, and its menu.

Importing this package does nothing. ``host.MayaHost`` is for scripts. The module's userSetup.py calls ``start``;
``install`` and ``uninstall`` add and remove the menu at any other time.
"""

from __future__ import annotations


def start() -> None:
    """Schedule the menu for Maya's first idle moment; do nothing when Maya has no window."""
    from maya import cmds

    _find_vendored()
    if not cmds.about(batch=True):
        # The menu bar does not exist yet while userSetup.py runs, and the start of Maya must not wait for us.
        cmds.evalDeferred(install, lowestPriority=True)


def install() -> None:
    """Add the menu and the commands for hotkeys, once; nothing of the core is loaded yet."""
    from . import commands

    commands.install()


def uninstall() -> None:
    """Remove the menu, the commands for hotkeys and the shelf button."""
    from . import commands

    commands.uninstall()


def _find_vendored() -> None:
    """Make the packages installed with the module importable; Maya's own copies of them take precedence."""
    import sys
    from pathlib import Path

    vendored = str(Path(__file__).absolute().parents[2] / "vendored")
    if vendored not in sys.path:
        sys.path.append(vendored)
