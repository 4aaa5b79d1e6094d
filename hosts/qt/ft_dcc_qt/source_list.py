"""What can be published: cameras of the scene and files, each with a picture, ticked or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.frames import gather
from ft_dcc.preview import Preview

from . import looks

_NAME = QtCore.Qt.ItemDataRole.UserRole
_CHECKED, _UNCHECKED = QtCore.Qt.CheckState.Checked, QtCore.Qt.CheckState.Unchecked


class SourceList(QtWidgets.QListWidget):
    """Sources by their names; those that were dropped or added are files, which Delete takes away again.

    ``looked_at`` is emitted with a source that the artist wants, or goes to.
    """

    looked_at = QtCore.Signal(str)

    def __init__(self, advice: str) -> None:
        super().__init__()
        self._advice = advice
        self._pictured: dict[str, Path] = {}
        self._files: list[str] = []
        self.setAcceptDrops(True)
        self.setIconSize(looks.PICTURE)
        self.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSpacing(2)
        self.itemChanged.connect(self._tell)
        self.currentItemChanged.connect(self._look)

    @property
    def names(self) -> list[str]:
        """All sources, in their order."""
        return [self.item(row).data(_NAME) for row in range(self.count())]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The sources that are ticked."""
        items = (self.item(row) for row in range(self.count()))
        return tuple(item.data(_NAME) for item in items if item.checkState() == _CHECKED)

    def show_cameras(self, cameras: Iterable[str]) -> None:
        """The scene's sources are these, before the files; the first is ticked where nothing was chosen before."""
        cameras, before = list(cameras), set(self.wanted)
        if [*cameras, *self._files] == self.names:
            return
        self.blockSignals(True)
        self.clear()
        self._pictured.clear()
        for name in (*cameras, *self._files):
            self._add(name, is_ticked=name in before)
        self.blockSignals(False)
        if not self.wanted and cameras:
            self.item(0).setCheckState(_CHECKED)

    def add_files(self, paths: Iterable[Path]) -> None:
        """The files are there and ticked: a sequence is one source, and a folder what lies in it."""
        for text in gather(paths):
            if text not in self.names:
                self._files.append(text)
                self._add(text, is_ticked=True)
                self.looked_at.emit(text)

    def show_previews(self, previews: Mapping[str, Preview]) -> None:
        """What is known of the sources is seen."""
        self.blockSignals(True)
        for row in range(self.count()):
            item = self.item(row)
            name = item.data(_NAME)
            seen = previews.get(name)
            if seen is None:
                continue
            if item.text() != _words(name, seen.words):
                item.setText(_words(name, seen.words))
            if seen.picture is not None and self._pictured.get(name) != seen.picture:
                self._pictured[name] = seen.picture
                picture = QtGui.QPixmap(str(seen.picture))
                item.setIcon(QtGui.QIcon(looks.fitted(picture, self.devicePixelRatioF())))
        self.blockSignals(False)

    def look_again(self) -> None:
        """Those that are ticked are looked at anew."""
        for name in self.wanted:
            self.looked_at.emit(name)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Delete takes a file out of the list."""
        item = self.currentItem()
        if event.key() == QtCore.Qt.Key.Key_Delete and item is not None and item.data(_NAME) in self._files:
            self._files.remove(item.data(_NAME))
            self.takeItem(self.row(item))
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        """Files are welcome."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QtGui.QDragMoveEvent) -> None:
        """Anywhere on the list will do."""
        event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        """Take the files."""
        self.add_files(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        event.acceptProposedAction()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Where there is nothing, say what to do."""
        super().paintEvent(event)
        if self.count():
            return
        painter = QtGui.QPainter(self.viewport())
        painter.setPen(QtGui.QColor("#a3a9b2"))
        flags = int(QtCore.Qt.AlignmentFlag.AlignCenter) | int(QtCore.Qt.TextFlag.TextWordWrap)
        painter.drawText(self.viewport().rect().adjusted(16, 16, -16, -16), flags, self._advice)
        painter.end()

    def _add(self, name: str, *, is_ticked: bool) -> None:
        item = QtWidgets.QListWidgetItem(_words(name, ""))
        item.setData(_NAME, name)
        item.setToolTip(name)
        item.setIcon(QtGui.QIcon(looks.placeholder(self.devicePixelRatioF())))
        item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_CHECKED if is_ticked else _UNCHECKED)
        self.addItem(item)

    def _look(self, item: QtWidgets.QListWidgetItem | None, _: object) -> None:
        if item is not None and self.hasFocus():
            self.looked_at.emit(item.data(_NAME))

    def _tell(self, item: QtWidgets.QListWidgetItem) -> None:
        if item.checkState() == _CHECKED:
            self.looked_at.emit(item.data(_NAME))


def _words(name: str, facts: str) -> str:
    return f"{Path(name).name}\n{facts}"
