"""Messages to the artist."""

from __future__ import annotations

import sys

import hiero.ui


def show(text: str) -> None:
    """Show the text in a window, and wait for the artist; print it if Qt.py cannot be imported.

    Hiero has no ``nuke.message``. Source: the engine of tk-nuke. Foundry's own code in Hiero uses QMessageBox.
    """
    try:
        from Qt import QtCore, QtWidgets
    except ImportError:
        # Qt.py is a part of the installation, which may be broken.
        print(text, file=sys.stderr)  # noqa: T201
        return
    box = QtWidgets.QMessageBox(hiero.ui.mainWindow())
    box.setWindowTitle("ft-dcc")
    # Qt would show a name with "<b>" as rich text.
    box.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    box.setText(text)
    # PySide2 of Hiero 14 and 15 has exec_, and PySide6 is going to remove it.
    run = getattr(box, "exec", None) or box.exec_
    run()
