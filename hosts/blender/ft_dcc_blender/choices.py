"""What the artist chooses in the panel, and what there is to choose from."""

# Blender reads the annotations of a class as its properties, so they cannot be put off.
from collections.abc import Sequence
from typing import Any

import bpy

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.records import PublishRequest

from .capture import sources
from .desk import DESK
from .host import TASK_PROPERTY, BlenderHost
from .look import COLOURS, LIGHTS

# What of a look the panel offers.
LOOK = ("shading", "colours", "light", "shadows", "cavity", "overlays", "transparent", "stamp", "scene_colours")


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
    return [name for name in sources(context.scene) if text.lower() in name.lower()]


def _items(words: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(word, word.capitalize(), "") for word in words]


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
    percentage: bpy.props.IntProperty(
        name="Size", description="Of the scene's resolution", subtype="PERCENTAGE", default=100, min=1, max=100
    )
    shading: bpy.props.EnumProperty(
        name="Shading",
        items=(
            ("SOLID", "Solid", "An even solid look, the same on every machine"),
            ("VIEWPORT", "Viewport", "As the largest 3D view of the window shows it"),
            ("RENDERED", "Rendered", "By the scene's own render engine"),
        ),
    )
    colours: bpy.props.EnumProperty(name="Colour", items=_items(COLOURS))
    light: bpy.props.EnumProperty(name="Light", items=_items(LIGHTS))
    shadows: bpy.props.BoolProperty(name="Shadows", default=True)
    cavity: bpy.props.BoolProperty(name="Cavity", default=True)
    overlays: bpy.props.BoolProperty(name="Overlays", description="Grid, bones and outlines, as the 3D view has them")
    transparent: bpy.props.BoolProperty(name="Film alpha", description="Nothing behind the objects")
    stamp: bpy.props.BoolProperty(name="Stamp", description="The scene's metadata, as its output settings have it")
    scene_colours: bpy.props.BoolProperty(
        name="Scene colours", description="The scene's own colour management, in the place of plain sRGB"
    )


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
        # The timeline's is the shot's to judge.
        frame_range=None if choices.frames == "SCENE" else FrameRange(*chosen_frames(choices, scene)),
        # The whole size is the shot's to judge.
        resolution=None if choices.percentage == 100 else chosen_resolution(choices, scene),
        look={name: getattr(choices, name) for name in LOOK},
    )


def chosen_resolution(choices: Any, scene: Any) -> Resolution:
    """The scene's own in the percentage that was chosen."""
    sides = (scene.render.resolution_x, scene.render.resolution_y)
    return Resolution(*(max(4, round(side * choices.percentage / 100)) for side in sides))


def chosen_frames(choices: Any, scene: Any) -> tuple[int, int]:
    """The first and the last frame of the range that was chosen."""
    if choices.frames == "PREVIEW":
        return scene.frame_preview_start, scene.frame_preview_end
    return (choices.start, choices.end) if choices.frames == "CUSTOM" else (scene.frame_start, scene.frame_end)
