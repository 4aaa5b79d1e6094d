"""The choices of the artist in the panel."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import attrs
import bpy

from ft_dcc import errors, plain_text
from ft_dcc.host_support.look_presets import find_presets
from ft_dcc.publish.models import Task
from ft_dcc.settings import publish_options, resolve

from ..host import TASK_PROPERTY, BlenderHost
from ..scene.look import COLOURS, LIGHTS, PRESETS, Look
from ..scene.sources import find_publishable
from .controller import CONTROLLER

# The options of a publish that the panel has a field for. Artists mute the sound of a scene in the sequencer.
FORM = {name: option for name, option in publish_options.for_form(in_host=True).items() if name != "scene_sound"}
# A list that opens later than this feels slow.
_SEARCH_SECONDS = 0.25
# The look that the fields of the panel make, in place of a preset.
CUSTOM = "custom"
# The settings of a look that the panel offers.
LOOK = tuple(name for name in attrs.fields_dict(Look) if name not in ("studio_light", "samples", "view_transform"))


def chosen_task() -> "Task | None":
    """Return the task of the scene, None until it is known: the user need not be assigned to it."""
    task_id = bpy.context.scene.get(TASK_PROPERTY)
    task = CONTROLLER.task(task_id)
    if task is None and task_id:
        CONTROLLER.find_task(task_id)
    return task


def _task_path(self: Any) -> str:
    task = chosen_task()
    return plain_text.single_line(task.path) if task else ""


def _set_task(self: Any, path: str) -> None:
    """Store the task with this path in the scene, or search the server for it; the panel lists what that finds."""
    for task in CONTROLLER.matching_tasks(path):
        if plain_text.single_line(task.path) == path:
            CONTROLLER.queries.searched_text = ""
            BlenderHost().remember_task(task.id)
            return
    if CONTROLLER.session is not None and path.strip():
        CONTROLLER.choose_task(path.strip(), BlenderHost(bpy.context.scene.name))


def _search_tasks(self: Any, context: Any, text: str) -> list[str]:
    """Return the tasks whose path contains every typed word, in any order: those of the user, and of the server."""
    if CONTROLLER.session is not None and text.strip():
        CONTROLLER.queries.search_tasks(CONTROLLER.session, text)
        # Blender calls this once for each key. What a slow server finds is shown with the next one.
        CONTROLLER.queries.wait(_SEARCH_SECONDS)
        CONTROLLER.queries.searched_text = ""
    return [plain_text.single_line(task.path) for task in CONTROLLER.matching_tasks(text)]


def _search(names: Callable[[], Sequence[str]]) -> Callable[[Any, Any, str], list[str]]:
    """Return a function that Blender calls for those of the names that contain the typed text."""
    return lambda self, context, text: [name for name in names() if text.lower() in name.lower()]


def _shown(names: Sequence[str]) -> list[str]:
    return [plain_text.single_line(name) for name in names]


def _look_names() -> list[str]:
    """Return the presets of the program and of the settings, and the look of the fields."""
    try:
        task, path = chosen_task(), bpy.data.filepath
        CONTROLLER.follow(bpy.context.scene.get(TASK_PROPERTY), Path(path).parent if path else None)
        settings = CONTROLLER.queries.settings or resolve.read_settings(folder=Path(path).parent if path else None)
        return [*find_presets(BlenderHost(), settings, "" if task is None else task.type), CUSTOM]
    except errors.Error:
        # The publish reports it.
        return [*PRESETS, CUSTOM]


def _customise(self: Any, context: Any) -> None:
    self.look = CUSTOM


def _enum_items(values: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(value, value.capitalize(), "") for value in values]


class SourceName(bpy.types.PropertyGroup):
    """The name of a source that is chosen in addition to others."""


class PublishProperties(bpy.types.PropertyGroup):
    """The choices for one publish; empty ones have defaults."""

    task: bpy.props.StringProperty(
        name="Task", description="Task to publish the version to", get=_task_path, set=_set_task, search=_search_tasks
    )
    review: bpy.props.StringProperty(
        name="Review",
        description="Review session to publish into. Empty: the last one of the project, or the newest open one",
        search=_search(lambda: _shown(CONTROLLER.reviews_of(bpy.context.scene.get(TASK_PROPERTY)))),
    )
    camera: bpy.props.StringProperty(
        name="Camera",
        description="Camera to capture. Empty: the active one",
        search=_search(lambda: find_publishable(bpy.context.scene)),
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
    # The ids of the notes whose whole text the panel shows.
    opened: bpy.props.CollectionProperty(type=SourceName)
    shows_answered: bpy.props.BoolProperty(name="Answered", description="Show the notes that are answered or done, too")
    comment: bpy.props.StringProperty(name="Comment", description="What is new in this version")
    percentage: bpy.props.IntProperty(
        name="Size",
        description="Percentage of the scene's resolution",
        subtype="PERCENTAGE",
        default=100,
        min=1,
        max=100,
    )
    look: bpy.props.StringProperty(
        name="Look",
        description="Preset of the look. Empty: that of the settings for this task; custom: that of the fields below",
        search=_search(_look_names),
    )
    shading: bpy.props.EnumProperty(
        name="Shading",
        update=_customise,
        items=(
            ("SOLID", "Solid", "An even solid look, the same on every machine"),
            ("VIEWPORT", "Viewport", "As the largest 3D view of the window shows it"),
            ("RENDERED", "Rendered", "By the scene's own render engine"),
        ),
    )
    visibility: bpy.props.EnumProperty(
        name="Show",
        update=_customise,
        description="Which objects, modifiers and subdivisions the movie shows, with and without a window",
        items=(
            ("VIEWPORT", "As in viewport", "What the view layer shows in viewports, without local views"),
            ("RENDER", "As in renders", "What is visible in renders"),
        ),
    )
    colours: bpy.props.EnumProperty(name="Colour", items=_enum_items(COLOURS), update=_customise)
    light: bpy.props.EnumProperty(name="Light", items=_enum_items(LIGHTS), update=_customise)
    shadows: bpy.props.BoolProperty(name="Shadows", default=True, update=_customise)
    cavity: bpy.props.BoolProperty(name="Cavity", default=True, update=_customise)
    overlays: bpy.props.BoolProperty(
        name="Overlays", description="Grid, bones and outlines, as the 3D view shows them", update=_customise
    )
    transparent: bpy.props.BoolProperty(name="Transparent", description="Transparent background", update=_customise)
    stamp: bpy.props.BoolProperty(
        name="Stamp", description="The metadata that the scene's output settings select", update=_customise
    )
    scene_colours: bpy.props.BoolProperty(
        name="Scene colours", description="The scene's own colour management instead of plain sRGB", update=_customise
    )


def _property(name: str, option: publish_options.Option) -> Any:
    help = option.help.partition(";")[0].rstrip(".")
    if option.kind is publish_options.SWITCH:
        items = [("SETTINGS", "As in settings", "What the settings say"), ("NONE", "No", ""), ("STANDARD", "Yes", "")]
        return bpy.props.EnumProperty(name=option.label, description=help, items=items)
    if option.choices:
        return bpy.props.EnumProperty(
            name=option.label,
            description=f"{help}. None: those of the settings",
            items=[(choice, choice.replace("-", " ").capitalize(), "") for choice in option.choices],
            options={"ENUM_FLAG"},
        )
    search = {"search": _search(lambda: _shown(CONTROLLER.statuses))} if name == "status" else {}
    description = f"{help}. Empty: that of the settings"
    return bpy.props.StringProperty(name=option.label, description=description, **search)


PublishProperties.__annotations__.update({name: _property(name, option) for name, option in FORM.items()})


def chosen_value(choices: Any, name: str) -> Any:
    """Return the chosen value of an option for a request; None is that of the settings."""
    chosen, option = getattr(choices, name), FORM[name]
    if option.kind is publish_options.SWITCH:
        return {"SETTINGS": None, "NONE": False}.get(chosen, True)
    if option.choices:
        return tuple(choice for choice in option.choices if choice in chosen) or None
    text = plain_text.original(chosen.strip(), CONTROLLER.statuses) if name == "status" else chosen.strip()
    return option.parse(text) if text else None
