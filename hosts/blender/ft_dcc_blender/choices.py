"""What the artist chooses in the panel, and what there is to choose from."""

# Blender reads the annotations of a class as its properties, so they cannot be put off.
from typing import Any

import bpy

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange
from ft_dcc.publish.records import PublishRequest

from .capture import cameras
from .desk import DESK
from .host import TASK_PROPERTY, BlenderHost


def _task(self: Any) -> str:
    """The path of the task that the file remembers."""
    task_id = bpy.context.scene.get(TASK_PROPERTY)
    task = DESK.task(task_id)
    return task.path if task else ""


def _set_task(self: Any, path: str) -> None:
    """The file remembers the task at this path; a path that nobody knows changes nothing."""
    for task in DESK.tasks.values():
        if task.path == path:
            BlenderHost().remember_task(task.id)


def _search_tasks(self: Any, context: Any, text: str) -> list[str]:
    """Tasks whose path holds every word that was typed, in whatever order."""
    words = text.lower().split()
    return [task.path for task in DESK.tasks.values() if all(word in task.path.lower() for word in words)]


def _search_reviews(self: Any, context: Any, text: str) -> list[str]:
    task = DESK.task(context.scene.get(TASK_PROPERTY))
    found = DESK.reviews.get(task.project_id, ()) if task else ()
    return [name for name in found if text.lower() in name.lower()]


def _search_cameras(self: Any, context: Any, text: str) -> list[str]:
    return [name for name in cameras(context.scene) if text.lower() in name.lower()]


class Choices(bpy.types.PropertyGroup):
    """One publish as the artist wants it; whatever is left empty is found out."""

    task: bpy.props.StringProperty(
        name="Task", description="Where the version goes", get=_task, set=_set_task, search=_search_tasks
    )
    review: bpy.props.StringProperty(
        name="Review",
        description="Review session to publish into; empty means the newest one that is open",
        search=_search_reviews,
    )
    camera: bpy.props.StringProperty(
        name="Camera", description="Camera to look through; empty means the scene's own", search=_search_cameras
    )
    frames: bpy.props.EnumProperty(
        name="Frames",
        items=(
            ("SCENE", "Scene", "The range of the timeline"),
            ("PREVIEW", "Preview", "The preview range of the timeline"),
            ("CUSTOM", "Custom", "A range of your own"),
        ),
    )
    start: bpy.props.IntProperty(name="Start", default=1)
    end: bpy.props.IntProperty(name="End", default=250)
    comment: bpy.props.StringProperty(name="Comment", description="What is new in this version")


def chosen_review(choices: Any, scene: Any) -> str:
    """The review session that the version goes into: the one chosen, the newest open one, or a new one."""
    return str(choices.review.strip()) or DESK.usual_review(scene.get(TASK_PROPERTY))


def request_of(choices: Any, scene: Any) -> PublishRequest:
    """What the artist asks for; raises SettingInvalid without a task, or for a range that ends before it starts."""
    task_id = scene.get(TASK_PROPERTY)
    if not task_id:
        raise SettingInvalid("No task is chosen. Choose the task that this scene is made for.")
    return PublishRequest(
        task=task_id,
        source=choices.camera or None,
        review=chosen_review(choices, scene),
        comment=choices.comment,
        frame_range=_frame_range(choices, scene),
    )


def _frame_range(choices: Any, scene: Any) -> "FrameRange | None":
    if choices.frames == "PREVIEW":
        return FrameRange(scene.frame_preview_start, scene.frame_preview_end)
    return FrameRange(choices.start, choices.end) if choices.frames == "CUSTOM" else None
