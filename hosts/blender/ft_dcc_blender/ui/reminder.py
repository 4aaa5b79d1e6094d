"""The open notes on the last version, and those of them that the publish answers."""

from __future__ import annotations

from typing import Any

from ft_dcc.review.notes import Note

from ..host import TASK_PROPERTY
from .controller import CONTROLLER


def open_notes(scene: Any) -> tuple[Note, ...]:
    """Return the open notes on the newest version of the scene's task, as far as they were read."""
    feedback = CONTROLLER.feedback
    if feedback.task_id != scene.get(TASK_PROPERTY) or not feedback.versions:
        return ()
    return tuple(note for note in feedback.versions[0].open_notes if not note.addressed_in)


def addressed_notes(choices: Any, scene: Any) -> tuple[str, ...]:
    """Return the ids of the ticked notes that are still open."""
    return tuple(note.id for note in open_notes(scene) if note.id in choices.addressed)
