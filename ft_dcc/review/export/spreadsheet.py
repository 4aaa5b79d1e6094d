"""Write notes and verdicts as a CSV file, one line for each note and reply."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ft_dcc.review.notes import Note, ReviewedVersion, Verdict, VerdictChange

COLUMNS = (
    *("version", "path", "task", "frame", "end_frame", "author", "date", "note", "reply_to", "drawing", "labels"),
    *("state", "verdicts", "review", "attachments", "id"),
)
VERDICTS = {"approved": "Approved", "require_changes": "Changes required"}
# A spreadsheet runs a cell that begins with one of these as a formula; some take the full-width forms for the others.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(versions: Iterable[ReviewedVersion]) -> str:
    """Return the notes as CSV with a header, each with its replies; a version without notes has one line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for version in versions:
        for row in _rows(version):
            writer.writerow({name: without_formula(cell) for name, cell in row.items()})
    return text.getvalue()


def without_formula(cell: Any) -> Any:
    """Return the value of a cell, a text so that no spreadsheet runs it; numbers may be negative."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def note_state(note: Note) -> str:
    """Return the state of a note: done, addressed in a version, or "" for one that is neither."""
    return "done" if note.is_done else f"addressed in {note.addressed_in}" if note.addressed_in else ""


def decided(version: ReviewedVersion) -> list[Verdict]:
    """Return the verdicts of people in review sessions, without those who have only seen the version."""
    return [verdict for verdict in version.verdicts if verdict.review and verdict.status in VERDICTS]


def earlier_verdicts(verdict: Verdict) -> list[VerdictChange]:
    """Return what the person decided before, oldest first."""
    given = [change for change in verdict.history if change.status in VERDICTS]
    return given[:-1] if given and given[-1].status == verdict.status else given


def describe_verdict(verdict: Verdict) -> str:
    """Return the person, the verdict with its date, and the earlier verdicts."""
    earlier = ", ".join(_dated(change) for change in earlier_verdicts(verdict))
    now = _dated(VerdictChange(verdict.status, verdict.date))
    return f"{verdict.author}: {now}" + (f" (before: {earlier})" if earlier else "")


def minutes(date: datetime | None) -> str:
    """Return a date and time to the minute, "" for None."""
    return "" if date is None else f"{date:%Y-%m-%d %H:%M}"


def _dated(change: VerdictChange) -> str:
    return VERDICTS[change.status] + ("" if change.date is None else f" {minutes(change.date)} UTC")


def _rows(version: ReviewedVersion) -> Iterator[dict[str, Any]]:
    verdicts = "; ".join(map(describe_verdict, decided(version)))
    facts = {"version": version.title, "path": version.path, "task": version.task, "verdicts": verdicts}
    for root in version.notes:
        for depth, note in root.thread():
            yield {
                **facts,
                "frame": "" if note.frame is None else note.frame,
                "end_frame": "" if note.end_frame is None else note.end_frame,
                "author": note.author,
                "date": minutes(note.date),
                "note": note.text,
                "reply_to": root.author if depth else "",
                "drawing": "yes" if note.drawing is not None and note.drawing.shapes else "",
                "labels": ", ".join(note.labels),
                "state": "" if depth else note_state(note) or ("open" if note.is_open else ""),
                "review": root.review,
                "attachments": ", ".join(f"{each.name}{each.file_type}" for each in note.attachments),
                "id": note.id,
            }
    if not version.notes:
        yield facts
