"""The menu "ft-dcc" in the menu bar of Hiero, and the command of a right click on a timeline.

Sources: ``hiero/ui/__init__.py`` of Foundry (menuBar, createMenuAction); tk-nuke, which adds such a menu while Hiero
starts. The menus are those of Qt.
"""

from __future__ import annotations

from typing import Any, Callable

import hiero.core
import hiero.ui

from ft_dcc_nuke.timeline import context_menu

TITLE = "ft-dcc"

_ITEMS = (
    ("Publish timeline items…", "publish_timeline"),
    ("My tasks", "show_tasks"),
    ("Notes", "show_notes"),
    ("Review sessions", "show_reviews"),
    ("Queue", "show_queue"),
    ("Settings", "show_settings"),
    ("About", "show_about"),
)

# The menu, and its actions, to which the window keeps no reference.
_menus: list[Any] = []
_actions: list[Any] = []


def install() -> None:
    """Add the menu and the right click, once; nothing in Hiero Player, which has no exporters either."""
    uninstall()
    if hiero.core.isHieroPlayer():
        return
    menu = hiero.ui.menuBar().addMenu(TITLE)
    _menus.append(menu)
    for label, name in _ITEMS:
        action = hiero.ui.createMenuAction(label, _command(name))
        _actions.append(action)
        menu.addAction(action)
    context_menu.install()


def uninstall() -> None:
    """Remove both."""
    context_menu.uninstall()
    for menu in _menus:
        hiero.ui.menuBar().removeAction(menu.menuAction())
        menu.deleteLater()
    _menus.clear()
    _actions.clear()


def _command(name: str) -> Callable[..., None]:
    # The signal of Qt has an argument.
    def call(*_checked: object) -> None:
        # Imported late: the menu must appear also when the core cannot be loaded.
        from ft_dcc_nuke import commands

        getattr(commands, name)()

    return call
