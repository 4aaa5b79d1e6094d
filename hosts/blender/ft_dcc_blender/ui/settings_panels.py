"""The closed panels with the choices for a publish; their headings name what is not the default."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ft_dcc import plain_text
from ft_dcc.ui.texts import describe

from ..host import BlenderHost
from ..scene import blender_compat, render_log, sources, strips
from . import controller, operators, panel, properties, task_operators

# The options of a publish that belong to the version; the others belong to its movie.
_VERSION_OPTIONS = ("status", "include_scene")
# A heading has more room than a line of text, in letters.
_WIDER_HEADING = 3
# The options of each kind of shading.
_LOOK_OPTIONS = {
    "SOLID": ("visibility", "colours", "light", "shadows", "cavity", "scene_colours"),
    "VIEWPORT": ("overlays", "scene_colours"),
    "RENDERED": ("visibility", "scene_colours"),
}


class SettingsSidebar(panel.SignedInSidebar):
    """Base of the closed panels with choices for a publish; the heading names those that are not the default."""

    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way
    bl_label = ""
    title = ""
    # Of a heading with values.
    short_title = ""
    names: tuple[str, ...] = ()
    # Properties that are saved with the scene.
    scene_names: tuple[str, ...] = ()

    def draw_header(self, context: Any) -> None:
        """Draw the title with what is not the default; a heading of its own would lie over it in a narrow sidebar."""
        owners = ((context.window_manager.ft_dcc, self.names), (context.scene, self.scene_names))
        texts = [text for owner, names in owners for name in names if (text := _changed_text(owner, name))]
        text = heading(self.short_title or self.title, texts, panel.line_length()) if texts else self.title
        self.layout.label(text=text)

    def draw(self, context: Any) -> None:
        """Draw the options; those with several values in two columns."""
        column, choices = self.fields(context)
        for name in self.names:
            if properties.FORM[name].choices:
                column.label(text=f"{properties.FORM[name].label}:")
                column.column_flow(columns=2, align=True).prop(choices, name)
            else:
                column.prop(choices, name)
        for name in self.scene_names:
            column.prop(context.scene, name)

    def fields(self, context: Any) -> tuple[Any, Any]:
        """Return the column for fields, and the choices."""
        column = self.layout.column()
        column.enabled = not controller.CONTROLLER.is_busy
        column.use_property_split, column.use_property_decorate = True, False
        return column, context.window_manager.ft_dcc


def heading(title: str, texts: list[str], length: int) -> str:
    """Return the title with as many of the values as fit; "…" stands for the others."""
    text = plain_text.single_line(f"{title}: {', '.join(texts)}")
    return textwrap.shorten(text, length + _WIDER_HEADING, placeholder=" …")


def _changed_text(choices: Any, name: str) -> str:
    """Return the chosen value as a short text, such as "Cam2", "50%" or "Overlays", "" if it is the default."""
    prop, value = choices.bl_rna.properties[name], getattr(choices, name)
    if prop.type == "COLLECTION":
        return str(prop.name) if value else ""
    default = prop.default_flag if getattr(prop, "is_enum_flag", False) else prop.default
    if value == default or not choices.is_property_set(name):
        return ""
    if value == "CUSTOM":
        return f"{choices.start}-{choices.end}"
    if prop.type == "ENUM" and not isinstance(value, set):
        return f"{prop.name} {prop.enum_items[value].name}"
    if isinstance(value, set):
        return " ".join(sorted(value))
    if prop.type == "BOOLEAN":
        return str(prop.name)
    return f"{value}%" if prop.subtype == "PERCENTAGE" else str(value)


class CameraPanel(SettingsSidebar, bpy.types.Panel):
    """Camera and frames of the movie"""

    bl_idname = "FTDCC_PT_camera"
    title, short_title = "Camera and Frames", "Camera"
    names = ("camera", "sources", "frames", "step", "percentage")

    def draw(self, context: Any) -> None:
        """Draw the field of one source, or a check box for each one, and range and size."""
        column, choices = self.fields(context)
        found = sources.find_sources(context.scene)
        for name in found if choices.has_several_sources else ():
            icon = "CHECKBOX_HLT" if name in choices.sources else "CHECKBOX_DEHLT"
            # In another language, Blender would translate the name of a camera.
            column.operator(
                "ft_dcc.toggle_source", text=name, icon=icon, depress=name in choices.sources, translate=False
            ).name = name
        if not choices.has_several_sources:
            placeholder = next(iter(found), "no camera")
            blender_compat.draw_field(column, choices, "camera", placeholder=placeholder, icon="CAMERA_DATA")
        column.prop(choices, "has_several_sources")
        column.prop(choices, "frames")
        if choices.frames == "CUSTOM":
            column.prop(choices, "start")
            column.prop(choices, "end")
        column.prop(choices, "step")
        column.prop(choices, "percentage")
        start, end = operators.chosen_frames(choices, context.scene)
        _, fps, size = task_operators.scene_values(context.scene)
        column.label(text=f"{start}-{end}, {describe(fps, size.scaled(choices.percentage))}")
        if count := len(sources.find_shots(context.scene)):
            column.operator("ft_dcc.publish_shots", text=f"Publish {count} Shots").is_joined = False
            column.operator("ft_dcc.publish_shots", text=f"Publish {count} Shots, and Joined").is_joined = True
        if strips.shown_versions(context.scene):
            row = column.row(align=True)
            row.operator("ft_dcc.update_movies", text="Check Movies").is_checked = True
            row.operator("ft_dcc.update_movies").is_checked = False
        column.operator("ft_dcc.toggle_neighbours", depress=strips.are_neighbours_shown(context.scene))


class LookPanel(SettingsSidebar, bpy.types.Panel):
    """Look of the movie"""

    bl_idname = "FTDCC_PT_look"
    title = "Look"
    names = ("look",)

    def draw(self, context: Any) -> None:
        """Draw the preset, and the options of a look of its own."""
        column, choices = self.fields(context)
        default = next(iter(BlenderHost(context.scene.name).looks))
        blender_compat.draw_field(column, choices, "look", placeholder=f"of the settings, or {default}")
        own = ("shading", *_LOOK_OPTIONS[choices.shading], "transparent", "stamp")
        for name in own if choices.look == properties.CUSTOM else ():
            column.prop(choices, name)


class OutputPanel(SettingsSidebar, bpy.types.Panel):
    """Burn-in, slate and outputs"""

    bl_idname = "FTDCC_PT_output"
    title, short_title = "Burn-in and Outputs", "Outputs"
    names = tuple(name for name in properties.FORM if name not in _VERSION_OPTIONS)


class VersionPanel(SettingsSidebar, bpy.types.Panel):
    """Status and scene file of the version"""

    bl_idname = "FTDCC_PT_version"
    title = "Version"
    names = _VERSION_OPTIONS
    scene_names = (render_log.OPTION,)
