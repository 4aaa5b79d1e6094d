"""The panel of the reviewers' notes on the versions of the task, and its operators."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from typing import Any, Optional

import bpy

from ft_dcc.review.notes import Note, ReviewedVersion

from ..host import TASK_PROPERTY, BlenderHost
from .controller import CONTROLLER, change_count, redraw
from .panel import Sidebar, draw_lines

_REDRAW_INTERVAL_SECONDS = 0.25
_MAX_VERSIONS, _MAX_NOTES = 5, 30
_SKIP_SAVE = {"SKIP_SAVE", "HIDDEN"}
_drawn_changes = 0


class NotesPanel(Sidebar, bpy.types.Panel):
    """Notes of reviewers on the versions of the task"""

    bl_idname = "FTDCC_PT_notes"
    bl_label = "Notes"
    bl_parent_id = "FTDCC_PT_review"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether the artist is signed in and a task is chosen."""
        return CONTROLLER.session is not None and bool(context.scene.get(TASK_PROPERTY))

    def draw_header_preset(self, context: Any) -> None:
        """Draw the number of open notes, and a mark if some are new."""
        feedback = CONTROLLER.feedback
        if _is_loaded(context) and feedback.open_count:
            self.layout.label(text=f"{feedback.open_count} open", icon="INFO" if feedback.unseen_count else "NONE")

    def draw(self, context: Any) -> None:
        """Draw the versions with their verdicts, and their notes, the open ones first."""
        layout, feedback = self.layout, CONTROLLER.feedback
        row = layout.row(align=True)
        row.operator("ft_dcc.read_notes", icon="FILE_REFRESH", text="Refresh" if _is_loaded(context) else "Load Notes")
        if feedback.is_shown:
            row.operator("ft_dcc.hide_drawings", icon="HIDE_ON")
        elif _is_loaded(context) and feedback.versions:
            row.operator("ft_dcc.show_drawings", icon="GREASEPENCIL")
        if not _is_loaded(context):
            return
        for text in (feedback.message, feedback.error, *feedback.problems):
            if text:
                draw_lines(layout.box(), text, "INFO" if text == feedback.message else "ERROR")
        if not feedback.versions:
            layout.label(text="Loading…" if feedback.is_loading else "The task has no versions.")
        for version in feedback.versions[:_MAX_VERSIONS]:
            _draw_version(layout, version)


class ReadNotes(bpy.types.Operator):
    """Read the notes on the versions of the task"""

    bl_idname = "ft_dcc.read_notes"
    bl_label = "Load Notes"

    def execute(self, context: Any) -> set[str]:
        """Start reading; new notes are read as they arrive from then on."""
        if CONTROLLER.session is None:
            self.report({"ERROR"}, "You are not signed in. Sign in first.")
            return {"CANCELLED"}
        CONTROLLER.feedback.mark_seen()
        CONTROLLER.feedback.read(CONTROLLER.session, context.scene.get(TASK_PROPERTY, ""))
        return {"FINISHED"}


class ShowDrawings(bpy.types.Operator):
    """Show the drawings of the open notes in front of the camera"""

    bl_idname = "ft_dcc.show_drawings"
    bl_label = "Show Drawings"

    version_id: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Start showing the drawings of a version, by default of the newest one."""
        wanted = [version for version in CONTROLLER.feedback.versions if version.id == self.version_id]
        CONTROLLER.feedback.mark_seen()
        source = context.window_manager.ft_dcc.camera or None
        # With the newest version, drawings of an earlier one are marked as such.
        versions = [*CONTROLLER.feedback.versions[:1], *wanted] if wanted else None
        CONTROLLER.feedback.show(BlenderHost(context.scene.name), versions, source)
        return {"FINISHED"}


class HideDrawings(bpy.types.Operator):
    """Remove the drawings from the scene"""

    bl_idname = "ft_dcc.hide_drawings"
    bl_label = "Hide Drawings"

    def execute(self, context: Any) -> set[str]:
        """Start removing."""
        CONTROLLER.feedback.hide(BlenderHost(context.scene.name))
        return {"FINISHED"}


class GoToFrame(bpy.types.Operator):
    """Go to the frame of the note"""

    bl_idname = "ft_dcc.go_to_frame"
    bl_label = "Go to Frame"

    frame: bpy.props.IntProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Set the current frame, as a click on the timeline does."""
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


class ReplyToNote(bpy.types.Operator):
    """Write a reply to the note"""

    bl_idname = "ft_dcc.reply_to_note"
    bl_label = "Reply"

    note_id: bpy.props.StringProperty(options=_SKIP_SAVE)
    text: bpy.props.StringProperty(name="Reply", options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the text; one that could not be written is not lost."""
        self.text = CONTROLLER.feedback.take_unsent_text()
        found: set[str] = context.window_manager.invoke_props_dialog(self, width=400)
        return found

    def execute(self, context: Any) -> set[str]:
        """Start writing the reply."""
        note = _find_note(self.note_id)
        if CONTROLLER.session is None or note is None or not self.text.strip():
            self.report({"ERROR"}, "The reply is empty, or the note was removed. Load the notes and try again.")
            return {"CANCELLED"}
        CONTROLLER.feedback.reply(CONTROLLER.session, note, self.text.strip())
        return {"FINISHED"}


class MarkNote(bpy.types.Operator):
    """Mark the note as done, or open it again"""

    bl_idname = "ft_dcc.mark_note"
    bl_label = "Done"

    note_id: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Start changing the state of the note."""
        note = _find_note(self.note_id)
        if CONTROLLER.session is None or note is None:
            self.report({"ERROR"}, "The note was removed. Load the notes and try again.")
            return {"CANCELLED"}
        CONTROLLER.feedback.set_done(CONTROLLER.session, note, is_done=not note.is_done)
        return {"FINISHED"}


CLASSES = (ReadNotes, ShowDrawings, HideDrawings, GoToFrame, ReplyToNote, MarkNote, NotesPanel)


def start_redrawing_changes() -> None:
    """Redraw the panel soon after notes arrive; do nothing without a window."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_changes):
        bpy.app.timers.register(_redraw_changes, persistent=True)


def stop_redrawing_changes() -> None:
    """Remove the timer."""
    if bpy.app.timers.is_registered(_redraw_changes):
        bpy.app.timers.unregister(_redraw_changes)


def _redraw_changes() -> float:
    global _drawn_changes
    changes = change_count()
    if changes != _drawn_changes:
        _drawn_changes = changes
        redraw()
    return _REDRAW_INTERVAL_SECONDS


def _is_loaded(context: Any) -> bool:
    return CONTROLLER.feedback.task_id == context.scene.get(TASK_PROPERTY)


def _find_note(note_id: str) -> Optional[Note]:
    notes = (note for version in CONTROLLER.feedback.versions for note in version.notes)
    return next((note for note in notes if note.id == note_id), None)


def _draw_version(layout: Any, version: ReviewedVersion) -> None:
    verdicts = ", ".join(f"{verdict.author}: {verdict.status}" for verdict in version.verdicts if verdict.review)
    row = layout.row()
    row.label(text=f"{version.asset} {version.name}, {version.status}", icon="FILE_MOVIE")
    if any(note.drawing for note in version.open_notes):
        row.operator("ft_dcc.show_drawings", text="", icon="GREASEPENCIL").version_id = version.id
    if verdicts:
        draw_lines(layout, verdicts, "CHECKMARK")
    notes = sorted(version.notes, key=lambda note: not note.is_open)
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
    for text in (note.text, note.problem, *(f"{reply.author}: {reply.text}" for reply in note.replies)):
        if text:
            draw_lines(box, text, "BLANK1")
