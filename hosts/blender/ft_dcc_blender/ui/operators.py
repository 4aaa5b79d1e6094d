"""The operators of the panel. They never wait for a server: threads do, and the controller has their progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import bpy

from ft_dcc.errors import Error, TaskNotFound, UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.publish.models import Task
from ft_dcc.publish.plugins.collect import read_shot

from ..host import TASK_PROPERTY, BlenderHost
from ..scene import input_guard
from ..scene.capture import scene_rate
from ..scene.sources import find_sources
from .controller import CONTROLLER
from .operator_class import hidden_number, hidden_text, operator, text_field
from .preferences import use_ffmpeg
from .properties import make_request

# The labels of the checks that ``PublishRequest.allow_incomplete`` passes.
_ACCEPTABLE_CHECKS = ("Complete scene", "Camera type")
_RESULT_TIMEOUT_SECONDS = 24 * 3600
_TASK_FIELDS = ("project", "sequence", "shot", "task")
_TASK_DEFAULTS = ("Film", "SEQ010", "SH010", "Animation")


def is_ready(context: Any) -> bool:
    """Return whether the artist is signed in and nothing runs."""
    return CONTROLLER.session is not None and not CONTROLLER.is_busy


def has_problems(context: Any) -> bool:
    """Return whether there are problems and nothing runs."""
    return bool(CONTROLLER.problems) and not CONTROLLER.is_busy


def has_preview(context: Any) -> bool:
    """Return whether there is a movie that was not sent, and nothing runs."""
    return bool(CONTROLLER.previews) and not CONTROLLER.is_busy


def has_acceptable_problem() -> bool:
    """Return whether one of the problems is only that the scene is incomplete."""
    return any(problem.check in _ACCEPTABLE_CHECKS for problem in CONTROLLER.problems)


def reason_not_to_publish(scene: Any) -> str:
    """Return why the scene cannot be published yet and what to do, "" if it can."""
    if not scene.get(TASK_PROPERTY):
        return "Choose the task of this scene, or create it with the button beside it."
    if not find_sources(scene):
        return "The scene has no camera. Add one."
    choices = bpy.context.window_manager.ft_dcc
    if choices.has_several_sources and not choices.sources:
        return "Choose at least one source."
    if choices.frames == "PREVIEW" and not scene.use_preview_range:
        return "The timeline has no preview range. Set one (P in the timeline), or choose Frames: Scene."
    return ""


def _chosen_task(context: Any) -> Task | None:
    return CONTROLLER.task(context.scene.get(TASK_PROPERTY))


def _reason_not_to_start(context: Any) -> str:
    if CONTROLLER.is_busy:
        return "A publish runs"
    return "Sign in first (3D View, sidebar, ft-dcc)" if CONTROLLER.session is None else ""


@operator("refresh", "Refresh", poll=is_ready)
def refresh(operator: Any, context: Any) -> None:
    """Fetch tasks and review sessions again"""
    CONTROLLER.refresh(context.scene.get(TASK_PROPERTY))


@operator("publish", "Publish", poll=_reason_not_to_start)
def publish(operator: Any, context: Any, *, allow_incomplete: bool = False, is_previewed: bool = False) -> None:
    """Capture the camera and publish the movie for review"""
    use_ffmpeg()
    request = make_request(context.window_manager.ft_dcc, context.scene)
    # Validation runs in a timer without a window, so the scene is named here.
    start = CONTROLLER.preview if is_previewed else CONTROLLER.publish
    start(attrs.evolve(request, allow_incomplete=allow_incomplete), BlenderHost(context.scene.name))
    # Until the last frame is captured input is blocked, and Escape cancels.
    input_guard.guard_windows()
    wait_without_window()


def wait_without_window() -> None:
    """Wait for the end of the activity without a window, and raise Error with its problems."""
    if not bpy.app.background:
        return
    CONTROLLER.wait(_RESULT_TIMEOUT_SECONDS)
    if CONTROLLER.error or CONTROLLER.problems:
        raise Error(CONTROLLER.error or " ".join(problem.message for problem in CONTROLLER.problems))


@operator("publish_anyway", "Publish Anyway", poll=lambda context: has_acceptable_problem() and not CONTROLLER.is_busy)
def publish_anyway(operator: Any, context: Any) -> None:
    """Publish although the scene is incomplete; what is missing is missing in the movie"""
    publish(operator, context, allow_incomplete=True)


@operator(
    "publish_rest",
    "Publish the Rest",
    poll=lambda context: CONTROLLER.is_partly_publishable and not CONTROLLER.is_busy,
)
def publish_rest(operator: Any, context: Any) -> None:
    """Publish the sources without problems and skip the others"""
    CONTROLLER.publish_valid()
    input_guard.guard_windows()


@operator("preview", "Preview", poll=is_ready)
def preview(operator: Any, context: Any) -> None:
    """Capture and encode the movie without sending it, to look at it before it is published"""
    publish(operator, context, is_previewed=True)


@operator("play_preview", "Play", poll=lambda context: bool(CONTROLLER.previews), index=hidden_number())
def play_preview(operator: Any, context: Any) -> set[str]:
    """Play the movie with the program that the system uses for movies"""
    path = CONTROLLER.previews[operator.index] if operator.index < len(CONTROLLER.previews) else Path()
    if not path.is_file():
        raise Error("The movie does not exist any more. Make the preview again.")
    found: set[str] = bpy.ops.wm.path_open(filepath=str(path))
    return found


@operator("send_preview", "Send", poll=has_preview)
def send_preview(operator: Any, context: Any) -> None:
    """Publish exactly this movie"""
    CONTROLLER.send_preview()
    wait_without_window()


@operator("drop_preview", "Drop", poll=has_preview)
def drop_preview(operator: Any, context: Any) -> None:
    """Delete the movie; nothing was sent"""
    CONTROLLER.discard_preview()


@operator("toggle_source", "Source", name=hidden_text())
def toggle_source(operator: Any, context: Any) -> None:
    """Publish this source with the others, or leave it out"""
    _toggle(context.window_manager.ft_dcc.sources, operator.name)


@operator("toggle_addressed", "Addressed", note_id=hidden_text())
def toggle_addressed(operator: Any, context: Any) -> None:
    """Answer this note with the next version"""
    _toggle(context.window_manager.ft_dcc.addressed, operator.note_id)


def _toggle(chosen: Any, name: str) -> None:
    """Add an item of this name to a collection property, or remove it."""
    if name in chosen:
        chosen.remove(chosen.find(name))
    else:
        chosen.add().name = name


@operator("repair", "Repair", poll=has_problems, index=hidden_number())
def repair(operator: Any, context: Any) -> None:
    """Fix the problem and check again"""
    if not 0 <= operator.index < len(CONTROLLER.problems):
        raise Error("This problem does not exist any more.")
    _repair(CONTROLLER.problems[operator.index])


@operator("repair_all", "Repair All", poll=has_problems)
def repair_all(operator: Any, context: Any) -> None:
    """Fix all problems that can be repaired and check again"""
    _repair(*(problem for problem in CONTROLLER.problems if problem.repair))


def _repair(*problems: Any) -> None:
    """Start the repairs; the panel shows the remaining problems."""
    CONTROLLER.repair(*problems)
    if bpy.app.background:
        CONTROLLER.wait(_RESULT_TIMEOUT_SECONDS)


@operator("cancel", "Cancel", poll=lambda context: CONTROLLER.is_busy)
def cancel(operator: Any, context: Any) -> None:
    """Stop the publish; nothing of it stays on the server"""
    CONTROLLER.cancel()


@operator("open_link", "Open Review", link=hidden_text())
def open_link(operator: Any, context: Any) -> set[str]:
    """Open the review in the browser"""
    found: set[str] = bpy.ops.wm.url_open(url=operator.link)
    return found


@operator("copy_link", "Copy Link", link=hidden_text())
def copy_link(operator: Any, context: Any) -> None:
    """Copy the link of the review"""
    context.window_manager.clipboard = operator.link


@operator(
    "use_shot_settings",
    "Use the Shot's Settings",
    poll=lambda context: CONTROLLER.session is not None and _chosen_task(context) is not None,
    options=("REGISTER", "UNDO"),
)
def use_shot_settings(operator: Any, context: Any) -> None:
    """Set frame range, frame rate and resolution of the shot on the scene"""
    task, session = _chosen_task(context), CONTROLLER.require_session()
    if task is None:
        raise TaskNotFound("The task is not known yet. Press Refresh and try again.")
    # One request is short enough to wait for. What the shot does not define stays unchanged.
    host, shot = BlenderHost(context.scene.name), read_shot(session, task.parent_id)
    scene = host.scene()
    if shot.frame_range is None and shot.fps is None and shot.resolution is None:
        raise UserFixableError(
            f"{task.path.rpartition('/')[0]} has no settings on the server. Ask the production to set them."
        )
    host.configure(shot.frame_range or scene.frame_range, shot.fps or scene.fps, shot.resolution or scene.resolution)
    CONTROLLER.problems = ()


def _ask_for_names(operator: Any, context: Any) -> set[str]:
    """Ask for the names; those of the chosen task are filled in."""
    chosen = _chosen_task(context)
    names = chosen.names if chosen is not None and len(chosen.names) == len(_TASK_FIELDS) else _TASK_DEFAULTS
    for field, name in zip(_TASK_FIELDS, names):
        setattr(operator, field, name)
    found: set[str] = context.window_manager.invoke_props_dialog(operator)
    return found


@operator(
    "create_task",
    "Create Task",
    poll=is_ready,
    invoke=_ask_for_names,
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
        raise Error("Enter project, shot and task, without a slash.")
    scene = context.scene
    settings: dict[str, Any] = {}
    if operator.uses_scene_settings:
        settings = {"frame_range": FrameRange(scene.frame_start, scene.frame_end), "fps": scene_rate(scene)}
    CONTROLLER.create_task("/".join(filter(None, names.values())), BlenderHost(scene.name), **settings)
    wait_without_window()
