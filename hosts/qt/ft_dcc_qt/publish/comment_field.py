"""The field for the comment of a version."""

from __future__ import annotations

from Qt import QtCore, QtGui, QtWidgets

_MIN_LINES, _MAX_LINES = 3, 7


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
