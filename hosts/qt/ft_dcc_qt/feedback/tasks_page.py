"""The page with the tasks of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtGui, QtWidgets

from ft_dcc.ui.publish_controller import PublishController
from ft_dcc_qt import style
from ft_dcc_qt.layouts import WrappingRow

if TYPE_CHECKING:
    from ft_dcc.review.my_tasks import MyTask

_TASK = QtCore.Qt.ItemDataRole.UserRole
_EMPTY_TEXT = "No task is assigned to you. Search for one on the page Publish."


class TasksPage(QtWidgets.QWidget):
    """One row per task, first those with open notes; Enter or a double click takes the task for the publish."""

    task_taken = QtCore.Signal(str)
    notes_wanted = QtCore.Signal(str)

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[MyTask, ...] | None = None
        self.rows = QtWidgets.QTreeWidget()
        self.rows.setHeaderLabels(["Task", "Status", "Due", "Version", "Open notes"])
        self.rows.setRootIsDecorated(False)
        self.rows.setIconSize(style.PREVIEW_SIZE)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideLeft)
        self.rows.header().setStretchLastSection(False)
        self.rows.header().setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        self.empty_label = style.text_label(_EMPTY_TEXT, "dim")
        self.error = style.text_label(tone="error", is_selectable=True)
        self.take, self.notes = style.button("&Take this task", "primary"), style.button("&Notes")
        self.main = self.take
        self.again = style.button("&Refresh")
        self.rows.itemActivated.connect(lambda item: self.task_taken.emit(item.data(0, _TASK)))
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.take.clicked.connect(lambda: self.task_taken.emit(self.task_id))
        self.notes.clicked.connect(lambda: self.notes_wanted.emit(self.task_id))
        self.again.clicked.connect(self._read)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty_label)
        column.addWidget(self.rows, 1)
        column.addWidget(self.error)
        column.addLayout(WrappingRow(self.take, self.notes, self.again))

    def refresh(self) -> None:
        """Show the tasks that the controller has read."""
        my_tasks = self._controller.my_tasks
        self.error.setText(my_tasks.error)
        self.error.setVisible(bool(my_tasks.error))
        if my_tasks.value != self._shown:
            self._fill(my_tasks.value)
        self._show_images()
        self.empty_label.setText("Loading…" if my_tasks.is_loading and not my_tasks.is_loaded else _EMPTY_TEXT)
        self.empty_label.setVisible(not my_tasks.value and not my_tasks.error)
        self.rows.setVisible(bool(my_tasks.value))
        self._enable()

    def _read(self) -> None:
        if self._controller.session is not None:
            self._controller.read_my_tasks()

    @property
    def task_id(self) -> str:
        """The id of the chosen task; the buttons are enabled only if there is one."""
        item = self.rows.currentItem()
        return "" if item is None else str(item.data(0, _TASK))

    def _enable(self) -> None:
        has_task = self.rows.currentItem() is not None
        self.take.setEnabled(has_task and not self._controller.is_busy)
        self.notes.setEnabled(has_task)

    def _fill(self, tasks: tuple[MyTask, ...]) -> None:
        before = self.rows.currentItem()
        chosen = None if before is None else before.data(0, _TASK)
        self._shown = tasks
        self.rows.clear()
        for task in tasks:
            item = _row(task)
            self.rows.addTopLevelItem(item)
            if task.id == chosen or self.rows.currentItem() is None:
                self.rows.setCurrentItem(item)

    def _show_images(self) -> None:
        ratio = self.devicePixelRatioF()
        for task, row in zip(self._shown or (), range(self.rows.topLevelItemCount())):
            item = self.rows.topLevelItem(row)
            path = self._controller.images.get(
                self._controller.session, None if task.version is None else task.version.thumbnail_id
            )
            if item is not None and path is not None and item.data(1, _TASK) != str(path):
                item.setData(1, _TASK, str(path))
                pixmap = QtGui.QPixmap(str(path))
                item.setIcon(
                    0, QtGui.QIcon(style.placeholder(ratio) if pixmap.isNull() else style.fit_preview(pixmap, ratio))
                )


def _row(task: MyTask) -> QtWidgets.QTreeWidgetItem:
    due = "" if task.due is None else f"{task.due.astimezone():%Y-%m-%d}"
    version = "" if task.version is None else f"{task.version.name}, {task.version.status}"
    item = QtWidgets.QTreeWidgetItem([task.path, task.status, due, version, str(task.open_count or "")])
    item.setData(0, _TASK, task.id)
    item.setToolTip(0, task.path)
    return item
