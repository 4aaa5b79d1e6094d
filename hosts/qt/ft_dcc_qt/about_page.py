"""The page with installed versions, server and licence."""

from __future__ import annotations

import platform

import Qt
from Qt import QtCore, QtWidgets

from ft_dcc.host import Host
from ft_dcc.ui.publish_controller import PublishController

from . import style

_LICENCE = "Apache-2.0. Publish plugins run in pyblish (LGPL-3.0). ffmpeg, a separate program, encodes."


class AboutPage(QtWidgets.QWidget):
    """One line per fact, to be copied into a support request."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._versions: dict[str, str] = {}
        self.details = QtWidgets.QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.copy = style.button("Cop&y")
        self.copy.clicked.connect(lambda: QtWidgets.QApplication.clipboard().setText(self.details.toPlainText()))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.details, 1)
        column.addWidget(self.copy, 0, QtCore.Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """Show the versions and the account."""
        if not self._versions:
            # Set first, because the worker may have finished before the next line.
            self._versions = {"ft-dcc": ""}
            self._controller.queries.run("Reading versions", self._read)
        server = (
            f"{self._controller.server} as {self._controller.user}" if self._controller.session else "not signed in"
        )
        values = {**self._versions, "server": server, "licence": _LICENCE}
        text = "\n".join(f"{name}: {value}" for name, value in values.items())
        if text != self.details.toPlainText():
            self.details.setPlainText(text)

    def _read(self) -> None:
        from importlib import metadata

        host, shim = self._host, getattr(Qt, "__version__", "")
        self._versions = {
            "ft-dcc": metadata.version("ft-dcc"),
            "program": "desktop" if host is None else f"{host.name} {host.version}",
            "Python": platform.python_version(),
            "Qt": f"{QtCore.qVersion()} by {Qt.__binding__} {Qt.__binding_version__}, Qt.py {shim}",
            "pyblish-base": metadata.version("pyblish-base"),
            "system": platform.platform(),
        }
