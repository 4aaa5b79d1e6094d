"""Layouts and scrolling contents that fit a narrow panel of a host as well as a wide window."""

from __future__ import annotations

from Qt import QtCore, QtGui, QtWidgets

# Below this width, in heights of a line, columns are placed below each other.
_NARROW_LINES = 36
# The height of scrolling contents that stays visible, in heights of a line.
_MIN_LINES = 4


class WrappingRow(QtWidgets.QLayout):
    """Widgets side by side, with a new line where the width ends, as words of a text; Qt has no such layout."""

    def __init__(self, *widgets: QtWidgets.QWidget, spacing: int = 6) -> None:
        super().__init__()
        self._items: list[QtWidgets.QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            self.addWidget(widget)

    def addItem(self, item: QtWidgets.QLayoutItem) -> None:
        """Append an item."""
        self._items.append(item)

    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        """Return an item; None ends Qt's loops over them."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        """Remove an item and return it."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> QtCore.Qt.Orientation:
        """Return that a line at the end may stay empty."""
        return QtCore.Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:
        """Return that fewer pixels in the width need more in the height."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines in pixels."""
        return self._place(QtCore.QRect(0, 0, width, 0), moves=False)

    def setGeometry(self, rectangle: QtCore.QRect) -> None:
        """Move the items into the rectangle."""
        super().setGeometry(rectangle)
        self._place(rectangle, moves=True)

    def sizeHint(self) -> QtCore.QSize:
        """Return the size of one line."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(size.width() + self.spacing() for size in sizes) - self.spacing() if sizes else 0
        return QtCore.QSize(width, max((size.height() for size in sizes), default=0))

    def minimumSize(self) -> QtCore.QSize:
        """Return the size of the largest item."""
        smallest = QtCore.QSize(0, 0)
        for item in self._items:
            if not item.isEmpty():
                smallest = smallest.expandedTo(item.minimumSize())
        return smallest

    def maximumSize(self) -> QtCore.QSize:
        """Return the height of the present lines, so that other widgets get the room that is left."""
        height = self.heightForWidth(self.geometry().width())
        return QtCore.QSize(super().maximumSize().width(), max(height, self.minimumSize().height()))

    def _place(self, rectangle: QtCore.QRect, *, moves: bool) -> int:
        x, y, line = rectangle.x(), rectangle.y(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint()
            if x > rectangle.x() and x + size.width() > rectangle.right() + 1:
                x, y, line = rectangle.x(), y + line + self.spacing(), 0
            if moves:
                item.setGeometry(QtCore.QRect(QtCore.QPoint(x, y), size))
            x, line = x + size.width() + self.spacing(), max(line, size.height())
        return y + line - rectangle.y()


class Columns(QtWidgets.QBoxLayout):
    """Columns that are placed below each other in a narrow window; ``line_height`` is in pixels."""

    def __init__(self, line_height: int) -> None:
        super().__init__(QtWidgets.QBoxLayout.Direction.LeftToRight)
        self._needed = _NARROW_LINES * line_height

    def setGeometry(self, rectangle: QtCore.QRect) -> None:
        """Place the columns."""
        self._turn(rectangle.width())
        super().setGeometry(rectangle)

    def minimumHeightForWidth(self, width: int) -> int:
        """Return the smallest height of the columns as they are placed in this width."""
        self._turn(width)
        height: int = super().minimumHeightForWidth(width)
        return height

    def minimumSize(self) -> QtCore.QSize:
        """Return the width of the widest column."""
        widths = [item.minimumSize().width() for item in map(self.itemAt, range(self.count())) if item is not None]
        return QtCore.QSize(max(widths, default=0), super().minimumSize().height())

    def _turn(self, width: int) -> None:
        directions = QtWidgets.QBoxLayout.Direction
        wanted = directions.LeftToRight if width >= self._needed else directions.TopToBottom
        if self.direction() != wanted:
            self.setDirection(wanted)


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
        self._reveal_timer.timeout.connect(lambda: self._scroll_to(self._revealed))
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

    def _scroll_to(self, widget: QtWidgets.QWidget | None) -> None:
        """Show the whole widget and its label above it; ``ensureWidgetVisible`` stops at the cursor of a field."""
        if widget is None or not widget.isVisible():
            return
        top = widget.mapTo(self._content, QtCore.QPoint(0, 0)).y()
        self.ensureVisible(0, top + widget.height(), 0, 2)
        self.ensureVisible(0, top, 0, self.fontMetrics().lineSpacing() * 3 // 2)

    def _show_focused(self, _: QtWidgets.QWidget | None, widget: QtWidgets.QWidget | None) -> None:
        """Scroll to the widget that gets the focus by a key."""
        # Qt does so for the Tab key only. After a press of the mouse, the widget must stay below it for the release.
        is_pressed = QtWidgets.QApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton
        if widget is not None and not is_pressed and self.isAncestorOf(widget):
            self._scroll_to(widget)


class FittedScroll(QtWidgets.QScrollArea):
    """Contents that are as high as they need to be in their width, and scroll above ``max_lines``.

    Where the window is too low, they scroll above ``min_lines``.
    """

    def __init__(self, content: QtWidgets.QWidget, min_lines: int, max_lines: int) -> None:
        super().__init__()
        self._min_lines, self._max_lines = min_lines, max_lines
        self.setWidgetResizable(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.show_content(content)

    def show_content(self, content: QtWidgets.QWidget) -> None:
        """Show another widget, or the one that has changed."""
        self._content = content
        if self.widget() is not content:
            self.setWidget(content)
        self._fit()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Take the height that the contents need in this width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        needed = max(0, self._content.heightForWidth(self.viewport().width()))
        self.setMaximumHeight(min(needed, line * self._max_lines))
        self.setMinimumHeight(min(needed, line * self._min_lines))


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


def fill_column(owner: QtWidgets.QWidget, *parts: QtWidgets.QWidget | QtWidgets.QLayout) -> QtWidgets.QVBoxLayout:
    """Place widgets and layouts below each other in the owner, without margins; lists get the room that is left."""
    column = QtWidgets.QVBoxLayout(owner)
    column.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QtWidgets.QLayout):
            column.addLayout(part)
        else:
            column.addWidget(part, 1 if isinstance(part, QtWidgets.QAbstractScrollArea) else 0)
    return column


def hide_unplaced(owner: QtWidgets.QWidget) -> None:
    """Make the owner the parent of those of its widgets that no layout shows, such as fields that this host lacks."""
    # A widget without a parent belongs to Python, whose garbage collector may delete it in a worker thread, which
    # crashes the program.
    for widget in vars(owner).values():
        if isinstance(widget, QtWidgets.QWidget) and widget.parent() is None:
            widget.setParent(owner)
            widget.hide()
