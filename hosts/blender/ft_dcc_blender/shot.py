"""The settings that a shot has on the server, put into the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ft_dcc.errors import TaskNotFound, Unpublishable
from ft_dcc.publish.collect import read_shot

if TYPE_CHECKING:
    from ft_dcc.desk import Desk

    from .host import BlenderHost


def configure_from_shot(desk: Desk, host: BlenderHost, task_id: str) -> None:
    """The scene has range, rate and size of its shot; what the shot does not say stays as it is.

    Raises TaskNotFound, or Unpublishable for a shot that says nothing.
    """
    task, session = desk.task(task_id), desk.session
    if task is None or session is None:
        raise TaskNotFound("The task is not known yet. Press refresh and try again.")
    shot, scene = read_shot(session, task.parent_id), host.scene()
    if shot.frame_range is None and shot.fps is None and shot.resolution is None:
        raise Unpublishable(f"{task.path.rpartition('/')[0]} has no settings on the server. Ask who plans the shots.")
    host.configure(shot.frame_range or scene.frame_range, shot.fps or scene.fps, shot.resolution or scene.resolution)
