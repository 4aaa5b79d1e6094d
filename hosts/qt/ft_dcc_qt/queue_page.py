"""The page with the jobs that are not through: what each waits for, and going on with it or giving it up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.host import Host

from . import looks
from .progress_panel import ProgressPanel

if TYPE_CHECKING:
    from ft_dcc.publish.queue import Entry

_JOB = QtCore.Qt.ItemDataRole.UserRole
_NOTHING = "Nothing waits. A publish that is interrupted, or that finds no server, waits here until you go on with it."
_DROP, _DROP_NOW = "&Drop …", "&Drop it for good"


class QueuePage(QtWidgets.QWidget):
    """One row a job, the newest first."""

    def __init__(self, desk: Desk, host: Host | None) -> None:
        super().__init__()
        self._desk, self._host = desk, host
        self._shown: tuple[Entry, ...] | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["State", "Task", "Sources"])
        self.rows.setRootIsDecorated(False)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.nothing = looks.said(_NOTHING, "dim")
        self.detail = looks.said(tone="dim", is_selectable=True)
        self.error = looks.said(tone="error", is_selectable=True)
        self.resume, self.drop = looks.button("&Go on", "primary"), looks.button(_DROP)
        self.again = looks.button("&Refresh")
        self.main = self.resume
        self.progress = ProgressPanel(desk)
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        self.rows.itemActivated.connect(lambda *_: self._resume())
        self.resume.clicked.connect(self._resume)
        self.drop.clicked.connect(self._drop)
        self.again.clicked.connect(desk.lookups.read_jobs)
        self._lay_out()

    @property
    def entry(self) -> Entry | None:
        """The chosen job."""
        item = self.rows.currentItem()
        job_id = None if item is None else item.data(0, _JOB)
        return next((entry for entry in self._shown or () if entry.job.id == job_id), None)

    def refresh(self) -> None:
        """What is seen is what the desk has read."""
        is_busy = self._desk.is_busy
        entries = tuple(entry for entry in self._desk.lookups.entries if not entry.is_done)
        if entries != self._shown:
            self._fill(entries)
        self.nothing.setVisible(not entries)
        self.rows.setVisible(bool(entries))
        self.progress.refresh()
        self.error.setText("" if is_busy else " ".join([self._desk.error, *(p.message for p in self._desk.problems)]))
        self.error.setVisible(bool(self.error.text().strip()))
        self._enable()

    def _lay_out(self) -> None:
        buttons = QtWidgets.QHBoxLayout()
        for button in (self.resume, self.drop, self.again):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.nothing)
        column.addWidget(self.rows, 1)
        for widget in (self.detail, self.error, self.progress):
            column.addWidget(widget)
        column.addLayout(buttons)

    def _fill(self, entries: tuple[Entry, ...]) -> None:
        before = self.entry
        self._shown = entries
        self.rows.clear()
        items = {entry.job.id: self._item(entry) for entry in entries}
        self.rows.addTopLevelItems(list(items.values()))
        chosen = items.get(before.job.id) if before is not None else None
        if items:
            self.rows.setCurrentItem(chosen or next(iter(items.values())))
        self.rows.setColumnWidth(0, self.fontMetrics().horizontalAdvance("needs its scene") + 40)
        self.rows.setColumnWidth(1, self.rows.width() // 2)

    def _item(self, entry: Entry) -> QtWidgets.QTreeWidgetItem:
        item = QtWidgets.QTreeWidgetItem([entry.state, self._task(entry), _sources(entry)])
        item.setData(0, _JOB, entry.job.id)
        return item

    def _task(self, entry: Entry) -> str:
        wanted = "" if entry.request is None else entry.request.task or ""
        known = self._desk.task(wanted)
        return wanted if known is None else known.path

    def _choose(self) -> None:
        self.drop.setText(_DROP)
        entry = self.entry
        self.detail.setText("" if entry is None else " ".join(filter(None, (self._advice(entry), *entry.problems))))
        self._enable()

    def _advice(self, entry: Entry) -> str:
        if not self._is_ours(entry):
            return f"It is for {entry.server}. Sign in there to go on with it."
        if entry.needs_scene and not self._has_its_scene(entry):
            return entry.help
        if entry.is_working:
            return "Another window or another program is at it."
        return f"{entry.job.id} in {entry.job.folder.parent}"

    def _is_ours(self, entry: Entry) -> bool:
        return self._desk.session is not None and entry.server == self._desk.server

    def _has_its_scene(self, entry: Entry) -> bool:
        scene = self._desk.lookups.scene
        is_its_host = self._host is not None and entry.host == self._host.name
        return is_its_host and scene is not None and scene.path is not None and scene.path == entry.scene

    def _enable(self) -> None:
        entry, is_idle = self.entry, not self._desk.is_busy
        is_ours = entry is not None and self._is_ours(entry) and not entry.is_working
        lacks_scene = entry is not None and entry.needs_scene and not self._has_its_scene(entry)
        self.resume.setEnabled(is_idle and is_ours and not lacks_scene)
        self.drop.setEnabled(is_idle and is_ours)
        self.resume.setVisible(bool(self._shown))
        self.drop.setVisible(bool(self._shown))

    def _resume(self) -> None:
        entry = self.entry
        if entry is not None and self.resume.isEnabled():
            self._desk.resume(entry.job.id, self._host if self._has_its_scene(entry) else None)
            self.refresh()

    def _drop(self) -> None:
        """The first press asks, the second one does it: what is dropped cannot be had back."""
        entry = self.entry
        if entry is None:
            return
        if self.drop.text() == _DROP:
            self.drop.setText(_DROP_NOW)
            return
        self.drop.setText(_DROP)
        self._desk.drop(entry.job.id)
        self.refresh()


def _sources(entry: Entry) -> str:
    if entry.request is None:
        return ""
    return ", ".join(Path(text).name for text in entry.request.source) or entry.host or ""
