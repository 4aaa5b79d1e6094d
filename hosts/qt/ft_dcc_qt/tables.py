"""Tables with a key for each row, the links that rows stand for, and where the files of a version are on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PureWindowsPath
from typing import Any, Optional

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text
from ft_dcc.host import Host, LoadsFrames
from ft_dcc.ui import publish_controller, version_files
from ft_dcc.ui.publish_controller import PublishController

from . import layouts, style

KEY = QtCore.Qt.ItemDataRole.UserRole


class Table(QtWidgets.QTreeWidget):
    """Rows of texts, each with a key; a selected row is selected again when the rows are filled in again.

    The columns are as wide as their texts, up to an equal share each; the stretched one has two shares or more.
    """

    def __init__(self, *headings: str, stretched: int = 0) -> None:
        super().__init__()
        self.setHeaderLabels(headings)
        self.setRootIsDecorated(False)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(stretched, QtWidgets.QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Limit the columns, so that a long text leaves room for the others in a narrow panel, too."""
        self.header().setMaximumSectionSize(self.width() // (self.columnCount() + 1))
        super().resizeEvent(event)

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

    def __init__(self, controller: PublishController, empty_text: str, *headings: str, stretched: int = 0) -> None:
        super().__init__()
        self._controller = controller
        self._shown: Any = None
        self.rows, self.again = Table(*headings, stretched=stretched), style.button("&Refresh")
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


# A path, and why this machine cannot see it.
DiskPath = tuple[str, Optional[str]]
_MIN_LETTERS = 24


class DiskFilesRow(QtWidgets.QWidget):
    """The files of a version, of which one is chosen; hidden without files and without an error."""

    def __init__(self, controller: publish_controller.PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._files: tuple[DiskPath, ...] = ()
        self._source = ""
        self.choice = style.ComboBox()
        self.choice.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(_MIN_LETTERS)
        self.open, self.copy = style.button("Open folder"), style.button("Copy path")
        self.load = style.button("Load frames")
        style.set_tool_tip(self.load, "Load the image sequence into the open scene, on its frames. It stays there.")
        self.reason = style.text_label(tone="warning", is_selectable=True)
        self.message = style.text_label(tone="dim", is_selectable=True)
        self.error = style.text_label(tone="error", is_selectable=True)
        self.choice.currentIndexChanged.connect(lambda *_: self.refresh())
        self.open.clicked.connect(lambda: controller.disk_files.open_folder(self.path))
        self.copy.clicked.connect(lambda: copy_link(self.path))
        self.load.clicked.connect(self._load)
        row = layouts.WrappingRow(self.choice, self.open, self.copy, self.load)
        layouts.fill_column(self, row, self.reason, self.message, self.error)
        self.hide()

    @property
    def path(self) -> str:
        """The path of the chosen file, "" without files."""
        return str(self.choice.currentData() or "")

    def show_files(self, files: Sequence[DiskPath], source: str) -> None:
        """Show these files of a version, which was made from this source."""
        self._source = source
        if self._files != tuple(files):
            self._files = tuple(files)
            self.choice.clear()
            for path, _ in files:
                self.choice.addItem(plain_text.single_line(PureWindowsPath(path).name), path)
                self.choice.setItemData(
                    self.choice.count() - 1, plain_text.tool_tip(path), QtCore.Qt.ItemDataRole.ToolTipRole
                )
        self.refresh()

    def refresh(self) -> None:
        """Show what can be done with the chosen file, or why this machine cannot see it, and the last result."""
        disk, path = self._controller.disk_files, self.path
        reason = dict(self._files).get(path)
        style.set_tool_tip(self.choice, path)
        self.choice.setVisible(bool(path))
        for button in (self.open, self.copy):
            button.setVisible(bool(path) and reason is None)
        self.load.setVisible(reason is None and version_files.has_frames(path) and isinstance(self._host, LoadsFrames))
        style.show_text(self.reason, f"{path}: {reason}." if reason else "")
        style.show_text(self.message, disk.message)
        style.show_text(self.error, disk.error)
        self.setVisible(bool(path or disk.error))

    def _load(self) -> None:
        if self._host is not None:
            self._controller.disk_files.load_frames(self._host, self.path, self._source)
