"""The notes and verdicts of a review session as CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion

_COLUMNS = (
    "version",
    "path",
    "task",
    "frame",
    "end_frame",
    "author",
    "date",
    "note",
    "reply_to",
    "drawing",
    "labels",
    "state",
    "verdicts",
)
# A spreadsheet runs a text that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(session: ExportSession, target: Path) -> None:
    """Write one row for each note and reply, and one for each version without notes."""
    # With a byte order mark, because Excel reads UTF-8 only with one.
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for version in session.versions:
            for row in _rows(version):
                writer.writerow([_cell(row.get(name, "")) for name in _COLUMNS])


def _rows(version: ExportVersion) -> list[dict[str, Any]]:
    verdicts = "; ".join(each.text for each in version.verdicts)
    facts = {"version": version.title, "path": "/".join(version.path), "task": version.task, "verdicts": verdicts}
    rows = [_note_row(facts, note, None) for note in version.notes]
    for root in version.notes:
        rows.extend(_note_row(facts, reply, root) for depth, reply in root.thread() if depth)
    return rows or [facts]


def _note_row(facts: dict[str, Any], note: ExportNote, parent: ExportNote | None) -> dict[str, Any]:
    return {
        **facts,
        "frame": "" if note.frame is None else note.frame,
        "end_frame": "" if note.end_frame is None else note.end_frame,
        "author": note.author,
        "date": note.date,
        "note": note.text,
        "reply_to": "" if parent is None else parent.author,
        "drawing": "yes" if note.shapes else "",
        "labels": ", ".join(note.labels),
        "state": "" if parent is not None else "done" if note.is_done else "open",
    }


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
