"""A field that finds what one types, with the mouse or with the keys alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from Qt import QtCore, QtGui, QtWidgets

_ROWS = 9
_SHOWN = 200
_KEYS = QtCore.Qt.Key
_ROLE = QtCore.Qt.ItemDataRole.UserRole

Choice = tuple[str, str]


class SearchField(QtWidgets.QLineEdit):
    """A line with a list of choices below it: each a key and the text that is read.

    Every word that is typed must be part of the text, in any order. ``chosen`` carries the key of what was picked,
    ``typed`` the text half a second after the last key. Where words of one's own are allowed, what was typed stays;
    else leaving the field brings back what was picked.
    """

    chosen = QtCore.Signal(str)
    typed = QtCore.Signal(str)

    def __init__(self, nothing_found: str, *, takes_any: bool = False) -> None:
        super().__init__()
        self.choices: Sequence[Choice] = ()
        self._picked = ""
        self._nothing_found, self._takes_any = nothing_found, takes_any
        self._list: QtWidgets.QListWidget | None = None
        self._pause = QtCore.QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(300)
        self._pause.timeout.connect(lambda: self.typed.emit(self.text().strip()))
        self.textEdited.connect(self._search)
        self.setClearButtonEnabled(True)

    def offer(self, choices: Sequence[Choice]) -> None:
        """These can be picked from now on."""
        if choices != self.choices:
            self.choices = choices
            if self.is_open:
                self._fill()

    def pick(self, text: str) -> None:
        """The field shows the text as what was picked."""
        self._picked = text
        if not self.hasFocus() or not self.isModified():
            self.setText(text)

    @property
    def is_open(self) -> bool:
        """Whether the list of choices is seen."""
        return self._list is not None and self._list.isVisible()

    def open(self) -> None:
        """The list of choices is seen."""
        if self._list is None:
            self._list = self._make_list()
        self._fill()
        below = self.mapTo(self.window(), QtCore.QPoint(0, self.height()))
        rows = max(1, min(_ROWS, self._list.count()))
        height = rows * max(self._list.sizeHintForRow(0), 20) + 14
        room = self.window().height() - below.y() - 4
        self._list.setGeometry(below.x(), below.y(), self.width(), max(60, min(height, room)))
        self._list.raise_()
        self._list.show()

    def close_list(self) -> None:
        """The list of choices is not seen any more."""
        if self._list is not None:
            self._list.hide()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Open the list."""
        super().mousePressEvent(event)
        self.open()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Go up and down in the list, pick with Enter, leave it with Escape; the rest is typing."""
        actions: dict[int, Callable[[], None]] = {
            _KEYS.Key_Down: lambda: self._step(1),
            _KEYS.Key_Up: lambda: self._step(-1),
            _KEYS.Key_PageDown: lambda: self._step(_ROWS),
            _KEYS.Key_PageUp: lambda: self._step(-_ROWS),
        }
        if self.is_open:
            actions.update(
                {
                    _KEYS.Key_Return: self._pick_current,
                    _KEYS.Key_Enter: self._pick_current,
                    _KEYS.Key_Escape: self._leave,
                }
            )
        action = actions.get(event.key())
        if action is None:
            super().keyPressEvent(event)
            return
        action()
        event.accept()

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        """Close the list; where only a choice will do, what was picked is back."""
        super().focusOutEvent(event)
        self.close_list()
        if not self._takes_any:
            self.setText(self._picked)
        self.setModified(False)

    def _make_list(self) -> QtWidgets.QListWidget:
        made = QtWidgets.QListWidget(self.window())
        made.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        made.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        made.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        made.itemClicked.connect(lambda item: self._pick_item(item))
        return made

    def _search(self, text: str) -> None:
        self._pause.start()
        self.open()

    def _fill(self) -> None:
        if self._list is None:
            return
        words = self.text().lower().split() if self.isModified() else []
        fitting = [(key, text) for key, text in self.choices if all(word in text.lower() for word in words)]
        self._list.clear()
        for key, text in fitting[:_SHOWN]:
            item = QtWidgets.QListWidgetItem(text)
            item.setData(_ROLE, key)
            self._list.addItem(item)
        if not fitting:
            item = QtWidgets.QListWidgetItem(self._nothing_found)
            item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
            self._list.addItem(item)
        elif not self._takes_any or words:
            self._list.setCurrentRow(0)

    def _step(self, by: int) -> None:
        if not self.is_open:
            self.open()
            return
        if self._list is not None:
            row = self._list.currentRow() + by
            self._list.setCurrentRow(max(0, min(self._list.count() - 1, row)))

    def _pick_current(self) -> None:
        item = self._list.currentItem() if self._list is not None else None
        if item is not None:
            self._pick_item(item)
        else:
            self.close_list()

    def _pick_item(self, item: QtWidgets.QListWidgetItem) -> None:
        key = item.data(_ROLE)
        if key is None:
            return
        self._picked = item.text()
        self.setText(self._picked)
        self.setModified(False)
        self._pause.stop()
        self.close_list()
        self.chosen.emit(key)

    def _leave(self) -> None:
        self.close_list()
        if not self._takes_any:
            self.setText(self._picked)
        self.setModified(False)
