"""What every panel and dialog says about notes, versions and progress."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ft_dcc.errors import ValidationIssue
from ft_dcc.publish.progress import Progress
from ft_dcc.review.notes import Note, ReviewedVersion

_STEP_LABELS = {"capture": "Capturing", "encode": "Encoding", "upload": "Uploading"}


def step_label(progress: Progress) -> str:
    """Return what the step of a publish does, such as "Encoding"."""
    return _STEP_LABELS.get(progress.step.partition(" ")[0], progress.step)


def progress_share(progress: Progress) -> float:
    """Return the finished share of the step, from 0 to 1."""
    return progress.done / progress.total if progress.total else 0.0


def problem_text(problem: ValidationIssue, fields: Mapping[str, str]) -> str:
    """Return the message, and what to enter to publish so; ``fields`` are the labels of fields by those of requests."""
    name, _, value = problem.option.partition(" ")
    return problem.message + (f" Enter {value} in the field {fields[name]} to publish it so." if name in fields else "")


def note_text(note: Note) -> str:
    """Return the text of a note in one line."""
    return " ".join(note.text.split()) or "a drawing"


def note_date(note: Note) -> str:
    """Return the local date and time of a note, "" without one."""
    return "" if note.date is None else f"{note.date.astimezone():%Y-%m-%d %H:%M}"


def note_line(version: ReviewedVersion, note: Note) -> str:
    """Return frame, version, author and text of a note in one line."""
    frame = "" if note.frame is None else f"{note.frame}  "
    return f"{frame}{version.name}  {note.author}: {note_text(note)}"


def open_first(notes: Iterable[Note]) -> list[Note]:
    """Return the notes in the order of their frames, the open ones first, and first those on the whole version."""
    return sorted(notes, key=lambda note: (not note.is_open, -math.inf if note.frame is None else note.frame))


def verdict_texts(version: ReviewedVersion) -> list[str]:
    """Return the verdict of each person in a review session."""
    return [f"{verdict.author}: {verdict.status}" for verdict in version.verdicts if verdict.review]
