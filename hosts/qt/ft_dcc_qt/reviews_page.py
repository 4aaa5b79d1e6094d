"""The page with the review sessions that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.desk import Desk

from . import looks
from .links import copy_link, open_link

if TYPE_CHECKING:
    from ft_dcc.review import OpenReview

_PAGE = QtCore.Qt.ItemDataRole.UserRole
_NOTHING = "No review session is open. Publish with the name of a new one: it is opened with the version."


class ReviewsPage(QtWidgets.QWidget):
    """One row a review session, the newest first; Enter or a double click opens it in the browser."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._shown: tuple[OpenReview, ...] | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Review session", "Project"])
        self.rows.setRootIsDecorated(False)
        self.rows.header().setStretchLastSection(True)
        self.nothing = looks.said(_NOTHING, "dim")
        self.open, self.copy = looks.button("&Open", "primary"), looks.button("Cop&y the link")
        self.main = self.open
        self.again = looks.button("&Refresh")
        self.words = looks.said(tone="error", is_selectable=True)
        self.rows.itemActivated.connect(lambda item: open_link(item.data(0, _PAGE)))
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.open.clicked.connect(lambda: open_link(self.page))
        self.copy.clicked.connect(lambda: copy_link(self.page))
        self.again.clicked.connect(lambda: desk.refresh())
        buttons = QtWidgets.QHBoxLayout()
        for button in (self.open, self.copy, self.again):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.nothing)
        column.addWidget(self.rows, 1)
        column.addWidget(self.words)
        column.addLayout(buttons)

    @property
    def page(self) -> str | None:
        """The address of the chosen review session, where the server says one."""
        item = self.rows.currentItem()
        page: str | None = None if item is None else item.data(0, _PAGE)
        return page

    def refresh(self) -> None:
        """What is seen is what the desk has fetched."""
        reviews = self._desk.open_reviews
        self.words.setText("" if self._desk.is_busy else self._desk.error)
        self.words.setVisible(bool(self.words.text()))
        self.again.setEnabled(not self._desk.is_busy)
        if reviews != self._shown:
            self._shown = reviews
            self.rows.clear()
            self.rows.setColumnWidth(0, self.rows.width() * 3 // 5)
            items = [_item(review) for review in reviews]
            self.rows.addTopLevelItems(items)
            if items:
                self.rows.setCurrentItem(items[0])
        self.nothing.setVisible(not reviews)
        self.rows.setVisible(bool(reviews))
        self._enable()

    def _enable(self) -> None:
        for button in (self.open, self.copy):
            button.setEnabled(self.page is not None)


def _item(review: OpenReview) -> QtWidgets.QTreeWidgetItem:
    item = QtWidgets.QTreeWidgetItem([review.name, review.project])
    item.setData(0, _PAGE, review.page)
    return item
