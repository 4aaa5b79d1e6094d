"""The result of a publish: its versions, and a link to the first."""

from __future__ import annotations

from Qt import QtWidgets

from ft_dcc.ui.publish_controller import PublishController

from . import style
from .links import copy_link, open_link


class ResultPanel(QtWidgets.QFrame):
    """The newest versions; visible after a publish, until the next one begins."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self._count = len(controller.published)
        self.message, self.address = style.text_label(tone="good"), QtWidgets.QLineEdit()
        self.address.setReadOnly(True)
        self.open, self.copy = style.button("&Open the review"), style.button("Cop&y the link")
        self.open.clicked.connect(lambda: open_link(self.link))
        self.copy.clicked.connect(lambda: copy_link(self.link))
        texts = QtWidgets.QVBoxLayout()
        texts.addWidget(self.message)
        texts.addWidget(self.address)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(texts, 1)
        row.addWidget(self.open)
        row.addWidget(self.copy)
        self.hide()

    @property
    def link(self) -> str | None:
        """Return the link of the newest version."""
        return self._controller.published[0][1].link if self._controller.published else None

    def refresh(self) -> None:
        """Show the result of the last publish of this window."""
        if self._controller.is_busy:
            self.hide()
            return
        new_count = len(self._controller.published) - self._count
        if new_count <= 0:
            self._count = len(self._controller.published)
            return
        self._count = len(self._controller.published)
        path, newest = self._controller.published[0]
        more = f", and {new_count - 1} more" if new_count > 1 else ""
        self.message.setText(f"Version {newest.version} of {newest.source} is on the server{more}: {path}")
        self.address.setText(self.link or "")
        self.address.setCursorPosition(0)
        for button in (self.open, self.copy):
            button.setEnabled(self.link is not None)
        self.show()
        self.open.setFocus()
