"""The page that says what is installed, and on whose behalf it works."""

from __future__ import annotations

import platform

import Qt
from Qt import QtCore, QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.host import Host

from . import looks

_LICENCE = "Apache-2.0. What publishes: pyblish (LGPL-3.0). What encodes: ffmpeg, a program of its own."


class AboutPage(QtWidgets.QWidget):
    """One line a fact, to be read and copied into a mail."""

    def __init__(self, desk: Desk, host: Host | None) -> None:
        super().__init__()
        self._desk, self._host = desk, host
        self._versions: dict[str, str] = {}
        self.facts = QtWidgets.QPlainTextEdit()
        self.facts.setReadOnly(True)
        self.facts.setTabChangesFocus(True)
        self.copy = looks.button("Cop&y")
        self.copy.clicked.connect(lambda: QtWidgets.QApplication.clipboard().setText(self.facts.toPlainText()))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.facts, 1)
        column.addWidget(self.copy, 0, QtCore.Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """What is seen is what is known."""
        if not self._versions:
            # First, because the worker may be through before the next line.
            self._versions = {"ft-dcc": ""}
            self._desk.lookups.run("Reading versions", self._read)
        server = f"{self._desk.server} as {self._desk.user}" if self._desk.session else "nobody is signed in"
        facts = {**self._versions, "server": server, "licence": _LICENCE}
        text = "\n".join(f"{name}: {value}" for name, value in facts.items())
        if text != self.facts.toPlainText():
            self.facts.setPlainText(text)

    def _read(self) -> None:
        from importlib import metadata

        host, shim = self._host, getattr(Qt, "__version__", "")
        self._versions = {
            "ft-dcc": metadata.version("ft-dcc"),
            "program": "the desktop" if host is None else f"{host.name} {host.version}",
            "Python": platform.python_version(),
            "Qt": f"{QtCore.qVersion()} by {Qt.__binding__} {Qt.__binding_version__}, Qt.py {shim}",
            "pyblish-base": metadata.version("pyblish-base"),
            "system": platform.platform(),
        }
