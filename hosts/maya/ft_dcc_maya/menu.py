"""The menu "ft-dcc" in Maya's menu bar, commands for hotkeys, and a button on the active shelf."""

from __future__ import annotations

import contextlib
from typing import Any

from maya import cmds, mel

from . import commands
from .commands import PANEL, TITLE

MENU = "ftDccMenu"
ADD_BUTTON = "Add a button to the shelf"

_BUTTON = "ftDccPublish"
# A string, because a button outlives this session, and possibly the module.
_SCRIPT = """
try:
    from ft_dcc_maya import commands
except ImportError:
    from maya import cmds
    cmds.warning("ft-dcc is not installed any more. Remove this button.")
else:
    commands.{name}()
"""


def install() -> None:
    """Add the menu and the commands for hotkeys, once."""
    _remove_menu()
    window = mel.eval("$ft_dcc_window = $gMainWindow")
    cmds.menu(MENU, label=TITLE, parent=window, tearOff=True)
    for label, command in (*commands.ITEMS, (ADD_BUTTON, add_button)):
        # Maya passes the state of the item.
        cmds.menuItem(label=label, parent=MENU, command=lambda *_state, command=command: command())
    for name, (label, function) in commands.HOTKEYS.items():
        # A key of the artist refers to the name, so it works in each session that has the command.
        if not cmds.runTimeCommand(name, exists=True):
            cmds.runTimeCommand(
                name,
                default=True,
                label=label,
                annotation=f"ft-dcc: {label}",
                category=TITLE,
                commandLanguage="python",
                command=_SCRIPT.format(name=function),
            )


def uninstall() -> None:
    """Remove the menu, the panel, the commands for hotkeys and the shelf button."""
    _remove_menu()
    if cmds.workspaceControl(PANEL, exists=True):
        cmds.deleteUI(PANEL)
    for button in find_buttons():
        cmds.deleteUI(button)
    for name in commands.HOTKEYS:
        if cmds.runTimeCommand(name, exists=True):
            # A default command is not saved; Maya may refuse to delete it before it ends.
            with contextlib.suppress(RuntimeError):
                cmds.runTimeCommand(name, edit=True, delete=True)


def add_button() -> None:
    """Add the button to the shelf that is shown, unless a shelf has it: Maya saves its shelves."""
    shelf = front_shelf()
    if not shelf or find_buttons():
        cmds.warning("ft-dcc: a shelf has the button already." if shelf else "ft-dcc: no shelf is shown.")
        return
    cmds.shelfButton(
        parent=shelf,
        label=TITLE,
        annotation="Publish for review",
        docTag=_BUTTON,
        image="playblast.png",
        imageOverlayLabel="ft",
        sourceType="python",
        command=_SCRIPT.format(name="publish_for_review"),
    )


def _remove_menu() -> None:
    if cmds.menu(MENU, exists=True):
        cmds.deleteUI(MENU, menu=True)


def _shelves() -> list[str]:
    top = mel.eval("$ft_dcc_shelves = $gShelfTopLevel")
    # The name is empty when Maya has no shelves.
    shelves: Any = cmds.tabLayout(top, query=True, childArray=True) if top else None
    return [str(shelf) for shelf in shelves or []]


def front_shelf() -> str:
    """Return the shelf that is shown, "" if there is none."""
    top = mel.eval("$ft_dcc_shelves = $gShelfTopLevel")
    return str(cmds.tabLayout(top, query=True, selectTab=True)) if _shelves() else ""


def find_buttons() -> list[str]:
    """Return our buttons on all shelves that were shown."""
    found: list[str] = []
    for shelf in _shelves():
        # A shelf that was never shown is not loaded, and has no children.
        children: Any = cmds.shelfLayout(shelf, query=True, childArray=True) or []
        found += [str(child) for child in children if _is_ours(str(child))]
    return found


def _is_ours(button: str) -> bool:
    # A shelf may also hold separators, which are not buttons.
    if not cmds.shelfButton(button, exists=True):
        return False
    # Whether Maya saves the tag with the shelf is not documented; it saves the command.
    command: Any = cmds.shelfButton(button, query=True, command=True)
    return cmds.shelfButton(button, query=True, docTag=True) == _BUTTON or "ft_dcc_maya" in str(command)
