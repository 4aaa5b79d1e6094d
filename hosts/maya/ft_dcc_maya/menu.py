"""The menu "ft-dcc" in Maya's menu bar, and the button on the shelf that is in front."""

from __future__ import annotations

from typing import Any, Callable

from maya import cmds, mel

MENU = "ftDccMenu"
TITLE = "ft-dcc"

_BUTTON = "ftDccPublish"
# Maya saves its shelves: a button that was put there once is there, or the artist has taken it away.
_BUTTON_WAS_MADE = "ftDccShelfButtonWasMade"
# Text, because the button outlives this session; one whose module is gone says so.
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
    """Menu and shelf button are there, once."""
    _remove_menu()
    window = mel.eval("$ft_dcc_window = $gMainWindow")
    cmds.menu(MENU, label=TITLE, parent=window, tearOff=True)
    for label, name in (
        ("Publish for review…", "publish_for_review"),
        ("Publish again", "publish_again"),
        ("Review sessions", "show_reviews"),
        ("Queue", "show_queue"),
        ("Settings", "show_settings"),
        ("About", "show_about"),
    ):
        cmds.menuItem(label=label, parent=MENU, command=_calling(name))
    _add_button()


def uninstall() -> None:
    """Menu and shelf button are gone, and nothing of ours is in Maya's preferences."""
    _remove_menu()
    for button in _buttons():
        cmds.deleteUI(button)
    cmds.optionVar(remove=_BUTTON_WAS_MADE)


def _calling(name: str) -> Callable[..., None]:
    def call(*_state: Any) -> None:
        # Imported now: a core that cannot be loaded must not keep the menu away.
        from . import commands

        getattr(commands, name)()

    return call


def _remove_menu() -> None:
    if cmds.menu(MENU, exists=True):
        cmds.deleteUI(MENU, menu=True)


def _add_button() -> None:
    shelf = _front_shelf()
    if not shelf or _buttons() or cmds.optionVar(exists=_BUTTON_WAS_MADE):
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
    cmds.optionVar(intValue=(_BUTTON_WAS_MADE, 1))


def _shelves() -> list[str]:
    top = mel.eval("$ft_dcc_shelves = $gShelfTopLevel")
    # A Maya without shelves has an empty name here.
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
        # A shelf that was never looked at is not loaded, and has no children.
        children: Any = cmds.shelfLayout(shelf, query=True, childArray=True) or []
        found += [str(child) for child in children if _is_ours(str(child))]
    return found


def _is_ours(button: str) -> bool:
    # A shelf may hold a separator, too, which is no button.
    return bool(cmds.shelfButton(button, exists=True)) and cmds.shelfButton(button, query=True, docTag=True) == _BUTTON
