"""The pages with work that can be continued: unfinished jobs, and the recorded renders of the open script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from Qt import QtCore

from ft_dcc.host import Host
from ft_dcc.publish.jobs import job, states
from ft_dcc.ui.publish_controller import PublishController

from . import style, tables
from .layouts import WrappingRow, fill_column
from .publish.progress_panel import ProgressPanel, ResultPanel

if TYPE_CHECKING:
    from ft_dcc.publish.jobs.queue import QueueItem
    from ft_dcc.renders.publish import CurrentRender

_NO_JOB = "The queue is empty. Publishes that were interrupted or could not reach the server wait here."
_NO_RENDER = "No render of this script was recorded. Add the tab to a Write, and render it."
_DROP, _DROP_NOW = "&Drop …", "&Drop permanently"


class _WorkPage(tables.ListPage):
    """A table of work with a line about the selected row, and the progress of what runs."""

    def __init__(self, controller: PublishController, host: Host | None, *texts: str, stretched: int) -> None:
        super().__init__(controller, *texts, stretched=stretched)
        self._host = host
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.detail = style.text_label(tone="dim", is_selectable=True)
        self.progress = ProgressPanel(controller)

    def _show_work(self, entries: Sequence[object], error: str = "") -> None:
        controller = self._controller
        self.show_rows(not entries)
        self.progress.refresh()
        problems = [] if controller.is_busy else [controller.error, *(each.message for each in controller.problems)]
        style.show_text(self.error, " ".join(filter(None, (error, *problems))))


class QueuePage(_WorkPage):
    """One row per unfinished job, the newest first, with buttons to resume and drop it."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__(controller, host, _NO_JOB, "State", "Task", "Sources", stretched=1)
        self.resume, self.drop = style.button("Res&ume", "primary"), style.button(_DROP)
        self.main = self.resume
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        self.rows.itemActivated.connect(lambda *_: self._resume())
        self.resume.clicked.connect(self._resume)
        self.drop.clicked.connect(self._drop)
        self.again.clicked.connect(controller.queries.read_jobs)
        buttons = WrappingRow(self.resume, self.drop, self.again)
        fill_column(self, self.empty_label, self.rows, self.detail, self.error, self.progress, buttons)

    @property
    def entry(self) -> QueueItem | None:
        """Return the selected job."""
        job_id = self.rows.key
        return next((entry for entry in self._shown or () if entry.job.id == job_id), None)

    def refresh(self) -> None:
        """Show the jobs that the controller has read."""
        entries = tuple(entry for entry in self._controller.queries.jobs if entry.state != states.DONE)
        if entries != self._shown:
            self._shown = entries
            self.rows.fill((entry.job.id, self._texts(entry)) for entry in entries)
        self._show_work(entries)
        self._enable()

    def _texts(self, entry: QueueItem) -> tuple[str, str, str]:
        if entry.request is None:
            return entry.state, "", ""
        task_name = entry.request.task or ""
        known = self._controller.task(task_name)
        sources = ", ".join(Path(text).name for text in entry.request.source) or entry.host or ""
        return entry.state, task_name if known is None else known.path, sources

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
        session = self._controller.session
        return session is not None and entry.studio.is_same(job.StudioIdentity.of(session))

    def _has_its_scene(self, entry: QueueItem) -> bool:
        scene = self._controller.queries.scene
        is_its_host = self._host is not None and entry.host == self._host.name
        return is_its_host and scene is not None and scene.path is not None and scene.path == entry.scene

    def _enable(self) -> None:
        entry = self.entry
        can_drop = can_resume = False
        if entry is not None and not self._controller.is_busy and entry.state != states.RUNNING:
            can_drop = self._is_on_this_server(entry)
            lacks_scene = entry.state == states.NEEDS_SCENE and not self._has_its_scene(entry)
            can_resume = can_drop and not lacks_scene and entry.state != states.SUPERSEDED
        for button, is_enabled in ((self.resume, can_resume), (self.drop, can_drop)):
            button.setEnabled(is_enabled)
            button.setVisible(bool(self._shown))

    def _resume(self) -> None:
        entry = self.entry
        if entry is not None and self.resume.isEnabled():
            self._controller.resume(entry.job.id, self._host if self._has_its_scene(entry) else None)
            self.refresh()

    def _drop(self) -> None:
        """Ask on the first press, drop on the second: a dropped job cannot be restored."""
        entry, is_confirmed = self.entry, self.drop.text() == _DROP_NOW
        if entry is None:
            return
        self.drop.setText(_DROP if is_confirmed else _DROP_NOW)
        if is_confirmed:
            self._controller.drop(entry.job.id)
            self.refresh()


class RendersPage(_WorkPage):
    """One row per rendered sequence or movie, the newest first, with a button that publishes it."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__(controller, host, _NO_RENDER, "Node", "State", "Frames", "Files", stretched=3)
        self._finished = 0
        self.publish, self.result = style.button("&Publish", "primary"), ResultPanel(controller, host)
        self.main = self.publish
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        self.publish.clicked.connect(self._publish)
        self.again.clicked.connect(self.read)
        buttons = WrappingRow(self.publish, self.again)
        fill_column(self, self.empty_label, self.rows, self.detail, self.error, self.result, self.progress, buttons)

    @property
    def entry(self) -> CurrentRender | None:
        """Return the selected render."""
        render_id = self.rows.key
        return next((entry for entry in self._shown or () if entry.render.id == render_id), None)

    def read(self) -> None:
        """Read the renders of the open script again."""
        if self._host is not None:
            self._controller.read_renders(self._host)

    def refresh(self) -> None:
        """Show the renders that were read."""
        renders, controller = self._controller.renders, self._controller
        if self._finished != controller.completed_count and not controller.is_busy:
            self._finished = controller.completed_count
            self.read()
        if renders.value != self._shown:
            self._shown = renders.value
            known = [(entry, entry.render) for entry in renders.value]
            self.rows.fill((of.id, (of.execution.node, entry.state, entry.text, of.source)) for entry, of in known)
        self.empty_label.setText(_NO_RENDER if renders.is_loaded else "Reading the renders …")
        self._show_work(renders.value, renders.error)
        self.result.refresh()
        self._choose()

    def _choose(self) -> None:
        entry = self.entry
        shortfall = "" if entry is None else entry.render.shortfall
        is_again = entry is not None and not entry.new
        text = "Publish &incomplete render" if shortfall else "Publish &again" if is_again else "&Publish"
        self.publish.setText(text)
        self.publish.setEnabled(entry is not None and not self._controller.is_busy)
        self.publish.setVisible(bool(self._shown))
        self.detail.setText("" if entry is None else " · ".join(filter(None, (entry.render.source, entry.text))))

    def _publish(self) -> None:
        entry = self.entry
        if entry is not None and self.publish.isEnabled():
            self._controller.publish_render(entry.render)
            self.refresh()
