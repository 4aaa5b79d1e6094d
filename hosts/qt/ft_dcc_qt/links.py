"""Addresses, on their way into the browser or the clipboard."""

from __future__ import annotations

from Qt import QtCore, QtGui, QtWidgets


def open_link(link: str | None) -> None:
    """The system's browser shows the address."""
    if link:
        QtGui.QDesktopServices.openUrl(QtCore.QUrl(link))


def copy_link(link: str | None) -> None:
    """The address is in the clipboard."""
    if link:
        QtWidgets.QApplication.clipboard().setText(link)
