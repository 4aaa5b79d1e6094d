"""The menu "ft-dcc" in Nuke's menu bar and in the menu of a right click on the Node Graph, and the panel."""

from __future__ import annotations

import nuke
from nukescripts import panels

from . import commands

TITLE = "ft-dcc"

# The panel is a part of saved workspaces by this name.
_PANEL = "ft_dcc.dialog"
# Nuke evaluates the text when it shows the panel, perhaps at the start, with a saved workspace.
_MAKE_PANEL = "__import__('ft_dcc_nuke.commands', fromlist=['make_panel']).make_panel"


def install() -> None:
    """Add the menus, once."""
    uninstall()
    for parent in ("Nuke", "Node Graph"):
        menu = nuke.menu(parent).addMenu(TITLE)
        for label, command in commands.ITEMS:
            if parent == "Nuke" or command in commands.NODE_COMMANDS:
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
