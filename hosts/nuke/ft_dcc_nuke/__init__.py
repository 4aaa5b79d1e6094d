"""The adapter for Nuke: it publishes renders of Write nodes, and has a menu to publish by hand.

Importing this package does nothing. ``host.NukeHost`` is for scripts. init.py calls ``start`` in every Nuke, menu.py
calls ``start_window`` where there is a window; ``uninstall`` undoes both.
"""

from __future__ import annotations


def start() -> None:
    """Register the callbacks for renders; nothing of the core is loaded yet."""
    if _is_hiero():
        return
    _find_vendored()
    from .renders import render_callbacks

    render_callbacks.install()


def start_window() -> None:
    """Add the menu, and publish what renders in this window; calling it again changes nothing."""
    if _is_hiero():
        return
    from . import commands
    from .renders import render_callbacks

    commands.install()
    render_callbacks.enable_window_publishing()


def uninstall() -> None:
    """Remove the callbacks and the menu; the knobs that nodes got stay in the script as plain data."""
    import nuke

    from . import commands
    from .renders import render_callbacks

    render_callbacks.uninstall()
    if nuke.GUI:
        commands.uninstall()


def _is_hiero() -> bool:
    """Return whether this is Hiero, which may run the same scripts and has no nodes."""
    import nuke

    try:
        return bool(nuke.env["hiero"])
    except KeyError:
        # A version without this edition.
        return False


def _find_vendored() -> None:
    """Make the packages installed beside this one importable; Nuke's own copies of them take precedence."""
    import sys
    from pathlib import Path

    vendored = str(Path(__file__).absolute().parents[1] / "vendored")
    if vendored not in sys.path:
        sys.path.append(vendored)
