"""The entries outside of the panel: menus, a shortcut, and the progress in the status bar and in the header."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ft_dcc import plain_text

from ..scene import blender_compat, render_log
from . import controller, panel

# Of the width of the status bar for each character of the result: the left part shows the keys.
_PIXELS_PER_CHARACTER = 18
_keymap_items: list[tuple[Any, Any]] = []


def add() -> None:
    """Add the menu entries, the progress and the shortcut, which the artist can change in the preferences."""
    for name, draw in _DRAWN.items():
        getattr(bpy.types, name).append(draw)
    # Without a window there are no keymaps of add-ons.
    keymaps = bpy.context.window_manager.keyconfigs.addon
    if keymaps is not None:
        keymap = keymaps.keymaps.new(name="3D View", space_type="VIEW_3D")
        item = keymap.keymap_items.new("ft_dcc.publish", type="P", value="PRESS", ctrl=True, alt=True, shift=True)
        _keymap_items.append((keymap, item))


def remove() -> None:
    """Remove them again."""
    for name, draw in _DRAWN.items():
        getattr(bpy.types, name).remove(draw)
    while _keymap_items:
        keymap, item = _keymap_items.pop()
        keymap.keymap_items.remove(item)


def result_text() -> tuple[str, str]:
    """Return a sentence about how the last publish ended, and its icon; "" before the first one.

    The panel that says more may be closed: the publish may have been started from a menu, or with the shortcut.
    """
    if controller.CONTROLLER.problems:
        count = len(controller.CONTROLLER.problems)
        more = f" There {'is 1 more problem' if count == 2 else f'are {count - 1} more problems'}." if count > 1 else ""
        return f"Not published: {controller.CONTROLLER.problems[0].message}{more}", "ERROR"
    if controller.CONTROLLER.error == "Cancelled.":
        return "The publish was cancelled.", "INFO"
    if controller.CONTROLLER.error:
        return f"Not published: {controller.CONTROLLER.error}", "ERROR"
    if controller.CONTROLLER.asked_renders:
        return controller.CONTROLLER.asked_renders[0].question, "QUESTION"
    if controller.CONTROLLER.published:
        newest = controller.CONTROLLER.published[0][1]
        return f"Version {newest.version} is {'in review' if newest.link else 'published'}.", "CHECKMARK"
    return "", ""


def fitting_text(text: str, width: float) -> str:
    """Return the text in one line, cut at a word if it is too long for a status bar of this width in pixels."""
    return textwrap.shorten(
        plain_text.printable(text), int(width / _PIXELS_PER_CHARACTER), placeholder=" … (see the panel ft-dcc)"
    )


def _draw_menu_entry(self: Any, context: Any) -> None:
    self.layout.separator()
    self.layout.operator("ft_dcc.publish", text="Publish for Review", icon="RENDER_ANIMATION")


def _draw_node_option(self: Any, context: Any) -> None:
    node = context.active_node
    if node is not None and node.type == "OUTPUT_FILE":
        self.layout.prop(node, render_log.OPTION)


def _draw_progress(self: Any, context: Any) -> None:
    """Draw the progress of a publish with a button that cancels it, and in the status bar then its result."""
    row = self.layout.row(align=True)
    if not controller.CONTROLLER.is_publishing:
        text, icon = result_text()
        if not text or context.area.type != "STATUSBAR":
            return
        row.alert = icon == "ERROR"
        width = context.region.width / context.preferences.system.ui_scale
        row.label(text=fitting_text(text, width), icon=icon)
        if icon == "CHECKMARK" and controller.CONTROLLER.published[0][1].link:
            row.operator("ft_dcc.open_link", text="", icon="URL").link = controller.CONTROLLER.published[0][1].link
        return
    share, text = panel.progress_share_and_text(controller.CONTROLLER.progress)
    # The header of a 3D view has about 100 pixels left in a window of 1200.
    if context.area.type != "STATUSBAR" and controller.CONTROLLER.progress is not None:
        text = ""
    blender_compat.draw_progress(row, share, text)
    # During the capture clicks are blocked except on the status bar.
    if controller.CONTROLLER.is_capturing and context.area.type != "STATUSBAR":
        row.label(text="", icon="EVENT_ESC")
    else:
        row.operator("ft_dcc.cancel", text="", icon="CANCEL")


_DRAWN = {
    "TOPBAR_MT_render": _draw_menu_entry,
    "NODE_PT_active_node_properties": _draw_node_option,
    "VIEW3D_MT_view": _draw_menu_entry,
    "STATUSBAR_HT_header": _draw_progress,
    "VIEW3D_HT_header": _draw_progress,
    # It takes the place of the 3D views during a capture.
    "IMAGE_HT_header": _draw_progress,
}
