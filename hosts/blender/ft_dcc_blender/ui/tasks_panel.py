"""The panel of the user's tasks, and its operators."""

from __future__ import annotations

from typing import Any

import bpy

from ft_dcc.review.my_tasks import MyTask

from ..host import TASK_PROPERTY, BlenderHost
from .controller import CONTROLLER
from .operator_class import hidden_text, operator
from .panel import SignedInSidebar, draw_lines, draw_thumbnail

_MAX_TASKS = 12


class TasksPanel(SignedInSidebar, bpy.types.Panel):
    """Tasks that are assigned to you"""

    bl_idname = "FTDCC_PT_tasks"
    bl_label = "My Tasks"
    bl_parent_id = "FTDCC_PT_review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    def draw(self, context: Any) -> None:
        """Draw the tasks, those with open notes first."""
        my_tasks, layout = CONTROLLER.my_tasks, self.layout
        is_loaded = my_tasks.is_loaded
        layout.operator("ft_dcc.read_tasks", icon="FILE_REFRESH", text="Refresh" if is_loaded else "Load Tasks")
        if my_tasks.error:
            draw_lines(layout.box(), my_tasks.error, "ERROR")
        elif my_tasks.is_loading and not is_loaded:
            layout.label(text="Loading…")
        elif is_loaded and not my_tasks.value:
            layout.label(text="No task is assigned to you.")
        for task in my_tasks.value[:_MAX_TASKS]:
            _draw_task(layout.box(), task, is_current=task.id == context.scene.get(TASK_PROPERTY))


@operator("read_tasks", "Load Tasks")
def read_tasks(operator: Any, context: Any) -> None:
    """Read your tasks"""
    CONTROLLER.read_my_tasks()


@operator("take_task", "Take Task", options=("UNDO",), task_id=hidden_text())
def take_task(operator: Any, context: Any) -> None:
    """Publish this scene to the task, and load its notes"""
    session, task_id = CONTROLLER.require_session(), operator.task_id
    BlenderHost(context.scene.name).remember_task(task_id)
    if CONTROLLER.task(task_id) is None:
        CONTROLLER.find_task(task_id)
    CONTROLLER.feedback.read(session, task_id)


def _draw_task(box: Any, task: MyTask, *, is_current: bool) -> None:
    row = box.row()
    draw_thumbnail(row, task.version.thumbnail_id if task.version else None)
    column = row.column(align=True)
    draw_lines(column, task.path, "CHECKMARK" if is_current else "BLANK1")
    due = f"due {task.due.astimezone():%Y-%m-%d}" if task.due else ""
    version = f"{task.version.name}, {task.version.status}" if task.version else ""
    column.label(text="  ".join(filter(None, (task.status, due, version))))
    row = box.row()
    if task.open_count:
        row.label(text=f"{task.open_count} open", icon="INFO")
    row.operator("ft_dcc.take_task").task_id = task.id
