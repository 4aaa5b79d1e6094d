"""Maya as a host, and the menu that puts it before the artist.

Importing this package does nothing. ``host.MayaHost`` is for scripts; ``start`` is called by the module's userSetup.py,
``install`` and ``uninstall`` by whoever wants the menu now, or no more.
"""

from __future__ import annotations


def start() -> None:
    """The menu comes in Maya's first idle moment; where there is no window, nothing happens."""
    from maya import cmds

    _find_vendored()
    if not cmds.about(batch=True):
        # The menu bar is not there yet while userSetup.py runs, and start-up is not to wait for us.
        cmds.evalDeferred(install, lowestPriority=True)


def install() -> None:
    """Menu and shelf button are there, once, however often this is called; nothing of the core is loaded yet."""
    from . import menu

    menu.install()


def uninstall() -> None:
    """Menu and shelf button are gone."""
    from . import menu

    menu.uninstall()


def _find_vendored() -> None:
    """What was installed with the module can be imported; Maya's own copies of the same packages win."""
    import sys
    from pathlib import Path

    vendored = str(Path(__file__).absolute().parents[2] / "vendored")
    if vendored not in sys.path:
        sys.path.append(vendored)
