"""Contents that scroll in a small window, so that no widget is smaller than it has to be."""

from __future__ import annotations

from Qt import QtCore, QtWidgets

# The height that stays visible, in heights of a line.
_MIN_LINES = 4


class ScrollColumn(QtWidgets.QScrollArea):
    """A layout that scrolls vertically if its widgets need more height than there is; it is never cut at the side."""

    def __init__(self, layout: QtWidgets.QLayout) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout.setContentsMargins(0, 0, 0, 0)
        self._content = _Content(layout)
        self.setWidget(self._content)
        self._revealed: QtWidgets.QWidget | None = None
        self._reveal_timer = QtCore.QTimer(self)
        self._reveal_timer.setSingleShot(True)
        self._reveal_timer.timeout.connect(self._scroll_to_revealed)
        QtWidgets.QApplication.instance().focusChanged.connect(self._show_focused)

    def minimumSizeHint(self) -> QtCore.QSize:
        """Return the width of the content beside a scroll bar, and the height of a few lines."""
        width = self._content.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QtCore.QSize(width, self.fontMetrics().lineSpacing() * _MIN_LINES)

    def sizeHint(self) -> QtCore.QSize:
        """Return the size of the content beside a scroll bar."""
        return self._content.sizeHint() + QtCore.QSize(self.verticalScrollBar().sizeHint().width(), 0)

    def reveal(self, widget: QtWidgets.QWidget) -> None:
        """Scroll to a widget of the content that has just become visible."""
        self._revealed = widget
        # The layout places the widget when it handles its events, which comes first.
        self._reveal_timer.start()

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Take a new width of the content into account; Qt does so for its height only."""
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            self.updateGeometry()
        handled: bool = super().eventFilter(watched, event)
        return handled

    def _scroll_to_revealed(self) -> None:
        if self._revealed is not None:
            self._scroll_to(self._revealed)

    def _scroll_to(self, widget: QtWidgets.QWidget) -> None:
        """Show the whole widget and its label above it; ``ensureWidgetVisible`` stops at the cursor of a field."""
        top = widget.mapTo(self._content, QtCore.QPoint(0, 0)).y()
        self.ensureVisible(0, top + widget.height(), 0, 2)
        self.ensureVisible(0, top, 0, self.fontMetrics().lineSpacing() * 3 // 2)

    def _show_focused(self, _: QtWidgets.QWidget | None, widget: QtWidgets.QWidget | None) -> None:
        """Scroll to the widget that gets the focus by a key.

        Qt does so for the Tab key only. After a press of the mouse, the widget must stay below it for the release.
        """
        is_pressed = QtWidgets.QApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton
        if widget is not None and not is_pressed and self.isAncestorOf(widget):
            self._scroll_to(widget)


class LimitedText(QtWidgets.QScrollArea):
    """A label that wraps and is as high as its text, but scrolls above ``max_lines``."""

    def __init__(self, label: QtWidgets.QLabel, max_lines: int) -> None:
        super().__init__()
        self._label, self._max_lines = label, max_lines
        self.setWidgetResizable(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(label)
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_text(self, text: str) -> None:
        """Show the text."""
        self._label.setText(text)
        # The layout has the height of the previous text.
        self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """Return the height of the text, or of the highest number of lines."""
        line = self.fontMetrics().lineSpacing()
        needed = self._label.heightForWidth(width)
        if needed > line * self._max_lines:
            return line * self._max_lines
        return max(line, needed)

    def sizeHint(self) -> QtCore.QSize:
        """Return the width of the label, and the height for the present width."""
        return QtCore.QSize(self._label.sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QtCore.QSize:
        """Return the size of a line."""
        return QtCore.QSize(self._label.minimumSizeHint().width(), self.fontMetrics().lineSpacing())


class _Content(QtWidgets.QWidget):
    """The widget of a scroll area, which asks for the smallest height of its layout."""

    def __init__(self, layout: QtWidgets.QLayout) -> None:
        super().__init__()
        self._column = layout
        self.setLayout(layout)

    def heightForWidth(self, width: int) -> int:
        """Return the smallest height; the preferred one would scroll lists and texts that have room to shrink."""
        height: int = self._column.minimumHeightForWidth(width)
        return height
