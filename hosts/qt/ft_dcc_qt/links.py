"""Open links in the browser, and copy them to the clipboard."""

from __future__ import annotations

from Qt import QtCore, QtGui, QtWidgets


def open_link(link: str | None) -> None:
    """Open the link in the system's browser."""
    if link:
        QtGui.QDesktopServices.openUrl(QtCore.QUrl(link))


def copy_link(link: str | None) -> None:
    """Copy the link to the clipboard."""
    if link:
        QtWidgets.QApplication.clipboard().setText(link)
