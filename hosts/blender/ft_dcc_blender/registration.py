"""Registration of the add-on's classes, properties and timers."""

from __future__ import annotations

import bpy

from . import main_thread
from .scene import compare, feedback, input_guard
from .ui import feedback_panel, menus, panel, preferences, properties, tasks_panel, versions_panel
from .ui import operators as _operators  # noqa: F401 - it defines operators, as the next one does
from .ui import sign_in as _sign_in  # noqa: F401
from .ui.controller import CONTROLLER, start_redrawing_changes, stop_redrawing
from .ui.operator_class import CLASSES as OPERATORS

# Restoring the scene waits for the frame that is being drawn.
_RESTORE_TIMEOUT_SECONDS = 60

_CLASSES = (
    preferences.Preferences,
    properties.SourceName,
    properties.PublishProperties,
    input_guard.GuardInput,
    *OPERATORS,
    panel.ReviewPanel,
    panel.LookPanel,
    tasks_panel.TasksPanel,
    versions_panel.VersionsPanel,
    feedback_panel.NotesPanel,
    panel.PublishedPanel,
)


def register() -> None:
    """Register everything; a session is opened when it is first needed."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    # The window manager is not saved or undone, so that the choices for a publish are not part of the scene.
    bpy.types.WindowManager.ft_dcc = bpy.props.PointerProperty(type=properties.PublishProperties)
    input_guard.GuardInput.is_about_to_capture = staticmethod(lambda: CONTROLLER.is_capturing)
    input_guard.GuardInput.on_escape = staticmethod(CONTROLLER.cancel)
    menus.add()
    main_thread.start_serving()
    start_redrawing_changes()


def unregister() -> None:
    """Remove everything; a running publish is cancelled, and its job waits in the queue."""
    is_publishing = CONTROLLER.is_publishing
    CONTROLLER.close()
    if is_publishing:
        # Nothing runs the calls of its thread afterwards, such as the one that restores the scene.
        CONTROLLER.wait(_RESTORE_TIMEOUT_SECONDS)
    stop_redrawing()
    menus.remove()
    feedback.clear()
    compare.clear()
    CONTROLLER.version_files.forget_movie()
    panel.clear_icons()
    main_thread.stop_serving()
    if hasattr(bpy.types.WindowManager, "ft_dcc"):
        del bpy.types.WindowManager.ft_dcc
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
