"""The notes and verdicts of a review session as CSV, and its versions as an OpenTimelineIO timeline."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion

_COLUMNS = ("version", "path", "task", "frame", "author", "date", "note", "reply_to", "drawing", "verdicts")
# A spreadsheet runs a text that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_DEFAULT_RATE = Fraction(24)


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
    verdicts = "; ".join(f"{name}: {verdict}" for name, verdict in version.verdicts)
    facts = {"version": version.title, "path": "/".join(version.path), "task": version.task, "verdicts": verdicts}
    rows = [_note_row(facts, note, None) for note in version.notes]
    for root in version.notes:
        rows.extend(_note_row(facts, reply, root) for depth, reply in root.thread() if depth)
    return rows or [facts]


def _note_row(facts: dict[str, Any], note: ExportNote, parent: ExportNote | None) -> dict[str, Any]:
    return {
        **facts,
        "frame": "" if note.frame is None else note.frame,
        "author": note.author,
        "date": note.date,
        "note": note.text,
        "reply_to": "" if parent is None else parent.author,
        "drawing": "yes" if note.shapes else "",
    }


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def write_timeline(session: ExportSession, target: Path) -> None:
    """Write a timeline with one clip for each version, as the file format of OpenTimelineIO.

    Notes are markers at their frames, and have the metadata of ORI, the Open Review Initiative.
    """
    clips = [_clip(version) for version in session.versions]
    track = {
        "OTIO_SCHEMA": "Track.1",
        "name": "Review",
        "kind": "Video",
        "children": clips,
        "metadata": {},
        "effects": [],
        "markers": [],
        "enabled": True,
        "source_range": None,
    }
    stack = {
        "OTIO_SCHEMA": "Stack.1",
        "name": "tracks",
        "children": [track],
        "metadata": {},
        "effects": [],
        "markers": [],
        "enabled": True,
        "source_range": None,
    }
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": session.name,
        "metadata": {"ft_dcc": {"project": session.project}},
        "global_start_time": None,
        "tracks": stack,
    }
    target.write_text(json.dumps(timeline, indent=2), "utf-8")


def _clip(version: ExportVersion) -> dict[str, Any]:
    rate = float(Fraction(version.rate)) if version.rate else float(_DEFAULT_RATE)
    whole = _range(version.first_frame, max(version.frame_count, 1), rate)
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": version.title,
        "target_url": movie_name(version),
        "available_range": whole,
        "available_image_bounds": None,
        "metadata": {},
    }
    return {
        "OTIO_SCHEMA": "Clip.2",
        "name": version.title,
        "source_range": whole,
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
        "effects": [],
        "markers": [_marker(version, note, rate) for note in version.notes],
        "enabled": True,
        "metadata": {"ft_dcc": {"path": version.path, "task": version.task, "verdicts": dict(version.verdicts)}},
    }


def _marker(version: ExportVersion, note: ExportNote, rate: float) -> dict[str, Any]:
    comments = [
        {"author": each.author, "date": each.date, "text": each.text, "drawing": each.shapes}
        for _, each in note.thread()
    ]
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": note.text[:80] or "Drawing",
        "color": "RED" if note.shapes else "YELLOW",
        "comment": note.text,
        "marked_range": _range(version.first_frame if note.frame is None else note.frame, 1, rate),
        "metadata": {"ORI": {"version": "1.0", "comments": comments}},
    }


def _range(first: int, count: int, rate: float) -> dict[str, Any]:
    def time(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(value)}

    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(first), "duration": time(count)}


def movie_name(version: ExportVersion) -> str:
    """Return a file name for the media of a version, which is safe on every operating system."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in version.title)
    return f"{name}{'.jpg' if version.movie_id is None else '.mp4'}"
