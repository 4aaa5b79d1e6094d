"""What the panel's buttons do. Nothing here waits for a server: workers do, and the desk tells how far they are."""

# Blender reads the annotations of a class as its properties, so they cannot be put off.
from typing import Any

import bpy

from ft_dcc.errors import Error

from .choices import request_of
from .desk import DESK
from .host import TASK_PROPERTY, BlenderHost
from .preferences import use_ffmpeg
from .shot import configure_from_shot

_SKIP_SAVE = {"SKIP_SAVE", "HIDDEN"}


def refused(operator: Any, error: Error) -> set[str]:
    """Show what was wrong to whoever clicked."""
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}


class Refresh(bpy.types.Operator):
    """Fetch tasks and review sessions again"""

    bl_idname = "ft_dcc.refresh"
    bl_label = "Refresh"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only for who is signed in."""
        return DESK.session is not None and not DESK.is_busy

    def execute(self, context: Any) -> set[str]:
        """Begin to fetch."""
        DESK.refresh(context.scene.get(TASK_PROPERTY))
        return {"FINISHED"}


class Publish(bpy.types.Operator):
    """Capture the camera and put the film before the reviewers"""

    bl_idname = "ft_dcc.publish"
    bl_label = "Publish"

    # One publish runs at a time; an operator's own attributes are out of reach when its class goes.
    _timer = None

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only for who is signed in, and one at a time."""
        return DESK.session is not None and not DESK.is_busy

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Begin; until the last frame is captured the scene cannot be touched, and Escape cancels."""
        if self._begin(context) == {"CANCELLED"}:
            return {"CANCELLED"}
        Publish._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Keep hands off the scene while it is borrowed, then let go: upload goes on without us."""
        if not DESK.is_capturing:
            self.cancel(context)
            return {"FINISHED"}
        if event.type == "ESC":
            DESK.cancel()
        # Looking at the panel is fine; whatever else is swallowed.
        return {"PASS_THROUGH"} if event.type in {"TIMER", "MOUSEMOVE", "WINDOW_DEACTIVATE"} else {"RUNNING_MODAL"}

    def cancel(self, context: Any) -> None:
        """Blender calls this when a file is opened meanwhile."""
        self.unregister()

    @classmethod
    def unregister(cls) -> None:
        """Blender calls this when the add-on is disabled; then nobody looks at the timer any more."""
        if Publish._timer is not None:
            bpy.context.window_manager.event_timer_remove(Publish._timer)
            Publish._timer = None

    def execute(self, context: Any) -> set[str]:
        """Publish and wait for the end of it: for scripts and for Blender without a window."""
        if self._begin(context) == {"CANCELLED"}:
            return {"CANCELLED"}
        if not bpy.app.background:
            return {"FINISHED"}
        DESK.wait(24 * 3600)
        if DESK.error or DESK.problems:
            self.report({"ERROR"}, DESK.error or " ".join(problem.message for problem in DESK.problems))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _begin(self, context: Any) -> set[str]:
        use_ffmpeg()
        try:
            # What is judged later, in a timer, has no window to tell which scene is meant.
            DESK.publish(request_of(context.window_manager.ft_dcc, context.scene), BlenderHost(context.scene.name))
        except Error as error:
            return refused(self, error)
        return {"FINISHED"}


class Repair(bpy.types.Operator):
    """Put right what stands in the way of the publish, and look at it again"""

    bl_idname = "ft_dcc.repair"
    bl_label = "Repair"

    index: bpy.props.IntProperty(options=_SKIP_SAVE)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only where something is wrong, and nobody is at it."""
        return bool(DESK.problems) and not DESK.is_busy

    def execute(self, context: Any) -> set[str]:
        """Begin; what is wrong then is in the panel."""
        if not 0 <= self.index < len(DESK.problems):
            self.report({"ERROR"}, "There is no such problem any more.")
            return {"CANCELLED"}
        DESK.repair(DESK.problems[self.index])
        if bpy.app.background:
            DESK.wait(60)
        return {"FINISHED"}


class RepairAll(bpy.types.Operator):
    """Put right whatever can be put right here, and look at it again"""

    bl_idname = "ft_dcc.repair_all"
    bl_label = "Repair All"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only where something is wrong, and nobody is at it."""
        return bool(DESK.problems) and not DESK.is_busy

    def execute(self, context: Any) -> set[str]:
        """Begin; what is wrong then is in the panel."""
        DESK.repair(*(problem for problem in DESK.problems if problem.repair))
        if bpy.app.background:
            DESK.wait(60)
        return {"FINISHED"}


class PublishRest(bpy.types.Operator):
    """Publish what has no problem, and leave the rest"""

    bl_idname = "ft_dcc.publish_rest"
    bl_label = "Publish the Rest"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only where something has no problem, and nobody is at it."""
        return DESK.is_partly_publishable and not DESK.is_busy

    def execute(self, context: Any) -> set[str]:
        """Begin."""
        DESK.publish_rest()
        return {"FINISHED"}


class Cancel(bpy.types.Operator):
    """Stop the publish; nothing of it is left on the server"""

    bl_idname = "ft_dcc.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only while something runs."""
        return DESK.is_busy

    def execute(self, context: Any) -> set[str]:
        """Tell the worker."""
        DESK.cancel()
        return {"FINISHED"}


class OpenLink(bpy.types.Operator):
    """Open the review in the browser"""

    bl_idname = "ft_dcc.open_link"
    bl_label = "Open Review"

    link: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Hand the link to the system's browser."""
        return bpy.ops.wm.url_open(url=self.link)


class CopyLink(bpy.types.Operator):
    """Copy the review's link"""

    bl_idname = "ft_dcc.copy_link"
    bl_label = "Copy Link"

    link: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Put the link into the clipboard."""
        context.window_manager.clipboard = self.link
        return {"FINISHED"}


class UseShotSettings(bpy.types.Operator):
    """Give the scene the frame range, the rate and the resolution of its shot"""

    bl_idname = "ft_dcc.use_shot_settings"
    bl_label = "Use the Shot's Settings"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's way

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only with a session and a task."""
        return DESK.session is not None and DESK.task(context.scene.get(TASK_PROPERTY)) is not None

    def execute(self, context: Any) -> set[str]:
        """Ask the server and set the scene; one question is short enough to wait for."""
        try:
            configure_from_shot(DESK, BlenderHost(context.scene.name), context.scene.get(TASK_PROPERTY))
        except Error as error:
            return refused(self, error)
        DESK.problems = ()
        return {"FINISHED"}
