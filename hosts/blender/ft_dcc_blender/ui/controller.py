"""The one publish controller of this Blender, the redrawing of the panel after its changes, and the preferences."""

from __future__ import annotations

import os
from typing import Any

import bpy

from ft_dcc.ui.publish_controller import PublishController

from .. import main_thread
from ..scene import input_guard, render_log

# Blender knows the preferences by the name of the add-on, which is the package above this one.
ADDON = str(__package__).rpartition(".")[0]
_REDRAW_INTERVAL_SECONDS, _CHANGE_INTERVAL_SECONDS = 0.1, 0.25
# Blender lays out a panel whose height has changed when it is drawn again, and moves those below it in steps.
_REDRAWS_AFTER_WORK = 30
# Only the sidebar of a 3D view: the rest of it may be slow to draw.
_REDRAWN_REGIONS = {"VIEW_3D": ("UI", "HEADER"), "PREFERENCES": ("WINDOW",)}
_remaining_redraws = 0
_changes = _drawn_changes = 0


def start_redrawing() -> None:
    """Redraw the panel during an activity and soon after each change; do nothing without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_changes):
        bpy.app.timers.register(_redraw_changes, persistent=True)


def stop_redrawing() -> None:
    """Remove the timer, and the message of the guard of the input, which the status bar would keep."""
    if bpy.app.timers.is_registered(_redraw_changes):
        bpy.app.timers.unregister(_redraw_changes)
    if input_guard.GuardInput.message is not None:
        input_guard.GuardInput.message = None
        _redraw()


def _redraw_changes() -> float:
    global _remaining_redraws, _drawn_changes
    clear_sent_comment()
    publish_ended_renders()
    changes = _changes
    if CONTROLLER.is_busy or changes != _drawn_changes:
        _drawn_changes, _remaining_redraws = changes, _REDRAWS_AFTER_WORK
    if not _remaining_redraws:
        return _CHANGE_INTERVAL_SECONDS
    _remaining_redraws -= 1
    _redraw()
    return _REDRAW_INTERVAL_SECONDS


def _redraw() -> None:
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


def clear_sent_comment() -> None:
    """Empty the field of the comment after a publish, unless the artist has written another one meanwhile."""
    choices, sent = bpy.context.window_manager.ft_dcc, CONTROLLER.take_sent_comment()
    if sent and choices.comment.strip() == sent.strip():
        choices.comment = ""


def publish_ended_renders() -> None:
    """Publish what has been rendered, or ask, as soon as nothing else runs."""
    if render_log.ended.is_set() and CONTROLLER.session is not None and not CONTROLLER.is_busy:
        render_log.ended.clear()
        use_ffmpeg()
        CONTROLLER.publish_renders(render_log.WINDOW)


def preferences() -> Any:
    """Return the preferences of this add-on, or None when it is used as a library."""
    found = bpy.context.preferences.addons.get(ADDON)
    return found.preferences if found else None


def use_ffmpeg() -> None:
    """Use the ffmpeg of the preferences."""
    page = preferences()
    if page is not None and page.ffmpeg:
        # This process and its children read the setting from the environment.
        os.environ["FT_DCC_FFMPEG"] = bpy.path.abspath(page.ffmpeg)


CONTROLLER = PublishController(on_change=_count_change, wait=main_thread.serve_until_ended)
