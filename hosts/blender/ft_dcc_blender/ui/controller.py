"""The one publish controller of this Blender, and the redrawing of the panel while it is busy."""

from __future__ import annotations

import bpy

from ft_dcc.ui.publish_controller import PublishController

from .. import main_thread
from ..scene import input_guard

_REDRAW_INTERVAL_SECONDS, _CHANGE_INTERVAL_SECONDS = 0.1, 0.25
# Blender lays out a panel whose height has changed when it is drawn again, and moves those below it in steps.
_REDRAWS_AFTER_WORK = 10
# Only the sidebar of a 3D view: the rest of it may be slow to draw.
_REDRAWN_REGIONS = {"VIEW_3D": ("UI", "HEADER"), "PREFERENCES": ("WINDOW",)}
_remaining_redraws = _REDRAWS_AFTER_WORK
_changes = _drawn_changes = 0


def start_redrawing() -> None:
    """Redraw the panel until the controller is idle; do nothing without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_while_busy):
        bpy.app.timers.register(_redraw_while_busy, persistent=True)


def start_redrawing_changes() -> None:
    """Redraw the panel soon after notes arrive; do nothing without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_changes):
        bpy.app.timers.register(_redraw_changes, persistent=True)


def stop_redrawing() -> None:
    """Remove the timers, and the message of the guard of the input, which the status bar would keep."""
    for timer in (_redraw_while_busy, _redraw_changes):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    if input_guard.GuardInput.message is not None:
        input_guard.GuardInput.message = None
        redraw()


def _redraw_while_busy() -> float | None:
    """Redraw the regions; end this timer soon after the work."""
    global _remaining_redraws
    redraw()
    _remaining_redraws = _REDRAWS_AFTER_WORK if CONTROLLER.is_busy else _remaining_redraws - 1
    return _REDRAW_INTERVAL_SECONDS if _remaining_redraws > 0 else None


def _redraw_changes() -> float:
    global _drawn_changes
    changes = _changes
    if changes != _drawn_changes:
        _drawn_changes = changes
        redraw()
    return _CHANGE_INTERVAL_SECONDS


def redraw() -> None:
    """Redraw the panel in every window."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type in _REDRAWN_REGIONS.get(area.type, ()):
                    region.tag_redraw()
        # The status bar is no area of the screen.
        with bpy.context.temp_override(window=window):
            window.workspace.status_text_set_internal(input_guard.GuardInput.message)


def _count_change() -> None:
    # Worker threads call this; a count that two of them make at once is one change.
    global _changes
    _changes += 1


CONTROLLER = PublishController(on_start=start_redrawing, on_change=_count_change, wait=main_thread.serve_until_ended)
