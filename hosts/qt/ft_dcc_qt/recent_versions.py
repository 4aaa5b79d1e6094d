"""The versions that were last published from this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.ui.publish_controller import PublishController

from . import style
from .links import open_link

if TYPE_CHECKING:
    from ft_dcc.publish.history import PastVersion

_LINK = QtCore.Qt.ItemDataRole.UserRole


class RecentVersions(QtWidgets.QWidget):
    """A list, the newest first; Enter or a double click opens a version in the browser."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[PastVersion, ...] | None = None
        self.rows = QtWidgets.QListWidget()
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.rows.itemActivated.connect(lambda item: open_link(item.data(_LINK)))
        self.empty_label = style.text_label("No version was published from this machine yet.", "dim")
        title = style.field_label("&Last published", self.rows)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (title, self.empty_label, self.rows):
            column.addWidget(widget)
        column.addStretch()

    def refresh(self) -> None:
        """Show the versions that the controller has read."""
        past = self._controller.queries.recent_versions
        if past == self._shown:
            return
        self._shown = past
        self.empty_label.setVisible(not past)
        self.rows.setVisible(bool(past))
        self.rows.clear()
        for version in past:
            item = QtWidgets.QListWidgetItem(f"{version.path}  v{version.version:03d}  {_format_time(version.begun)}")
            item.setData(_LINK, version.link)
            item.setToolTip(version.link or "")
            self.rows.addItem(item)


def _format_time(moment: datetime) -> str:
    local = moment.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if is_today else f"{local:%Y-%m-%d}"
