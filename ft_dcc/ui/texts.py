"""What every panel and dialog says about notes, versions and progress."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from ft_dcc import errors, frames, host, plain_text
from ft_dcc.publish.progress import Progress
from ft_dcc.review.notes import Note, ReviewedVersion

if TYPE_CHECKING:
    from ft_dcc.publish.models import Shot

_STEP_LABELS = {"capture": "Capturing", "encode": "Encoding", "upload": "Uploading"}


def step_label(progress: Progress) -> str:
    """Return what the step of a publish does, such as "Encoding"."""
    return _STEP_LABELS.get(progress.step.partition(" ")[0], progress.step)


def progress_share(progress: Progress) -> float:
    """Return the finished share of the step, from 0 to 1."""
    return progress.done / progress.total if progress.total else 0.0


def problem_text(problem: errors.ValidationIssue, fields: Mapping[str, str]) -> str:
    """Return the message, and what to enter to publish so; ``fields`` are the labels of fields by those of requests."""
    name, _, value = problem.option.partition(" ")
    return problem.message + (f" Enter {value} in the field {fields[name]} to publish it so." if name in fields else "")


def note_text(note: Note) -> str:
    """Return the text of a note in one line."""
    return " ".join(plain_text.printable(note.text).split()) or "a drawing"


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


def shot_text(shot: Shot | None, scene: host.Scene | None) -> tuple[str, bool]:
    """Return a sentence about what the shot wants, and whether the scene has other values."""
    wanted = [] if shot is None else [shot.frame_range and shot.frame_range.with_handles, shot.fps, shot.resolution]
    found = [None, None, None] if scene is None else [scene.frame_range, scene.fps, scene.resolution]
    is_other = scene is not None and any(value not in (None, own) for value, own in zip(wanted, found))
    if not any(wanted):
        return "", is_other
    rest = f"; the scene has {describe(*found)}" if is_other else ""
    return f"The shot wants {describe(*wanted)}{rest}.", is_other


def describe(*values: frames.FrameRange | Fraction | frames.Resolution | None) -> str:
    """Return frame range, rate or size as a short text, without those that are None."""
    known = [value for value in values if value is not None]
    return ", ".join(f"{float(each):.6g} fps" if isinstance(each, Fraction) else str(each) for each in known)
