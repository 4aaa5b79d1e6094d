"""How the dialog looks: one restrained dark style, the same in every program."""

from __future__ import annotations

from Qt import QtCore, QtGui, QtWidgets

PICTURE = QtCore.QSize(112, 63)
_GROUND, _FIELD, _LINE, _TEXT, _DIM = "#35373a", "#27292b", "#4a4d51", "#dcdfe4", "#a3a9b2"
_ACCENT, _ACCENT_DARK, _WARNING, _ERROR, _GOOD = "#4f96d8", "#2f6ea8", "#dba544", "#e8786e", "#7cc07c"

_SHEET = f"""
QWidget {{ background: {_GROUND}; color: {_TEXT}; }}
QLabel {{ background: transparent; }}
QLabel[tone="dim"] {{ color: {_DIM}; }}
QLabel[tone="error"] {{ color: {_ERROR}; }}
QLabel[tone="warning"] {{ color: {_WARNING}; }}
QLabel[tone="good"] {{ color: {_GOOD}; }}
QLabel[tone="title"] {{ font-weight: bold; }}
QLineEdit, QPlainTextEdit, QListWidget, QTreeWidget {{
    background: {_FIELD}; border: 1px solid {_LINE}; border-radius: 3px; padding: 4px 6px;
    selection-background-color: {_ACCENT_DARK}; selection-color: white;
}}
QLineEdit:focus, QPlainTextEdit:focus, QListWidget:focus, QTreeWidget:focus {{ border-color: {_ACCENT}; }}
QLineEdit:disabled, QPlainTextEdit:disabled {{ color: {_DIM}; }}
QListWidget::item, QTreeWidget::item {{ padding: 3px; border: none; }}
QListWidget::item:selected, QTreeWidget::item:selected {{ background: {_ACCENT_DARK}; color: white; }}
QListWidget::indicator {{
    width: 15px; height: 15px; border: 1px solid {_DIM}; border-radius: 2px; background: {_FIELD};
}}
QListWidget::indicator:checked {{ background: {_ACCENT}; border-color: {_ACCENT}; }}
QHeaderView::section {{
    background: {_GROUND}; color: {_DIM}; border: none; border-bottom: 1px solid {_LINE}; padding: 4px;
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
    background: transparent; border: none; border-bottom: 2px solid transparent; border-radius: 0; color: {_DIM};
    padding: 6px 8px;
}}
QPushButton[role="page"]:hover {{ color: {_TEXT}; }}
QPushButton[role="page"]:focus {{ color: white; border-bottom-color: {_DIM}; }}
QPushButton[role="page"]:checked {{ color: {_TEXT}; border-bottom-color: {_ACCENT}; }}
QProgressBar {{ background: {_FIELD}; border: 1px solid {_LINE}; border-radius: 3px; max-height: 8px; }}
QProgressBar::chunk {{ background: {_ACCENT}; border-radius: 2px; }}
QFrame[role="notice"] {{ background: #3d3f43; border: 1px solid {_LINE}; border-radius: 4px; }}
QFrame[role="notice"] > QLabel {{ background: transparent; }}
QScrollArea {{ border: none; }}
QScrollBar:vertical {{ background: {_GROUND}; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: #5a5d62; border-radius: 4px; min-height: 24px; margin: 1px; }}
QScrollBar:horizontal {{ background: {_GROUND}; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: #5a5d62; border-radius: 4px; min-width: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: none; }}
QToolTip {{ background: {_FIELD}; color: {_TEXT}; border: 1px solid {_LINE}; }}
"""


def dress(window: QtWidgets.QWidget) -> None:
    """The window and all in it look as ours do; the program's own windows stay as they are."""
    window.setStyleSheet(_SHEET)


def said(text: str = "", tone: str = "", *, is_selectable: bool = False) -> QtWidgets.QLabel:
    """Return a text that wraps; ``tone`` is "", "dim", "error", "warning", "good" or "title"."""
    label = QtWidgets.QLabel(text)
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("tone", tone)
    if is_selectable:
        label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def naming(text: str, field: QtWidgets.QWidget) -> QtWidgets.QLabel:
    """Return the name of a field; the letter after an ampersand leads to the field with Alt."""
    label = QtWidgets.QLabel(text)
    label.setBuddy(field)
    return label


def button(text: str, role: str = "") -> QtWidgets.QPushButton:
    """Return a button; the letter after an ampersand presses it with Alt."""
    made = QtWidgets.QPushButton(text)
    made.setProperty("role", role)
    # Qt would make a default of whichever had the focus last; the dialog says itself what Enter is for.
    made.setAutoDefault(False)
    return made


def notice() -> QtWidgets.QFrame:
    """Return a frame for something that the artist is to notice."""
    frame = QtWidgets.QFrame()
    frame.setProperty("role", "notice")
    return frame


def placeholder(ratio: float) -> QtGui.QPixmap:
    """Return what stands for a picture that is not there yet, for a screen with so many pixels to one."""
    picture = QtGui.QPixmap(PICTURE * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(QtGui.QColor(_LINE))
    return picture


def fitted(picture: QtGui.QPixmap, ratio: float) -> QtGui.QPixmap:
    """Return the picture within the size of a list's pictures, centred, for a screen with so many pixels to one."""
    ground = placeholder(ratio)
    ground.fill(QtGui.QColor(_FIELD))
    smooth = QtCore.Qt.TransformationMode.SmoothTransformation
    small = picture.scaled(PICTURE * ratio, QtCore.Qt.AspectRatioMode.KeepAspectRatio, smooth)
    small.setDevicePixelRatio(ratio)
    painter = QtGui.QPainter(ground)
    size = small.size() / ratio
    painter.drawPixmap((PICTURE.width() - size.width()) // 2, (PICTURE.height() - size.height()) // 2, small)
    painter.end()
    return ground
