"""What came of a publish: its versions, and the link to the first of them."""

from __future__ import annotations

from Qt import QtWidgets

from ft_dcc.desk import Desk

from . import looks
from .links import copy_link, open_link


class OutcomePanel(QtWidgets.QFrame):
    """Seen after a publish that left something on the server, until the next one begins."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._desk = desk
        self._count = len(desk.published)
        self.words, self.address = looks.said(tone="good"), QtWidgets.QLineEdit()
        self.address.setReadOnly(True)
        self.open, self.copy = looks.button("&Open the review"), looks.button("Cop&y the link")
        self.open.clicked.connect(lambda: open_link(self.link))
        self.copy.clicked.connect(lambda: copy_link(self.link))
        texts = QtWidgets.QVBoxLayout()
        texts.addWidget(self.words)
        texts.addWidget(self.address)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(texts, 1)
        row.addWidget(self.open)
        row.addWidget(self.copy)
        self.hide()

    @property
    def link(self) -> str | None:
        """Where the newest version can be seen."""
        return self._desk.published[0][1].link if self._desk.published else None

    def refresh(self) -> None:
        """What is seen is what came of the last publish of this window."""
        if self._desk.is_busy:
            self.hide()
            return
        new = len(self._desk.published) - self._count
        if new <= 0:
            self._count = len(self._desk.published)
            return
        self._count = len(self._desk.published)
        path, newest = self._desk.published[0]
        more = f", and {new - 1} more" if new > 1 else ""
        self.words.setText(f"Version {newest.version} of {newest.source} is on the server{more}: {path}")
        self.address.setText(self.link or "")
        self.address.setCursorPosition(0)
        for button in (self.open, self.copy):
            button.setEnabled(self.link is not None)
        self.show()
        self.open.setFocus()
