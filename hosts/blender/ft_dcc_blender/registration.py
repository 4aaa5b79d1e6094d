"""What the add-on adds to Blender, and takes away again."""

from __future__ import annotations

import bpy

from . import choices, main_thread, operators, panel, preferences, sign_in
from .desk import DESK, stop_redrawing

# Seconds until the scene has been given back; drawing one frame may take some.
_PATIENCE = 60

_CLASSES = (
    preferences.Preferences,
    choices.Choices,
    sign_in.SignIn,
    sign_in.SignInBrowser,
    sign_in.SignInOwn,
    sign_in.SignOut,
    operators.Refresh,
    operators.Publish,
    operators.Repair,
    operators.RepairAll,
    operators.PublishRest,
    operators.Cancel,
    operators.OpenLink,
    operators.CopyLink,
    operators.UseShotSettings,
    panel.ReviewPanel,
    panel.LookPanel,
    panel.PublishedPanel,
)


def register() -> None:
    """Everything is there; the session is opened by the first who needs it."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    # The window manager is not saved with the file and not undone: the comment of a publish is no part of the scene.
    bpy.types.WindowManager.ft_dcc = bpy.props.PointerProperty(type=choices.Choices)
    main_thread.start_serving()


def unregister() -> None:
    """Everything is gone; a publish that runs is cancelled and its job waits in the queue."""
    is_borrowed = DESK.is_capturing
    DESK.close()
    if is_borrowed:
        # Afterwards nobody carries out what gives the scene back.
        DESK.wait(_PATIENCE)
    stop_redrawing()
    main_thread.stop_serving()
    if hasattr(bpy.types.WindowManager, "ft_dcc"):
        del bpy.types.WindowManager.ft_dcc
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
