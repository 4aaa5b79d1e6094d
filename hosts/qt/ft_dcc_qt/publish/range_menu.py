"""A button with the frame ranges that the program offers, such as the selection of its time slider."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from Qt import QtCore, QtWidgets

from ft_dcc.frames import FrameRange
from ft_dcc_qt import style


class RangeMenu(QtWidgets.QWidget):
    """A button whose menu lists ranges; ``chosen`` is emitted with the text of one. Hidden without ranges."""

    chosen = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.button = style.button("&Ranges")
        self.button.setToolTip("Fill in a range of the time slider.")
        self.menu = QtWidgets.QMenu(self.button)
        self.button.setMenu(self.menu)
        self._ranges: dict[str, str] = {}
        box = QtWidgets.QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.button)
        self.hide()

    def set_ranges(self, ranges: Mapping[str, FrameRange]) -> None:
        """List these ranges by their names."""
        found = {name: str(frames) for name, frames in ranges.items()}
        if found == self._ranges:
            return
        self._ranges = found
        self.menu.clear()
        for name, frames in found.items():
            action = self.menu.addAction(f"{name.capitalize()}: {frames}")
            action.triggered.connect(partial(self._emit_chosen, frames))
        self.setVisible(bool(found))

    def _emit_chosen(self, frames: str, *_checked: bool) -> None:
        self.chosen.emit(frames)
