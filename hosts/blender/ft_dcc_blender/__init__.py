"""The adapter for Blender, and its add-on.

Importing this package does nothing. ``host.BlenderHost`` is for scripts. Blender calls ``register``, for the extension
(4.2 and later) as for the classic add-on (3.4 to 4.1).
"""

from __future__ import annotations

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


def register() -> None:
    """Add the panel, its operators and the preferences; safe after any number of calls of ``unregister``."""
    import sys

    _add_vendored_path()
    is_core_imported = "ft_dcc" in sys.modules
    from . import loaded_modules, registration

    if not is_core_imported:
        loaded_modules.claim_core()
    registration.register()


def unregister() -> None:
    """Remove every class, property, timer, thread, session and module of the add-on.

    Modules stay if a script and not Blender has registered the add-on, because the script may use them.
    """
    from . import loaded_modules, registration

    registration.unregister()
    _remove_vendored_path()
    # Blender sets this attribute of the add-ons that it enables.
    if "__addon_enabled__" in globals():
        loaded_modules.remove_modules(__name__)


def _add_vendored_path() -> None:
    """Make the classic add-on's packages importable; Blender's own copies of them take precedence."""
    import sys
    from pathlib import Path

    vendored = _vendored_folder()
    if Path(vendored).is_dir() and vendored not in sys.path:
        sys.path.append(vendored)


def _remove_vendored_path() -> None:
    import sys

    sys.path[:] = [entry for entry in sys.path if entry != _vendored_folder()]


def _vendored_folder() -> str:
    from pathlib import Path

    return str(Path(__file__).with_name("vendored"))
