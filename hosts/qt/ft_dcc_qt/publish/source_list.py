"""The sources that can be published: cameras of the scene and files, each with a preview and a check box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.files.sequences import find_sequences
from ft_dcc.ui.preview import Preview
from ft_dcc_qt import style

_NAME = QtCore.Qt.ItemDataRole.UserRole
# The group of a row; a heading has no name.
_GROUP = QtCore.Qt.ItemDataRole.UserRole + 1
# Fewer sources, and those of one group, have no headings.
_MIN_GROUPED = 4
_FILES = "Files"
_TOGGLE_KEYS = (QtCore.Qt.Key.Key_Space, QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
_COLLAPSE_KEY, _EXPAND_KEY = QtCore.Qt.Key.Key_Left, QtCore.Qt.Key.Key_Right
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
        state = index.data(QtCore.Qt.ItemDataRole.CheckStateRole)
        if state is None or QtCore.Qt.CheckState(state) != _CHECKED:
            return
        detailed = QtWidgets.QStyleOptionViewItem(option)
        self.initStyleOption(detailed, index)
        element = QtWidgets.QStyle.SubElement.SE_ItemViewItemCheckIndicator
        box = self._list.style().subElementRect(element, detailed, self._list)
        style.draw_tick(painter, box)


class SourceList(QtWidgets.QListWidget):
    """A list of sources by name; files are added or dropped, and removed with Delete.

    Many sources have headings by groups; a click, Enter, Space, Left or Right on a heading collapses or expands it.
    ``preview_requested`` is emitted with a source that the artist checks or moves to.
    """

    preview_requested = QtCore.Signal(str)

    def __init__(self, advice: str) -> None:
        super().__init__()
        self._advice = advice
        self._preview_paths: dict[str, Path] = {}
        self._files: list[str] = []
        self._labels: Mapping[str, str] = {}
        self._groups: Mapping[str, str] = {}
        self._collapsed: set[str] = set()
        self._filter: tuple[str, ...] = ()
        self.setItemDelegate(_TickDelegate(self))
        self.setAcceptDrops(True)
        self.setIconSize(style.PREVIEW_SIZE)
        self.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSpacing(2)
        self.itemChanged.connect(self._show_change)
        self.itemClicked.connect(self._toggle)
        self.currentItemChanged.connect(self._request_preview_if_current)

    @property
    def names(self) -> list[str]:
        """Return all sources in their order."""
        return [item.data(_NAME) for item in self._source_items()]

    @property
    def checked(self) -> tuple[str, ...]:
        """Return the checked sources."""
        return tuple(item.data(_NAME) for item in self._source_items() if item.checkState() == _CHECKED)

    @property
    def headings(self) -> list[str]:
        """Return the texts of the headings in their order."""
        return [item.text() for item in self._heading_items()]

    def set_filter(self, text: str) -> None:
        """Show only the rows whose name, file or range contains every word; checked rows stay."""
        self._filter = tuple(text.lower().split())
        self._show_rows()

    def set_cameras(
        self, cameras: Iterable[str], labels: Mapping[str, str] | None = None, groups: Mapping[str, str] | None = None
    ) -> None:
        """Set the scene's sources, which precede the files; check the first if none was checked.

        ``labels`` say more about a source, such as its file name, and ``groups`` are the headings of sources.
        """
        names = [*cameras, *self._files]
        self._labels, self._groups = labels or {}, groups or {}
        if self._in_groups(names) == self.names:
            return
        self._fill(names)
        first = next((item for item in self._source_items() if item.data(_NAME) not in self._files), None)
        if not self.checked and first is not None:
            first.setCheckState(_CHECKED)

    def _fill(self, names: list[str]) -> None:
        """Show these sources, with the same ones checked as before."""
        before = set(self.checked)
        self.blockSignals(True)
        self.clear()
        self._preview_paths.clear()
        names = self._in_groups(names)
        headings = self._headings_for(names)
        for name in names:
            if headings and self._group_of(name) == headings[0]:
                self._add_heading(headings.pop(0))
            self._add(name, is_ticked=name in before)
        self.blockSignals(False)
        self._show_rows()

    def _group_of(self, name: str) -> str:
        return _FILES if name in self._files else self._groups.get(name, "")

    def _headings_for(self, names: list[str]) -> list[str]:
        """Return the groups that have headings if these are the sources: none for few of them or for one group."""
        groups = list(dict.fromkeys(map(self._group_of, names)))
        return groups if len(groups) > 1 and len(names) >= _MIN_GROUPED else []

    def _in_groups(self, names: list[str]) -> list[str]:
        """Return the sources group by group, in the order of the first source of each."""
        groups = list(dict.fromkeys(map(self._group_of, names)))
        return sorted(names, key=lambda name: groups.index(self._group_of(name)))

    def _items(self) -> list[QtWidgets.QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def _source_items(self) -> list[QtWidgets.QListWidgetItem]:
        return [item for item in self._items() if item.data(_NAME) is not None]

    def _heading_items(self) -> list[QtWidgets.QListWidgetItem]:
        return [item for item in self._items() if item.data(_NAME) is None]

    def _add_heading(self, group: str) -> None:
        item = QtWidgets.QListWidgetItem()
        item.setData(_GROUP, group)
        item.setFlags(QtCore.Qt.ItemFlag.ItemIsEnabled | QtCore.Qt.ItemFlag.ItemIsSelectable)
        font = item.font()
        font.setBold(True)
        item.setFont(font)
        self.addItem(item)

    def _show_rows(self) -> None:
        """Hide the rows of collapsed groups and those that do not match the filter; write the headings."""
        self.blockSignals(True)
        headings = {item.data(_GROUP): item for item in self._heading_items()}
        matching: dict[str, list[QtWidgets.QListWidgetItem]] = {}
        for item in self._source_items():
            group = item.data(_GROUP)
            is_wanted = self._matches_filter(item)
            if is_wanted:
                matching.setdefault(group, []).append(item)
            item.setHidden(not is_wanted or (group in headings and self._is_collapsed(group)))
        for group, heading in headings.items():
            rows = matching.get(group, [])
            ticked = sum(item.checkState() == _CHECKED for item in rows)
            arrow = "▸" if self._is_collapsed(group) else "▾"
            heading.setText(f"{arrow} {group or 'Scene'} ({len(rows)}{f', {ticked} ticked' if ticked else ''})")
            heading.setHidden(not rows)
        self.blockSignals(False)

    def _matches_filter(self, item: QtWidgets.QListWidgetItem) -> bool:
        """Return whether the row has each word of the filter, or is ticked."""
        shown = f"{item.data(_NAME)} {item.text()}".lower()
        return item.checkState() == _CHECKED or all(word in shown for word in self._filter)

    def _is_collapsed(self, group: str) -> bool:
        # What was found by the filter is shown.
        return group in self._collapsed and not self._filter

    @property
    def _shown_groups(self) -> list[str]:
        """Return the groups that have a heading."""
        return [item.data(_GROUP) for item in self._heading_items()]

    def _toggle(self, item: QtWidgets.QListWidgetItem) -> None:
        """Collapse or expand the group of a heading."""
        if item.data(_NAME) is None:
            self._collapsed ^= {item.data(_GROUP)}
            self._show_rows()

    def add_files(self, paths: Iterable[Path]) -> None:
        """Add and check the files: a sequence is one source, a folder the sources in it."""
        for text in find_sequences(paths):
            if text not in self.names:
                names = [*self.names, text]
                self._files.append(text)
                if self._headings_for(names) == self._shown_groups:
                    self._add(text, is_ticked=False)
                else:
                    self._fill(names)
                self._tick(text)

    def show_previews(self, previews: Mapping[str, Preview]) -> None:
        """Show the previews."""
        self.blockSignals(True)
        for item in self._source_items():
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
        """Remove a file on Delete; collapse or expand the group of a heading."""
        item = self.currentItem()
        if item is not None and item.data(_NAME) is None:
            is_collapsed = item.data(_GROUP) in self._collapsed
            if event.key() in _TOGGLE_KEYS or event.key() == (_EXPAND_KEY if is_collapsed else _COLLAPSE_KEY):
                self._toggle(item)
                return
        if event.key() == QtCore.Qt.Key.Key_Delete and item is not None and item.data(_NAME) in self._files:
            self._files.remove(item.data(_NAME))
            self.takeItem(self.row(item))
            self._show_rows()
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
        item.setData(_GROUP, self._group_of(name))
        item.setToolTip(name)
        item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_CHECKED if is_ticked else _UNCHECKED)
        self.addItem(item)

    def _request_preview_if_current(self, item: QtWidgets.QListWidgetItem | None, _: object) -> None:
        if item is not None and item.data(_NAME) is not None and self.hasFocus():
            self.preview_requested.emit(item.data(_NAME))

    def _tick(self, name: str) -> None:
        for item in self._source_items():
            if item.data(_NAME) == name:
                item.setCheckState(_CHECKED)

    def _show_change(self, item: QtWidgets.QListWidgetItem) -> None:
        """Request the preview of a source that was checked, and count again in the headings."""
        if item.data(_NAME) is None:
            return
        if self._shown_groups:
            self._show_rows()
        if item.checkState() == _CHECKED:
            self.preview_requested.emit(item.data(_NAME))


def _item_text(name: str, *facts: str) -> str:
    return "\n".join((Path(name).name, *filter(None, facts)))
