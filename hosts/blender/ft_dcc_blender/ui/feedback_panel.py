"""The panel of the reviewers' notes on the versions of the task, and its operators."""

from __future__ import annotations

from typing import Any

import bpy

from ft_dcc.errors import Error
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.ui.texts import open_first, verdict_texts

from ..host import TASK_PROPERTY, BlenderHost
from .controller import CONTROLLER
from .operator_class import hidden_number, hidden_text, operator, text_field
from .panel import TaskSidebar, draw_lines, has_read_task

_MAX_VERSIONS, _MAX_NOTES = 5, 30


class NotesPanel(TaskSidebar, bpy.types.Panel):
    """Notes of reviewers on the versions of the task"""

    bl_idname = "FTDCC_PT_notes"
    bl_label = "Notes"
    bl_parent_id = "FTDCC_PT_review"

    def draw_header_preset(self, context: Any) -> None:
        """Draw the number of open notes, and a mark if some are new."""
        feedback = CONTROLLER.feedback
        if has_read_task(context) and feedback.open_count:
            self.layout.label(text=f"{feedback.open_count} open", icon="INFO" if feedback.unseen_count else "NONE")

    def draw(self, context: Any) -> None:
        """Draw the versions with their verdicts, and their notes, the open ones first."""
        layout, feedback, is_loaded = self.layout, CONTROLLER.feedback, has_read_task(context)
        row = layout.row(align=True)
        row.operator("ft_dcc.read_notes", icon="FILE_REFRESH", text="Refresh" if is_loaded else "Load Notes")
        if feedback.is_shown:
            row.operator("ft_dcc.hide_drawings", icon="HIDE_ON")
        elif is_loaded and feedback.versions:
            row.operator("ft_dcc.show_drawings", icon="GREASEPENCIL")
        if not is_loaded:
            return
        for text in filter(None, (feedback.message, feedback.error, *feedback.problems)):
            draw_lines(layout.box(), text, "INFO" if text == feedback.message else "ERROR")
        if not feedback.versions:
            layout.label(text="Loading…" if feedback.is_loading else "The task has no versions.")
        for version in feedback.versions[:_MAX_VERSIONS]:
            _draw_version(layout, version)


@operator("read_notes", "Load Notes")
def read_notes(operator: Any, context: Any) -> None:
    """Read the notes on the versions of the task"""
    # New notes are read as they arrive from then on.
    session = CONTROLLER.require_session()
    CONTROLLER.feedback.mark_seen()
    CONTROLLER.feedback.read(session, context.scene.get(TASK_PROPERTY, ""))


@operator("show_drawings", "Show Drawings", version_id=hidden_text())
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


@operator("go_to_frame", "Go to Frame", frame=hidden_number())
def go_to_frame(operator: Any, context: Any) -> None:
    """Go to the frame of the note"""
    context.scene.frame_set(operator.frame)


def _ask_for_text(operator: Any, context: Any) -> set[str]:
    """Ask for the text; one that could not be written is not lost."""
    operator.text = CONTROLLER.feedback.take_unsent_text()
    found: set[str] = context.window_manager.invoke_props_dialog(operator, width=400)
    return found


@operator("reply_to_note", "Reply", invoke=_ask_for_text, note_id=hidden_text(), text=text_field("Reply"))
def reply_to_note(operator: Any, context: Any) -> None:
    """Write a reply to the note"""
    note, text = CONTROLLER.feedback.find_note(operator.note_id), operator.text.strip()
    if note is None or not text:
        raise Error("The reply is empty, or the note was removed. Load the notes and try again.")
    CONTROLLER.feedback.reply(CONTROLLER.require_session(), note, text)


@operator("mark_note", "Done", note_id=hidden_text())
def mark_note(operator: Any, context: Any) -> None:
    """Mark the note as done, or open it again"""
    note = CONTROLLER.feedback.find_note(operator.note_id)
    if note is None:
        raise Error("The note was removed. Load the notes and try again.")
    CONTROLLER.feedback.set_done(CONTROLLER.require_session(), note, is_done=not note.is_done)


def _draw_version(layout: Any, version: ReviewedVersion) -> None:
    row = layout.row()
    row.label(text=f"{version.asset} {version.name}, {version.status}", icon="FILE_MOVIE")
    if any(note.drawing for note in version.open_notes):
        row.operator("ft_dcc.show_drawings", text="", icon="GREASEPENCIL").version_id = version.id
    if verdicts := verdict_texts(version):
        draw_lines(layout, ", ".join(verdicts), "CHECKMARK")
    notes = open_first(version.notes)
    for note in notes[:_MAX_NOTES]:
        _draw_note(layout.box(), note)
    if len(notes) > _MAX_NOTES:
        layout.label(text=f"{len(notes) - _MAX_NOTES} more notes are on the review page.")


def _draw_note(box: Any, note: Note) -> None:
    row = box.row(align=True)
    row.label(text=note.author, icon="GREASEPENCIL" if note.drawing else "USER")
    if note.frame is not None:
        row.operator("ft_dcc.go_to_frame", text=f"Frame {note.frame}").frame = note.frame
    row.operator("ft_dcc.reply_to_note", text="", icon="OUTLINER_OB_FONT").note_id = note.id
    icon = "CHECKBOX_HLT" if note.is_done else "CHECKBOX_DEHLT"
    row.operator("ft_dcc.mark_note", text="", icon=icon).note_id = note.id
    for text in filter(None, (note.text, note.problem, *(f"{reply.author}: {reply.text}" for reply in note.replies))):
        draw_lines(box, text, "BLANK1")
