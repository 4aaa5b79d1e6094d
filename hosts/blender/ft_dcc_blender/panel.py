"""The panel in the 3D view's sidebar. Drawing reads the desk and asks nobody."""

from __future__ import annotations

from typing import Any

import bpy

from ft_dcc.errors import Problem
from ft_dcc.publish.progress import Progress

from . import versions
from .capture import sources
from .choices import chosen_frames, chosen_resolution, chosen_review
from .desk import DESK
from .host import TASK_PROPERTY

_DOING = {"capture": "Capturing", "encode": "Encoding", "upload": "Uploading"}
# A letter's width, and what a line has beside its letters: margins, the icon and the tabs. In pixels.
_LETTER, _BESIDE = 6.5, 75
_SHORTEST = 18
# What there is to choose with each kind of shading.
_OPTIONS = {
    "SOLID": ("colours", "light", "shadows", "cavity", "scene_colours"),
    "VIEWPORT": ("overlays", "scene_colours"),
    "RENDERED": ("scene_colours",),
}


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "ft-dcc"


class ReviewPanel(_Sidebar, bpy.types.Panel):
    """Publish for review"""

    bl_idname = "FTDCC_PT_review"
    bl_label = "Publish for Review"

    def draw(self, context: Any) -> None:
        """Who, where, what; then the one button, or how far it is."""
        layout, choices, scene = self.layout, context.window_manager.ft_dcc, context.scene
        if DESK.session is None:
            _draw_signed_out(layout)
            return
        row = layout.row()
        row.label(text=f"Signed in as {DESK.user}", icon="USER")
        row.operator("ft_dcc.refresh", text="", icon="FILE_REFRESH")
        column = layout.column()
        column.enabled = not DESK.is_busy
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(choices, "task")
        versions.draw_field(column, choices, "review", usual=chosen_review(choices, scene))
        versions.draw_field(column, choices, "camera", usual=_usual_camera(scene), icon="CAMERA_DATA")
        column.prop(choices, "frames")
        if choices.frames == "CUSTOM":
            column.prop(choices, "start")
            column.prop(choices, "end")
        column.prop(choices, "comment")
        _draw_button(layout, scene)
        _draw_outcome(layout)


class LookPanel(_Sidebar, bpy.types.Panel):
    """What the film will show"""

    bl_idname = "FTDCC_PT_facts"
    bl_label = "Film"
    bl_parent_id = "FTDCC_PT_review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only for who is signed in."""
        return DESK.session is not None

    def draw(self, context: Any) -> None:
        """Camera, range, rate and size as they stand, and how the pictures will look."""
        scene, render, choices = context.scene, context.scene.render, context.window_manager.ft_dcc
        start, end = chosen_frames(choices, scene)
        for text in (
            f"Camera: {choices.camera or _usual_camera(scene)}",
            f"Frames: {start}-{end}",
            f"Rate: {render.fps / render.fps_base:.6g} fps",
            f"Size: {chosen_resolution(choices, scene)}",
        ):
            self.layout.label(text=text)
        column = self.layout.column()
        column.enabled = not DESK.is_busy
        column.use_property_split, column.use_property_decorate = True, False
        for name in ("percentage", "shading", *_OPTIONS[choices.shading], "transparent", "stamp"):
            column.prop(choices, name)


class PublishedPanel(_Sidebar, bpy.types.Panel):
    """What was published lately"""

    bl_idname = "FTDCC_PT_published"
    bl_label = "Published"
    bl_parent_id = "FTDCC_PT_review"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only when there is something."""
        return bool(last_published())

    def draw(self, context: Any) -> None:
        """The newest first, each with its link."""
        for path, version, link in last_published()[:5]:
            row = self.layout.row(align=True)
            row.label(text=f"v{version:03d}  {path}")
            if link:
                row.operator("ft_dcc.open_link", text="", icon="URL").link = link
                row.operator("ft_dcc.copy_link", text="", icon="COPYDOWN").link = link


def last_published() -> list[tuple[str, int, str | None]]:
    """Task, number and link of what was published here, and before from this machine to this server; newest first."""
    here = [(path, version.version, version.link) for path, version in DESK.published]
    before = [(past.path, past.version, past.link) for past in DESK.lookups.past if past.server == DESK.server]
    return [*here, *(past for past in before if past not in here)]


def _usual_camera(scene: Any) -> str:
    return next(iter(sources(scene)), "no camera")


def _draw_signed_out(layout: Any) -> None:
    if DESK.is_busy:
        layout.label(text="Signing in ...", icon="TIME")
        layout.operator("ft_dcc.cancel")
        return
    layout.operator("ft_dcc.sign_in", icon="USER")
    layout.operator("ft_dcc.sign_in_browser", icon="URL")
    layout.operator("ft_dcc.sign_in_own", icon="HOME")
    _draw_error(layout)


def _draw_button(layout: Any, scene: Any) -> None:
    if DESK.is_busy:
        _draw_progress(layout, DESK.progress)
        if DESK.is_capturing:
            # Clicks are swallowed as long as the scene is borrowed.
            layout.label(text="Escape cancels", icon="EVENT_ESC")
        else:
            layout.operator("ft_dcc.cancel", icon="CANCEL")
        return
    row = layout.row()
    row.scale_y = 1.6
    row.enabled = bool(scene.get(TASK_PROPERTY))
    row.operator("ft_dcc.publish", icon="RENDER_ANIMATION")


def _draw_progress(layout: Any, progress: Progress | None) -> None:
    if progress is None:
        layout.label(text="Checking ...", icon="TIME")
        return
    share = progress.done / progress.total if progress.total else 0.0
    text = _DOING.get(progress.step.partition(" ")[0], progress.step)
    if progress.unit == "frames":
        text = f"{text} {progress.done} of {progress.total}"
    versions.draw_progress(layout, share, text)


def _draw_outcome(layout: Any) -> None:
    for index, problem in enumerate(DESK.problems):
        _draw_problem(layout.box(), index, problem)
    if sum(problem.repair is not None for problem in DESK.problems) > 1:
        layout.operator("ft_dcc.repair_all", icon="TOOL_SETTINGS")
    if DESK.is_partly_publishable:
        layout.operator("ft_dcc.publish_rest", icon="RENDER_ANIMATION")
    _draw_error(layout)
    if DESK.published and not DESK.is_busy and not DESK.error and not DESK.problems:
        _, newest = DESK.published[0]
        box = layout.box()
        box.label(text=f"Version {newest.version} is in review", icon="CHECKMARK")
        if newest.link:
            row = box.row(align=True)
            row.operator("ft_dcc.open_link", icon="URL").link = newest.link
            row.operator("ft_dcc.copy_link", text="", icon="COPYDOWN").link = newest.link


def _draw_problem(box: Any, index: int, problem: Problem) -> None:
    _draw_lines(box, f"{problem.instance + ': ' if problem.instance else ''}{problem.message}", "ERROR")
    if problem.repair:
        fits = len(problem.repair) <= _line_length()
        if not fits:
            _draw_lines(box, f"{problem.repair}:", "BLANK1")
        box.operator("ft_dcc.repair", text=problem.repair if fits else "Repair", icon="TOOL_SETTINGS").index = index


def _draw_error(layout: Any) -> None:
    if DESK.error:
        _draw_lines(layout.box(), DESK.error, "INFO" if DESK.error == "Cancelled." else "ERROR")


def _draw_lines(layout: Any, text: str, icon: str) -> None:
    """A label does not wrap, so it is cut into lines for the width that the sidebar has."""
    column, line, length = layout.column(align=True), "", _line_length()
    for word in text.split():
        if line and len(line) + 1 + len(word) > length:
            column.label(text=line, icon=icon)
            line, icon = word, "BLANK1"
        else:
            line = f"{line} {word}".strip()
    column.label(text=line, icon=icon)


def _line_length() -> int:
    """How many letters a line of the sidebar holds."""
    scale, region = bpy.context.preferences.system.ui_scale, bpy.context.region
    width = region.width if region is not None else 0
    return max(_SHORTEST, int((width / scale - _BESIDE) / _LETTER))
