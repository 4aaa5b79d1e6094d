"""The one desk of this Blender, and the panel's redrawing while it is busy."""

from __future__ import annotations

import bpy

from ft_dcc.desk import Desk

from . import main_thread

_REDRAW = 0.1
# Blender lays out a panel that has grown or shrunk when it is drawn again, and moves those below it in small steps.
_AFTERWARDS = 10
# Of a 3D view only the sidebar is ours: the rest of it may be slow to draw.
_OURS = {"VIEW_3D": ("UI",), "PREFERENCES": ("WINDOW",)}
_left = _AFTERWARDS


def start_redrawing() -> None:
    """The panel shows how far the desk is, until it is through; nothing happens without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_while_busy):
        bpy.app.timers.register(_redraw_while_busy, persistent=True)


def stop_redrawing() -> None:
    """No timer is left behind."""
    if bpy.app.timers.is_registered(_redraw_while_busy):
        bpy.app.timers.unregister(_redraw_while_busy)


def _redraw_while_busy() -> float | None:
    """Show what changed; a timer that ends itself soon after the work."""
    global _left
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type in _OURS.get(area.type, ()):
                    region.tag_redraw()
    _left = _AFTERWARDS if DESK.is_busy else _left - 1
    return _REDRAW if _left > 0 else None


DESK = Desk(on_begin=start_redrawing, wait=main_thread.serve_until_ended)
