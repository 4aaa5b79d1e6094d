"""The progress of a publish, its result, and the latest versions of this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc import plain_text
from ft_dcc.host import Host
from ft_dcc.publish.models import describe_changes
from ft_dcc.publish.progress import Progress
from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import progress_share, step_label
from ft_dcc_qt import layouts, style, tables

if TYPE_CHECKING:
    from ft_dcc.publish import models, report

_LINK = QtCore.Qt.ItemDataRole.UserRole
_IMAGE = QtCore.Qt.ItemDataRole.UserRole + 1
# Half of a preview, so that a row stays as low as two lines of text.
_THUMBNAIL_SIZE = style.PREVIEW_SIZE * 0.57
# Two rows of the list.
_MIN_LINES = 6
# More lines about the new versions scroll.
_MAX_MESSAGE_LINES = 4
# A rate that was measured for less time is not reliable.
_MIN_SECONDS_FOR_RATE = 0.5
_TASK_LABELS = {
    "publish": "Checking. Nothing is captured yet …",
    "repair": "Repairing …",
    "resume": "Resuming the job …",
    "drop": "Removing the job and its uploads …",
    "refresh": "Fetching tasks and review sessions …",
    "sign in": "Signing in …",
}


class ProgressPanel(QtWidgets.QFrame):
    """The progress of the controller's work; visible while it is busy."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self.doing, self.detail = style.text_label(tone="title"), style.text_label(tone="dim")
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel = style.button("Ca&ncel")
        self.cancel.clicked.connect(self._cancel)
        labels = QtWidgets.QVBoxLayout()
        for widget in (self.doing, self.bar, self.detail):
            labels.addWidget(widget)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(labels, 1)
        row.addWidget(self.cancel)
        self.hide()

    def refresh(self) -> None:
        """Show the progress."""
        is_busy = self._controller.is_busy
        if is_busy and not self.isVisible():
            self.cancel.setEnabled(True)
        self.setVisible(is_busy)
        if is_busy and self.cancel.isEnabled():
            self._show(self._controller.progress)

    def _show(self, progress: Progress | None) -> None:
        if progress is None:
            self.doing.setText(_TASK_LABELS.get(self._controller.activity, "Working …"))
            self.detail.setText("")
            self.bar.setRange(0, 0)
            return
        self.doing.setText(plain_text.single_line(f"{step_label(progress)} {progress.source}"))
        self.detail.setText(format_progress(progress))
        self.bar.setRange(0, 1000)
        self.bar.setValue(int(1000 * progress_share(progress)))

    def _cancel(self) -> None:
        self._controller.cancel()
        self.cancel.setEnabled(False)
        self.doing.setText("Cancelling …")
        self.detail.setText("")


def format_progress(progress: Progress) -> str:
    """Return amount, rate and remaining time, such as "6.0 of 12.0 MB, 2.0 MB/s, 3 s left"."""
    is_bytes = progress.unit == "bytes"
    if is_bytes and progress.total < 1e6:
        parts = [f"{progress.done / 1e3:.0f} of {progress.total / 1e3:.0f} kB"]
    elif is_bytes:
        parts = [f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"]
    else:
        parts = [f"{progress.done} of {progress.total} {progress.unit}"]
    if progress.seconds >= _MIN_SECONDS_FOR_RATE and progress.rate is not None and progress.seconds_left is not None:
        parts.append(f"{progress.rate / 1e6:.1f} MB/s" if is_bytes else f"{progress.rate:.1f} {progress.unit}/s")
        left = round(progress.seconds_left)
        hours = f"{left // 60} min" if left < 3600 else f"{left // 3600} h {left % 3600 // 60} min"
        parts.append(f"{f'{left} s' if left < 60 else hours} left")
    return ", ".join(parts)


class ResultPanel(QtWidgets.QFrame):
    """The newest versions; visible after a publish, until the next one begins."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self._count = len(controller.published)
        self._versions: list[models.PublishedVersion] = []
        self.message, self.address = style.text_label(tone="good"), QtWidgets.QLineEdit()
        self.message_area = layouts.FittedScroll(self.message, _MAX_MESSAGE_LINES, _MAX_MESSAGE_LINES)
        self.address.setReadOnly(True)
        # Chooses a version if there are several.
        self.version = QtWidgets.QComboBox()
        self.version.currentIndexChanged.connect(self._show_version)
        self.files = tables.DiskFilesRow(controller, host)
        self.open, self.copy = style.button("&Open the review"), style.button("Cop&y the link")
        self.open.clicked.connect(lambda: tables.open_link(self.link))
        self.copy.clicked.connect(lambda: tables.copy_link(self.link))
        texts = QtWidgets.QVBoxLayout(self)
        texts.addWidget(self.message_area)
        texts.addWidget(self.address)
        texts.addLayout(layouts.WrappingRow(self.version, self.open, self.copy))
        texts.addWidget(self.files)
        self.hide()

    @property
    def link(self) -> str | None:
        """Return the link of the chosen version, at first the newest."""
        return self.version.currentData() or None

    def _show_version(self, *_: object) -> None:
        self.address.setText(self.link or "")
        self.address.setCursorPosition(0)
        for button in (self.open, self.copy):
            button.setEnabled(bool(self.link))
        for version in self._versions[max(0, self.version.currentIndex()) :][:1]:
            self.files.show_files([(path, None) for path in version.paths], version.source)

    def refresh(self) -> None:
        """Show the result of the last publish of this window."""
        published = self._controller.published
        if self._controller.is_busy:
            self.hide()
            return
        self.files.refresh()
        new, self._count = published[: max(0, len(published) - self._count)], len(published)
        if not new:
            return
        lines = [f"Version {version.version} of {version.source} is on the server: {path}" for path, version in new]
        lines += describe_changes(version for _, version in new)
        self.message.setText("\n".join(map(plain_text.single_line, lines)))
        self.message_area.show_content(self.message)
        self.version.clear()
        self._versions = [version for _, version in new]
        for version in self._versions:
            self.version.addItem(plain_text.single_line(version.source), version.link or "")
        self.version.setVisible(len(new) > 1)
        self._show_version()
        self.show()
        self.open.setFocus()


class RecentVersions(QtWidgets.QWidget):
    """A list, the newest first; Enter or a double click opens a version in the browser."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[report.PastVersion, ...] | None = None
        self.rows = QtWidgets.QListWidget()
        self.rows.setIconSize(_THUMBNAIL_SIZE)
        self.rows.setMinimumHeight(self.fontMetrics().lineSpacing() * _MIN_LINES)
        self.rows.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.rows.itemActivated.connect(lambda item: tables.open_link(item.data(_LINK)))
        self.empty_label = style.text_label("No version was published from this machine yet.", "dim")
        title = style.field_label("&Last published", self.rows)
        layouts.fill_column(self, title, self.empty_label, self.rows).addStretch()

    def refresh(self) -> None:
        """Show the versions that the controller has read."""
        past = self._controller.queries.recent_versions
        self._controller.read_version_states()
        if past != self._shown:
            self._shown = past
            self.empty_label.setVisible(not past)
            self.rows.setVisible(bool(past))
            # An empty list leaves its room to the checks.
            policy = self.sizePolicy()
            policy.setVerticalStretch(2 if past else 0)
            self.setSizePolicy(policy)
            self.rows.clear()
            for version in past:
                item = QtWidgets.QListWidgetItem(_text(version))
                item.setData(_LINK, version.link)
                style.set_tool_tip(item, "\n".join(filter(None, (version.source, version.comment, version.link))))
                self.rows.addItem(item)
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
                item.setIcon(style.preview_icon(QtGui.QPixmap(name), ratio))


def _text(version: report.PastVersion, status: str = "") -> str:
    """Return a line with task, number, time and status, and one with the source and the start of the comment."""
    begun = version.begun.astimezone()
    is_today = begun.date() == datetime.now().astimezone().date()
    time = f"{begun:%H:%M}" if is_today else f"{begun:%Y-%m-%d}"
    lines = (
        (version.path, f"v{version.version:03d}", time, status),
        (version.source, version.comment.partition("\n")[0]),
    )
    return "\n".join(filter(None, (plain_text.single_line("  ".join(filter(None, parts))) for parts in lines)))
