"""The adapter for Nuke: it publishes renders of Write nodes, and has a menu to publish by hand.

Importing this package does nothing. ``host.NukeHost`` is for scripts. init.py calls ``start`` in every Nuke, menu.py
calls ``start_window`` where there is a window, and the start-up script of Hiero, which Nuke Studio runs too, calls
``start_timelines``; ``uninstall`` undoes all of it. Hiero has items of timelines only: see ``hiero_mode``.
"""

from __future__ import annotations


def start() -> None:
    """Register the callbacks for renders; nothing of the core is loaded yet. Hiero renders no nodes."""
    from .edition import is_hiero

    _find_vendored()
    if not is_hiero():
        from .renders import render_callbacks

        render_callbacks.install()


def start_window() -> None:
    """Add the menu, and publish what renders in this window; calling it again changes nothing."""
    from .edition import is_hiero

    if is_hiero():
        start_timelines()
        return
    from . import menu
    from .renders import render_callbacks

    menu.install()
    render_callbacks.enable_window_publishing()


def start_timelines() -> None:
    """Add the menu of Hiero, or the right click of Nuke Studio; calling it again changes nothing.

    Hiero may run menu.py, the start-up script or both, and menu.py before its module ``hiero`` can be imported.
    """
    from .edition import has_hiero_modules, is_hiero

    if not is_hiero():
        from . import menu

        menu.install_context_menu()
    elif has_hiero_modules():
        from .hiero_mode import menu as hiero_menu

        _find_vendored()
        hiero_menu.install()


def uninstall() -> None:
    """Remove the callbacks and the menu; the knobs that nodes got stay in the script as plain data."""
    import nuke

    from .edition import is_hiero

    if is_hiero():
        from .hiero_mode import menu as hiero_menu

        hiero_menu.uninstall()
        return
    from . import menu
    from .renders import render_callbacks

    render_callbacks.uninstall()
    if nuke.GUI:
        menu.uninstall()


def _find_vendored() -> None:
    """Make the packages installed beside this one importable; Nuke's own copies of them take precedence."""
    import sys
    from pathlib import Path

    vendored = str(Path(__file__).absolute().parents[1] / "vendored")
    if vendored not in sys.path:
        sys.path.append(vendored)
