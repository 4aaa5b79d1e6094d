"""The sources that can be published: cameras of the scene and files, each with a preview and a check box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text
from ft_dcc.files.sequences import find_sequences
from ft_dcc.ui.background_queries import Preview
from ft_dcc_qt import style

_NAME = QtCore.Qt.ItemDataRole.UserRole
# The group of a row; a heading has no name.
_GROUP = QtCore.Qt.ItemDataRole.UserRole + 1
# Fewer sources, and those of one group, have no headings.
_MIN_GROUPED = 4
# Rows that are visible in a small window, too.
_MIN_ROWS = 5
_FILES = "Files"
_TOGGLE_KEYS = (QtCore.Qt.Key.Key_Space, QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
_COLLAPSE_KEY, _EXPAND_KEY = QtCore.Qt.Key.Key_Left, QtCore.Qt.Key.Key_Right
_CHECKED, _UNCHECKED = QtCore.Qt.CheckState.Checked, QtCore.Qt.CheckState.Unchecked


class SourceList(QtWidgets.QListWidget):
    """A list of sources by name; files are added or dropped, and removed with Delete.

    Many sources have headings by groups; a click, Enter, Space, Left or Right on a heading collapses or expands it.
    ``preview_requested`` is emitted with a source that the artist checks or moves to, ``selected`` with the one that is
    selected, "" for none.
    """

    preview_requested = QtCore.Signal(str)
    selected = QtCore.Signal(str)

    def __init__(self, advice: str) -> None:
        super().__init__()
        self._advice = advice
        self._preview_paths: dict[str, Path] = {}
        self._files: list[str] = []
        self._labels: Mapping[str, str] = {}
        self._groups: Mapping[str, str] = {}
        self._collapsed: set[str] = set()
        self._filter: tuple[str, ...] = ()
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

    def minimumSizeHint(self) -> QtCore.QSize:
        """Return the height of the first rows, or of as many lines."""
        shown = [row for row in range(self.count()) if not self.isRowHidden(row)]
        sources = [row for row in shown if self.item(row).data(_NAME) is not None][:_MIN_ROWS]
        rows = sum(self.sizeHintForRow(row) + 2 * self.spacing() for row in shown if row <= max(sources, default=0))
        line = self.fontMetrics().lineSpacing()
        return QtCore.QSize(super().minimumSizeHint().width(), max(rows, _MIN_ROWS * line) + line)

    def _fill(self, names: list[str]) -> None:
        before = set(self.checked)
        self.blockSignals(True)
        self.clear()
        self._preview_paths.clear()
        names = self._in_groups(names)
        headings = self._headings_for(names)
        for name in names:
            if headings and self._group_of(name) == headings[0]:
                heading = QtWidgets.QListWidgetItem()
                heading.setData(_GROUP, headings.pop(0))
                heading.setFlags(QtCore.Qt.ItemFlag.ItemIsEnabled | QtCore.Qt.ItemFlag.ItemIsSelectable)
                font = heading.font()
                font.setBold(True)
                heading.setFont(font)
                self.addItem(heading)
            self._add(name, is_ticked=name in before)
        self.blockSignals(False)
        self.selected.emit("")
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

    def _source_items(self) -> list[QtWidgets.QListWidgetItem]:
        return [item for row in range(self.count()) if (item := self.item(row)).data(_NAME) is not None]

    def _heading_items(self) -> list[QtWidgets.QListWidgetItem]:
        return [item for row in range(self.count()) if (item := self.item(row)).data(_NAME) is None]

    def _show_rows(self) -> None:
        """Hide the rows of collapsed groups and those that do not match the filter; write the headings."""
        self.blockSignals(True)
        headings = {item.data(_GROUP): item for item in self._heading_items()}
        matching: dict[str, list[QtWidgets.QListWidgetItem]] = {}
        for item in self._source_items():
            group, shown = item.data(_GROUP), f"{item.data(_NAME)} {item.text()}".lower()
            is_wanted = item.checkState() == _CHECKED or all(word in shown for word in self._filter)
            if is_wanted:
                matching.setdefault(group, []).append(item)
            item.setHidden(not is_wanted or (group in headings and self._is_collapsed(group)))
        for group, heading in headings.items():
            rows = matching.get(group, [])
            ticked = sum(item.checkState() == _CHECKED for item in rows)
            arrow = "▸" if self._is_collapsed(group) else "▾"
            count, title = f", {ticked} ticked" if ticked else "", plain_text.single_line(group) or "Scene"
            heading.setText(f"{arrow} {title} ({len(rows)}{count})")
            heading.setHidden(not rows)
        self.blockSignals(False)
        self.updateGeometry()

    def _is_collapsed(self, group: str) -> bool:
        # What was found by the filter is shown.
        return group in self._collapsed and not self._filter

    def _toggle(self, item: QtWidgets.QListWidgetItem) -> None:
        if item.data(_NAME) is None:
            self._collapsed ^= {item.data(_GROUP)}
            self._show_rows()

    def add_files(self, paths: Iterable[Path]) -> None:
        """Add and check the files: a sequence is one source, a folder the sources in it."""
        for text in find_sequences(paths):
            if text not in self.names:
                names = [*self.names, text]
                self._files.append(text)
                if self._headings_for(names) == [item.data(_GROUP) for item in self._heading_items()]:
                    self._add(text, is_ticked=False)
                else:
                    self._fill(names)
                next(item for item in self._source_items() if item.data(_NAME) == text).setCheckState(_CHECKED)

    def show_previews(self, previews: Mapping[str, Preview], remarks: Mapping[str, str]) -> None:
        """Show the previews, and a line about each source that has one."""
        self.blockSignals(True)
        for item in self._source_items():
            name = item.data(_NAME)
            preview = previews.get(name)
            summary = "" if preview is None else preview.summary
            text = _item_text(name, self._labels.get(name, ""), summary, remarks.get(name, ""))
            if item.text() != text:
                item.setText(text)
            if preview is not None and preview.image is not None and self._preview_paths.get(name) != preview.image:
                self._preview_paths[name] = preview.image
                # Without alpha: the background of a view is transparent in Maya's images.
                image = QtGui.QImage(str(preview.image)).convertToFormat(QtGui.QImage.Format.Format_RGB32)
                item.setIcon(style.preview_icon(QtGui.QPixmap.fromImage(image), self.devicePixelRatioF()))
                self.updateGeometry()
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
        painter.setPen(style.colour(style.DIM))
        flags = int(QtCore.Qt.AlignmentFlag.AlignCenter) | int(QtCore.Qt.TextFlag.TextWordWrap)
        painter.drawText(self.viewport().rect().adjusted(16, 16, -16, -16), flags, self._advice)
        painter.end()

    def _add(self, name: str, *, is_ticked: bool) -> None:
        item = QtWidgets.QListWidgetItem(_item_text(name, self._labels.get(name, "")))
        item.setData(_NAME, name)
        item.setData(_GROUP, self._group_of(name))
        style.set_tool_tip(item, name)
        item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(_CHECKED if is_ticked else _UNCHECKED)
        self.addItem(item)

    def _request_preview_if_current(self, item: QtWidgets.QListWidgetItem | None, _: object) -> None:
        self.selected.emit("" if item is None else item.data(_NAME) or "")
        if item is not None and item.data(_NAME) is not None and self.hasFocus():
            self.preview_requested.emit(item.data(_NAME))

    def _show_change(self, item: QtWidgets.QListWidgetItem) -> None:
        """Request the preview of a source that was checked, and count again in the headings."""
        if item.data(_NAME) is None:
            return
        if self._heading_items():
            self._show_rows()
        if item.checkState() == _CHECKED:
            self.preview_requested.emit(item.data(_NAME))


def _item_text(name: str, *facts: str) -> str:
    return "\n".join(map(plain_text.single_line, (Path(name).name, *filter(None, facts))))
