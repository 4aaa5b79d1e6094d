"""The panel in the sidebar of the 3D view. Drawing only reads the controller."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews

from ft_dcc.errors import ValidationIssue
from ft_dcc.publish.progress import Progress
from ft_dcc.ui.texts import note_line, progress_share, step_label

from ..host import TASK_PROPERTY
from ..scene import blender_compat
from ..scene.sources import find_sources
from .controller import CONTROLLER
from .operators import has_acceptable_problem, reason_not_to_publish
from .properties import FORM, chosen_frames, chosen_resolution, chosen_review

# In pixels: the width of a letter, and of margins, icon and tabs in a line.
_LETTER_WIDTH, _MARGIN_WIDTH = 6.5, 75
_MIN_LINE_LENGTH = 18
_MAX_NOTES = 10
# The height of a thumbnail in lines of the panel.
_THUMBNAIL_SCALE = 2.5
# The options of a publish in the first panel; the others are in that of the movie.
_FIRST_OPTIONS = ("status", "include_scene")
_icons: list[Any] = []
# The options of each kind of shading.
_LOOK_OPTIONS = {
    "SOLID": ("visibility", "colours", "light", "shadows", "cavity", "scene_colours"),
    "VIEWPORT": ("overlays", "scene_colours"),
    "RENDERED": ("visibility", "scene_colours"),
}


class Sidebar:
    """Base of all panels: the tab of the add-on in the sidebar of the 3D view."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "ft-dcc"


class SignedInSidebar(Sidebar):
    """Base of the panels that are drawn only while the artist is signed in."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in."""
        return CONTROLLER.session is not None


class TaskSidebar(Sidebar):
    """Base of the panels that are drawn only while the artist is signed in and a task is chosen."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and a task is chosen."""
        return CONTROLLER.session is not None and bool(context.scene.get(TASK_PROPERTY))


def has_read_task(context: Any) -> bool:
    """Return whether the versions of the scene's task were read."""
    return bool(CONTROLLER.feedback.task_id == context.scene.get(TASK_PROPERTY))


class ReviewPanel(Sidebar, bpy.types.Panel):
    """Publish for review"""

    bl_idname = "FTDCC_PT_review"
    bl_label = "Publish for Review"

    def draw(self, context: Any) -> None:
        """Draw account, choices, and the publish button or the progress."""
        layout, choices, scene = self.layout, context.window_manager.ft_dcc, context.scene
        if CONTROLLER.session is None:
            _draw_signed_out(layout)
            return
        row = layout.row()
        row.label(text=f"Signed in as {CONTROLLER.user}", icon="USER")
        row.operator("ft_dcc.refresh", text="", icon="FILE_REFRESH")
        column = layout.column()
        column.enabled = not CONTROLLER.is_busy
        column.use_property_split, column.use_property_decorate = True, False
        row = column.row(align=True)
        row.prop(choices, "task")
        row.operator("ft_dcc.create_task", text="", icon="ADD")
        if len(choices.task) > _line_length() // 2:
            # The field shows only the end of a long path.
            draw_lines(column, choices.task, "BLANK1")
        blender_compat.draw_field(column, choices, "review", placeholder=chosen_review(choices, scene))
        _draw_sources(column, choices, scene)
        column.prop(choices, "frames")
        if choices.frames == "CUSTOM":
            column.prop(choices, "start")
            column.prop(choices, "end")
        for name in ("step", "comment", *_FIRST_OPTIONS):
            column.prop(choices, name)
        _draw_reminder(column, choices, scene)
        _draw_button(layout, scene)
        _draw_result(layout)


class LookPanel(SignedInSidebar, bpy.types.Panel):
    """Look of the movie"""

    bl_idname = "FTDCC_PT_look"
    bl_label = "Movie"
    bl_parent_id = "FTDCC_PT_review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    def draw(self, context: Any) -> None:
        """Draw the current camera, range, rate and size, and the options of the look."""
        scene, render, choices = context.scene, context.scene.render, context.window_manager.ft_dcc
        start, end = chosen_frames(choices, scene)
        for text in (
            f"Camera: {choices.camera or _default_camera(scene)}",
            f"Frames: {start}-{end}",
            f"Rate: {render.fps / render.fps_base:.6g} fps",
            f"Size: {chosen_resolution(choices, scene)}",
        ):
            self.layout.label(text=text)
        column = self.layout.column()
        column.enabled = not CONTROLLER.is_busy
        column.use_property_split, column.use_property_decorate = True, False
        options = [name for name in FORM if name not in _FIRST_OPTIONS]
        single = [name for name in options if not FORM[name].choices]
        for name in ("percentage", "shading", *_LOOK_OPTIONS[choices.shading], "transparent", "stamp", *single):
            column.prop(choices, name)
        for name in options:
            if name not in single:
                column.label(text=f"{FORM[name].label}:")
                column.column_flow(columns=2, align=True).prop(choices, name)


class PublishedPanel(Sidebar, bpy.types.Panel):
    """Recently published versions"""

    bl_idname = "FTDCC_PT_published"
    bl_label = "Published"
    bl_parent_id = "FTDCC_PT_review"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether there are any."""
        return bool(recent_versions())

    def draw(self, context: Any) -> None:
        """Draw the newest versions with their links."""
        for path, version, link in recent_versions()[:5]:
            row = self.layout.row(align=True)
            row.label(text=f"v{version:03d}  {path}")
            if link:
                row.operator("ft_dcc.open_link", text="", icon="URL").link = link
                row.operator("ft_dcc.copy_link", text="", icon="COPYDOWN").link = link


def recent_versions() -> list[tuple[str, int, str | None]]:
    """Return task, number and link of the versions published from this machine to this server, newest first."""
    here = [(path, version.version, version.link) for path, version in CONTROLLER.published]
    before = [
        (past.path, past.version, past.link)
        for past in CONTROLLER.queries.recent_versions
        if past.server == CONTROLLER.server
    ]
    return [*here, *(past for past in before if past not in here)]


def _draw_reminder(layout: Any, choices: Any, scene: Any) -> None:
    """Draw the open notes with a tick for each, or else what the last validation has found."""
    task_id, reminder = scene.get(TASK_PROPERTY), CONTROLLER.reminder
    notes = CONTROLLER.feedback.unaddressed_notes(task_id)
    if not notes:
        if reminder is not None and reminder.task_id == task_id:
            draw_lines(
                layout, f"Open notes on {reminder.name}: {len(reminder.notes)}. Load the notes to see them.", "INFO"
            )
        return
    box = layout.box()
    draw_lines(box, f"Open on {CONTROLLER.feedback.versions[0].name}. Tick what this version answers:", "INFO")
    for note in notes[:_MAX_NOTES]:
        is_ticked = note.id in choices.addressed
        icon = "CHECKBOX_HLT" if is_ticked else "CHECKBOX_DEHLT"
        tick = box.operator("ft_dcc.toggle_addressed", text=note_line(note), icon=icon, depress=is_ticked)
        tick.note_id = note.id
    if len(notes) > _MAX_NOTES:
        box.label(text=f"{len(notes) - _MAX_NOTES} more are in the list of notes.")


def _draw_sources(column: Any, choices: Any, scene: Any) -> None:
    """Draw the field of one source, or a check box for each one."""
    if choices.has_several_sources:
        for name in find_sources(scene):
            icon = "CHECKBOX_HLT" if name in choices.sources else "CHECKBOX_DEHLT"
            column.operator("ft_dcc.toggle_source", text=name, icon=icon, depress=name in choices.sources).name = name
    else:
        placeholder = _default_camera(scene)
        blender_compat.draw_field(column, choices, "camera", placeholder=placeholder, icon="CAMERA_DATA")
    column.prop(choices, "has_several_sources")


def _default_camera(scene: Any) -> str:
    return next(iter(find_sources(scene)), "no camera")


def _draw_signed_out(layout: Any) -> None:
    if CONTROLLER.is_busy:
        layout.label(text="Signing in…", icon="TIME")
        layout.operator("ft_dcc.cancel")
        return
    layout.operator("ft_dcc.sign_in", icon="USER")
    layout.operator("ft_dcc.sign_in_browser", icon="URL")
    layout.operator("ft_dcc.sign_in_local", icon="HOME")
    _draw_error(layout)


def _draw_button(layout: Any, scene: Any) -> None:
    if CONTROLLER.is_busy:
        _draw_progress(layout, CONTROLLER.progress)
        if CONTROLLER.is_capturing:
            # Clicks are blocked during the capture.
            layout.label(text="Escape cancels", icon="EVENT_ESC")
        else:
            layout.operator("ft_dcc.cancel", icon="CANCEL")
        return
    row = layout.row()
    row.scale_y = 1.6
    reason = reason_not_to_publish(scene)
    row.enabled = not reason
    row.operator("ft_dcc.publish", icon="RENDER_ANIMATION")
    row.operator("ft_dcc.preview", icon="PLAY", text="")
    if reason:
        draw_lines(layout, reason, "INFO")


def _draw_progress(layout: Any, progress: Progress | None) -> None:
    if progress is None:
        layout.label(text="Checking…", icon="TIME")
        return
    blender_compat.draw_progress(layout, *progress_share_and_text(progress))


def progress_share_and_text(progress: Progress | None) -> tuple[float, str]:
    """Return the finished share of the step from 0 to 1, and what the step does."""
    if progress is None:
        return 0.0, "Checking…"
    frames = f" {progress.done} of {progress.total}" if progress.unit == "frames" else ""
    return progress_share(progress), f"{step_label(progress)}{frames}"


def _draw_previews(layout: Any) -> None:
    """Draw the movies that wait for a decision, and its buttons."""
    if not CONTROLLER.previews:
        return
    box = layout.box()
    for index, path in enumerate(CONTROLLER.previews):
        box.operator("ft_dcc.play_preview", icon="PLAY", text=f"Play {path.stem}").index = index
    row = box.row(align=True)
    row.operator("ft_dcc.send_preview", icon="EXPORT")
    row.operator("ft_dcc.drop_preview", icon="TRASH")


def _draw_result(layout: Any) -> None:
    _draw_previews(layout)
    for index, problem in enumerate(CONTROLLER.problems):
        _draw_problem(layout.box(), index, problem)
    if sum(problem.repair is not None for problem in CONTROLLER.problems) > 1:
        layout.operator("ft_dcc.repair_all", icon="TOOL_SETTINGS")
    if CONTROLLER.is_partly_publishable:
        layout.operator("ft_dcc.publish_rest", icon="RENDER_ANIMATION")
    if has_acceptable_problem():
        layout.operator("ft_dcc.publish_anyway", icon="ERROR")
    _draw_error(layout)
    if CONTROLLER.published and not CONTROLLER.is_busy and not CONTROLLER.error and not CONTROLLER.problems:
        _, newest = CONTROLLER.published[0]
        box = layout.box()
        box.label(text=f"Version {newest.version} is in review", icon="CHECKMARK")
        for change in newest.changes:
            draw_lines(box, f"{change}.", "INFO")
        if newest.link:
            row = box.row(align=True)
            row.operator("ft_dcc.open_link", icon="URL").link = newest.link
            row.operator("ft_dcc.copy_link", text="", icon="COPYDOWN").link = newest.link


def _draw_problem(box: Any, index: int, problem: ValidationIssue) -> None:
    draw_lines(box, f"{problem.instance + ': ' if problem.instance else ''}{problem.message}", "ERROR")
    if problem.repair:
        is_short = len(problem.repair) <= _line_length()
        if not is_short:
            draw_lines(box, f"{problem.repair}:", "BLANK1")
        box.operator("ft_dcc.repair", text=problem.repair if is_short else "Repair", icon="TOOL_SETTINGS").index = index


def _draw_error(layout: Any) -> None:
    if CONTROLLER.error:
        draw_lines(layout.box(), CONTROLLER.error, "INFO" if CONTROLLER.error == "Cancelled." else "ERROR")


def draw_lines(layout: Any, text: str, icon: str) -> None:
    """Draw wrapped lines for the width of the sidebar, because a label does not wrap."""
    column = layout.column(align=True)
    for line in wrap_text(text, _line_length()):
        column.label(text=line, icon=icon)
        icon = "BLANK1"


def wrap_text(text: str, length: int) -> list[str]:
    """Return the lines of a text; a word that is too long for a line, such as a path, is broken after a slash."""
    lines = [""]
    for word in text.split():
        parts = [word] if len(word) <= length else re.split(r"(?<=/)", word)
        for index, part in enumerate(parts):
            space = " " if lines[-1] and index == 0 else ""
            if lines[-1] and len(lines[-1]) + len(space) + len(part) > length:
                lines.append(part)
            else:
                lines[-1] += space + part
    return lines


def _line_length() -> int:
    """Return the number of letters that fit into a line of the sidebar."""
    scale, region = bpy.context.preferences.system.ui_scale, bpy.context.region
    width = region.width if region is not None else 0
    return max(_MIN_LINE_LENGTH, int((width / scale - _MARGIN_WIDTH) / _LETTER_WIDTH))


def draw_thumbnail(layout: Any, component_id: str | None) -> None:
    """Draw the image of a component once it is downloaded; None stands for no image."""
    icon = _icon(CONTROLLER.images.get(CONTROLLER.session, component_id))
    if icon:
        layout.template_icon(icon_value=icon, scale=_THUMBNAIL_SCALE)


def clear_icons() -> None:
    """Free the thumbnails."""
    while _icons:
        bpy.utils.previews.remove(_icons.pop())


def _icon(path: Path | None) -> int:
    """Return the number of the image's icon, 0 without one."""
    if path is None:
        return 0
    if not _icons:
        _icons.append(bpy.utils.previews.new())
    found = _icons[0]
    name = str(path)
    preview = found[name] if name in found else found.load(name, name, "IMAGE")
    # Blender loads an image that is only drawn some time later, and does not redraw the panel then.
    if not any(preview.image_size):
        return 0
    return int(preview.icon_id)
