"""Write notes and drawings as an OpenTimelineIO file, with the annotation commands of ORI (Open Review Initiative).

The media track has one clip for each version. The other tracks hold one clip for each note on a frame, whose metadata
``annotation_commands`` are the SyncEvents of https://github.com/richardssam/ORIAnnotations. Their coordinates have the
origin at the centre and y up, in units of the image's height; frames are counted from 0 in each version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from ft_dcc.review.drawings import Drawing, Shape, rgb
from ft_dcc.review.export.spreadsheet import VERDICTS, decided, earlier_verdicts, minutes
from ft_dcc.review.notes import Clip, Note, ReviewedSession, ReviewedVersion

_DEFAULT_ASPECT = 16 / 9

Item = dict[str, Any]


def to_otio(session: ReviewedSession, *, has_media: bool = False) -> str:
    """Return the versions that have a movie, with their notes, as the JSON text of a timeline.

    With ``has_media``, the clips refer to the files of :func:`media_name`, and have what has no place on a track.
    """
    shown = [(each, each.clip) for each in session.versions if each.clip is not None and each.clip.frame_count]
    media: list[Item] = []
    lanes, position = [_Lane()], 0
    for version, clip in shown:
        media.append(_session_clip(version, clip) if has_media else _media_clip(version, clip))
        for note in sorted(version.notes, key=lambda each: each.frame or 0):
            if (placed := _place(note, clip)) is not None:
                _add(lanes, position + placed[0], placed[1], clip, _note_clip(version, clip, note, *placed))
        position += clip.frame_count
    notes = (_track(f"Notes {index}", lane.items) for index, lane in enumerate(lanes, 1))
    tracks = [_track("Media", media), *notes]
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {"ft_dcc": {"project": session.project}} if has_media else {},
        "name": session.name,
        "global_start_time": None,
        "tracks": {**_composable("Stack.1", "tracks"), "children": tracks},
    }
    return json.dumps(timeline, indent=2)


@attrs.define
class _Lane:
    """A track of notes that do not overlap, and the frame at which the last one ends."""

    items: list[Item] = attrs.field(factory=list)
    end: int = 0


def _add(lanes: list[_Lane], start: int, count: int, clip: Clip, item: Item) -> None:
    """Add a clip to the first lane with room for it, or to a new one."""
    lane = next((lane for lane in lanes if lane.end <= start), None)
    if lane is None:
        lane = _Lane()
        lanes.append(lane)
    if start > lane.end:
        lane.items.append({**_composable("Gap.1", ""), "source_range": _range(clip, 0, start - lane.end)})
    lane.items.append(item)
    lane.end = start + count


def _place(note: Note, clip: Clip) -> tuple[int, int] | None:
    """Return first frame from 0 and number of frames of a note within the movie, or None if it is outside of it."""
    if note.frame is None:
        return None
    first = note.frame - clip.first_frame
    last = first if note.end_frame is None else max(first, note.end_frame - clip.first_frame)
    if last < 0 or first >= clip.frame_count:
        return None
    first, last = max(0, first), min(clip.frame_count - 1, last)
    return first, last - first + 1


def _media_clip(version: ReviewedVersion, clip: Clip) -> Item:
    whole = _range(clip, clip.first_frame, clip.frame_count)
    reference = {
        "OTIO_SCHEMA": "MissingReference.1",
        "metadata": {"ft_dcc": {"version_id": version.id}},
        "name": f"{version.asset} {version.name}",
        "available_range": whole,
        "available_image_bounds": None,
    }
    metadata = {"clip_guid": version.id, "shot": version.path, "version": version.number}
    return _clip(f"{version.asset} {version.name}", whole, metadata, reference)


def _session_clip(version: ReviewedVersion, clip: Clip) -> Item:
    item = _media_clip(version, clip)
    reference = item["media_references"]["DEFAULT_MEDIA"]
    reference.update(OTIO_SCHEMA="ExternalReference.1", target_url=media_name(version))
    # Notes on the whole version, and on frames that the movie does not have, have no place on a track.
    notes = [
        [{"author": each.author, "date": minutes(each.date), "text": each.text} for _, each in note.thread()]
        for note in version.notes
        if note.frame not in clip.frames
    ]
    facts: Item = {"path": version.path.split("/") if version.path else [], "task": version.task, "notes": notes}
    facts["verdicts"] = {each.author: VERDICTS[each.status] for each in decided(version)}
    facts["verdict_history"] = [
        {
            "name": each.author,
            "verdict": VERDICTS[each.status],
            "date": _utc(each.date),
            "history": [(VERDICTS[change.status], _utc(change.date)) for change in earlier_verdicts(each)],
        }
        for each in decided(version)
    ]
    return {**item, "metadata": {"ft_dcc": facts}}


def _utc(date: datetime | None) -> str | None:
    return None if date is None else f"{date.replace(tzinfo=None).isoformat()}Z"


def media_name(version: ReviewedVersion) -> str:
    """Return a file name for the media of a version, which is safe on every operating system."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in version.title)
    return f"{name}{'.mp4' if version.media_id is not None and not version.is_still else '.jpg'}"


def _note_clip(version: ReviewedVersion, clip: Clip, note: Note, first: int, count: int) -> Item:
    aspect = version.aspect or _DEFAULT_ASPECT
    replies = [each.text for depth, each in note.thread() if depth]
    commands: list[Item] = []
    if (drawing := note.drawing) is not None:
        for shape in drawing.shapes:
            commands += _shape_commands(shape, drawing, drawing.aspect or aspect)
    metadata = {
        "clip_guid": version.id,
        "annotation_commands": commands,
        "note": note.text,
        "author": note.author,
        "frame": note.frame,
        "ft_dcc": {"note_id": note.id, "is_done": note.is_done, "replies": replies},
    }
    return _clip(note.text or note.author, _range(clip, first, count), metadata, None)


def _shape_commands(shape: Shape, drawing: Drawing, aspect: float) -> list[Item]:
    colour = [*rgb(shape.colour), shape.opacity]
    points = [((x - 0.5) * aspect, 0.5 - y) for x, y, _ in shape.points]
    shown: Item = {"uuid": shape.id, "visible": True}
    if shape.kind in ("pen", "line"):
        return _pen_commands(shape, drawing, points, colour)
    if shape.kind == "text":
        text = {"position": points[0], "rgba": colour, "text": shape.text, "font_size": shape.size}
        fixed = {"spacing": 1.0, "scale": 1.0, "rotation": 0.0, "font": ""}
        return [{"OTIO_SCHEMA": "TextAnnotation.1", "uuid": shape.id, **text, **fixed}]
    if shape.kind == "arrow":
        ends = {"start": points[0], "end": points[1]}
        return [{"OTIO_SCHEMA": "ArrowAnnotation.1", **ends, "rgba": colour, "size": shape.width, **shown}]
    schema = "EllipseAnnotation.1" if shape.kind == "ellipse" else "RectangleAnnotation.1"
    (x0, y0), (x1, y1) = points
    box = {"min": (min(x0, x1), min(y0, y1)), "max": (max(x0, x1), max(y0, y1))}
    return [{"OTIO_SCHEMA": schema, **box, "rgba": colour, "size": shape.width, "inner_rgba": [0, 0, 0, 0], **shown}]


def _pen_commands(
    shape: Shape, drawing: Drawing, points: Sequence[tuple[float, float]], colour: Sequence[float]
) -> list[Item]:
    vertices = {
        "OTIO_SCHEMA": "PaintVertices.1",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "size": [shape.width * (0.5 + pressure) for _, _, pressure in shape.points],
        "alpha": [shape.opacity] * len(points),
    }
    start = {
        "OTIO_SCHEMA": "PaintStart.1",
        "source_index": 0,
        "uuid": shape.id,
        "friendly_name": drawing.author,
        "participant_hash": drawing.author,
        "rgba": list(colour),
        "type": "color",
        "brush": "circle",
        "visible": True,
        "layer_range": None,
        **dict.fromkeys(("hold", "ghost", "ghost_before", "ghost_after"), 0),
    }
    point = {"OTIO_SCHEMA": "PaintPoint.1", "uuid": shape.id, "layer_range": None, "points": vertices}
    return [start, point, {"OTIO_SCHEMA": "PaintEnd.1", "uuid": shape.id, "points": None}]


def _track(name: str, children: list[Item]) -> Item:
    return {**_composable("Track.1", name), "kind": "Video", "children": children}


def _clip(name: str, source_range: Item, metadata: Item, reference: Item | None) -> Item:
    return {
        **_composable("Clip.2", name),
        "metadata": metadata,
        "source_range": source_range,
        "media_references": {} if reference is None else {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _composable(schema: str, name: str) -> Item:
    parts: Item = {"metadata": {}, "name": name, "source_range": None, "effects": [], "markers": [], "enabled": True}
    return {"OTIO_SCHEMA": schema, **parts, "color": None}


def _range(clip: Clip, start: int, count: int) -> Item:
    rate = float(clip.fps)
    times = {
        name: {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(value)}
        for name, value in (("start_time", start), ("duration", count))
    }
    return {"OTIO_SCHEMA": "TimeRange.1", **times}
