"""The pages with what the server lists: the tasks of the user, and the open review sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtCore, QtGui

from ft_dcc.ui.publish_controller import PublishController

from . import style, tables
from .layouts import WrappingRow, fill_column

if TYPE_CHECKING:
    from ft_dcc.review.my_tasks import MyTask

_IMAGE = QtCore.Qt.ItemDataRole.UserRole
_NO_TASK = "No task is assigned to you. Search for one on the page Publish."
_NO_REVIEW = "No review session is open. Enter a new name when you publish, and it is created."


class TasksPage(tables.ListPage):
    """One row per task, first those with open notes; Enter or a double click takes the task for the publish."""

    task_taken = QtCore.Signal(str)
    notes_wanted = QtCore.Signal(str)

    def __init__(self, controller: PublishController) -> None:
        super().__init__(controller, _NO_TASK, "Task", "Status", "Due", "Version", "Open notes")
        self.rows.setIconSize(style.PREVIEW_SIZE)
        self.rows.setTextElideMode(QtCore.Qt.TextElideMode.ElideLeft)
        self.take, self.notes = style.button("&Take this task", "primary"), style.button("&Notes")
        self.main = self.take
        self.rows.itemActivated.connect(lambda item: self.task_taken.emit(item.data(0, tables.KEY)))
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.take.clicked.connect(lambda: self.task_taken.emit(str(self.rows.key)))
        self.notes.clicked.connect(lambda: self.notes_wanted.emit(str(self.rows.key)))
        self.again.clicked.connect(self._read)
        fill_column(self, self.empty_label, self.rows, self.error, WrappingRow(self.take, self.notes, self.again))

    def refresh(self) -> None:
        """Show the tasks that the controller has read."""
        my_tasks = self._controller.my_tasks
        style.show_text(self.error, my_tasks.error)
        if my_tasks.value != self._shown:
            self._shown = my_tasks.value
            for item in self.rows.fill((task.id, _texts(task)) for task in my_tasks.value):
                for column in range(self.rows.columnCount()):
                    style.set_tool_tip(item, item.text(column), column)
        ratio, controller = self.devicePixelRatioF(), self._controller
        for row, task in enumerate(self._shown or ()):
            row_item = self.rows.topLevelItem(row)
            thumbnail = None if task.version is None else task.version.thumbnail_id
            path = controller.images.get(controller.session, thumbnail)
            if row_item is not None and path is not None and row_item.data(1, _IMAGE) != str(path):
                row_item.setData(1, _IMAGE, str(path))
                row_item.setIcon(0, style.preview_icon(QtGui.QPixmap(str(path)), ratio))
        self.empty_label.setText("Loading…" if my_tasks.is_loading and not my_tasks.is_loaded else _NO_TASK)
        self.show_rows(not my_tasks.value)
        self._enable()

    def _read(self) -> None:
        if self._controller.session is not None:
            self._controller.read_my_tasks()

    def _enable(self) -> None:
        has_task = self.rows.currentItem() is not None
        self.take.setEnabled(has_task and not self._controller.is_busy)
        self.notes.setEnabled(has_task)


def _texts(task: MyTask) -> list[str]:
    due = "" if task.due is None else f"{task.due.astimezone():%Y-%m-%d}"
    version = "" if task.version is None else f"{task.version.name}, {task.version.status}"
    return [task.path, task.status, due, version, str(task.open_count or "")]


class ReviewsPage(tables.ListPage):
    """One row per review session, the newest first; Enter or a double click opens it in the browser."""

    def __init__(self, controller: PublishController) -> None:
        # The key of a row is the address of its page.
        super().__init__(controller, _NO_REVIEW, "Review session", "Project")
        self.open, self.copy = style.button("&Open", "primary"), style.button("Cop&y the link")
        self.main = self.open
        self.rows.itemActivated.connect(lambda item: tables.open_link(item.data(0, tables.KEY)))
        self.rows.currentItemChanged.connect(lambda *_: self._enable())
        self.open.clicked.connect(lambda: tables.open_link(self.rows.key))
        self.copy.clicked.connect(lambda: tables.copy_link(self.rows.key))
        self.again.clicked.connect(lambda: controller.refresh())
        fill_column(self, self.empty_label, self.rows, self.error, WrappingRow(self.open, self.copy, self.again))

    def refresh(self) -> None:
        """Show the review sessions that the controller has fetched."""
        reviews = self._controller.open_reviews
        style.show_text(self.error, "" if self._controller.is_busy else self._controller.error)
        self.again.setEnabled(not self._controller.is_busy)
        if reviews != self._shown:
            self._shown = reviews
            # The newest one is selected, also if another one was.
            self.rows.clear()
            self.rows.fill((review.page, (review.name, review.project)) for review in reviews)
        self.show_rows(not reviews)
        self._enable()

    def _enable(self) -> None:
        for button in (self.open, self.copy):
            button.setEnabled(self.rows.key is not None)
