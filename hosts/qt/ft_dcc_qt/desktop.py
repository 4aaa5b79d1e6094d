"""The dialog as a program of its own, for files."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from ft_dcc.errors import ExtraMissing


def run(files: Iterable[Path] = ()) -> int:
    """Show the dialog with these files until it is closed, and return the exit code; raises ExtraMissing."""
    try:
        from Qt import QtCore, QtWidgets
    except ImportError as error:
        raise ExtraMissing("ui", "The window") from error
    from . import show

    if QtCore.qVersion().startswith("5."):
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["ft-dcc"])
    application.setStyle("Fusion")
    application.setApplicationName("ft-dcc")
    # Qt's loop would not let Python see Ctrl-C; a publish that it ends goes on from its job.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A window that was closed comes back when its publish is through.
    application.setQuitOnLastWindowClosed(False)
    show(files=files).left.connect(application.quit)
    return int(application.exec_())
