"""Nuke as a host: renders of Write nodes that are published, and the menu that publishes by hand.

Importing this package does nothing. ``host.NukeHost`` is for scripts; ``start`` is called by init.py in every Nuke,
``start_window`` by menu.py where there is a window, ``uninstall`` by whoever wants neither any more.
"""

from __future__ import annotations


def start() -> None:
    """Nuke tells us of its renders; nothing of the core is loaded yet."""
    from . import recording

    _find_vendored()
    recording.install()


def start_window() -> None:
    """The menu is there, once, however often this is called; what renders in this window is published beside it."""
    from . import menu, recording

    menu.install()
    recording.mark_window()


def uninstall() -> None:
    """Nuke calls us no more and the menu is gone; knobs that nodes got stay what they are, plain data."""
    import nuke

    from . import menu, recording

    recording.uninstall()
    if nuke.GUI:
        menu.uninstall()


def _find_vendored() -> None:
    """What was installed beside the package can be imported; Nuke's own copies of the same packages win."""
    import sys
    from pathlib import Path

    vendored = str(Path(__file__).absolute().parents[1] / "vendored")
    if vendored not in sys.path:
        sys.path.append(vendored)
