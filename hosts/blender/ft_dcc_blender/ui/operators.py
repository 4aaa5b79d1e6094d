"""The operators of the panel, which are functions: their docstrings are tooltips, and their errors are reported.

They never wait for a server: threads do, and the controller has their progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Optional

import attrs
import bpy

from ft_dcc import errors, frames, plain_text
from ft_dcc.publish.models import PublishRequest

from ..host import TASK_PROPERTY, BlenderHost
from ..scene import input_guard, sources
from .controller import CONTROLLER, clear_sent_comment, use_ffmpeg
from .properties import CUSTOM, FORM, LOOK, chosen_value

# The labels of the checks that ``PublishRequest.allow_incomplete`` passes.
_ACCEPTABLE_CHECKS = ("Complete scene", "Camera type")
_RESULT_TIMEOUT_SECONDS = 24 * 3600


# The classes of all operators.
CLASSES: list[type] = []

# Takes the operator and the context, and returns what the operator does, by default "FINISHED".
Execute = Callable[[Any, Any], Optional[set[str]]]


def operator(
    name: str,
    label: str,
    /,
    *,
    poll: Callable[[Any], bool | str] | None = None,
    ask: Execute | None = None,
    draw: Callable[[Any, Any], None] | None = None,
    options: Collection[str] | None = None,
    **properties: Any,
) -> Callable[[Execute], Execute]:
    """Return a decorator that makes the operator ``ft_dcc.NAME`` with these properties from a function.

    ``poll`` takes the context and returns whether the operator can run, or as a text why it cannot. With ``ask``, a
    dialog asks for the properties: ``ask`` fills them in before; what it returns instead of None replaces the dialog.
    ``draw`` draws another dialog than the list of the properties.
    """

    def can_run(cls: Any, context: Any) -> bool:
        found = poll is None or poll(context)
        if isinstance(found, str) and found:
            cls.poll_message_set(found)
        return not found if isinstance(found, str) else found

    def define(execute: Execute) -> Execute:
        def show_dialog(self: Any, context: Any) -> set[str] | None:
            replaced = ask(self, context) if ask is not None else None
            return replaced or context.window_manager.invoke_props_dialog(self, width=400)

        members = {
            "bl_idname": f"ft_dcc.{name}",
            "bl_label": label,
            "__doc__": execute.__doc__,
            "__module__": execute.__module__,
            # Blender reads the annotations of a class as its properties.
            "__annotations__": properties,
            "poll": classmethod(can_run),
            "execute": _reporting(execute),
        }
        if ask is not None:
            invoke = _reporting(show_dialog)
            # Blender counts the parameters.
            members["invoke"] = lambda self, context, event: invoke(self, context)
        if draw is not None:
            members["draw"] = draw
        if options is not None:
            members["bl_options"] = set(options)
        CLASSES.append(type(f"FT_DCC_OT_{name}", (bpy.types.Operator,), members))
        return execute

    return define


def _reporting(function: Execute) -> Execute:
    """Return the function as a method of an operator that reports its errors."""

    def run(self: Any, context: Any) -> set[str]:
        try:
            return function(self, context) or {"FINISHED"}
        except errors.Error as error:
            self.report({"ERROR"}, plain_text.printable(str(error)))
            return {"CANCELLED"}

    return run


def hidden(kind: Any = bpy.props.StringProperty) -> Any:
    """Return a property, by default a text, that a button sets and no dialog shows."""
    return kind(options={"SKIP_SAVE", "HIDDEN"})


def text_field(name: str, **values: Any) -> Any:
    """Return a text property that a dialog asks for, empty each time."""
    return bpy.props.StringProperty(name=name, options={"SKIP_SAVE"}, **values)


# The choice of an operator that replaces the open file.
DISCARD_FIELD = bpy.props.BoolProperty(name="Discard the unsaved changes", options={"SKIP_SAVE"})


def draw_changes(operator: Any, context: Any) -> None:
    """Draw what to do with unsaved changes, if there are some."""
    if bpy.data.is_dirty:
        operator.layout.label(text="This file has unsaved changes.", icon="ERROR")
        operator.layout.prop(operator, "discard_changes")


def when_idle(attribute: str) -> Callable[[Any], bool]:
    """Return a poll function: whether nothing runs, and the controller has a value of this attribute."""
    return lambda context: bool(getattr(CONTROLLER, attribute)) and not CONTROLLER.is_busy


def has_acceptable_problem() -> bool:
    """Return whether one of the problems is only that the scene is incomplete."""
    return any(problem.check in _ACCEPTABLE_CHECKS for problem in CONTROLLER.problems)


def reason_not_to_publish(choices: Any, scene: Any) -> str:
    """Return why the scene cannot be published yet and what to do, "" if it can."""
    if not scene.get(TASK_PROPERTY):
        return "Choose the task of this scene, or create it with the button beside it."
    # The files that the scene has rendered need no camera.
    if not choices.camera and not sources.find_sources(scene):
        return "The scene has no camera. Add one."
    if choices.has_several_sources and not choices.sources:
        return "Choose at least one source."
    if choices.frames == "PREVIEW" and not scene.use_preview_range:
        return "The timeline has no preview range. Set one (P in the timeline), or choose Frames: Scene."
    return ""


def chosen_review(choices: Any, scene: Any) -> str:
    """Return the chosen review session, the last or newest open one of the project, or the name of a new one."""
    task_id = scene.get(TASK_PROPERTY)
    chosen = plain_text.original(choices.review.strip(), CONTROLLER.reviews_of(task_id))
    return chosen or CONTROLLER.default_reviews(task_id)[0]


def make_request(choices: Any, scene: Any) -> PublishRequest:
    """Return the request; raise SettingInvalid for a range that ends before it starts, and without a task or source."""
    if reason := reason_not_to_publish(choices, scene):
        raise errors.SettingInvalid(reason)
    source = (choices.camera,) if choices.camera else None
    if choices.has_several_sources:
        source = tuple(item.name for item in choices.sources)
    open_notes = CONTROLLER.feedback.unanswered_notes(scene.get(TASK_PROPERTY))
    is_timeline = choices.frames == "SCENE" and choices.step == 1
    size = frames.Resolution(scene.render.resolution_x, scene.render.resolution_y)
    return PublishRequest(
        task=scene.get(TASK_PROPERTY),
        source=source,
        review=chosen_review(choices, scene),
        comment=choices.comment,
        addresses=tuple(note.id for _, note in open_notes if note.id in choices.addressed),
        # None: validation compares the timeline's range with the shot's.
        frame_range=None if is_timeline else frames.FrameRange(*chosen_frames(choices, scene), step=choices.step),
        # None: validation compares the full resolution with the shot's.
        resolution=None if choices.percentage == 100 else size.scaled(choices.percentage),
        look={name: getattr(choices, name) for name in LOOK} if choices.look == CUSTOM else choices.look or None,
        **{name: chosen_value(choices, name) for name in FORM},
    )


def chosen_frames(choices: Any, scene: Any) -> tuple[int, int]:
    """Return the first and the last frame of the chosen range, that of the timeline if there is no preview range."""
    if choices.frames == "PREVIEW" and scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return (choices.start, choices.end) if choices.frames == "CUSTOM" else (scene.frame_start, scene.frame_end)


def _reason_not_to_start(context: Any) -> str:
    if CONTROLLER.is_busy:
        return "A publish runs"
    return "Sign in first (3D View, sidebar, ft-dcc)" if CONTROLLER.session is None else ""


@operator("refresh", "Refresh", poll=when_idle("session"))
def refresh(operator: Any, context: Any) -> None:
    """Read tasks, review sessions, versions and notes again"""
    task_id = context.scene.get(TASK_PROPERTY)
    CONTROLLER.refresh(task_id)
    # New notes are read as they arrive from then on.
    CONTROLLER.feedback.mark_seen()
    if task_id:
        CONTROLLER.feedback.read(CONTROLLER.require_session(), task_id)
    if CONTROLLER.my_tasks.is_loaded:
        CONTROLLER.read_my_tasks()


@operator("use_last_comment", "Last Comment")
def use_last_comment(operator: Any, context: Any) -> None:
    """Fill in the comment of the last publish"""
    context.window_manager.ft_dcc.comment = CONTROLLER.last_comment


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


@operator("publish_shots", "Publish Shots", poll=_reason_not_to_start, is_joined=bpy.props.BoolProperty(name="Joined"))
def publish_shots(operator: Any, context: Any) -> None:
    """Publish each strip or marker to the task of its own shot, and all of them joined if that is wanted"""
    use_ffmpeg()
    scene, choices = context.scene, context.window_manager.ft_dcc
    request, host = make_request(choices, scene), BlenderHost(scene.name)
    CONTROLLER.publish_shots(request, host, sources.find_shots(scene), is_joined=operator.is_joined)
    input_guard.guard_windows()
    wait_without_window()


def wait_without_window() -> None:
    """Wait for the end of the activity without a window, and raise Error with its problems."""
    if not bpy.app.background:
        return
    CONTROLLER.wait(_RESULT_TIMEOUT_SECONDS)
    clear_sent_comment()
    if CONTROLLER.error or CONTROLLER.problems:
        raise errors.Error(CONTROLLER.error or " ".join(problem.message for problem in CONTROLLER.problems))


@operator("publish_anyway", "Publish Anyway", poll=lambda context: has_acceptable_problem() and not CONTROLLER.is_busy)
def publish_anyway(operator: Any, context: Any) -> None:
    """Publish although the scene is incomplete; what is missing is missing in the movie"""
    publish(operator, context, allow_incomplete=True)


@operator("publish_rest", "Publish the Rest", poll=when_idle("is_partly_publishable"))
def publish_rest(operator: Any, context: Any) -> None:
    """Publish the sources without problems and skip the others"""
    CONTROLLER.publish_valid()
    input_guard.guard_windows()


@operator("preview", "Preview", poll=when_idle("session"))
def preview(operator: Any, context: Any) -> None:
    """Capture and encode the movie without sending it, to look at it before it is published"""
    publish(operator, context, is_previewed=True)


@operator("play_preview", "Play", poll=lambda context: bool(CONTROLLER.previews), index=hidden(bpy.props.IntProperty))
def play_preview(operator: Any, context: Any) -> None:
    """Play the movie with the program that the system uses for movies"""
    path = CONTROLLER.previews[operator.index] if operator.index < len(CONTROLLER.previews) else Path()
    if not path.is_file():
        raise errors.Error("The movie does not exist any more. Make the preview again.")
    bpy.ops.wm.path_open(filepath=str(path))


@operator("send_preview", "Send", poll=when_idle("previews"))
def send_preview(operator: Any, context: Any) -> None:
    """Publish exactly this movie"""
    CONTROLLER.send_preview()
    wait_without_window()


@operator("drop_preview", "Drop", poll=when_idle("previews"))
def drop_preview(operator: Any, context: Any) -> None:
    """Delete the movie; nothing was sent"""
    CONTROLLER.discard_preview()


@operator("publish_render", "Publish Render", poll=when_idle("asked_renders"), index=hidden(bpy.props.IntProperty))
def publish_render(operator: Any, context: Any) -> None:
    """Publish what is on disk as one version"""
    use_ffmpeg()
    # None, if another click or render has answered meanwhile.
    for asked in CONTROLLER.asked_renders[operator.index :][:1]:
        CONTROLLER.publish_render(asked.render)
    wait_without_window()


@operator("decline_render", "No", poll=when_idle("asked_renders"), index=hidden(bpy.props.IntProperty))
def decline_render(operator: Any, context: Any) -> None:
    """Do not publish this render"""
    for asked in CONTROLLER.asked_renders[operator.index :][:1]:
        CONTROLLER.decline_render(asked.render)


@operator("toggle_source", "Source", name=hidden())
def toggle_source(operator: Any, context: Any) -> None:
    """Publish this source with the others, or leave it out"""
    toggle(context.window_manager.ft_dcc.sources, operator.name)


@operator("toggle_addressed", "Addressed", note_id=hidden())
def toggle_addressed(operator: Any, context: Any) -> None:
    """Answer this note with the next version"""
    toggle(context.window_manager.ft_dcc.addressed, operator.note_id)


def toggle(chosen: Any, name: str) -> None:
    """Add an item of this name to a collection property, or remove it."""
    if name in chosen:
        chosen.remove(chosen.find(name))
    else:
        chosen.add().name = name


@operator("repair", "Repair", poll=when_idle("problems"), index=hidden(bpy.props.IntProperty))
def repair(operator: Any, context: Any) -> None:
    """Fix the problem and check again"""
    if not 0 <= operator.index < len(CONTROLLER.problems):
        raise errors.Error("This problem does not exist any more.")
    _repair(CONTROLLER.problems[operator.index])


@operator("repair_all", "Repair All", poll=when_idle("problems"))
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


@operator("open_link", "Open Review", link=hidden())
def open_link(operator: Any, context: Any) -> None:
    """Open the review in the browser"""
    bpy.ops.wm.url_open(url=operator.link)


@operator("copy", "Copy", text=hidden())
def copy(operator: Any, context: Any) -> None:
    """Copy the link of the review, or the path of the files"""
    context.window_manager.clipboard = operator.text


@operator("open_folder", "Open Folder", path=hidden())
def open_folder(operator: Any, context: Any) -> None:
    """Show the files in the file browser of the system"""
    CONTROLLER.disk_files.open_folder(operator.path)


@operator("load_frames", "Load Frames", path=hidden(), source=hidden())
def load_frames(operator: Any, context: Any) -> None:
    """Load the frames behind what the camera of the version shows, or as an image if the scene does not have it"""
    CONTROLLER.disk_files.load_frames(BlenderHost(context.scene.name), operator.path, operator.source)
