"""Write notes as a CSV file, one line a note or reply."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from ft_dcc.review.notes import Note, ReviewedVersion

COLUMNS = (
    *("shot", "asset", "version", "frame", "end frame", "author", "date", "text"),
    *("state", "labels", "review", "drawing", "attachments", "note id", "reply to"),
)
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(versions: Iterable[ReviewedVersion]) -> str:
    """Return the notes of the versions as CSV with a header, by frame, each followed by its replies."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for version in versions:
        for note in sorted_by_frame(version.notes):
            for row in _rows(version, note):
                writer.writerow(_without_formula(cell) for cell in row)
    return text.getvalue()


def sorted_by_frame(notes: Iterable[Note]) -> list[Note]:
    """Return notes on the whole version first, then the others by frame."""
    return sorted(notes, key=lambda note: (note.frame is not None, note.frame or 0))


def note_state(note: Note) -> str:
    """Return the state of a note: done, addressed in a version, open, or "" for the note of the publish."""
    if note.is_done:
        return "done"
    return f"addressed in {note.addressed_in}" if note.addressed_in else "open" if note.is_open else ""


def _rows(version: ReviewedVersion, note: Note) -> Iterator[list[str]]:
    place = [version.path, version.asset, version.name]
    frames = ["" if frame is None else str(frame) for frame in (note.frame, note.end_frame)]
    yield [
        *place,
        *frames,
        note.author,
        "" if note.date is None else note.date.isoformat(),
        note.text,
        note_state(note),
        ", ".join(note.labels),
        note.review,
        "yes" if note.drawing is not None else "",
        ", ".join(f"{each.name}{each.file_type}" for each in note.attachments),
        note.id,
        "",
    ]
    for reply in note.replies:
        date = "" if reply.date is None else reply.date.isoformat()
        yield [*place, *frames, reply.author, date, reply.text, "", "", note.review, "", "", reply.id, note.id]


def _without_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
