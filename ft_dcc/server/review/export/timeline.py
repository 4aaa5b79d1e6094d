"""A review session as an OpenTimelineIO file with the drawings in the form of ORI, the Open Review Initiative."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.review.drawings import parse_drawing
from ft_dcc.review.export.otio import to_otio
from ft_dcc.review.notes import Clip, Note, Reply, ReviewedVersion
from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion

_DEFAULT_RATE = Fraction(24)


def write_timeline(session: ExportSession, target: Path) -> None:
    """Write an OpenTimelineIO file in the form of ORI: one clip for each version, and its notes on tracks beside it.

    The clips refer to the files of the export of movies.
    """
    versions = [_to_reviewed(version) for version in session.versions]
    timeline = json.loads(to_otio(versions, session.name))
    timeline["metadata"] = {"ft_dcc": {"project": session.project}}
    by_id = {version.id: version for version in session.versions}
    for clip in timeline["tracks"]["children"][0]["children"]:
        reference = clip["media_references"]["DEFAULT_MEDIA"]
        version = by_id[reference["metadata"]["ft_dcc"]["version_id"]]
        reference.update(OTIO_SCHEMA="ExternalReference.1", target_url=movie_name(version))
        # Notes on the whole version, and on frames that the movie does not have, have no place on a track.
        frames = range(version.first_frame, version.first_frame + max(version.frame_count, 1))
        notes = [_thread_to_json(note) for note in version.notes if note.frame not in frames]
        facts: dict[str, Any] = {"path": version.path, "task": version.task, "notes": notes}
        facts["verdicts"] = {each.name: each.verdict for each in version.verdicts}
        facts["verdict_history"] = [attrs.asdict(each) for each in version.verdicts]
        clip["metadata"] = {"ft_dcc": facts}
    target.write_text(json.dumps(timeline, indent=2), "utf-8")


def _to_reviewed(version: ExportVersion) -> ReviewedVersion:
    # A still is one frame.
    rate = Fraction(version.rate) if version.rate else _DEFAULT_RATE
    size = version.size or (0, 0)
    clip = Clip(rate, version.first_frame, max(version.frame_count, 1), *size)
    notes = tuple(_to_note(note) for note in version.notes)
    place = " / ".join(version.path)
    return ReviewedVersion(
        version.id, version.version, version.name, None, place, version.author, None, "", clip=clip, notes=notes
    )


def _to_note(note: ExportNote) -> Note:
    replies = tuple(Reply(each.id, each.author, None, each.text) for depth, each in note.thread() if depth > 0)
    drawing = None
    if note.shapes:
        data = json.dumps({"version": 2, "author": note.author, "end_frame": note.drawing_end, "shapes": note.shapes})
        drawing = parse_drawing(data, note.frame or 0, drawing_id=note.id, author=note.author, text=note.text)
    return Note(note.id, ("", ""), note.author, None, note.text, note.frame, note.end_frame, drawing, replies=replies)


def _thread_to_json(note: ExportNote) -> list[dict[str, Any]]:
    return [{"author": each.author, "date": each.date, "text": each.text} for _, each in note.thread()]


def movie_name(version: ExportVersion) -> str:
    """Return a file name for the media of a version, which is safe on every operating system."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in version.title)
    return f"{name}{'.jpg' if version.movie_id is None else '.mp4'}"
