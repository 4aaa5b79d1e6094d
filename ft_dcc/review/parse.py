"""Make the values of feedback from the entities of a server, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from fractions import Fraction
from typing import Any

from ft_dcc import errors, frames, plain_text
from ft_dcc.review import notes as values
from ft_dcc.review import stored_values
from ft_dcc.review.drawings import Drawing, parse_drawing
from ft_dcc.review.notes import Attachment, Clip, Note, ReviewedVersion, Verdict, VerdictChange
from ft_dcc.review.stored_values import first_integer, json_object, person_name
from ft_dcc.session.transport.codec import to_datetime

# ftrack's own player stores {"number": 1010}.
_FTRACK_FRAME_KEY = "reviewFrame"
# In the metadata ft_dcc of a status: {"history": [{"status": …, "date": …}]}.
_HISTORY = "history"
_LONG_TEXTS = ("content", "comment")

Data = Mapping[str, Any]


def parse_versions(
    versions: Iterable[Data], notes: Iterable[Data], annotations: Iterable[Data], histories: Iterable[Data] = ()
) -> list[ReviewedVersion]:
    """Return the versions with the notes on them and their entries; ``histories`` are those of verdicts."""
    notes_by_parent: dict[str, dict[str, Data]] = {}
    for note in notes:
        notes_by_parent.setdefault(note["parent_id"], {})[note["id"]] = note
    drawings = {annotation["id"]: annotation for annotation in annotations}
    history_of = {entry["parent_id"]: parse_history(entry) for entry in histories}
    return [_version(version, notes_by_parent, drawings, history_of) for version in versions]


def _version(
    version: Data,
    notes_by_parent: Mapping[str, Mapping[str, Data]],
    drawings: Data,
    history_of: Mapping[str, tuple[VerdictChange, ...]],
) -> ReviewedVersion:
    objects = version["review_session_objects"]
    invitees = {
        str(invitee["id"]): _text(invitee, "name")
        for item in objects
        for invitee in _related(item, "review_session").get("review_session_invitees") or ()
    }
    reviews = {item["id"]: _text(item, "review_session", "name") for item in objects}
    found = [
        _note(note, drawings, invitees, reviews.get(parent_id, ""), version["id"])
        for parent_id in (version["id"], *reviews)
        for note in notes_by_parent.get(parent_id, {}).values()
    ]
    origin = json_object(_metadata(version).get(values.ORIGIN_KEY))
    movie_id, clip = _movie(version.get("components") or ())
    return ReviewedVersion(
        id=version["id"],
        number=int(version["version"] or 0),
        asset=_text(version, "asset", "name"),
        task_id=version.get("task_id"),
        path=_path(version.get("link") or ()),
        artist=person_name(_related(version, "user")),
        date=parse_date(version.get("date")),
        status=_text(version, "status", "name"),
        thumbnail_id=version.get("thumbnail_id"),
        clip=clip,
        verdicts=_verdicts(version, objects, history_of),
        notes=tuple(sorted(found, key=lambda note: (note.date is not None, note.date, note.id))),
        comment=_text(version, "comment"),
        task=_text(version, "task", "name"),
        media_id=movie_id,
        source=str(origin.get("camera") or origin.get("source") or ""),
    )


def _note(note: Data, drawings: Mapping[str, Data], invitees: Mapping[str, str], review: str, version_id: str) -> Note:
    metadata = _metadata(note)
    own = json_object(metadata.get(stored_values.NOTE_KEY))
    author = person_name(_related(note, "author")) or invitees.get(str(own.get("invitee_id")), "")
    frame = first_integer(
        own.get("frame"), note.get("frame_number"), json_object(metadata.get(_FTRACK_FRAME_KEY)).get("number")
    )
    drawing, problem = _drawing(note, drawings.get(str(own.get("annotation_id"))), author)
    end_frame = first_integer(own.get("end_frame"), None if drawing is None else drawing.end_frame)
    return Note(
        id=note["id"],
        parent=(_text(note, "parent_type"), note["parent_id"]),
        author=author or (drawing.author if drawing is not None else "") or "Guest",
        date=parse_date(note.get("date")),
        text=_text(note, "content"),
        frame=frame if frame is not None or drawing is None else drawing.frame,
        end_frame=end_frame,
        drawing=drawing,
        labels=_labels(note),
        replies=_replies(note, invitees),
        attachments=_attachments(note),
        review=review,
        done_at=parse_date(note.get("completed_at")),
        done_by=person_name(_related(note, "completed_by")) or _text(own, "done_by"),
        is_from_publish=note["id"] == values.publish_note_id(version_id, note["parent_id"]),
        addressed_in=str(json_object(metadata.get(stored_values.ADDRESSED_KEY)).get("version") or ""),
        problem=problem,
    )


def _drawing(note: Data, annotation: Data | None, author: str) -> tuple[Drawing | None, str]:
    """Return the drawing of a note, or the reason why it cannot be read."""
    # A note cannot use the drawing of another version.
    if annotation is None or annotation["review_session_object_id"] != note["parent_id"]:
        return None, ""
    frame = first_integer(annotation.get("frame_number"))
    if frame is None:
        return None, "The drawing has no frame number. See it on the review page."
    try:
        data = annotation.get("data")
        return parse_drawing(data, frame, drawing_id=annotation["id"], author=author, text=_text(note, "content")), ""
    except errors.DrawingUnreadable as error:
        return None, str(error)


def _labels(note: Data) -> tuple[str, ...]:
    labels = [_related(link, "label").get("name") for link in note.get("note_label_links") or ()]
    labels.append(_related(note, "category").get("name"))
    return tuple(dict.fromkeys(str(label) for label in labels if label))


def _replies(note: Data, invitees: Mapping[str, str]) -> tuple[Note, ...]:
    found = [
        Note(
            id=reply["id"],
            parent=("Note", note["id"]),
            author=person_name(_related(reply, "author"))
            or invitees.get(str(json_object(_metadata(reply).get(stored_values.NOTE_KEY)).get("invitee_id")), "")
            or "Guest",
            date=parse_date(reply.get("date")),
            text=_text(reply, "content"),
        )
        for reply in note.get("replies") or ()
    ]
    return tuple(sorted(found, key=lambda reply: (reply.date is not None, reply.date, reply.id)))


def _attachments(note: Data) -> tuple[Attachment, ...]:
    found = []
    for link in note.get("note_components") or ():
        component, url = _related(link, "component"), _related(link, "url").get("value")
        component_id = str(link.get("component_id") or component.get("id") or "")
        name, file_type = _text(component, "name"), _text(component, "file_type")
        found.append(Attachment(component_id, name, file_type, str(url) if url else None))
    return tuple(found)


def parse_history(entry: Data) -> tuple[VerdictChange, ...]:
    """Return the statuses in the metadata of a verdict; what another client has written is left out."""
    changes = json_object(entry.get("value")).get(_HISTORY)
    return tuple(
        VerdictChange(change["status"], parse_date(change.get("date")))
        for change in (changes if isinstance(changes, list) else ())
        if isinstance(change, dict) and isinstance(change.get("status"), str)
    )


def _verdicts(
    version: Data, objects: Sequence[Data], history_of: Mapping[str, tuple[VerdictChange, ...]]
) -> tuple[Verdict, ...]:
    """Return the statuses of invitees and the history of the version's own status, oldest first."""
    found = []
    for item in objects:
        for status in item["statuses"]:
            history, present = history_of.get(status["id"], ()), _text(status, "status")
            date, author = parse_date(status.get("created_at")), _text(status, "invitee", "name") or "Guest"
            # Another client may have changed the status without a history.
            if history and history[-1].status == present:
                date = history[-1].date or date
            found.append(Verdict(author, present, date, _text(item, "review_session", "name"), history))
    for change in version.get("status_changes") or ():
        author, date = person_name(_related(change, "user")), parse_date(change.get("date"))
        found.append(Verdict(author, _text(change, "status", "name"), date))
    return tuple(sorted(found, key=lambda verdict: (verdict.date is not None, verdict.date)))


def _path(link: Iterable[Data]) -> str:
    """Return the path of the shot from the link of a version, which ends with the asset or the version."""
    return "/".join(_text(part, "name") for part in link if part.get("type") not in ("Asset", "AssetVersion"))


def _movie(components: Iterable[Data]) -> tuple[str | None, Clip | None]:
    """Return the id and the values of the largest movie among the components, the first of several, or None."""
    found: list[tuple[tuple[bool, int], str | None, Clip]] = []
    for component in components:
        metadata = _metadata(component)
        exact = json_object(metadata.get(stored_values.MOVIE_KEY))
        player = json_object(metadata.get(stored_values.FTRACK_MOVIE_KEY))
        first, last = first_integer(exact.get("first_frame"), player.get("frameIn")), player.get("frameOut")
        count = first_integer(exact.get("frame_count"))
        if count is None and isinstance(last, (int, float)) and first is not None:
            count = int(last) - first + 1
        rate = _rate(exact.get("fps") or player.get("frameRate"))
        if rate is not None and first is not None and count is not None:
            width, height = (first_integer(player.get(name), exact.get(name)) or 0 for name in ("width", "height"))
            name = _text(component, "name")
            size = (name in stored_values.REVIEW_MOVIES, stored_values.movie_lines(name, metadata))
            found.append((size, component.get("id"), Clip(rate, first, count, width, height)))
    return max(found, key=lambda each: each[0], default=((False, 0), None, None))[1:]


def _rate(value: object) -> Fraction | None:
    try:
        return None if value is None else frames.frame_rate(str(value))
    except errors.SettingInvalid:
        return None


def _text(entity: Data, *path: str) -> str:
    """Return the text at this path of related entities, or ""; names are one line."""
    for name in path[:-1]:
        entity = _related(entity, name)
    text = str(entity.get(path[-1]) or "")
    return text if path[-1] in _LONG_TEXTS else plain_text.single_line(text)


def _related(entity: Data, name: str) -> Data:
    related = entity.get(name)
    return related if isinstance(related, Mapping) else {}


def _metadata(entity: Data) -> dict[str, Any]:
    found = entity.get("metadata") or ()
    return dict(found) if isinstance(found, Mapping) else {each["key"]: each.get("value") for each in found}


def parse_date(value: object) -> datetime | None:
    """Return a time of the server, which is UTC, with its time zone."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    value = to_datetime(value)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
