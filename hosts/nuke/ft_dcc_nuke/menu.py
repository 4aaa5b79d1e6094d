"""The menu "ft-dcc" in Nuke's menu bar and in the menu of a right click on the Node Graph, and the panel."""

from __future__ import annotations

from typing import Callable

import nuke
from nukescripts import panels

TITLE = "ft-dcc"

_ITEMS = (
    ("Publish for review…", "publish_for_review"),
    ("Publish again", "publish_again"),
    ("Publish renders of selected Writes", "publish_renders"),
    ("Add the tab to selected Writes", "add_tab"),
    ("Remove the tab from selected Writes", "remove_tab"),
    ("Renders", "show_renders"),
    ("My tasks", "show_tasks"),
    ("Notes", "show_notes"),
    ("Show drawings", "show_drawings"),
    ("Hide drawings", "hide_drawings"),
    ("Review sessions", "show_reviews"),
    ("Queue", "show_queue"),
    ("Settings", "show_settings"),
    ("About", "show_about"),
)


# The panel is a part of saved workspaces by this name.
_PANEL = "ft_dcc.dialog"
# Nuke evaluates the text when it shows the panel, perhaps at the start, with a saved workspace.
_MAKE_PANEL = "__import__('ft_dcc_nuke.commands', fromlist=['make_panel']).make_panel"

# What concerns the selected nodes.
_NODE_COMMANDS = ("publish_for_review", "publish_renders", "add_tab", "remove_tab", "show_renders")


def install() -> None:
    """Add the menus, once."""
    uninstall()
    for parent, names in (("Nuke", [name for _, name in _ITEMS]), ("Node Graph", _NODE_COMMANDS)):
        menu = nuke.menu(parent).addMenu(TITLE)
        for label, name in _ITEMS:
            if name in names:
                menu.addCommand(label, _command(name))
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


def _command(name: str) -> Callable[[], None]:
    def call() -> None:
        # Imported late: the menu must appear also when the core cannot be loaded.
        from . import commands

        getattr(commands, name)()

    return call
