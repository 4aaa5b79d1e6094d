"""The panels of the user's tasks, and of a task's versions and their notes, with their operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ft_dcc import errors, plain_text
from ft_dcc.review.my_tasks import MyTask
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.ui import texts

from ..host import TASK_PROPERTY, BlenderHost
from ..scene import compare
from .controller import CONTROLLER
from .operators import DISCARD_FIELD, draw_changes, hidden, operator, text_field, toggle, wait_without_window
from .panel import (
    THUMBNAIL_LENGTH,
    SignedInSidebar,
    TaskSidebar,
    draw_disk_files,
    draw_lines,
    draw_thumbnail,
    recent_versions,
)

_MAX_TASKS, _MAX_VERSIONS, _MAX_NOTES = 12, 8, 30


class TasksPanel(SignedInSidebar, bpy.types.Panel):
    """Tasks that are assigned to you"""

    bl_idname = "FTDCC_PT_tasks"
    bl_label = "My Tasks"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    def draw(self, context: Any) -> None:
        """Draw the tasks, those with open notes first."""
        my_tasks, layout = CONTROLLER.my_tasks, self.layout
        is_loaded = my_tasks.is_loaded
        if not (is_loaded or my_tasks.is_loading or my_tasks.error):
            CONTROLLER.read_my_tasks()
        if my_tasks.error:
            draw_lines(layout.box(), my_tasks.error, "ERROR")
        elif my_tasks.is_loading and not is_loaded:
            layout.label(text="Loading…")
        elif is_loaded and not my_tasks.value:
            layout.label(text="No task is assigned to you.")
        for task in my_tasks.value[:_MAX_TASKS]:
            _draw_task(layout.box(), task, is_current=task.id == context.scene.get(TASK_PROPERTY))
        if len(my_tasks.value) > _MAX_TASKS:
            layout.label(text=f"{len(my_tasks.value) - _MAX_TASKS} more: search them above.")


def _draw_task(box: Any, task: MyTask, *, is_current: bool) -> None:
    row = box.row()
    draw_thumbnail(row, task.version.thumbnail_id if task.version else None)
    column = row.column(align=True)
    draw_lines(column, task.path, "CHECKMARK" if is_current else "BLANK1", reserved=THUMBNAIL_LENGTH)
    due = f"due {task.due.astimezone():%Y-%m-%d}" if task.due else ""
    version = f"{task.version.name}, {task.version.status}" if task.version else ""
    draw_lines(column, ", ".join(filter(None, (task.status, due, version))), "BLANK1", reserved=THUMBNAIL_LENGTH)
    row = box.row()
    if task.open_count:
        row.label(text=f"{task.open_count} open", icon="INFO")
    row.operator("ft_dcc.take_task").task_id = task.id


class VersionsPanel(TaskSidebar, bpy.types.Panel):
    """Versions of the task"""

    bl_idname = "FTDCC_PT_versions"
    bl_label = "Versions"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's way

    def draw(self, context: Any) -> None:
        """Draw the download, the button that ends a comparison, and the newest versions."""
        layout, files = self.layout, CONTROLLER.version_files
        if files.is_loading:
            layout.label(text="Downloading…", icon="TIME")
        for text in filter(None, (files.error, *files.problems)):
            draw_lines(layout.box(), text, "ERROR")
        if compare.is_shown():
            layout.operator("ft_dcc.stop_comparing", icon="X")
        for version in CONTROLLER.feedback.versions[:_MAX_VERSIONS]:
            box = layout.box()
            row = box.row()
            draw_thumbnail(row, version.thumbnail_id)
            column = row.column(align=True)
            draw_lines(column, version_line(version), "BLANK1", reserved=THUMBNAIL_LENGTH)
            if verdicts := texts.verdict_texts(version):
                draw_lines(column, ", ".join(verdicts), "CHECKMARK")
            row = box.row(align=True)
            row.operator("ft_dcc.open_version_scene", text="Open Scene", icon="FILE_BLEND").version_id = version.id
            row.operator("ft_dcc.compare_with", text="Compare", icon="IMAGE_REFERENCE").version_id = version.id
            _draw_files(row, box, version)
        if not CONTROLLER.feedback.versions:
            layout.label(text="Loading…" if CONTROLLER.feedback.is_loading else "The task has no versions.")
        if published := recent_versions()[:5]:
            layout.label(text="Published from this machine:")
        for path, number, link in published:
            row = layout.row(align=True)
            row.label(text=plain_text.single_line(f"v{number:03d}  {path}"))
            if link:
                row.operator("ft_dcc.open_link", text="", icon="URL").link = link
                row.operator("ft_dcc.copy", text="", icon="COPYDOWN").text = link


def _draw_files(row: Any, box: Any, version: ReviewedVersion) -> None:
    """Draw the button that shows the files on disk, and those of the version that was chosen with it."""
    disk = CONTROLLER.disk_files
    is_shown = disk.version_id == version.id
    row.operator("ft_dcc.show_files", text="", icon="FILE_FOLDER", depress=is_shown).version_id = version.id
    if not is_shown:
        return
    if not disk.components and not disk.error:
        box.label(text="No files on disk." if disk.is_loaded else "Loading…")
    draw_disk_files(box, [(each.path, each.unreachable) for each in disk.components], version.source)


def version_line(version: ReviewedVersion) -> str:
    """Return name, asset, status, date and artist of a version."""
    date = version.date and f"{version.date.astimezone():%Y-%m-%d %H:%M}"
    return "  ".join(filter(None, (version.name, version.asset, version.status, date, version.artist)))


def _choose_folder(operator: Any, context: Any) -> None:
    operator.directory = operator.directory or str(Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home())


def _draw_folder(operator: Any, context: Any) -> None:
    operator.layout.prop(operator, "directory")
    draw_changes(operator, context)


@operator(
    "open_version_scene",
    "Open the Scene of This Version",
    ask=_choose_folder,
    draw=_draw_folder,
    version_id=hidden(),
    directory=text_field("Folder", subtype="DIR_PATH"),
    discard_changes=DISCARD_FIELD,
)
def open_version_scene(operator: Any, context: Any) -> None:
    """Download the scene file of the version and open it"""
    if bpy.data.is_dirty and not operator.discard_changes:
        raise errors.Error("This file has unsaved changes. Save it first, or choose to discard them.")
    folder = Path(bpy.path.abspath(operator.directory))
    CONTROLLER.open_version(operator.version_id, folder, BlenderHost(), discard_changes=bool(operator.discard_changes))
    wait_without_window()


@operator("show_files", "Files on Disk", version_id=hidden())
def show_files(operator: Any, context: Any) -> None:
    """Show where the files of the version are on disk, or hide them again"""
    disk, session = CONTROLLER.disk_files, CONTROLLER.require_session()
    is_shown = disk.version_id == operator.version_id
    disk.clear()
    if not is_shown:
        disk.read(session, operator.version_id)


@operator("compare_with", "Compare With", version_id=hidden())
def compare_with(operator: Any, context: Any) -> None:
    """Show the movie of the version half transparent in front of the camera"""
    version = next((each for each in CONTROLLER.feedback.versions if each.id == operator.version_id), None)
    if version is None:
        raise errors.Error("The version does not exist any more. Load the versions again.")
    session, source = CONTROLLER.require_session(), context.window_manager.ft_dcc.camera or None
    CONTROLLER.version_files.compare(session, BlenderHost(context.scene.name), version, source)


@operator("stop_comparing", "Stop Comparing")
def stop_comparing(operator: Any, context: Any) -> None:
    """Remove the movie from the camera"""
    CONTROLLER.version_files.stop_comparing(BlenderHost(context.scene.name))


class NotesPanel(TaskSidebar, bpy.types.Panel):
    """Notes of reviewers on the versions of the task"""

    bl_idname = "FTDCC_PT_notes"
    bl_label = "Notes"

    def draw_header_preset(self, context: Any) -> None:
        """Draw the number of notes that wait for an answer, and a mark if some are new."""
        feedback = CONTROLLER.feedback
        if feedback.task_id == context.scene.get(TASK_PROPERTY) and feedback.open_count:
            self.layout.label(text=f"{feedback.open_count} open", icon="INFO" if feedback.unseen_count else "NONE")

    def draw(self, context: Any) -> None:
        """Draw the notes that wait for an answer in the order of frames, and the others if they are wanted."""
        layout, feedback, choices = self.layout, CONTROLLER.feedback, context.window_manager.ft_dcc
        row = layout.row(align=True)
        if feedback.is_shown:
            row.operator("ft_dcc.hide_drawings", icon="HIDE_ON")
        elif any(note.drawing for version in feedback.versions for note in version.notes):
            row.operator("ft_dcc.show_drawings", icon="GREASEPENCIL")
        every = [(version, note) for version in feedback.versions for note in version.notes]
        if any(not note.is_unanswered for _, note in every):
            row.prop(choices, "shows_answered", toggle=True)
        for text in filter(None, (feedback.message, feedback.error, *feedback.problems)):
            draw_lines(layout.box(), text, "INFO" if text == feedback.message else "ERROR")
        waiting = feedback.unanswered_notes(context.scene.get(TASK_PROPERTY))
        if not waiting:
            layout.label(text="Loading…" if feedback.is_loading else "No note waits for an answer.")
        answered = [each for each in every if not each[1].is_unanswered] if choices.shows_answered else []
        column = layout.column(align=True)
        for version, note in [*waiting, *answered][:_MAX_NOTES]:
            _draw_note(column, choices, version, note)
        if len(waiting) + len(answered) > _MAX_NOTES:
            layout.label(text=f"{len(waiting) + len(answered) - _MAX_NOTES} more notes are on the review page.")


def _draw_note(layout: Any, choices: Any, version: ReviewedVersion, note: Note) -> None:
    """Draw one line of the note with a tick that answers it, and below it the whole note if it is open."""
    is_open, is_ticked = note.id in choices.opened, note.id in choices.addressed
    row = layout.row(align=True)
    if note.is_unanswered:
        icon = "CHECKBOX_HLT" if is_ticked else "CHECKBOX_DEHLT"
        row.operator("ft_dcc.toggle_addressed", text="", icon=icon, depress=is_ticked).note_id = note.id
    icon = "TRIA_DOWN" if is_open else "GREASEPENCIL" if note.drawing else "TRIA_RIGHT"
    row.operator("ft_dcc.open_note", text=texts.note_line(version, note), icon=icon, emboss=False).note_id = note.id
    if not is_open:
        return
    box = layout.box()
    state = f"answered in {note.addressed_in}" if note.addressed_in else "done" if note.is_done else ""
    for text in filter(
        None, (note.text, state, note.problem, *(f"{each.author}: {each.text}" for each in note.replies))
    ):
        draw_lines(box, text, "BLANK1")
    row = box.row(align=True)
    if note.frame is not None:
        row.operator("ft_dcc.go_to_frame", text=f"Frame {note.frame}").frame = note.frame
    row.operator("ft_dcc.reply_to_note").note_id = note.id
    row.operator("ft_dcc.mark_note", text="Open Again" if note.is_done else "Done").note_id = note.id
    if note.drawing and version.open_notes:
        row.operator("ft_dcc.show_drawings", text="", icon="GREASEPENCIL").version_id = version.id


@operator("open_note", "Note", note_id=hidden())
def open_note(operator: Any, context: Any) -> None:
    """Show the whole note, or only its first line"""
    toggle(context.window_manager.ft_dcc.opened, operator.note_id)


@operator("show_drawings", "Show Drawings", version_id=hidden())
def show_drawings(operator: Any, context: Any) -> None:
    """Show the drawings of the open notes in front of the camera"""
    feedback = CONTROLLER.feedback
    wanted = [version for version in feedback.versions if version.id == operator.version_id]
    feedback.mark_seen()
    source = context.window_manager.ft_dcc.camera or None
    # With the newest version, drawings of an earlier one are marked as such.
    versions = [*feedback.versions[:1], *wanted] if wanted else None
    feedback.show(BlenderHost(context.scene.name), versions, source)


@operator("hide_drawings", "Hide Drawings")
def hide_drawings(operator: Any, context: Any) -> None:
    """Remove the drawings from the scene"""
    CONTROLLER.feedback.hide(BlenderHost(context.scene.name))


@operator("go_to_frame", "Go to Frame", frame=hidden(bpy.props.IntProperty))
def go_to_frame(operator: Any, context: Any) -> None:
    """Go to the frame of the note"""
    context.scene.frame_set(operator.frame)


def _fill_in_unsent_text(operator: Any, context: Any) -> None:
    operator.text = CONTROLLER.feedback.take_unsent_text()


@operator("reply_to_note", "Reply", ask=_fill_in_unsent_text, note_id=hidden(), text=text_field("Reply"))
def reply_to_note(operator: Any, context: Any) -> None:
    """Write a reply to the note"""
    note, text = CONTROLLER.feedback.find_note(operator.note_id), operator.text.strip()
    if note is None or not text:
        raise errors.Error("The reply is empty, or the note was removed. Load the notes and try again.")
    CONTROLLER.feedback.reply(CONTROLLER.require_session(), note, text)


@operator("mark_note", "Done", note_id=hidden())
def mark_note(operator: Any, context: Any) -> None:
    """Mark the note as done, or open it again"""
    note = CONTROLLER.feedback.find_note(operator.note_id)
    if note is None:
        raise errors.Error("The note was removed. Load the notes and try again.")
    CONTROLLER.feedback.set_done(CONTROLLER.require_session(), note, is_done=not note.is_done)
