"""The task of the scene: its shot beside the scene, and the operators that create it and use its shot's settings."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any, Callable

import bpy

from ft_dcc import errors, frames
from ft_dcc.publish import work_files
from ft_dcc.publish.plugins.collect import read_shot

from ..host import TASK_PROPERTY, BlenderHost
from ..scene import capture, strips
from .controller import CONTROLLER
from .operators import DISCARD_FIELD, draw_changes, hidden, operator, text_field, wait_without_window, when_idle
from .properties import chosen_task

_TASK_FIELDS = ("project", "sequence", "shot", "task")
_TASK_DEFAULTS = ("Film", "SEQ010", "SH010", "Animation")


def read_task_once(task: Any) -> None:
    """Read the shot of the task and its notes, unless they were read; new notes are read as they arrive."""
    CONTROLLER.read_shot(task)
    if CONTROLLER.session is not None and CONTROLLER.feedback.task_id != task.id:
        CONTROLLER.feedback.read(CONTROLLER.session, task.id)


def scene_values(scene: Any) -> tuple[frames.FrameRange, Fraction, frames.Resolution]:
    """Return frame range, rate and size of the scene."""
    size = frames.Resolution(scene.render.resolution_x, scene.render.resolution_y)
    return frames.FrameRange(scene.frame_start, scene.frame_end), capture.scene_rate(scene), size


@operator(
    "use_shot_settings",
    "Use the Shot's Settings",
    poll=lambda context: CONTROLLER.session is not None and chosen_task() is not None,
    options=("REGISTER", "UNDO"),
)
def use_shot_settings(operator: Any, context: Any) -> None:
    """Set frame range, frame rate and resolution of the shot on the scene"""
    task, session = chosen_task(), CONTROLLER.require_session()
    if task is None:
        raise errors.TaskNotFound("The task is not known yet. Press Refresh and try again.")
    # One request is short enough to wait for. What the shot does not define stays unchanged.
    host, shot = BlenderHost(context.scene.name), read_shot(session, task.parent_id)
    scene = host.scene()
    if shot.frame_range is None and shot.fps is None and shot.resolution is None:
        raise errors.UserFixableError(
            f"{task.path.rpartition('/')[0]} has no settings on the server. Ask the production to set them."
        )
    host.configure(shot.frame_range or scene.frame_range, shot.fps or scene.fps, shot.resolution or scene.resolution)
    CONTROLLER.problems = ()


@operator("choose_task", "Use This Scene", options=("UNDO",), task_id=hidden())
def choose_task(operator: Any, context: Any) -> None:
    """Publish this scene to the task, and load its notes"""
    session, task_id = CONTROLLER.require_session(), operator.task_id
    CONTROLLER.queries.searched_text, CONTROLLER.offered = "", ("", "")
    BlenderHost(context.scene.name).remember_task(task_id)
    CONTROLLER.feedback.read(session, task_id)


@operator(
    "take_task",
    "Take Task",
    poll=when_idle("session"),
    # Without unsaved changes there is nothing to ask.
    ask=lambda operator, context: None if bpy.data.is_dirty else operator.execute(context),
    draw=draw_changes,
    task_id=hidden(),
    discard_changes=DISCARD_FIELD,
)
def take_task(operator: Any, context: Any) -> None:
    """Open the newest work file of the task, or offer to make the first one"""
    task_id, may_discard = operator.task_id, bool(operator.discard_changes)

    def take(files: work_files.WorkFiles) -> str:
        found = files.open_newest(discard_changes=may_discard)
        CONTROLLER.offered = ("", "") if found else (task_id, files.path(1, ".blend").name)
        return found or f"{files.task.path} has no work file yet."

    _use_work_files(task_id, take)


@operator("make_work_file", "Make Work File", poll=when_idle("session"), task_id=hidden())
def make_work_file(operator: Any, context: Any) -> None:
    """Give a new scene range, rate and size of the shot and the movie of the previous department, and save it"""
    add_movie = partial(strips.add_movie, context.scene)
    _use_work_files(operator.task_id, lambda files: files.make(add_movie))


@operator("save_next_version", "Save Next Version", poll=when_idle("session"))
def save_next_version(operator: Any, context: Any) -> None:
    """Save this scene as the next version of the task's work files, never over a file"""
    _use_work_files(context.scene.get(TASK_PROPERTY), work_files.WorkFiles.save_next)


@operator("update_movies", "Update Movies", poll=when_idle("session"), is_checked=hidden(bpy.props.BoolProperty))
def update_movies(operator: Any, context: Any) -> None:
    """Colour the movies of the edit that have a newer version red, or show that version with the same cut"""
    host, shown = BlenderHost(context.scene.name), strips.shown_versions(context.scene)
    show = None if operator.is_checked else partial(host.change_strips, strips.show_versions)
    mark = partial(host.change_strips, strips.mark_outdated)
    _use_work_files(
        context.scene.get(TASK_PROPERTY), partial(work_files.update_movies, shown=shown, mark=mark, show=show)
    )


@operator("toggle_neighbours", "Neighbours", poll=when_idle("session"), options=("UNDO",))
def toggle_neighbours(operator: Any, context: Any) -> None:
    """Show the movies of the previous and the next shot as muted strips of the sequencer, or remove them"""
    host = BlenderHost(context.scene.name)
    if strips.are_neighbours_shown(context.scene):
        strips.remove_neighbours()
        return
    show = partial(host.change_strips, strips.show_neighbours)
    _use_work_files(context.scene.get(TASK_PROPERTY), partial(work_files.show_neighbours, show=show))


def _use_work_files(task_id: str | None, use: Callable[[work_files.WorkFiles], str]) -> None:
    if not task_id:
        raise errors.Error("Choose the task of this scene first.")
    CONTROLLER.use_work_files(task_id, BlenderHost(), use)
    wait_without_window()


def _fill_in_names(operator: Any, context: Any) -> None:
    chosen = chosen_task()
    names = chosen.names if chosen is not None and len(chosen.names) == len(_TASK_FIELDS) else _TASK_DEFAULTS
    for field, name in zip(_TASK_FIELDS, names):
        setattr(operator, field, name)


@operator(
    "create_task",
    "Create Task",
    poll=when_idle("session"),
    ask=_fill_in_names,
    project=text_field("Project"),
    sequence=text_field("Sequence", description="Empty: none"),
    shot=text_field("Shot"),
    task=text_field("Task"),
    uses_scene_settings=bpy.props.BoolProperty(
        name="Frame range and rate of this scene",
        description="Set the frame range and the rate of the scene on the shot",
        default=True,
        options={"SKIP_SAVE"},
    ),
)
def create_task(operator: Any, context: Any) -> None:
    """Create a task, with its project, sequence and shot where they do not exist, and choose it"""
    names = {field: getattr(operator, field).strip() for field in _TASK_FIELDS}
    missing = [field for field in _TASK_FIELDS if not names[field] and field != "sequence"]
    if missing or any("/" in name for name in names.values()):
        raise errors.Error("Enter project, shot and task, without a slash.")
    frame_range, fps, _ = scene_values(context.scene)
    settings: dict[str, Any] = {"frame_range": frame_range, "fps": fps} if operator.uses_scene_settings else {}
    CONTROLLER.create_task("/".join(filter(None, names.values())), BlenderHost(context.scene.name), **settings)
    wait_without_window()
