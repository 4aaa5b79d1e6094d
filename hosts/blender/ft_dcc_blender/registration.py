"""Registration of the add-on's classes, properties and timers."""

from __future__ import annotations

import bpy

from . import main_thread
from .scene import compare, feedback, input_guard
from .ui import (
    create_task,
    feedback_panel,
    menus,
    operators,
    panel,
    preferences,
    preview,
    properties,
    sign_in,
    tasks_panel,
    version_files_panel,
    versions_panel,
)
from .ui.controller import CONTROLLER, stop_redrawing

# Restoring the scene waits for the frame that is being drawn.
_RESTORE_TIMEOUT_SECONDS = 60

_CLASSES = (
    preferences.Preferences,
    properties.SourceName,
    properties.PublishProperties,
    sign_in.SignIn,
    sign_in.SignInBrowser,
    sign_in.SignInLocal,
    sign_in.SignOut,
    input_guard.GuardInput,
    operators.Refresh,
    operators.Publish,
    operators.ToggleSource,
    operators.ToggleAddressed,
    create_task.CreateTask,
    *preview.CLASSES,
    operators.Repair,
    operators.RepairAll,
    operators.PublishRest,
    operators.PublishAnyway,
    operators.Cancel,
    operators.OpenLink,
    operators.CopyLink,
    operators.UseShotSettings,
    panel.ReviewPanel,
    panel.LookPanel,
    *tasks_panel.CLASSES,
    *version_files_panel.CLASSES,
    versions_panel.VersionsPanel,
    *feedback_panel.CLASSES,
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
    feedback_panel.start_redrawing_changes()


def unregister() -> None:
    """Remove everything; a running publish is cancelled, and its job waits in the queue."""
    is_publishing = CONTROLLER.is_publishing
    CONTROLLER.close()
    if is_publishing:
        # Nothing runs the calls of its thread afterwards, such as the one that restores the scene.
        CONTROLLER.wait(_RESTORE_TIMEOUT_SECONDS)
    stop_redrawing()
    menus.remove()
    feedback_panel.stop_redrawing_changes()
    feedback.clear()
    compare.clear()
    CONTROLLER.version_files.forget_movie()
    panel.clear_icons()
    main_thread.stop_serving()
    if hasattr(bpy.types.WindowManager, "ft_dcc"):
        del bpy.types.WindowManager.ft_dcc
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
