"""Layouts that fit a narrow panel of a host as well as a wide window."""

from __future__ import annotations

from Qt import QtCore, QtWidgets

# Below this width, in heights of a line, columns are placed below each other.
_NARROW_LINES = 36


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
        """Return the height of the lines."""
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


def hide_unplaced(owner: QtWidgets.QWidget) -> None:
    """Make the owner the parent of those of its widgets that no layout shows, such as fields that this host lacks.

    A widget without a parent belongs to Python, whose garbage collector may delete it in a worker thread, which crashes
    the program.
    """
    for widget in vars(owner).values():
        if isinstance(widget, QtWidgets.QWidget) and widget.parent() is None:
            widget.setParent(owner)
            widget.hide()
