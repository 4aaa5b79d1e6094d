"""The menu "ft-dcc" in Nuke's menu bar and in the menu of a right click on the Node Graph, and the panel."""

from __future__ import annotations

import nuke
from nukescripts import panels

from . import commands

TITLE = "ft-dcc"

_ITEMS = (
    ("Publish for review…", commands.publish_for_review),
    ("Publish again", commands.publish_again),
    ("Publish renders of selected Writes", commands.publish_renders),
    ("Add the tab to selected Writes", commands.add_tab),
    ("Remove the tab from selected Writes", commands.remove_tab),
    ("Renders", commands.show_renders),
    ("My tasks", commands.show_tasks),
    ("Notes", commands.show_notes),
    ("Show drawings", commands.show_drawings),
    ("Hide drawings", commands.hide_drawings),
    ("Review sessions", commands.show_reviews),
    ("Queue", commands.show_queue),
    ("Settings", commands.show_settings),
    ("About", commands.show_about),
)


# The panel is a part of saved workspaces by this name.
_PANEL = "ft_dcc.dialog"
# Nuke evaluates the text when it shows the panel, perhaps at the start, with a saved workspace.
_MAKE_PANEL = "__import__('ft_dcc_nuke.commands', fromlist=['make_panel']).make_panel"

# What concerns the selected nodes.
_NODE_COMMANDS = (
    commands.publish_for_review,
    commands.publish_renders,
    commands.add_tab,
    commands.remove_tab,
    commands.show_renders,
)


def install() -> None:
    """Add the menus, once."""
    uninstall()
    for parent, items in (("Nuke", _ITEMS), ("Node Graph", [item for item in _ITEMS if item[1] in _NODE_COMMANDS])):
        menu = nuke.menu(parent).addMenu(TITLE)
        for label, command in items:
            menu.addCommand(label, command)
    panels.registerWidgetAsPanel(_MAKE_PANEL, TITLE, _PANEL)


def uninstall() -> None:
    """Remove the menus."""
    for parent in ("Nuke", "Node Graph"):
        bar = nuke.menu(parent)
        if bar.findItem(TITLE) is not None:
            bar.removeItem(TITLE)
    pane = nuke.menu("Pane")
    if pane.findItem(TITLE) is not None:
        pane.removeItem(TITLE)
        panels.unregisterPanel(_PANEL, None)
