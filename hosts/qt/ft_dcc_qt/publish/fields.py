"""Fields of the page that publishes: a search with a list of matches, the comment, and a menu of frame ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text
from ft_dcc.frames import FrameRange
from ft_dcc_qt import style

_MIN_LINES, _MAX_LINES = 3, 7
_ROWS = 9
_MAX_RESULTS = 200
# In pixels; a list that would be lower is placed above its field.
_MIN_HEIGHT = 60
_KEYS = QtCore.Qt.Key
# By how many rows a key moves in the list.
_STEPS: dict[int, int] = {_KEYS.Key_Down: 1, _KEYS.Key_Up: -1, _KEYS.Key_PageDown: _ROWS, _KEYS.Key_PageUp: -_ROWS}
_ROLE = QtCore.Qt.ItemDataRole.UserRole

Choice = tuple[str, str]


class SearchField(QtWidgets.QLineEdit):
    """A line with a list of choices below it, each with a key and a text.

    Every typed word must be part of the text, in any order. ``chosen`` carries the key of the selected choice,
    ``typed`` the text 0.3 seconds after the last key. With ``allows_free_text`` any text stays; otherwise leaving
    the field restores the selected choice.
    """

    chosen = QtCore.Signal(str)
    typed = QtCore.Signal(str)

    def __init__(self, nothing_found: str, *, allows_free_text: bool = False) -> None:
        super().__init__()
        self.choices: Sequence[Choice] = ()
        self._selected = ""
        self._nothing_found, self._allows_free_text = nothing_found, allows_free_text
        self._list: QtWidgets.QListWidget | None = None
        self._typing_timer = QtCore.QTimer(self)
        self._typing_timer.setSingleShot(True)
        self._typing_timer.setInterval(300)
        self._typing_timer.timeout.connect(lambda: self.typed.emit(self.text().strip()))
        self.textEdited.connect(self._search)
        self.setClearButtonEnabled(True)

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Set the choices."""
        shown = tuple((key, plain_text.single_line(text)) for key, text in choices)
        if shown != self.choices:
            self.choices = shown
            if self.is_open:
                self._fill()

    def select(self, text: str) -> None:
        """Show the text as the selected choice."""
        self._selected = plain_text.single_line(text)
        if not self.hasFocus() or not self.isModified():
            self.setText(self._selected)

    @property
    def is_open(self) -> bool:
        """Return whether the list is visible."""
        return self._list is not None and self._list.isVisible()

    def open(self) -> None:
        """Show the list."""
        if self._list is None:
            self._list = QtWidgets.QListWidget(self.window())
            self._list.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
            self._list.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
            self._list.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self._list.itemClicked.connect(self._select_item)
        self._fill()
        self._place(self._list)
        self._list.raise_()
        self._list.show()

    def follow(self) -> None:
        """Move the open list with the field, which has been scrolled."""
        if self._list is not None and self.is_open:
            self._place(self._list)

    def moveEvent(self, event: QtGui.QMoveEvent) -> None:
        """Move the open list with the field when the widgets above it change their size."""
        super().moveEvent(event)
        self.follow()

    def _place(self, choices: QtWidgets.QListWidget) -> None:
        """Place the list below the field, or above it if the window ends there."""
        field = QtCore.QRect(self.mapTo(self.window(), QtCore.QPoint(0, 0)), self.size())
        rows = max(1, min(_ROWS, choices.count()))
        height = rows * max(choices.sizeHintForRow(0), 20) + 14
        above, below = field.top(), self.window().height() - field.bottom() - 5
        is_below = below >= min(height, _MIN_HEIGHT) or below >= above
        height = min(height, below if is_below else above)
        top = field.bottom() + 1 if is_below else field.top() - height
        choices.setGeometry(field.left(), top, self.width(), height)

    def close_list(self) -> None:
        """Hide the list."""
        if self._list is not None:
            self._list.hide()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Open the list."""
        super().mousePressEvent(event)
        self.open()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Move in the list with the arrow keys, select with Enter, leave with Escape."""
        key = event.key()
        if key in _STEPS:
            self._step(_STEPS[key])
        elif self.is_open and key in (_KEYS.Key_Return, _KEYS.Key_Enter):
            item = self._list.currentItem() if self._list is not None else None
            if item is not None:
                self._select_item(item)
            else:
                self.close_list()
        elif self.is_open and key == _KEYS.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        """Show the choices when the artist moves here with the keyboard and nothing is chosen yet."""
        super().focusInEvent(event)
        reasons = QtCore.Qt.FocusReason
        moves = (reasons.TabFocusReason, reasons.BacktabFocusReason, reasons.ShortcutFocusReason)
        if event.reason() in moves and self.choices and not self.text():
            self.open()

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        """Close the list, and restore the selected choice unless free text is allowed."""
        super().focusOutEvent(event)
        self._leave()

    def _search(self, text: str) -> None:
        self._typing_timer.start()
        self.open()

    def _fill(self) -> None:
        if self._list is None:
            return
        words = self.text().lower().split() if self.isModified() else []
        matches = [(key, text) for key, text in self.choices if all(word in text.lower() for word in words)]
        self._list.clear()
        for key, text in matches[:_MAX_RESULTS]:
            item = QtWidgets.QListWidgetItem(text)
            item.setData(_ROLE, key)
            self._list.addItem(item)
        if not matches:
            item = QtWidgets.QListWidgetItem(self._nothing_found)
            item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
            self._list.addItem(item)
        elif not self._allows_free_text or words:
            self._list.setCurrentRow(0)

    def _step(self, by: int) -> None:
        if not self.is_open:
            self.open()
            return
        if self._list is not None:
            row = self._list.currentRow() + by
            self._list.setCurrentRow(max(0, min(self._list.count() - 1, row)))

    def _select_item(self, item: QtWidgets.QListWidgetItem) -> None:
        key = item.data(_ROLE)
        if key is None:
            return
        self._selected = item.text()
        self.setText(self._selected)
        self.setModified(False)
        self._typing_timer.stop()
        self.close_list()
        self.chosen.emit(key)

    def _leave(self) -> None:
        self.close_list()
        if not self._allows_free_text:
            self.setText(self._selected)
        self.setModified(False)


class CommentField(QtWidgets.QPlainTextEdit):
    """A text field of a few lines, in which Enter starts a new line, and Ctrl+Enter emits ``submitted``."""

    submitted = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        # Not less than its hint, so that no line is cut.
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.MinimumExpanding)

    def sizeHint(self) -> QtCore.QSize:
        """Return the size with the fewest lines, and limit the height to the most."""
        return QtCore.QSize(super().sizeHint().width(), self._height_of(_MIN_LINES))

    def minimumSizeHint(self) -> QtCore.QSize:
        """Return the height of the fewest lines."""
        return QtCore.QSize(super().minimumSizeHint().width(), self._height_of(_MIN_LINES))

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Limit the height with the font and the borders of the style, which are known now."""
        super().resizeEvent(event)
        self.setMaximumHeight(self._height_of(_MAX_LINES))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Submit on Ctrl+Enter."""
        is_enter = event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
        if is_enter and event.modifiers() & QtCore.Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)

    def _height_of(self, lines: int) -> int:
        margins = self.contentsMargins()
        borders = margins.top() + margins.bottom() + 2 * round(self.document().documentMargin())
        return self.fontMetrics().lineSpacing() * lines + borders


class RangeMenu(QtWidgets.QPushButton):
    """A button whose menu lists ranges; ``chosen`` is emitted with the text of one. Hidden without ranges."""

    chosen = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__("&Ranges")
        # As ``style.button``.
        self.setAutoDefault(False)
        style.set_tool_tip(self, "Fill in a range of the time slider.")
        self.setMenu(QtWidgets.QMenu(self))
        self._ranges: dict[str, str] = {}
        self.hide()

    def set_ranges(self, ranges: Mapping[str, FrameRange]) -> None:
        """List these ranges by their names."""
        found = {name: str(frames) for name, frames in ranges.items()}
        if found == self._ranges:
            return
        self._ranges = found
        self.menu().clear()
        for name, frames in found.items():
            action = self.menu().addAction(plain_text.button_text(f"{name.capitalize()}: {frames}"))
            action.triggered.connect(lambda *_, frames=frames: self.chosen.emit(frames))
        self.setVisible(bool(found))
