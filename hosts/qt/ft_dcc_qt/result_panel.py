"""What was published: the result of the last publish, and the latest versions of this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.ui.publish_controller import PublishController

from . import style
from .links import copy_link, open_link

if TYPE_CHECKING:
    from ft_dcc.publish.history import PastVersion

_LINK = QtCore.Qt.ItemDataRole.UserRole


class ResultPanel(QtWidgets.QFrame):
    """The newest versions; visible after a publish, until the next one begins."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self._count = len(controller.published)
        self.message, self.address = style.text_label(tone="good"), QtWidgets.QLineEdit()
        self.address.setReadOnly(True)
        self.open, self.copy = style.button("&Open the review"), style.button("Cop&y the link")
        self.open.clicked.connect(lambda: open_link(self.link))
        self.copy.clicked.connect(lambda: copy_link(self.link))
        texts = QtWidgets.QVBoxLayout()
        texts.addWidget(self.message)
        texts.addWidget(self.address)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(texts, 1)
        row.addWidget(self.open)
        row.addWidget(self.copy)
        self.hide()

    @property
    def link(self) -> str | None:
        """Return the link of the newest version."""
        return self._controller.published[0][1].link if self._controller.published else None

    def refresh(self) -> None:
        """Show the result of the last publish of this window."""
        if self._controller.is_busy:
            self.hide()
            return
        new_count = len(self._controller.published) - self._count
        if new_count <= 0:
            self._count = len(self._controller.published)
            return
        self._count = len(self._controller.published)
        path, newest = self._controller.published[0]
        more = f", and {new_count - 1} more" if new_count > 1 else ""
        self.message.setText(f"Version {newest.version} of {newest.source} is on the server{more}: {path}")
        self.address.setText(self.link or "")
        self.address.setCursorPosition(0)
        for button in (self.open, self.copy):
            button.setEnabled(self.link is not None)
        self.show()
        self.open.setFocus()


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
