"""The operator that creates a project, a shot and a task, and chooses the task for the scene."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from typing import Any

import bpy

from ft_dcc.frames import FrameRange

from ..host import TASK_PROPERTY, BlenderHost
from ..scene.capture import scene_rate
from .controller import CONTROLLER
from .operators import wait_for_result

_FIELDS = ("project", "sequence", "shot", "task")
_DEFAULTS = ("Film", "SEQ010", "SH010", "Animation")


class CreateTask(bpy.types.Operator):
    """Create a task, with its project, sequence and shot where they do not exist, and choose it"""

    bl_idname = "ft_dcc.create_task"
    bl_label = "Create Task"

    project: bpy.props.StringProperty(name="Project", options={"SKIP_SAVE"})
    sequence: bpy.props.StringProperty(name="Sequence", description="Empty: none", options={"SKIP_SAVE"})
    shot: bpy.props.StringProperty(name="Shot", options={"SKIP_SAVE"})
    task: bpy.props.StringProperty(name="Task", options={"SKIP_SAVE"})
    uses_scene_settings: bpy.props.BoolProperty(
        name="Frame range and rate of this scene",
        description="Set the frame range and the rate of the scene on the shot",
        default=True,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and nothing runs."""
        return CONTROLLER.session is not None and not CONTROLLER.is_busy

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the names; those of the chosen task are filled in."""
        chosen = CONTROLLER.task(context.scene.get(TASK_PROPERTY))
        names = chosen.names if chosen is not None and len(chosen.names) == len(_FIELDS) else _DEFAULTS
        for field, name in zip(_FIELDS, names):
            setattr(self, field, name)
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Create them in the background; without a window, wait."""
        names = {field: getattr(self, field).strip() for field in _FIELDS}
        missing = [field for field in _FIELDS if not names[field] and field != "sequence"]
        if missing or any("/" in name for name in names.values()):
            self.report({"ERROR"}, "Enter project, shot and task, without a slash.")
            return {"CANCELLED"}
        scene = context.scene
        settings: dict[str, Any] = {}
        if self.uses_scene_settings:
            settings = {"frame_range": FrameRange(scene.frame_start, scene.frame_end), "fps": scene_rate(scene)}
        CONTROLLER.create_task("/".join(filter(None, names.values())), BlenderHost(scene.name), **settings)
        return wait_for_result(self) if bpy.app.background else {"FINISHED"}
