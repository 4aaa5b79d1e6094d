"""The dialog as a program of its own, for files."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from ft_dcc.errors import MissingExtra


def run(files: Iterable[Path] = ()) -> int:
    """Show the dialog with these files until it is closed, and return the exit code; raise MissingExtra without Qt."""
    try:
        from Qt import QtCore, QtWidgets
    except ImportError as error:
        raise MissingExtra("ui", "The dialog") from error
    from . import show

    if QtCore.qVersion().startswith("5."):
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["ft-dcc"])
    application.setStyle("Fusion")
    application.setApplicationName("ft-dcc")
    # Qt's event loop would hide Ctrl-C from Python; an interrupted publish can be resumed from its job.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A closed window opens again when its publish has finished.
    application.setQuitOnLastWindowClosed(False)
    show(files=files).closed.connect(application.quit)
    return int(application.exec_())
