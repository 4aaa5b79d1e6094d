"""The operators of the panel. They never wait for a server: threads do, and the controller has their progress."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from typing import Any

import attrs
import bpy

from ft_dcc.errors import Error, TaskNotFound, UserFixableError
from ft_dcc.publish.plugins.collect import read_shot

from ..host import TASK_PROPERTY, BlenderHost
from ..scene import input_guard
from ..scene.sources import find_sources
from .controller import CONTROLLER
from .preferences import use_ffmpeg
from .properties import make_request

# The labels of the checks that ``PublishRequest.allow_incomplete`` passes.
_ACCEPTABLE_CHECKS = ("Complete scene", "Camera type")
_SKIP_SAVE = {"SKIP_SAVE", "HIDDEN"}


def report_error(operator: Any, error: Error) -> set[str]:
    """Report the error in Blender's window."""
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}


class Refresh(bpy.types.Operator):
    """Fetch tasks and review sessions again"""

    bl_idname = "ft_dcc.refresh"
    bl_label = "Refresh"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and nothing runs."""
        return CONTROLLER.session is not None and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start fetching."""
        CONTROLLER.refresh(context.scene.get(TASK_PROPERTY))
        return {"FINISHED"}


class Publish(bpy.types.Operator):
    """Capture the camera and publish the movie for review"""

    bl_idname = "ft_dcc.publish"
    bl_label = "Publish"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and nothing runs; the tool tip has the reason if not."""
        reason = "Sign in first (3D View, sidebar, ft-dcc)" if CONTROLLER.session is None else ""
        if CONTROLLER.is_busy:
            reason = "A publish runs"
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: Any) -> set[str]:
        """Start; until the last frame is captured input is blocked, and Escape cancels. Without a window, wait."""
        return publish(self, context)


def publish(operator: Any, context: Any, *, allow_incomplete: bool = False, is_previewed: bool = False) -> set[str]:
    """Publish or preview with the choices of the panel; without a window, wait for the end."""
    use_ffmpeg()
    try:
        request = make_request(context.window_manager.ft_dcc, context.scene)
        # Validation runs in a timer without a window, so the scene is named here.
        start = CONTROLLER.preview if is_previewed else CONTROLLER.publish
        start(attrs.evolve(request, allow_incomplete=allow_incomplete), BlenderHost(context.scene.name))
    except Error as error:
        return report_error(operator, error)
    if not bpy.app.background:
        input_guard.guard_windows()
        return {"FINISHED"}
    return wait_for_result(operator)


def wait_for_result(operator: Any) -> set[str]:
    """Wait for the end of the activity without a window, and report its problems."""
    CONTROLLER.wait(24 * 3600)
    if CONTROLLER.error or CONTROLLER.problems:
        operator.report({"ERROR"}, CONTROLLER.error or " ".join(problem.message for problem in CONTROLLER.problems))
        return {"CANCELLED"}
    return {"FINISHED"}


class ToggleSource(bpy.types.Operator):
    """Publish this source with the others, or leave it out"""

    bl_idname = "ft_dcc.toggle_source"
    bl_label = "Source"

    name: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Add or remove the source."""
        return _toggle(context.window_manager.ft_dcc.sources, self.name)


class ToggleAddressed(bpy.types.Operator):
    """The next version answers this note"""

    bl_idname = "ft_dcc.toggle_addressed"
    bl_label = "Addressed"

    note_id: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Tick the note, or remove its tick."""
        return _toggle(context.window_manager.ft_dcc.addressed, self.note_id)


def _toggle(chosen: Any, name: str) -> set[str]:
    """Add an item of this name to a collection property, or remove it."""
    if name in chosen:
        chosen.remove(chosen.find(name))
    else:
        chosen.add().name = name
    return {"FINISHED"}


class Repair(bpy.types.Operator):
    """Fix the problem and check again"""

    bl_idname = "ft_dcc.repair"
    bl_label = "Repair"

    index: bpy.props.IntProperty(options=_SKIP_SAVE)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there are problems and nothing runs."""
        return bool(CONTROLLER.problems) and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start the repair; the panel shows the remaining problems."""
        if not 0 <= self.index < len(CONTROLLER.problems):
            self.report({"ERROR"}, "This problem does not exist any more.")
            return {"CANCELLED"}
        CONTROLLER.repair(CONTROLLER.problems[self.index])
        if bpy.app.background:
            CONTROLLER.wait(60)
        return {"FINISHED"}


class RepairAll(bpy.types.Operator):
    """Fix all problems that can be repaired and check again"""

    bl_idname = "ft_dcc.repair_all"
    bl_label = "Repair All"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there are problems and nothing runs."""
        return bool(CONTROLLER.problems) and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start the repairs; the panel shows the remaining problems."""
        CONTROLLER.repair(*(problem for problem in CONTROLLER.problems if problem.repair))
        if bpy.app.background:
            CONTROLLER.wait(60)
        return {"FINISHED"}


class PublishRest(bpy.types.Operator):
    """Publish the sources without problems and skip the others"""

    bl_idname = "ft_dcc.publish_rest"
    bl_label = "Publish the Rest"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether some sources have no problem and nothing runs."""
        return CONTROLLER.is_partly_publishable and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Start."""
        CONTROLLER.publish_valid()
        input_guard.guard_windows()
        return {"FINISHED"}


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


class PublishAnyway(bpy.types.Operator):
    """Publish although the scene is incomplete; what is missing is missing in the movie"""

    bl_idname = "ft_dcc.publish_anyway"
    bl_label = "Publish Anyway"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist may decide about one of the problems and nothing runs."""
        return has_acceptable_problem() and not CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Validate again without the checks that only concern the scene's completeness, and publish."""
        return publish(self, context, allow_incomplete=True)


def has_acceptable_problem() -> bool:
    """Return whether one of the problems is only that the scene is incomplete."""
    return any(problem.check in _ACCEPTABLE_CHECKS for problem in CONTROLLER.problems)


class Cancel(bpy.types.Operator):
    """Stop the publish; nothing of it stays on the server"""

    bl_idname = "ft_dcc.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether something runs."""
        return CONTROLLER.is_busy

    def execute(self, context: Any) -> set[str]:
        """Cancel the work in the background."""
        CONTROLLER.cancel()
        return {"FINISHED"}


class OpenLink(bpy.types.Operator):
    """Open the review in the browser"""

    bl_idname = "ft_dcc.open_link"
    bl_label = "Open Review"

    link: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Open the link in the system's browser."""
        return bpy.ops.wm.url_open(url=self.link)


class CopyLink(bpy.types.Operator):
    """Copy the link of the review"""

    bl_idname = "ft_dcc.copy_link"
    bl_label = "Copy Link"

    link: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Put the link on the clipboard."""
        context.window_manager.clipboard = self.link
        return {"FINISHED"}


class UseShotSettings(bpy.types.Operator):
    """Set frame range, frame rate and resolution of the shot on the scene"""

    bl_idname = "ft_dcc.use_shot_settings"
    bl_label = "Use the Shot's Settings"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's way

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and a task is chosen."""
        return CONTROLLER.session is not None and CONTROLLER.task(context.scene.get(TASK_PROPERTY)) is not None

    def execute(self, context: Any) -> set[str]:
        """Fetch the settings and set them; one request is short enough to wait for."""
        try:
            _configure_from_shot(BlenderHost(context.scene.name), context.scene.get(TASK_PROPERTY))
        except Error as error:
            return report_error(self, error)
        CONTROLLER.problems = ()
        return {"FINISHED"}


def _configure_from_shot(host: BlenderHost, task_id: str) -> None:
    """Set range, rate and size of the shot on the scene; what the shot does not define stays unchanged.

    Raises TaskNotFound, or UserFixableError for a shot without any of these settings.
    """
    task, session = CONTROLLER.task(task_id), CONTROLLER.session
    if task is None or session is None:
        raise TaskNotFound("The task is not known yet. Press Refresh and try again.")
    shot, scene = read_shot(session, task.parent_id), host.scene()
    if shot.frame_range is None and shot.fps is None and shot.resolution is None:
        raise UserFixableError(
            f"{task.path.rpartition('/')[0]} has no settings on the server. Ask the production to set them."
        )
    host.configure(shot.frame_range or scene.frame_range, shot.fps or scene.fps, shot.resolution or scene.resolution)
