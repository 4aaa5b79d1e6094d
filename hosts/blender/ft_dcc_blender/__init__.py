"""Blender as a host, and the add-on that puts it before the artist.

Importing this package does nothing. ``host.BlenderHost`` is for scripts; ``register`` is called by Blender, for the
extension (4.2 and later) and the classic add-on (3.4 to 4.1) alike.
"""

from __future__ import annotations

# The classic add-on's facts; blender_manifest.toml has the extension's.
bl_info = {
    "name": "ft-dcc: publish for review",
    "description": "From the viewport to a review session in one click",
    "author": "The ft-dcc project",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "3D View > Sidebar > ft-dcc",
    "category": "Pipeline",
}


def register() -> None:
    """The panel, its operators and the preferences are there; safe after any number of ``unregister``."""
    _find_vendored()
    from . import registration

    registration.register()


def unregister() -> None:
    """Nothing of the add-on is left: no class, property, timer, thread or open session."""
    from . import registration

    registration.unregister()
    _forget_vendored()


def _find_vendored() -> None:
    """Let the classic add-on import what lies beside it; Blender's own copies of the same packages win."""
    import sys
    from pathlib import Path

    vendored = _vendored()
    if Path(vendored).is_dir() and vendored not in sys.path:
        sys.path.append(vendored)


def _forget_vendored() -> None:
    import sys

    sys.path[:] = [entry for entry in sys.path if entry != _vendored()]


def _vendored() -> str:
    from pathlib import Path

    return str(Path(__file__).with_name("vendored"))
