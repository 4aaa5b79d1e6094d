"""The page with the recorded renders of the open script: their states, and a button that publishes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtWidgets

from ft_dcc.host import Host
from ft_dcc.ui.publish_controller import PublishController

from . import style
from .layouts import WrappingRow
from .publish.progress_panel import ProgressPanel
from .publish.result_panel import ResultPanel

if TYPE_CHECKING:
    from ft_dcc.ui.background_queries import RecordedRender

_RENDER = QtCore.Qt.ItemDataRole.UserRole
_EMPTY_TEXT = "No render of this script was recorded. Add the tab to a Write, and render it."
_INCOMPLETE = "Publish &incomplete render"


class RendersPage(QtWidgets.QWidget):
    """One row per rendered sequence or movie, the newest first."""

    def __init__(self, controller: PublishController, host: Host | None) -> None:
        super().__init__()
        self._controller, self._host = controller, host
        self._shown: tuple[RecordedRender, ...] | None = None
        self._finished = 0
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Node", "State", "Frames", "Files"])
        self.rows.setRootIsDecorated(False)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        self.empty_label = style.text_label(_EMPTY_TEXT, "dim")
        self.detail = style.text_label(tone="dim", is_selectable=True)
        self.error = style.text_label(tone="error", is_selectable=True)
        self.publish, self.again = style.button("&Publish", "primary"), style.button("&Refresh")
        self.main = self.publish
        self.progress, self.result = ProgressPanel(controller), ResultPanel(controller)
        self.rows.currentItemChanged.connect(lambda *_: self._choose())
        self.publish.clicked.connect(self._publish)
        self.again.clicked.connect(self.read)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty_label)
        column.addWidget(self.rows, 1)
        for widget in (self.detail, self.error, self.result, self.progress):
            column.addWidget(widget)
        column.addLayout(WrappingRow(self.publish, self.again))

    @property
    def entry(self) -> RecordedRender | None:
        """Return the selected render."""
        item = self.rows.currentItem()
        render_id = None if item is None else item.data(0, _RENDER)
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
            self._fill(renders.value)
        self.empty_label.setText("Reading the renders …" if not renders.is_loaded else _EMPTY_TEXT)
        self.empty_label.setVisible(not renders.value)
        self.rows.setVisible(bool(renders.value))
        self.progress.refresh()
        self.result.refresh()
        problems = [] if controller.is_busy else [controller.error, *(each.message for each in controller.problems)]
        self.error.setText(" ".join(filter(None, (renders.error, *problems))))
        self.error.setVisible(bool(self.error.text()))
        self._choose()

    def _fill(self, renders: tuple[RecordedRender, ...]) -> None:
        before = self.entry
        self._shown = renders
        self.rows.clear()
        items = {entry.render.id: _row(entry) for entry in renders}
        self.rows.addTopLevelItems(list(items.values()))
        chosen = items.get(before.render.id) if before is not None else None
        if items:
            self.rows.setCurrentItem(chosen or next(iter(items.values())))

    def _choose(self) -> None:
        entry = self.entry
        self.publish.setText("&Publish" if entry is None or not entry.problem else _INCOMPLETE)
        self.publish.setEnabled(entry is not None and not self._controller.is_busy)
        self.publish.setVisible(bool(self._shown))
        self.detail.setText("" if entry is None else " · ".join(filter(None, (entry.render.source, entry.problem))))

    def _publish(self) -> None:
        entry = self.entry
        if entry is not None and self.publish.isEnabled():
            self._controller.publish_render(entry.render)
            self.refresh()


def _row(entry: RecordedRender) -> QtWidgets.QTreeWidgetItem:
    execution = entry.render.execution
    item = QtWidgets.QTreeWidgetItem([execution.node, entry.state, entry.frames, entry.render.source])
    item.setData(0, _RENDER, entry.render.id)
    return item
