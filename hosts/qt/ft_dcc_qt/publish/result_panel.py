"""What was published: the result of the last publish, and the latest versions of this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.publish.models import describe_changes
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style
from ft_dcc_qt.layouts import WrappingRow
from ft_dcc_qt.links import copy_link, open_link
from ft_dcc_qt.scrolling import LimitedText

if TYPE_CHECKING:
    from ft_dcc.publish.history import PastVersion

_LINK = QtCore.Qt.ItemDataRole.UserRole
_IMAGE = QtCore.Qt.ItemDataRole.UserRole + 1
# Half of a preview, so that a row stays as low as two lines of text.
_THUMBNAIL_SIZE = style.PREVIEW_SIZE * 0.57
# Two rows of the list.
_MIN_LINES = 6
# More lines about the new versions scroll.
_MAX_MESSAGE_LINES = 4


class ResultPanel(QtWidgets.QFrame):
    """The newest versions; visible after a publish, until the next one begins."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self._count = len(controller.published)
        self.message, self.address = style.text_label(tone="good"), QtWidgets.QLineEdit()
        self.address.setReadOnly(True)
        # Chooses a version if there are several.
        self.version = QtWidgets.QComboBox()
        self.version.currentIndexChanged.connect(self._show_link)
        self.open, self.copy = style.button("&Open the review"), style.button("Cop&y the link")
        self.open.clicked.connect(lambda: open_link(self.link))
        self.copy.clicked.connect(lambda: copy_link(self.link))
        texts = QtWidgets.QVBoxLayout()
        self._message_area = LimitedText(self.message, _MAX_MESSAGE_LINES)
        texts.addWidget(self._message_area)
        texts.addWidget(self.address)
        texts.addLayout(WrappingRow(self.version, self.open, self.copy))
        self.setLayout(texts)
        self.hide()

    @property
    def link(self) -> str | None:
        """Return the link of the chosen version, at first the newest."""
        link: str | None = self.version.currentData()
        return link or None

    def show_message(self, lines: list[str]) -> None:
        """Show these lines; many of them scroll."""
        self._message_area.set_text("\n".join(lines))

    def _show_links(self, links: list[tuple[str, str]]) -> None:
        """Offer one link for each version."""
        self.version.clear()
        for source, link in links:
            self.version.addItem(source, link)
        self.version.setVisible(len(links) > 1)
        self._show_link()

    def _show_link(self, *_: object) -> None:
        self.address.setText(self.link or "")
        self.address.setCursorPosition(0)
        for button in (self.open, self.copy):
            button.setEnabled(bool(self.link))

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
        new = self._controller.published[:new_count]
        lines = [f"Version {version.version} of {version.source} is on the server: {path}" for path, version in new]
        lines += describe_changes(version for _, version in new)
        self.show_message(lines)
        self._show_links([(version.source, version.link or "") for _, version in new])
        self.show()
        self.open.setFocus()


class RecentVersions(QtWidgets.QWidget):
    """A list, the newest first; Enter or a double click opens a version in the browser."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[PastVersion, ...] | None = None
        self.rows = QtWidgets.QListWidget()
        self.rows.setIconSize(_THUMBNAIL_SIZE)
        self.rows.setMinimumHeight(self.fontMetrics().lineSpacing() * _MIN_LINES)
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.rows.itemActivated.connect(lambda item: open_link(item.data(_LINK)))
        self.empty_label = style.text_label("No version was published from this machine yet.", "dim")
        title = style.field_label("&Last published", self.rows)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(title)
        column.addWidget(self.empty_label)
        column.addWidget(self.rows, 1)
        column.addStretch()

    def refresh(self) -> None:
        """Show the versions that the controller has read."""
        past = self._controller.queries.recent_versions
        self._controller.read_version_states()
        if past != self._shown:
            self._fill(past)
        self._show_states(past)

    def _fill(self, past: tuple[PastVersion, ...]) -> None:
        self._shown = past
        self.empty_label.setVisible(not past)
        self.rows.setVisible(bool(past))
        self.rows.clear()
        for version in past:
            item = QtWidgets.QListWidgetItem(_text(version))
            item.setData(_LINK, version.link)
            item.setToolTip("\n".join(filter(None, (version.source, version.comment, version.link))))
            self.rows.addItem(item)

    def _show_states(self, past: tuple[PastVersion, ...]) -> None:
        """Show the status and the thumbnail of each version that the server knows."""
        states, ratio = self._controller.version_states.value, self.devicePixelRatioF()
        for row, version in enumerate(past if states else ()):
            item, state = self.rows.item(row), states.get(version.id)
            text = _text(version, "" if state is None else state.status)
            if item.text() != text:
                item.setText(text)
            path = self._controller.images.get(self._controller.session, state.thumbnail_id if state else None)
            # An empty picture keeps the texts of all rows below each other.
            name = "" if path is None else str(path)
            if item.data(_IMAGE) != name:
                item.setData(_IMAGE, name)
                pixmap = QtGui.QPixmap(name)
                is_missing = pixmap.isNull()
                item.setIcon(QtGui.QIcon(style.placeholder(ratio) if is_missing else style.fit_preview(pixmap, ratio)))


def _format_time(moment: datetime) -> str:
    local = moment.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if is_today else f"{local:%Y-%m-%d}"


def _text(version: PastVersion, status: str = "") -> str:
    """Return a line with task, number, time and status, and one with the source and the start of the comment."""
    version_name, time = f"v{version.version:03d}", _format_time(version.begun)
    lines = ((version.path, version_name, time, status), (version.source, version.comment.partition("\n")[0]))
    return "\n".join(filter(None, ("  ".join(filter(None, parts)) for parts in lines)))
