"""The page with the open review sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.ui.publish_controller import PublishController

from . import style
from .layouts import WrappingRow
from .links import copy_link, open_link

if TYPE_CHECKING:
    from ft_dcc.production.review_sessions import OpenReview

_PAGE = QtCore.Qt.ItemDataRole.UserRole
_EMPTY_TEXT = "No review session is open. Enter a new name when you publish, and it is created."


class ReviewsPage(QtWidgets.QWidget):
    """One row per review session, the newest first; Enter or a double click opens it in the browser."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[OpenReview, ...] | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Review session", "Project"])
        self.rows.setRootIsDecorated(False)
        self.rows.header().setStretchLastSection(True)
        self.empty_label = style.text_label(_EMPTY_TEXT, "dim")
        self.open, self.copy = style.button("&Open", "primary"), style.button("Cop&y the link")
        self.main = self.open
        self.again = style.button("&Refresh")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.rows.itemActivated.connect(lambda item: open_link(item.data(0, _PAGE)))
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.open.clicked.connect(lambda: open_link(self.page))
        self.copy.clicked.connect(lambda: copy_link(self.page))
        self.again.clicked.connect(lambda: controller.refresh())
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty_label)
        column.addWidget(self.rows, 1)
        column.addWidget(self.error)
        column.addLayout(WrappingRow(self.open, self.copy, self.again))

    @property
    def page(self) -> str | None:
        """Return the address of the selected review session, or None."""
        item = self.rows.currentItem()
        page: str | None = None if item is None else item.data(0, _PAGE)
        return page

    def refresh(self) -> None:
        """Show the review sessions that the controller has fetched."""
        reviews = self._controller.open_reviews
        self.error.setText("" if self._controller.is_busy else self._controller.error)
        self.error.setVisible(bool(self.error.text()))
        self.again.setEnabled(not self._controller.is_busy)
        if reviews != self._shown:
            self._shown = reviews
            self.rows.clear()
            self.rows.setColumnWidth(0, self.rows.width() * 3 // 5)
            items = [_row(review) for review in reviews]
            self.rows.addTopLevelItems(items)
            if items:
                self.rows.setCurrentItem(items[0])
        self.empty_label.setVisible(not reviews)
        self.rows.setVisible(bool(reviews))
        self._enable()

    def _enable(self) -> None:
        for button in (self.open, self.copy):
            button.setEnabled(self.page is not None)


def _row(review: OpenReview) -> QtWidgets.QTreeWidgetItem:
    item = QtWidgets.QTreeWidgetItem([review.name, review.project])
    item.setData(0, _PAGE, review.page)
    return item
