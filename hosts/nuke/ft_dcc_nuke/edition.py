"""The edition of Nuke that this process is: Nuke, Nuke Studio or Hiero, which are one program file.

Sources: the Python code that Foundry installs with them reads ``nuke.env["hiero"]`` in ``nukescripts/__init__.py`` and
``nuke.env["studio"]`` in ``hiero/ui/nuke_bridge/nukestudio.py``; one of them is true at a time.
"""

from __future__ import annotations

import nuke


def is_studio() -> bool:
    """Return whether this is Nuke Studio, which has nodes and timelines.

    Plain Nuke may have the module hiero too, but no timelines.
    """
    return _is("studio")


def is_hiero() -> bool:
    """Return whether this is Hiero or Hiero Player, which have timelines and no script with nodes."""
    return _is("hiero")


def has_hiero_modules() -> bool:
    """Return whether ``hiero.core`` and ``hiero.ui`` can be imported yet.

    They cannot while init.py runs, and perhaps not while menu.py runs: the start-up script in ``Python/StartupUI`` runs
    later. Sources: Foundry's article Q100142; the panel ``nukescripts`` for localisation, which delays the import.
    """
    try:
        import hiero.core
        import hiero.ui  # noqa: F401 - only an import shows whether the program has prepared its own modules
    except ImportError:
        return False
    return True


def _is(edition: str) -> bool:
    try:
        return bool(nuke.env[edition])
    except KeyError:
        # A version without this edition.
        return False
