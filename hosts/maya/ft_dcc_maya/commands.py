"""The menu "ft-dcc" in Maya's menu bar, its commands, those of hotkeys, and a button on the active shelf.

No command waits for a server.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from maya import cmds, mel, utils

if TYPE_CHECKING:
    from ft_dcc.ui.menu_commands import MenuCommands

TITLE = "ft-dcc"
MENU = "ftDccMenu"
_BUTTON = "ftDccPublish"
# Saved workspaces contain the panel by this name.
PANEL = "ftDccPanel"
_ATTRIBUTE_EDITOR = "AttributeEditor"
# A string, because Maya saves it with a shelf, a hotkey or a workspace, and may run it without the module.
_SCRIPT = """
try:
    from ft_dcc_maya import commands
except ImportError:
    from maya import cmds
    cmds.warning("ft-dcc is not installed any more. {advice}")
else:
    commands.{name}()
"""
_FILL_PANEL = _SCRIPT.format(advice="Close its panel.", name="fill_panel")


def report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with all of its errors shown in a dialog, also when the core cannot be loaded."""

    @functools.wraps(command)
    def call(*arguments: str) -> None:
        try:
            from ft_dcc.ui.menu_commands import run_command
        except (Exception, SystemExit) as error:  # noqa: BLE001 - Maya goes on whatever is wrong with us
            show_load_error(error)
        else:
            run_command(partial(command, *arguments), show_message, show_load_error)

    return call


def show_message(message: str) -> None:
    """Show a sentence in a dialog."""
    cmds.confirmDialog(title=TITLE, message=message, button="OK")


def show_load_error(error: BaseException) -> None:
    """Show why ft-dcc cannot be loaded, and print the traceback to the Script Editor."""
    traceback.print_exception(type(error), error, error.__traceback__)
    show_message(
        f"ft-dcc cannot be loaded: {type(error).__name__}: {error}. Install it again: ft-dcc install maya. "
        "The Script Editor has the details."
    )


def _commands() -> MenuCommands:
    from ft_dcc.ui.menu_commands import MenuCommands

    from .host import MayaHost

    return MenuCommands(MayaHost(), utils.executeDeferred, show_message, show_load_error)


def _shared_command(name: str) -> Callable[..., None]:
    """Return the command that is this method of ``MenuCommands``."""
    return report_errors(lambda *arguments: getattr(_commands(), name)(*arguments))


use_work_files, show_drawings = _shared_command("use_work_files"), _shared_command("show_drawings")
hide_drawings = _shared_command("hide_drawings")


@report_errors
def publish_again() -> None:
    """Capture and upload the last publish again in the background; open the dialog if there is none."""
    _commands().publish_again(publish_for_review)


@report_errors
def show_page(page: str) -> None:
    """Open the dialog on one of its pages, in its panel if there is one."""
    from .host import MayaHost

    package = _dialog_package()
    if cmds.workspaceControl(PANEL, exists=True):
        # It may be closed, and thus hidden, or behind another tab.
        cmds.workspaceControl(PANEL, edit=True, restore=True)
    package.show(MayaHost(), page=page, parent=_main_window())


def _dialog_package() -> Any:
    from ft_dcc.errors import Error

    try:
        import ft_dcc_qt
        import Qt  # noqa: F401 - only an import shows whether there is a binding
    except ImportError as error:
        raise Error("The dialog is not installed here. 'Publish again' and the command line ft-dcc work.") from error
    return ft_dcc_qt


@report_errors
def show_panel() -> None:
    """Show the dialog as a panel that the artist can dock; a new one is a tab next to the Attribute Editor."""
    _dialog_package()
    if not cmds.workspaceControl(PANEL, exists=True):
        from Qt import QtGui, QtWidgets

        # In pixels, scaled with the font.
        width = 28 * QtGui.QFontMetrics(QtWidgets.QApplication.font()).height()
        cmds.workspaceControl(PANEL, label=TITLE, uiScript=_FILL_PANEL, initialWidth=width)
        if cmds.workspaceControl(_ATTRIBUTE_EDITOR, exists=True):
            cmds.workspaceControl(PANEL, edit=True, tabToControl=(_ATTRIBUTE_EDITOR, -1))
    cmds.workspaceControl(PANEL, edit=True, restore=True)


def fill_panel() -> None:
    """Put the dialog into the panel: Maya calls this when it shows the panel, at its start with a saved workspace.

    An error is a warning in the Script Editor, because a question would stop the start of Maya.
    """
    try:
        from maya import OpenMayaUI
        from Qt import QtCompat, QtWidgets

        from .host import MayaHost

        pointer = OpenMayaUI.MQtUtil.findControl(PANEL)  # type: ignore[attr-defined] # the stubs leave it out
        panel: Any = QtCompat.wrapInstance(int(pointer), QtWidgets.QWidget)
        dialog = _dialog_package().dock(MayaHost())
        panel.layout().addWidget(dialog)
        dialog.show()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Maya goes on whatever is wrong with us
        traceback.print_exception(type(error), error, error.__traceback__)
        cmds.warning(f"The panel of ft-dcc cannot be shown: {type(error).__name__}: {error}")


# By their names, because hotkeys and a button on the shelf call them.
publish_for_review, show_notes = partial(show_page, "publish"), partial(show_page, "notes")


def _main_window() -> Any:
    """Return Maya's main window as a widget, the parent of the dialog; None if there is none."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication.instance()
    windows = application.topLevelWidgets() if application is not None else []
    return next((window for window in windows if window.objectName() == "MayaWindow"), None)


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
        command=_SCRIPT.format(advice="Remove this button.", name="publish_for_review"),
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


# The menu, from top to bottom.
ITEMS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("Publish for review…", publish_for_review),
    ("Publish again", publish_again),
    ("Open or make the work file", partial(use_work_files, "take")),
    ("Save next version", partial(use_work_files, "save_next")),
    ("My tasks", partial(show_page, "tasks")),
    ("Notes", show_notes),
    ("Show drawings", show_drawings),
    ("Hide drawings", hide_drawings),
    ("Review sessions", partial(show_page, "reviews")),
    ("Queue", partial(show_page, "queue")),
    ("Settings", partial(show_page, "settings")),
    ("About", partial(show_page, "about")),
    ("Show as a panel", show_panel),
    ("Add a button to the shelf", add_button),
)
# The commands to which the Hotkey Editor can assign a key, by their names there: label, and function in this module.
_HOTKEYS = {
    "ftDccPublishForReview": ("Publish for review", "publish_for_review"),
    "ftDccPublishAgain": ("Publish again", "publish_again"),
    "ftDccNotes": ("Notes", "show_notes"),
}


def install() -> None:
    """Add the menu and the commands for hotkeys, once."""
    _remove_menu()
    window = mel.eval("$ft_dcc_window = $gMainWindow")
    cmds.menu(MENU, label=TITLE, parent=window, tearOff=True)
    for label, command in ITEMS:
        # Maya passes the state of the item.
        cmds.menuItem(label=label, parent=MENU, command=lambda *_state, command=command: command())
    for name, (label, function) in _HOTKEYS.items():
        # A key of the artist refers to the name, so it works in each session that has the command.
        if not cmds.runTimeCommand(name, exists=True):
            cmds.runTimeCommand(
                name,
                default=True,
                label=label,
                annotation=f"ft-dcc: {label}",
                category=TITLE,
                commandLanguage="python",
                command=_SCRIPT.format(advice="Remove this hotkey.", name=function),
            )


def uninstall() -> None:
    """Remove the menu, the panel, the commands for hotkeys and the shelf button."""
    _remove_menu()
    if cmds.workspaceControl(PANEL, exists=True):
        cmds.deleteUI(PANEL)
    for button in find_buttons():
        cmds.deleteUI(button)
    for name in _HOTKEYS:
        if cmds.runTimeCommand(name, exists=True):
            # A default command is not saved; Maya may refuse to delete it before it ends.
            with contextlib.suppress(RuntimeError):
                cmds.runTimeCommand(name, edit=True, delete=True)
