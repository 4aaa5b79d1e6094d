"""Checks of the shelf button, the panel and the keys of the dialog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maya import cmds, mel, utils

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.errors import Error
from ft_dcc_maya import commands, menu

_SHELF = "ftDccAccept"
_PROCEDURE = re.compile(r"global\s+proc\s+(\w+)")


def check_shelf_button(context: CheckContext) -> Mapping[str, Any]:
    """Check that the button is recognised in a shelf that Maya has saved and loaded, as it does at a restart.

    Returns whether Maya saves the tag, too.
    """
    if not context.target.has_window:
        raise Skipped("there is no window")
    if menu.find_buttons() or not menu.front_shelf():
        raise Skipped("a shelf has the button already, or no shelf is shown")
    menu.add_button()
    path = context.folder / f"shelf_{_SHELF}"
    try:
        cmds.saveShelf(menu.front_shelf(), path.as_posix())
        text = path.with_suffix(".mel").read_text(encoding="utf-8", errors="replace")
    finally:
        for button in menu.find_buttons():
            cmds.deleteUI(button)
    require_equal("ft_dcc_maya" in text, True, "the saved shelf contains the command")
    shelf = cmds.shelfLayout(_SHELF, parent=mel.eval("$ft_dcc_shelves = $gShelfTopLevel"))
    try:
        _load_shelf(shelf, path.with_suffix(".mel"), text)
        require_equal(len(menu.find_buttons()), 1, "our buttons on the shelf that was saved and loaded")
    finally:
        cmds.deleteUI(shelf)
    return {"the tag is saved": "ftDccPublish" in text}


def _load_shelf(shelf: str, path: Path, text: str) -> None:
    """Fill the shelf from its saved file: Maya sources it, and calls the procedure in it."""
    procedure = _PROCEDURE.search(text)
    if procedure is None:
        raise Error("The saved shelf has no procedure that makes its buttons.")
    mel.eval(f'source "{path.as_posix()}"; setParent "{shelf}"; {procedure[1]}();')


def check_keys(context: CheckContext) -> None:
    """Check that keys in the dialog neither key nor delete the selected cube."""
    from Qt import QtCore, QtWidgets

    if not context.target.has_window or QtWidgets.QApplication.instance() is None:
        raise Skipped("there is no window of Qt")
    from ft_dcc_qt.dialog import Dialog
    from Qt import QtTest

    before, dialog = context.target.state(), Dialog(context.host)
    dialog.show()
    for widget in (dialog.publish_page.comment, dialog.publish_page.sources, dialog):
        widget.setFocus()
        for key in (QtCore.Qt.Key.Key_S, QtCore.Qt.Key.Key_W, QtCore.Qt.Key.Key_Delete, QtCore.Qt.Key.Key_Shift):
            QtTest.QTest.keyClick(widget, key)
    typed = dialog.publish_page.comment.toPlainText()
    dialog.close()
    require_equal(typed.lower(), "sw", "the text in the field")
    require_equal(context.target.state(), before, "the scene has changed")


def check_panel(context: CheckContext) -> Mapping[str, Any]:
    """Check that the dialog becomes a part of a panel, and that the panel can be removed; return its width."""
    from Qt import QtWidgets

    if not context.target.has_window or QtWidgets.QApplication.instance() is None:
        raise Skipped("there is no window of Qt")
    if cmds.workspaceControl(commands.PANEL, exists=True):
        raise Skipped("the artist has the panel already")
    commands.show_panel()
    # Maya may run the script of a panel when it is idle.
    utils.processIdleEvents()
    from ft_dcc_qt.dialog import Dialog

    found = [widget for widget in QtWidgets.QApplication.allWidgets() if isinstance(widget, Dialog)]
    docked = [dialog for dialog in found if not dialog.isWindow() and dialog.isVisible()]
    width = docked[0].width() if docked else 0
    cmds.deleteUI(commands.PANEL)
    require_equal((len(docked), bool(cmds.workspaceControl(commands.PANEL, exists=True))), (1, False), "the panel")
    return {"width": width}


CHECKS = (
    Check("shelf button", "The button is recognised after a restart of Maya", check_shelf_button),
    Check("panel", "The dialog can be docked as a panel of Maya", check_panel),
    Check("keys", "Keys that are typed into the dialog do not reach Maya", check_keys),
)
