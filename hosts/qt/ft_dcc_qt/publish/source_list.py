"""The sources that can be published: cameras of the scene and files, each with a preview and a check box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.frames import find_sequences
from ft_dcc.ui.preview import Preview
from ft_dcc_qt import style

_NAME = QtCore.Qt.ItemDataRole.UserRole
_CHECKED, _UNCHECKED = QtCore.Qt.CheckState.Checked, QtCore.Qt.CheckState.Unchecked


class _TickDelegate(QtWidgets.QStyledItemDelegate):
    """Draws a tick into the box of a checked row: a style sheet draws an empty box."""

    def __init__(self, parent: QtWidgets.QListWidget) -> None:
        super().__init__(parent)
        self._list = parent

    def paint(
        self,
        painter: QtGui.QPainter,
        option: QtWidgets.QStyleOptionViewItem,
        index: QtCore.QModelIndex | QtCore.QPersistentModelIndex,
    ) -> None:
        """Draw the row, and the tick."""
        super().paint(painter, option, index)
        if QtCore.Qt.CheckState(index.data(QtCore.Qt.ItemDataRole.CheckStateRole)) != _CHECKED:
            return
        detailed = QtWidgets.QStyleOptionViewItem(option)
        self.initStyleOption(detailed, index)
        element = QtWidgets.QStyle.SubElement.SE_ItemViewItemCheckIndicator
        box = self._list.style().subElementRect(element, detailed, self._list)
        style.draw_tick(painter, box)


class SourceList(QtWidgets.QListWidget):
    """A list of sources by name; files are added or dropped, and removed with Delete.

    ``preview_requested`` is emitted with a source that the artist checks or moves to.
    """

    preview_requested = QtCore.Signal(str)

    def __init__(self, advice: str) -> None:
        super().__init__()
        self._advice = advice
        self._preview_paths: dict[str, Path] = {}
        self._files: list[str] = []
        self._labels: Mapping[str, str] = {}
        self._filter: tuple[str, ...] = ()
        self.setItemDelegate(_TickDelegate(self))
        self.setAcceptDrops(True)
        self.setIconSize(style.PREVIEW_SIZE)
        self.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSpacing(2)
        self.itemChanged.connect(self._request_preview_if_checked)
        self.currentItemChanged.connect(self._request_preview_if_current)

    @property
    def names(self) -> list[str]:
        """Return all sources in their order."""
        return [self.item(row).data(_NAME) for row in range(self.count())]

    @property
    def checked(self) -> tuple[str, ...]:
        """Return the checked sources."""
        items = (self.item(row) for row in range(self.count()))
        return tuple(item.data(_NAME) for item in items if item.checkState() == _CHECKED)

    def set_filter(self, text: str) -> None:
        """Show only the rows whose name, file or range contains every word; checked rows stay."""
        self._filter = tuple(text.lower().split())
        for row in range(self.count()):
            item = self.item(row)
            shown = f"{item.data(_NAME)} {item.text()}".lower()
            is_match = all(word in shown for word in self._filter)
            item.setHidden(not is_match and item.checkState() != _CHECKED)

    def set_cameras(self, cameras: Iterable[str], labels: Mapping[str, str] | None = None) -> None:
        """Set the scene's sources, which precede the files; check the first if none was checked.

        ``labels`` say more about a source, such as its file name.
        """
        cameras, before = list(cameras), set(self.checked)
        self._labels = labels or {}
        if [*cameras, *self._files] == self.names:
            return
        self.blockSignals(True)
        self.clear()
        self._preview_paths.clear()
        for name in (*cameras, *self._files):
            self._add(name, is_ticked=name in before)
        self.blockSignals(False)
        if not self.checked and cameras:
            self.item(0).setCheckState(_CHECKED)
        self.set_filter(" ".join(self._filter))

    def add_files(self, paths: Iterable[Path]) -> None:
        """Add and check the files: a sequence is one source, a folder the sources in it."""
        for text in find_sequences(paths):
            if text not in self.names:
                self._files.append(text)
                self._add(text, is_ticked=True)
                self.preview_requested.emit(text)

    def show_previews(self, previews: Mapping[str, Preview]) -> None:
        """Show the previews."""
        self.blockSignals(True)
        for row in range(self.count()):
            item = self.item(row)
            name = item.data(_NAME)
            preview = previews.get(name)
            if preview is None:
                continue
            text = _item_text(name, self._labels.get(name, ""), preview.summary)
            if item.text() != text:
                item.setText(text)
            if preview.image is not None and self._preview_paths.get(name) != preview.image:
                self._preview_paths[name] = preview.image
                # Without alpha: the background of a view is transparent in Maya's images.
                image = QtGui.QImage(str(preview.image)).convertToFormat(QtGui.QImage.Format.Format_RGB32)
                pixmap = QtGui.QPixmap.fromImage(image)
                item.setIcon(QtGui.QIcon(style.fit_preview(pixmap, self.devicePixelRatioF())))
        self.blockSignals(False)

    def request_previews(self) -> None:
        """Request the previews of all checked sources again."""
        for name in self.checked:
            self.preview_requested.emit(name)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Remove a file on Delete."""
        item = self.currentItem()
        if event.key() == QtCore.Qt.Key.Key_Delete and item is not None and item.data(_NAME) in self._files:
            self._files.remove(item.data(_NAME))
            self.takeItem(self.row(item))
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        """Accept files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QtGui.QDragMoveEvent) -> None:
        """Accept files anywhere on the list."""
        event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        """Add the files."""
        self.add_files(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        event.acceptProposedAction()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the advice while the list is empty."""
        super().paintEvent(event)
        if self.count():
            return
        painter = QtGui.QPainter(self.viewport())
        painter.setPen(style.dim_colour())
        flags = int(QtCore.Qt.AlignmentFlag.AlignCenter) | int(QtCore.Qt.TextFlag.TextWordWrap)
        painter.drawText(self.viewport().rect().adjusted(16, 16, -16, -16), flags, self._advice)
        painter.end()

    def _add(self, name: str, *, is_ticked: bool) -> None:
        item = QtWidgets.QListWidgetItem(_item_text(name, self._labels.get(name, "")))
        item.setData(_NAME, name)
        item.setToolTip(name)
        item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_CHECKED if is_ticked else _UNCHECKED)
        self.addItem(item)

    def _request_preview_if_current(self, item: QtWidgets.QListWidgetItem | None, _: object) -> None:
        if item is not None and self.hasFocus():
            self.preview_requested.emit(item.data(_NAME))

    def _request_preview_if_checked(self, item: QtWidgets.QListWidgetItem) -> None:
        if item.checkState() == _CHECKED:
            self.preview_requested.emit(item.data(_NAME))


def _item_text(name: str, *facts: str) -> str:
    return "\n".join((Path(name).name, *filter(None, facts)))
