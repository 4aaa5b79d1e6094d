"""Tables with a key for each row, and the links that rows stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text
from ft_dcc.ui.publish_controller import PublishController

from . import style

KEY = QtCore.Qt.ItemDataRole.UserRole
# Of a column that is as wide as its texts.
_MAX_CHARACTERS = 24


class Table(QtWidgets.QTreeWidget):
    """Rows of texts, each with a key; a selected row is selected again when the rows are filled in again."""

    def __init__(self, *headings: str) -> None:
        super().__init__()
        self.setHeaderLabels(headings)
        self.setRootIsDecorated(False)
        # A long name leaves room for the other columns.
        self.header().setMaximumSectionSize(self.fontMetrics().averageCharWidth() * _MAX_CHARACTERS)

    @property
    def key(self) -> str | None:
        """The key of the selected row; None if none is selected."""
        item = self.currentItem()
        key: str | None = None if item is None else item.data(0, KEY)
        return key

    def fill(
        self, rows: Iterable[tuple[str | None, Sequence[str]]], *, selects_first: bool = True
    ) -> list[QtWidgets.QTreeWidgetItem]:
        """Show rows of a key and texts, with the same one selected or the first one, and return their items."""
        selected, items = self.key, []
        self.clear()
        for key, texts in rows:
            item = QtWidgets.QTreeWidgetItem(list(map(plain_text.single_line, texts)))
            item.setData(0, KEY, key)
            items.append(item)
            self.addTopLevelItem(item)
            if (key is not None and key == selected) or (selects_first and self.currentItem() is None):
                self.setCurrentItem(item)
        return items


class ListPage(QtWidgets.QWidget):
    """A page with a table, what it says instead without rows, its errors, and a button that reads the rows again."""

    def __init__(self, controller: PublishController, empty_text: str, *headings: str) -> None:
        super().__init__()
        self._controller = controller
        self._shown: Any = None
        self.rows, self.again = Table(*headings), style.button("&Refresh")
        self.empty_label = style.text_label(empty_text, "dim")
        self.error = style.text_label(tone="error", is_selectable=True)

    def show_rows(self, is_empty: bool) -> None:
        """Show the rows, or the text instead of them."""
        self.empty_label.setVisible(is_empty)
        self.rows.setVisible(not is_empty)


def open_link(link: str | None) -> None:
    """Open the link in the system's browser."""
    if link:
        QtGui.QDesktopServices.openUrl(QtCore.QUrl(link))


def copy_link(link: str | None) -> None:
    """Copy the link to the clipboard."""
    if link:
        QtWidgets.QApplication.clipboard().setText(link)
