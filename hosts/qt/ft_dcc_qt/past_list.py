"""The versions that were last published from this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.desk import Desk

from . import looks
from .links import open_link

if TYPE_CHECKING:
    from ft_dcc.publish.history import PastVersion

_LINK = QtCore.Qt.ItemDataRole.UserRole


class PastList(QtWidgets.QWidget):
    """The newest first; Enter or a double click opens one in the browser."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._shown: tuple[PastVersion, ...] | None = None
        self.rows = QtWidgets.QListWidget()
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.rows.itemActivated.connect(lambda item: open_link(item.data(_LINK)))
        self.nothing = looks.said("Nothing was published from this machine yet.", "dim")
        title = looks.naming("&Last published", self.rows)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (title, self.nothing, self.rows):
            column.addWidget(widget)
        column.addStretch()

    def refresh(self) -> None:
        """What is seen is what the desk has read."""
        past = self._desk.lookups.past
        if past == self._shown:
            return
        self._shown = past
        self.nothing.setVisible(not past)
        self.rows.setVisible(bool(past))
        self.rows.clear()
        for version in past:
            item = QtWidgets.QListWidgetItem(f"{version.path}  v{version.version:03d}  {_when(version.begun)}")
            item.setData(_LINK, version.link)
            item.setToolTip(version.link or "")
            self.rows.addItem(item)


def _when(moment: datetime) -> str:
    local = moment.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if is_today else f"{local:%Y-%m-%d}"
