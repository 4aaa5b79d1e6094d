"""The open notes on the last version, and a tick for each that the publish answers."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from typing import Any

import bpy

from ft_dcc.review.notes import Note

from ..host import TASK_PROPERTY
from .controller import CONTROLLER

_SKIP_SAVE = {"SKIP_SAVE", "HIDDEN"}


class ToggleAddressed(bpy.types.Operator):
    """The next version answers this note"""

    bl_idname = "ft_dcc.toggle_addressed"
    bl_label = "Addressed"

    note_id: bpy.props.StringProperty(options=_SKIP_SAVE)

    def execute(self, context: Any) -> set[str]:
        """Tick the note, or remove its tick."""
        chosen = context.window_manager.ft_dcc.addressed
        if self.note_id in chosen:
            chosen.remove(chosen.find(self.note_id))
        else:
            chosen.add().name = self.note_id
        return {"FINISHED"}


def open_notes(scene: Any) -> tuple[Note, ...]:
    """Return the open notes on the newest version of the scene's task, as far as they were read."""
    feedback = CONTROLLER.feedback
    if feedback.task_id != scene.get(TASK_PROPERTY) or not feedback.versions:
        return ()
    return tuple(note for note in feedback.versions[0].open_notes if not note.addressed_in)


def addressed_notes(choices: Any, scene: Any) -> tuple[str, ...]:
    """Return the ids of the ticked notes that are still open."""
    return tuple(note.id for note in open_notes(scene) if note.id in choices.addressed)
