"""The menu "ft-dcc" in Nuke's menu bar and in the menu of a right click on the Node Graph, and the panel."""

from __future__ import annotations

from typing import Callable

import nuke
from nukescripts import panels

from .edition import has_hiero_modules, is_studio

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

# Only Nuke Studio has it.
_TIMELINE_ITEM = ("Publish timeline items…", "publish_timeline")

# What concerns the selected nodes.
_NODE_COMMANDS = ("publish_for_review", "publish_renders", "add_tab", "remove_tab", "show_renders")


def install() -> None:
    """Add the menus, once."""
    uninstall()
    items = (_ITEMS[0], _TIMELINE_ITEM, *_ITEMS[1:]) if is_studio() else _ITEMS
    for parent, names in (("Nuke", [name for _, name in items]), ("Node Graph", _NODE_COMMANDS)):
        menu = nuke.menu(parent).addMenu(TITLE)
        for label, name in items:
            if name in names:
                menu.addCommand(label, _command(name))
    panels.registerWidgetAsPanel(_MAKE_PANEL, TITLE, _PANEL)
    install_context_menu()


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
    if is_studio() and has_hiero_modules():
        from .timeline import context_menu

        context_menu.uninstall()


def install_context_menu() -> None:
    """Add the command of a right click on a timeline, once; nothing outside of Nuke Studio, or before it is ready."""
    if is_studio() and has_hiero_modules():
        from .timeline import context_menu

        context_menu.install()


def _command(name: str) -> Callable[[], None]:
    def call() -> None:
        # Imported late: the menu must appear also when the core cannot be loaded.
        from . import commands

        getattr(commands, name)()

    return call
