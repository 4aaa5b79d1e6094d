"""The choices of the artist in the panel."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from collections.abc import Sequence
from typing import Any

import bpy

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.settings.publish_options import SWITCH, Option, for_form

from ..host import TASK_PROPERTY, BlenderHost
from ..scene.look import COLOURS, LIGHTS
from ..scene.sources import find_publishable
from .controller import CONTROLLER

# The options of a publish that the panel has a field for. Artists mute the sound of a scene in the sequencer.
FORM = {name: option for name, option in for_form(in_host=True).items() if name != "scene_sound"}
# What the two states of an option are called; the third is that of the settings.
_SWITCH_ITEMS = {
    "burnin": (
        ("NONE", "None", "No text in the image"),
        ("STANDARD", "Shot and frame", "Shot, task, version, date, lens and frame number"),
    ),
    "slate": (
        ("NONE", "None", "No slate"),
        ("STANDARD", "Slate", "One image before the first frame, with the lines of the settings"),
    ),
    "include_scene": (
        ("INCLUDE", "Include", "The saved file is uploaded with the version"),
        ("NONE", "Leave out", "Only its name and checksum are stored"),
    ),
}
_STANDARD_ITEMS = (("NONE", "No", ""), ("STANDARD", "Yes", ""))
# The settings of a look that the panel offers.
LOOK = (
    "shading",
    "visibility",
    "colours",
    "light",
    "shadows",
    "cavity",
    "overlays",
    "transparent",
    "stamp",
    "scene_colours",
)


def _task(self: Any) -> str:
    """Return the path of the task that is stored in the scene."""
    task_id = bpy.context.scene.get(TASK_PROPERTY)
    task = CONTROLLER.task(task_id)
    return task.path if task else ""


def _set_task(self: Any, path: str) -> None:
    """Store the task with this path in the scene; an unknown path changes nothing."""
    for task in CONTROLLER.tasks.values():
        if task.path == path:
            BlenderHost().remember_task(task.id)


def _search_tasks(self: Any, context: Any, text: str) -> list[str]:
    """Return the tasks whose path contains every typed word, in any order."""
    values = text.lower().split()
    return [task.path for task in CONTROLLER.tasks.values() if all(value in task.path.lower() for value in values)]


def _search_reviews(self: Any, context: Any, text: str) -> list[str]:
    task = CONTROLLER.task(context.scene.get(TASK_PROPERTY))
    found = CONTROLLER.reviews.get(task.project_id, ()) if task else ()
    return [name for name in found if text.lower() in name.lower()]


def _search_cameras(self: Any, context: Any, text: str) -> list[str]:
    return [name for name in find_publishable(context.scene) if text.lower() in name.lower()]


def _search_statuses(self: Any, context: Any, text: str) -> list[str]:
    return [name for name in CONTROLLER.statuses if text.lower() in name.lower()]


def _enum_items(values: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(value, value.capitalize(), "") for value in values]


class SourceName(bpy.types.PropertyGroup):
    """The name of a source that is chosen in addition to others."""


class PublishProperties(bpy.types.PropertyGroup):
    """The choices for one publish; empty ones have defaults."""

    task: bpy.props.StringProperty(
        name="Task", description="Task to publish the version to", get=_task, set=_set_task, search=_search_tasks
    )
    review: bpy.props.StringProperty(
        name="Review",
        description="Review session to publish into. Empty: the last one of the project, or the newest open one",
        search=_search_reviews,
    )
    camera: bpy.props.StringProperty(
        name="Camera", description="Camera to capture. Empty: the active one", search=_search_cameras
    )
    frames: bpy.props.EnumProperty(
        name="Frames",
        items=(
            ("SCENE", "Scene", "The range of the timeline"),
            ("PREVIEW", "Preview", "The preview range of the timeline"),
            ("CUSTOM", "Custom", "Another range"),
        ),
    )
    start: bpy.props.IntProperty(name="Start", default=1)
    end: bpy.props.IntProperty(name="End", default=250)
    step: bpy.props.IntProperty(
        name="Step", description="Capture every frame, every second frame and so on", default=1, min=1, max=100
    )
    has_several_sources: bpy.props.BoolProperty(
        name="Several", description="Publish several sources at once, each as a version of its own"
    )
    sources: bpy.props.CollectionProperty(type=SourceName)
    # The ids of the notes that the version answers.
    addressed: bpy.props.CollectionProperty(type=SourceName)
    comment: bpy.props.StringProperty(name="Comment", description="What is new in this version")
    percentage: bpy.props.IntProperty(
        name="Size",
        description="Percentage of the scene's resolution",
        subtype="PERCENTAGE",
        default=100,
        min=1,
        max=100,
    )
    shading: bpy.props.EnumProperty(
        name="Shading",
        items=(
            ("SOLID", "Solid", "An even solid look, the same on every machine"),
            ("VIEWPORT", "Viewport", "As the largest 3D view of the window shows it"),
            ("RENDERED", "Rendered", "By the scene's own render engine"),
        ),
    )
    visibility: bpy.props.EnumProperty(
        name="Show",
        description="Which objects, modifiers and subdivisions the movie shows, with and without a window",
        items=(
            ("VIEWPORT", "As in viewport", "What the view layer shows in viewports, without local views"),
            ("RENDER", "As in renders", "What is visible in renders"),
        ),
    )
    colours: bpy.props.EnumProperty(name="Colour", items=_enum_items(COLOURS))
    light: bpy.props.EnumProperty(name="Light", items=_enum_items(LIGHTS))
    shadows: bpy.props.BoolProperty(name="Shadows", default=True)
    cavity: bpy.props.BoolProperty(name="Cavity", default=True)
    overlays: bpy.props.BoolProperty(name="Overlays", description="Grid, bones and outlines, as the 3D view shows them")
    transparent: bpy.props.BoolProperty(name="Transparent", description="Transparent background")
    stamp: bpy.props.BoolProperty(name="Stamp", description="The metadata that the scene's output settings select")
    scene_colours: bpy.props.BoolProperty(
        name="Scene colours", description="The scene's own colour management instead of plain sRGB"
    )


def _property(name: str, option: Option) -> Any:
    """Return the property of an option of a publish."""
    help = option.help.partition(";")[0].rstrip(".")
    if option.kind is SWITCH:
        of_settings = ("SETTINGS", "As in settings", "What the settings say")
        items = (of_settings, *_SWITCH_ITEMS.get(name, _STANDARD_ITEMS))
        return bpy.props.EnumProperty(name=option.label, description=help, items=items)
    if option.choices:
        return bpy.props.EnumProperty(
            name=option.label,
            description=f"{help}. None: those of the settings",
            items=[(choice, choice.replace("-", " ").capitalize(), "") for choice in option.choices],
            options={"ENUM_FLAG"},
        )
    search = {"search": _search_statuses} if name == "status" else {}
    description = f"{help}. Empty: that of the settings"
    return bpy.props.StringProperty(name=option.label, description=description, **search)


PublishProperties.__annotations__.update({name: _property(name, option) for name, option in FORM.items()})


def _value(choices: Any, name: str, option: Option) -> Any:
    """Return the chosen value of an option for a request; None is that of the settings."""
    chosen = getattr(choices, name)
    if option.kind is SWITCH:
        return {"SETTINGS": None, "NONE": False}.get(chosen, True)
    if option.choices:
        return tuple(choice for choice in option.choices if choice in chosen) or None
    return chosen.strip() or None


def chosen_review(choices: Any, scene: Any) -> str:
    """Return the chosen review session, the last or newest open one of the project, or the name of a new one."""
    return str(choices.review.strip()) or CONTROLLER.default_reviews(scene.get(TASK_PROPERTY))[0]


def make_request(choices: Any, scene: Any) -> PublishRequest:
    """Return the request; raise SettingInvalid without a task, or for a range that ends before it starts."""
    task_id = scene.get(TASK_PROPERTY)
    if not task_id:
        raise SettingInvalid("No task selected. Choose the task of this scene.")
    if choices.frames == "PREVIEW" and not scene.use_preview_range:
        raise SettingInvalid("The timeline has no preview range. Set one (P in the timeline), or choose Frames: Scene.")
    open_notes = CONTROLLER.feedback.unaddressed_notes(task_id)
    is_timeline = choices.frames == "SCENE" and choices.step == 1
    return PublishRequest(
        task=task_id,
        source=chosen_sources(choices),
        review=chosen_review(choices, scene),
        comment=choices.comment,
        addresses=tuple(note.id for note in open_notes if note.id in choices.addressed),
        # None: validation compares the timeline's range with the shot's.
        frame_range=None if is_timeline else FrameRange(*chosen_frames(choices, scene), step=choices.step),
        # None: validation compares the full resolution with the shot's.
        resolution=None if choices.percentage == 100 else chosen_resolution(choices, scene),
        look={name: getattr(choices, name) for name in LOOK},
        **{name: _value(choices, name, option) for name, option in FORM.items()},
    )


def chosen_sources(choices: Any) -> "tuple[str, ...] | None":
    """Return the chosen sources, or None for the default; raise SettingInvalid if none of several is chosen."""
    if not choices.has_several_sources:
        return (choices.camera,) if choices.camera else None
    if not choices.sources:
        raise SettingInvalid("No source is chosen. Choose at least one, or switch Several off.")
    return tuple(item.name for item in choices.sources)


def chosen_resolution(choices: Any, scene: Any) -> Resolution:
    """Return the scene's resolution in the chosen percentage."""
    return Resolution(scene.render.resolution_x, scene.render.resolution_y).scaled(choices.percentage)


def chosen_frames(choices: Any, scene: Any) -> tuple[int, int]:
    """Return the first and the last frame of the chosen range, that of the timeline if there is no preview range."""
    if choices.frames == "PREVIEW" and scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return (choices.start, choices.end) if choices.frames == "CUSTOM" else (scene.frame_start, scene.frame_end)
