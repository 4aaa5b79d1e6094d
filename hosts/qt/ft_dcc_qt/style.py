"""The style of the dialog: restrained, dark in programs with dark windows, and light on a light desktop."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text

PREVIEW_SIZE = QtCore.QSize(112, 63)
# Characters of a word that a label is wide enough for.
_MAX_WORD = 40
_BACKGROUND, _FIELD, _LINE, _TEXT, DIM = "#35373a", "#27292b", "#4a4d51", "#dcdfe4", "#a3a9b2"
_ACCENT, _ACCENT_DARK, WARNING, ERROR, GOOD = "#4f96d8", "#2f6ea8", "#dba544", "#f0938a", "#7cc07c"

_STRONG = "#fffffe"
# The colours of the light style, by those of the dark one.
_LIGHT = {
    _BACKGROUND: "#f3f4f6",
    _FIELD: "#ffffff",
    _LINE: "#b9bec5",
    _TEXT: "#1d2024",
    DIM: "#555c65",
    _ACCENT: "#2f6ea8",
    WARNING: "#7a5000",
    ERROR: "#b3261e",
    GOOD: "#276b2b",
    _STRONG: "#000000",
    # Buttons: as they are, under the mouse, pressed, disabled.
    "#46494d": "#e4e7eb",
    "#56595e": "#b9bec5",
    "#505358": "#d9dde2",
    "#3c3f42": "#cdd2d8",
    "#7d828a": "#7d828a",
    "#3b3d40": "#eceef1",
    "#444649": "#d5d9de",
    # The main button with the focus, and disabled.
    "#9ccaf2": "#123f66",
    "#3b4650": "#c3d3e2",
    "#8d96a0": "#5f6873",
    "#444d55": "#c4cdd6",
    # Notices and scroll bars.
    "#3d3f43": "#e9ecf0",
    "#5a5d62": "#a9aeb6",
}
_TICK = Path(__file__).with_name("tick.png").as_posix()
_STYLE_SHEET = f"""
QWidget {{ background: {_BACKGROUND}; color: {_TEXT}; }}
QLabel {{ background: transparent; }}
QLabel[tone="dim"] {{ color: {DIM}; }}
QLabel[tone="error"] {{ color: {ERROR}; }}
QLabel[tone="warning"] {{ color: {WARNING}; }}
QLabel[tone="good"] {{ color: {GOOD}; }}
QLabel[tone="title"] {{ font-weight: bold; }}
QLineEdit, QPlainTextEdit, QListWidget, QTreeWidget, QComboBox {{
    background: {_FIELD}; border: 1px solid {_LINE}; border-radius: 3px; padding: 4px 6px;
    selection-background-color: {_ACCENT_DARK}; selection-color: white;
}}
QLineEdit:focus, QPlainTextEdit:focus, QListWidget:focus, QTreeWidget:focus {{ border-color: {_ACCENT}; }}
QLineEdit:disabled, QPlainTextEdit:disabled {{ color: {DIM}; }}
QListWidget::item, QTreeWidget::item {{ padding: 3px; border: none; }}
QListWidget::item:selected, QTreeWidget::item:selected {{ background: {_ACCENT_DARK}; color: white; }}
QListWidget::indicator, QCheckBox::indicator {{
    width: 15px; height: 15px; border: 1px solid {DIM}; border-radius: 2px; background: {_FIELD};
}}
QListWidget::indicator:checked, QCheckBox::indicator:checked {{
    background: {_ACCENT}; border-color: {_ACCENT}; image: url("{_TICK}");
}}
QCheckBox:focus {{ color: {_STRONG}; }}
QComboBox:focus {{ border-color: {_ACCENT}; }}
QComboBox QAbstractItemView {{ background: {_FIELD}; selection-background-color: {_ACCENT_DARK}; }}
QPushButton:checked {{ border-color: {_ACCENT}; }}
QHeaderView::section {{
    background: {_BACKGROUND}; color: {DIM}; border: none; border-bottom: 1px solid {_LINE}; padding: 4px;
}}
QPushButton {{
    background: #46494d; border: 1px solid #56595e; border-radius: 3px; padding: 5px 12px; min-height: 1.2em;
}}
QPushButton:hover {{ background: #505358; }}
QPushButton:focus {{ border-color: {_ACCENT}; }}
QPushButton:pressed {{ background: #3c3f42; }}
QPushButton:disabled {{ color: #7d828a; background: #3b3d40; border-color: #444649; }}
QPushButton[role="primary"] {{ background: {_ACCENT_DARK}; border-color: {_ACCENT}; color: white; font-weight: bold; }}
QPushButton[role="primary"]:hover {{ background: #3a7dbb; }}
QPushButton[role="primary"]:focus {{ border: 2px solid #9ccaf2; }}
QPushButton[role="primary"]:disabled {{ background: #3b4650; color: #8d96a0; border-color: #444d55; }}
QPushButton[role="page"] {{
    background: transparent; border: none; border-bottom: 2px solid transparent; border-radius: 0; color: {DIM};
    padding: 6px 8px;
}}
QPushButton[role="page"]:hover {{ color: {_TEXT}; }}
QPushButton[role="page"]:focus {{ color: {_STRONG}; border-bottom-color: {DIM}; }}
QPushButton[role="page"]:checked {{ color: {_TEXT}; border-bottom-color: {_ACCENT}; }}
QProgressBar {{ background: {_FIELD}; border: 1px solid {_LINE}; border-radius: 3px; max-height: 8px; }}
QProgressBar::chunk {{ background: {_ACCENT}; border-radius: 2px; }}
QFrame[role="notice"] {{ background: #3d3f43; border: 1px solid {_LINE}; border-radius: 4px; }}
QFrame[role="notice"] > QLabel, QFrame[role="notice"] > QScrollArea {{ background: transparent; }}
QScrollArea {{ border: none; }}
QScrollBar:vertical {{ background: {_BACKGROUND}; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: #5a5d62; border-radius: 4px; min-height: 24px; margin: 1px; }}
QScrollBar:horizontal {{ background: {_BACKGROUND}; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: #5a5d62; border-radius: 4px; min-width: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: none; }}
QToolTip {{ background: {_FIELD}; color: {_TEXT}; border: 1px solid {_LINE}; }}
"""


def style_sheet(*, is_light: bool) -> str:
    """Return the light or the dark style."""
    if not is_light:
        return _STYLE_SHEET
    return re.sub("#[0-9a-f]{6}", lambda found: _LIGHT.get(found[0], found[0]), _STYLE_SHEET)


def is_light() -> bool:
    """Return whether the windows of the program are light; Maya and Nuke have a dark palette."""
    return bool(QtWidgets.QApplication.palette().window().color().lightness() > 128)


def colour(dark: str) -> QtGui.QColor:
    """Return a colour of the dark style as the present style shows it."""
    return QtGui.QColor(_LIGHT[dark] if is_light() else dark)


def set_tone(label: QtWidgets.QLabel, tone: str) -> None:
    """Give the label another tone, as in ``text_label``."""
    if label.property("tone") != tone:
        label.setProperty("tone", tone)
        label.style().unpolish(label)
        label.style().polish(label)


def show_text(label: QtWidgets.QLabel, text: str) -> None:
    """Show the text; hide the label without one."""
    label.setText(text)
    label.setVisible(bool(text))


def set_tool_tip(target: Any, text: str, column: int | None = None) -> None:
    """Set the tool tip of a widget or item, for a row in this column; the text is shown as it is, without markup."""
    place = () if column is None else (column,)
    target.setToolTip(*place, plain_text.tool_tip(text))


class Label(QtWidgets.QLabel):
    """A label of plain text, which shows control characters and marks of direction as spaces."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show the text."""
        super().setText(plain_text.printable(text))

    def minimumSizeHint(self) -> QtCore.QSize:
        """Return the hint of Qt, but do not make the window as wide as the longest word of a text that wraps."""
        hint = super().minimumSizeHint()
        widest = self.fontMetrics().averageCharWidth() * _MAX_WORD
        return QtCore.QSize(min(hint.width(), widest), hint.height()) if self.wordWrap() else hint


def text_label(text: str = "", tone: str = "", *, is_selectable: bool = False) -> Label:
    """Return a label that wraps; ``tone`` is "", "dim", "error", "warning", "good" or "title"."""
    label = Label(text)
    label.setWordWrap(True)
    label.setProperty("tone", tone)
    if is_selectable:
        label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def field_label(text: str, field: QtWidgets.QWidget) -> Label:
    """Return the label of a field; Alt with the letter after the ampersand focuses the field."""
    label = Label(text)
    label.setBuddy(field)
    return label


def button(text: str, role: str = "") -> QtWidgets.QPushButton:
    """Return a button; Alt with the letter after the ampersand presses it."""
    widget = QtWidgets.QPushButton(text)
    widget.setProperty("role", role)
    # Qt would make the last focused button the default; the dialog handles Enter itself.
    widget.setAutoDefault(False)
    return widget


def preview_icon(pixmap: QtGui.QPixmap, ratio: float) -> QtGui.QIcon:
    """Return the image, centred in the size of a preview, for a screen with this device pixel ratio; none is grey."""
    canvas = QtGui.QPixmap(PREVIEW_SIZE * ratio)
    canvas.setDevicePixelRatio(ratio)
    canvas.fill(colour(_LINE if pixmap.isNull() else _FIELD))
    if not pixmap.isNull():
        smooth = QtCore.Qt.TransformationMode.SmoothTransformation
        small = pixmap.scaled(PREVIEW_SIZE * ratio, QtCore.Qt.AspectRatioMode.KeepAspectRatio, smooth)
        small.setDevicePixelRatio(ratio)
        painter, rest = QtGui.QPainter(canvas), PREVIEW_SIZE - small.size() / ratio
        painter.drawPixmap(rest.width() // 2, rest.height() // 2, small)
        painter.end()
    return QtGui.QIcon(canvas)


class ComboBox(QtWidgets.QComboBox):
    """A combo box whose choice the mouse wheel does not change, so that the wheel scrolls the page below it."""

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()
