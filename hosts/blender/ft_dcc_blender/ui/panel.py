"""The panel in the sidebar of the 3D view. Drawing only reads the controller."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PureWindowsPath
from typing import Any

import bpy
import bpy.utils.previews

from ft_dcc import errors, plain_text
from ft_dcc.publish.progress import Progress
from ft_dcc.settings.definitions import VERSION_PATTERN
from ft_dcc.ui.texts import describe, progress_share, step_label
from ft_dcc.ui.version_files import has_frames

from ..host import TASK_PROPERTY
from ..scene import blender_compat
from . import operators, properties, task_operators
from .controller import CONTROLLER

# In pixels: the width of a letter, and of margins, icon and tabs in a line.
_LETTER_WIDTH, _MARGIN_WIDTH = 6.5, 75
_MIN_LINE_LENGTH, _MENU_LINE_LENGTH = 18, 70
# In letters: what the buttons beside a file, or a thumbnail, take from a line.
_BUTTONS_LENGTH, THUMBNAIL_LENGTH = 9, 8
_MAX_FOUND = 8
# The height of a thumbnail in lines of the panel.
_THUMBNAIL_SCALE = 2.5
_MAX_PROBLEMS, _MAX_WHOLE_PROBLEMS = 12, 2
_icons: list[Any] = []


class Sidebar:
    """Base of all panels: the tab of the add-on in the sidebar of the 3D view."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "ft-dcc"


class SignedInSidebar(Sidebar):
    """Base of the panels in the first one that are drawn only while the artist is signed in."""

    bl_parent_id = "FTDCC_PT_review"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in."""
        return CONTROLLER.session is not None


class TaskSidebar(SignedInSidebar):
    """Base of the panels in the first one that are drawn only while the artist is signed in and a task is chosen."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and a task is chosen."""
        return CONTROLLER.session is not None and bool(context.scene.get(TASK_PROPERTY))


class ReviewPanel(Sidebar, bpy.types.Panel):
    """Publish for review"""

    bl_idname = "FTDCC_PT_review"
    bl_label = "Publish for Review"

    def draw_header_preset(self, context: Any) -> None:
        """Draw the one button that reads everything again."""
        if CONTROLLER.session is not None:
            self.layout.operator("ft_dcc.refresh", text="", icon="FILE_REFRESH", emboss=False)

    def draw(self, context: Any) -> None:
        """Draw task, review session and comment, the publish button or the progress, and below it what it led to."""
        layout, choices, scene = self.layout, context.window_manager.ft_dcc, context.scene
        if CONTROLLER.session is None:
            _draw_signed_out(layout)
            return
        column = layout.column()
        column.enabled = not CONTROLLER.is_busy
        _draw_task(column, choices, scene)
        review = operators.chosen_review(choices, scene)
        blender_compat.draw_field(column, choices, "review", placeholder=review, icon="FILE_MOVIE", text="")
        row = column.row(align=True)
        row.prop(choices, "comment", icon="TEXT", text="")
        if CONTROLLER.last_comment and not choices.comment:
            row.operator("ft_dcc.use_last_comment", text="", icon="LOOP_BACK")
        _draw_button(layout, choices, scene)
        _draw_result(layout)


def _draw_task(column: Any, choices: Any, scene: Any) -> None:
    """Draw the task, and whether range, rate and size of its shot are those of the scene."""
    row = column.row(align=True)
    row.prop(choices, "task", icon="CHECKMARK" if choices.task else "VIEWZOOM", text="")
    row.operator("ft_dcc.create_task", text="", icon="ADD")
    _draw_found_tasks(column)
    if CONTROLLER.work_message:
        draw_lines(column, CONTROLLER.work_message, "INFO")
    task_id, name = CONTROLLER.offered
    if task_id:
        column.operator(
            "ft_dcc.make_work_file", text=plain_text.single_line(f"Make {name}"), icon="FILE_NEW"
        ).task_id = task_id
        column.operator("ft_dcc.choose_task").task_id = task_id
    task = properties.chosen_task()
    if task is None:
        return
    row = column.row(align=True)
    row.operator("ft_dcc.take_task", text="Work File", icon="FILE_FOLDER").task_id = task.id
    row.operator("ft_dcc.save_next_version", text="Save Next", icon="FILE_TICK")
    task_operators.read_task_once(task)
    shot = CONTROLLER.shots.get(task.id)
    wanted = [] if shot is None else [shot.frame_range and shot.frame_range.with_handles, shot.fps, shot.resolution]
    found = task_operators.scene_values(scene)
    if not any(wanted):
        return
    is_same = all(value in (None, own) for value, own in zip(wanted, found))
    draw_lines(column, describe(*wanted), "BLANK1" if is_same else "ERROR")
    if not is_same:
        column.operator("ft_dcc.use_shot_settings", text="Pull Range")


def recent_versions() -> list[tuple[str, int, str | None]]:
    """Return task, number and link of the versions published from this machine to this server, newest first."""
    here = [(path, version.version, version.link) for path, version in CONTROLLER.published]
    before = [
        (past.path, past.version, past.link)
        for past in CONTROLLER.queries.recent_versions
        if past.server == CONTROLLER.server
    ]
    return [*here, *(past for past in before if past not in here)]


def _draw_found_tasks(layout: Any) -> None:
    """Draw a button for each task that the server has found for the typed text."""
    queries = CONTROLLER.queries
    if not queries.searched_text:
        return
    if queries.is_loading:
        layout.label(text="Searching…", icon="TIME")
        return
    text = queries.error or ("" if queries.found_tasks else f"There is no task {queries.searched_text}. Create it: +.")
    if text:
        draw_lines(layout, text, "ERROR")
    for task in () if text else queries.found_tasks[:_MAX_FOUND]:
        layout.operator("ft_dcc.choose_task", text=plain_text.single_line(task.path)).task_id = task.id


def _draw_signed_out(layout: Any) -> None:
    if CONTROLLER.is_busy:
        layout.label(text="Signing in…", icon="TIME")
        layout.operator("ft_dcc.cancel")
        return
    layout.operator("ft_dcc.sign_in", icon="USER")
    layout.operator("ft_dcc.sign_in_browser", icon="URL")
    layout.operator("ft_dcc.sign_in_local", icon="HOME")
    _draw_error(layout)


def _draw_button(layout: Any, choices: Any, scene: Any) -> None:
    if CONTROLLER.is_busy:
        if CONTROLLER.progress is None:
            layout.label(text="Checking…", icon="TIME")
        else:
            blender_compat.draw_progress(layout, *progress_share_and_text(CONTROLLER.progress))
        if CONTROLLER.is_capturing:
            # Clicks are blocked during the capture.
            layout.label(text="Escape cancels", icon="EVENT_ESC")
        else:
            layout.operator("ft_dcc.cancel", icon="CANCEL")
        return
    row = layout.row()
    row.scale_y = 1.6
    reason = operators.reason_not_to_publish(choices, scene)
    row.enabled = not reason
    row.operator("ft_dcc.publish", icon="RENDER_ANIMATION")
    row.operator("ft_dcc.preview", icon="PLAY", text="")
    if reason:
        draw_lines(layout, reason, "INFO")


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
        box.operator("ft_dcc.play_preview", icon="PLAY", text=plain_text.single_line(f"Play {path.stem}")).index = index
    row = box.row(align=True)
    row.operator("ft_dcc.send_preview", icon="EXPORT")
    row.operator("ft_dcc.drop_preview", icon="TRASH")


def _draw_result(layout: Any) -> None:
    _draw_previews(layout)
    for index, asked in enumerate(CONTROLLER.asked_renders):
        box = layout.box()
        draw_lines(box, asked.question, "QUESTION")
        row = box.row(align=True)
        row.operator("ft_dcc.publish_render", text="Publish", icon="EXPORT").index = index
        row.operator("ft_dcc.decline_render", icon="X").index = index
    _draw_problems(layout)
    if CONTROLLER.is_partly_publishable:
        layout.operator("ft_dcc.publish_rest", icon="RENDER_ANIMATION")
    if operators.has_acceptable_problem():
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
            row.operator("ft_dcc.copy", text="", icon="COPYDOWN").text = newest.link
        draw_disk_files(box, [(path, None) for path in newest.paths], newest.source)
        name = bpy.path.basename(bpy.data.filepath)
        if numbers := re.findall(VERSION_PATTERN, name):
            draw_lines(box, f"The published scene is {name}.", "BLANK1")
            box.operator("ft_dcc.save_next_version", text=f"Go On in v{int(numbers[-1]) + 1:03d}", icon="FILE_TICK")


def _draw_problems(layout: Any) -> None:
    """Draw one row for each problem, with its repair at the end; of many problems, a click shows the whole text."""
    problems = CONTROLLER.problems
    repairable = sum(problem.repair is not None for problem in problems)
    if repairable > 1:
        layout.operator("ft_dcc.repair_all", text=f"Repair All {repairable}", icon="TOOL_SETTINGS")
    for index, problem in enumerate(problems[:_MAX_PROBLEMS]):
        row = layout.box().row() if len(problems) <= _MAX_WHOLE_PROBLEMS else layout.row(align=True)
        if len(problems) <= _MAX_WHOLE_PROBLEMS:
            draw_lines(row, problem_text(problem), "ERROR", reserved=6 if problem.repair else 0)
        else:
            line = row.row()
            line.alignment = "LEFT"
            line.operator("ft_dcc.show_problem", text=problem_text(problem), icon="ERROR", emboss=False).index = index
        if problem.repair:
            row.operator("ft_dcc.repair", text="", icon="TOOL_SETTINGS").index = index
    if len(problems) > _MAX_PROBLEMS:
        layout.label(text=f"{len(problems) - _MAX_PROBLEMS} more problems")


def draw_disk_files(layout: Any, files: Iterable[tuple[str, str | None]], source: str) -> None:
    """Draw the files of a version with their buttons, or why this machine cannot see them, and the last result.

    ``source`` is what the version was made from.
    """
    for path, unreachable in files:
        if unreachable is not None:
            draw_lines(layout, f"{path}: {unreachable}.", "UNLINKED")
            continue
        row = layout.row(align=True)
        icon = "RENDERLAYERS" if has_frames(path) else "FILE"
        draw_lines(row, PureWindowsPath(path).name, icon, reserved=_BUTTONS_LENGTH)
        if has_frames(path):
            load = row.operator("ft_dcc.load_frames", text="", icon="IMAGE_BACKGROUND")
            load.path, load.source = path, source
        row.operator("ft_dcc.open_folder", text="", icon="FILE_FOLDER").path = path
        row.operator("ft_dcc.copy", text="", icon="COPYDOWN").text = path
    disk = CONTROLLER.disk_files
    for text in filter(None, (disk.error, disk.message)):
        draw_lines(layout, text, "ERROR" if text == disk.error else "INFO")


def _draw_error(layout: Any) -> None:
    if CONTROLLER.error:
        draw_lines(layout.box(), CONTROLLER.error, "INFO" if CONTROLLER.error == "Cancelled." else "ERROR")


def problem_text(problem: Any) -> str:
    """Return the source and the message of a problem in one line."""
    return plain_text.single_line(f"{problem.instance + ': ' if problem.instance else ''}{problem.message}")


@operators.operator("show_problem", "Problem", index=operators.hidden(bpy.props.IntProperty))
def show_problem(operator: Any, context: Any) -> None:
    """Show the whole text of the problem"""
    if operator.index >= len(CONTROLLER.problems):
        raise errors.Error("This problem does not exist any more.")
    problem = CONTROLLER.problems[operator.index]

    def draw(menu: Any, context: Any) -> None:
        for line in wrap_text(problem_text(problem), _MENU_LINE_LENGTH):
            menu.layout.label(text=line)

    context.window_manager.popup_menu(draw, title=plain_text.single_line(problem.check), icon="ERROR")


def draw_lines(layout: Any, text: str, icon: str, reserved: int = 0) -> None:
    """Draw wrapped lines for the width of the sidebar, because a label does not wrap.

    ``reserved`` letters of each line belong to what is beside it.
    """
    column = layout.column(align=True)
    for line in wrap_text(plain_text.printable(text), line_length() - reserved):
        column.label(text=line, icon=icon)
        icon = "BLANK1"


def wrap_text(text: str, length: int) -> list[str]:
    """Return the lines of a text; a word that is too long for a line, such as a path, is broken after / and _."""
    lines = [""]
    for word in text.split():
        parts = [word] if len(word) <= length else re.split(r"(?<=[/_])", word)
        for index, part in enumerate(parts):
            space = " " if lines[-1] and index == 0 else ""
            if lines[-1] and len(lines[-1]) + len(space) + len(part) > length:
                lines.append(part)
            else:
                lines[-1] += space + part
    return lines


def line_length() -> int:
    """Return the number of letters that fit into a line of the sidebar."""
    # Without a window the scale is not known.
    scale, region = bpy.context.preferences.system.ui_scale or 1.0, bpy.context.region
    width = region.width if region is not None else 0
    return max(_MIN_LINE_LENGTH, int((width / scale - _MARGIN_WIDTH) / _LETTER_WIDTH))


def draw_thumbnail(layout: Any, component_id: str | None) -> None:
    """Draw the image of a component once it is downloaded; None stands for no image."""
    path = CONTROLLER.images.get(CONTROLLER.session, component_id)
    if path is None:
        return
    if not _icons:
        _icons.append(bpy.utils.previews.new())
    found, name = _icons[0], str(path)
    preview = found[name] if name in found else found.load(name, name, "IMAGE")
    # Blender loads an image that is only drawn some time later, and does not redraw the panel then.
    if any(preview.image_size):
        layout.template_icon(icon_value=int(preview.icon_id), scale=_THUMBNAIL_SCALE)


def clear_icons() -> None:
    """Free the thumbnails."""
    while _icons:
        bpy.utils.previews.remove(_icons.pop())
