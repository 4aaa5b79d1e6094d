"""The adapter for Blender, and its add-on.

Importing this package loads nothing of Blender. ``host.BlenderHost`` is for scripts. Blender calls ``register``, for
the extension (4.2 and later) as for the classic add-on (3.4 to 4.1).
"""

from __future__ import annotations

import sys
from pathlib import Path

# Metadata of the classic add-on; the extension's is in blender_manifest.toml.
bl_info = {
    "name": "ft-dcc: publish for review",
    "description": "From the viewport to a review session in one click",
    "author": "The ft-dcc project",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "3D View > Sidebar > ft-dcc",
    "category": "Pipeline",
}


# The classic add-on's packages; Blender's own copies of them take precedence.
_VENDORED = Path(__file__).with_name("vendored")


def register() -> None:
    """Add the panel, its operators and the preferences; safe after any number of calls of ``unregister``."""
    if _VENDORED.is_dir() and str(_VENDORED) not in sys.path:
        sys.path.append(str(_VENDORED))
    is_core_imported = "ft_dcc" in sys.modules
    from . import registration

    if not is_core_imported:
        # An add-on has imported the core, and not a script or the studio's own environment: see ``remove_modules``.
        vars(sys.modules["ft_dcc"])["imported_by_add_on"] = True
    registration.register()


def unregister() -> None:
    """Remove every class, property, timer, thread, session and module of the add-on.

    Modules stay if a script and not Blender has registered the add-on, because the script may use them.
    """
    from . import registration

    registration.unregister()
    sys.path[:] = [entry for entry in sys.path if entry != str(_VENDORED)]
    # Blender sets this attribute of the add-ons that it enables.
    if "__addon_enabled__" in globals():
        registration.remove_modules(__name__)
