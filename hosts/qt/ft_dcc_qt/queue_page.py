"""The page with unfinished jobs: their states, and buttons to resume or drop them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.host import Host
from ft_dcc.publish.jobs import states
from ft_dcc.ui.publish_controller import PublishController

from . import style
from .layouts import WrappingRow
from .publish.progress_panel import ProgressPanel

if TYPE_CHECKING:
    from ft_dcc.publish.jobs.queue import QueueItem

_JOB = QtCore.Qt.ItemDataRole.UserRole
_EMPTY_TEXT = "The queue is empty. Publishes that were interrupted or could not reach the server wait here."
_DROP, _DROP_NOW = "&Drop …", "&Drop permanently"


class QueuePage(QtWidgets.QWidget):
    """One row per job, the newest first."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._shown: tuple[QueueItem, ...] | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["State", "Task", "Sources"])
        self.rows.setRootIsDecorated(False)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.empty_label = style.text_label(_EMPTY_TEXT, "dim")
        self.detail = style.text_label(tone="dim", is_selectable=True)
        self.error = style.text_label(tone="error", is_selectable=True)
        self.resume, self.drop = style.button("Res&ume", "primary"), style.button(_DROP)
        self.again = style.button("&Refresh")
        self.main = self.resume
        self.progress = ProgressPanel(controller)
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        self.rows.itemActivated.connect(lambda *_: self._resume())
        self.resume.clicked.connect(self._resume)
        self.drop.clicked.connect(self._drop)
        self.again.clicked.connect(controller.queries.read_jobs)
        self._lay_out()

    @property
    def entry(self) -> QueueItem | None:
        """Return the selected job."""
        item = self.rows.currentItem()
        job_id = None if item is None else item.data(0, _JOB)
        return next((entry for entry in self._shown or () if entry.job.id == job_id), None)

    def refresh(self) -> None:
        """Show the jobs that the controller has read."""
        is_busy = self._controller.is_busy
        entries = tuple(entry for entry in self._controller.queries.jobs if entry.state != states.DONE)
        if entries != self._shown:
            self._fill(entries)
        self.empty_label.setVisible(not entries)
        self.rows.setVisible(bool(entries))
        self.progress.refresh()
        self.error.setText(
            "" if is_busy else " ".join([self._controller.error, *(p.message for p in self._controller.problems)])
        )
        self.error.setVisible(bool(self.error.text().strip()))
        self._enable()

    def _lay_out(self) -> None:
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty_label)
        column.addWidget(self.rows, 1)
        for widget in (self.detail, self.error, self.progress):
            column.addWidget(widget)
        column.addLayout(WrappingRow(self.resume, self.drop, self.again))

    def _fill(self, entries: tuple[QueueItem, ...]) -> None:
        before = self.entry
        self._shown = entries
        self.rows.clear()
        items = {entry.job.id: self._row(entry) for entry in entries}
        self.rows.addTopLevelItems(list(items.values()))
        chosen = items.get(before.job.id) if before is not None else None
        if items:
            self.rows.setCurrentItem(chosen or next(iter(items.values())))
        self.rows.setColumnWidth(0, self.fontMetrics().horizontalAdvance("needs its scene") + 40)
        self.rows.setColumnWidth(1, self.rows.width() // 2)

    def _row(self, entry: QueueItem) -> QtWidgets.QTreeWidgetItem:
        item = QtWidgets.QTreeWidgetItem([entry.state, self._task(entry), _sources(entry)])
        item.setData(0, _JOB, entry.job.id)
        return item

    def _task(self, entry: QueueItem) -> str:
        task_name = "" if entry.request is None else entry.request.task or ""
        known = self._controller.task(task_name)
        return task_name if known is None else known.path

    def _choose(self) -> None:
        self.drop.setText(_DROP)
        entry = self.entry
        self.detail.setText("" if entry is None else " ".join(filter(None, (self._advice(entry), *entry.problems))))
        self._enable()

    def _advice(self, entry: QueueItem) -> str:
        if not self._is_on_this_server(entry):
            return f"This job belongs to {entry.server}. Sign in there to resume it."
        if entry.state == states.SUPERSEDED or (entry.state == states.NEEDS_SCENE and not self._has_its_scene(entry)):
            return entry.help
        if entry.state == states.RUNNING:
            return "Another window or program runs this job."
        return f"{entry.job.id} in {entry.job.folder.parent}"

    def _is_on_this_server(self, entry: QueueItem) -> bool:
        return self._controller.session is not None and entry.server == self._controller.server

    def _has_its_scene(self, entry: QueueItem) -> bool:
        scene = self._controller.queries.scene
        is_its_host = self._host is not None and entry.host == self._host.name
        return is_its_host and scene is not None and scene.path is not None and scene.path == entry.scene

    def _enable(self) -> None:
        entry, is_idle = self.entry, not self._controller.is_busy
        is_on_this_server = entry is not None and self._is_on_this_server(entry) and entry.state != states.RUNNING
        lacks_scene = entry is not None and entry.state == states.NEEDS_SCENE and not self._has_its_scene(entry)
        is_superseded = entry is not None and entry.state == states.SUPERSEDED
        self.resume.setEnabled(is_idle and is_on_this_server and not lacks_scene and not is_superseded)
        self.drop.setEnabled(is_idle and is_on_this_server)
        self.resume.setVisible(bool(self._shown))
        self.drop.setVisible(bool(self._shown))

    def _resume(self) -> None:
        entry = self.entry
        if entry is not None and self.resume.isEnabled():
            self._controller.resume(entry.job.id, self._host if self._has_its_scene(entry) else None)
            self.refresh()

    def _drop(self) -> None:
        """Ask on the first press, drop on the second: a dropped job cannot be restored."""
        entry = self.entry
        if entry is None:
            return
        if self.drop.text() == _DROP:
            self.drop.setText(_DROP_NOW)
            return
        self.drop.setText(_DROP)
        self._controller.drop(entry.job.id)
        self.refresh()


def _sources(entry: QueueItem) -> str:
    if entry.request is None:
        return ""
    return ", ".join(Path(text).name for text in entry.request.source) or entry.host or ""
