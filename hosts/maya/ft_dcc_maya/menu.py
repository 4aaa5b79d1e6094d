"""The menu "ft-dcc" in Maya's menu bar, and a button on the active shelf."""

from __future__ import annotations

from typing import Any, Callable

from maya import cmds, mel

MENU = "ftDccMenu"
TITLE = "ft-dcc"

_BUTTON = "ftDccPublish"
# Maya saves its shelves: once the button was added, it is either still there or the artist has removed it.
_BUTTON_CREATED = "ftDccShelfButtonWasMade"
# A string, because the button outlives this session, and possibly the module.
_BUTTON_COMMAND = """
try:
    from ft_dcc_maya import commands
except ImportError:
    from maya import cmds
    cmds.warning("ft-dcc is not installed any more. Remove this button.")
else:
    commands.publish_for_review()
"""


def install() -> None:
    """Add the menu and the shelf button, once."""
    _remove_menu()
    window = mel.eval("$ft_dcc_window = $gMainWindow")
    cmds.menu(MENU, label=TITLE, parent=window, tearOff=True)
    for label, name in (
        ("Publish for review…", "publish_for_review"),
        ("Publish again", "publish_again"),
        ("My tasks", "show_tasks"),
        ("Notes", "show_notes"),
        ("Show drawings", "show_drawings"),
        ("Hide drawings", "hide_drawings"),
        ("Review sessions", "show_reviews"),
        ("Queue", "show_queue"),
        ("Settings", "show_settings"),
        ("About", "show_about"),
    ):
        cmds.menuItem(label=label, parent=MENU, command=_command(name))
    _add_button()


def uninstall() -> None:
    """Remove the menu, the shelf button and our entry in Maya's preferences."""
    _remove_menu()
    for button in _buttons():
        cmds.deleteUI(button)
    cmds.optionVar(remove=_BUTTON_CREATED)


def _command(name: str) -> Callable[..., None]:
    def call(*_state: Any) -> None:
        # Imported late: the menu must appear also when the core cannot be loaded.
        from . import commands

        getattr(commands, name)()

    return call


def _remove_menu() -> None:
    if cmds.menu(MENU, exists=True):
        cmds.deleteUI(MENU, menu=True)


def _add_button() -> None:
    shelf = _front_shelf()
    if not shelf or _buttons() or cmds.optionVar(exists=_BUTTON_CREATED):
        return
    cmds.shelfButton(
        parent=shelf,
        label=TITLE,
        annotation="Publish for review",
        docTag=_BUTTON,
        image="playblast.png",
        imageOverlayLabel="ft",
        sourceType="python",
        command=_BUTTON_COMMAND,
    )
    cmds.optionVar(intValue=(_BUTTON_CREATED, 1))


def _shelves() -> list[str]:
    top = mel.eval("$ft_dcc_shelves = $gShelfTopLevel")
    # The name is empty when Maya has no shelves.
    shelves: Any = cmds.tabLayout(top, query=True, childArray=True) if top else None
    return [str(shelf) for shelf in shelves or []]


def _front_shelf() -> str:
    shelves = _shelves()
    if not shelves:
        return ""
    return str(cmds.tabLayout(mel.eval("$ft_dcc_shelves = $gShelfTopLevel"), query=True, selectTab=True))


def _buttons() -> list[str]:
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
