"""The values of feedback: notes with their replies, verdicts, and the versions that they belong to."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction

import attrs

from ft_dcc.review.drawings import Drawing

# The key of a version's metadata with the scene, the camera and the program that it was captured from, as JSON.
ORIGIN_KEY = "ft_dcc_origin"


@attrs.frozen
class Attachment:
    """A file that hangs on a note; ``url`` is None if the server offers none."""

    component_id: str
    name: str
    file_type: str
    url: str | None


@attrs.frozen
class Note:
    """A note on a version, or on its entry in a review session, whose name is then ``review``; or a reply to a note.

    ``frame`` and ``end_frame`` are numbers of the shot, None for a note on the whole version. ``problem`` is one
    sentence if the drawing cannot be read. ``parent`` is the type and the id of what the note was written on.
    ``addressed_in`` is the version that answers the note, as in "main v004". ``is_from_publish`` marks the note that
    the artist wrote for the reviewers when they published the version.
    """

    id: str
    parent: tuple[str, str]
    author: str
    date: datetime | None
    text: str
    frame: int | None = None
    end_frame: int | None = None
    drawing: Drawing | None = None
    labels: tuple[str, ...] = ()
    replies: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    review: str = ""
    done_at: datetime | None = None
    done_by: str = ""
    is_from_publish: bool = False
    addressed_in: str = ""
    problem: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the note is marked as done."""
        return self.done_at is not None

    @property
    def is_open(self) -> bool:
        """Whether the note waits for an answer: it is not done, and the publish of the version did not write it."""
        return not self.is_done and not self.is_from_publish

    @property
    def is_unanswered(self) -> bool:
        """Whether the note is open, and no version answers it."""
        return self.is_open and not self.addressed_in

    @property
    def place(self) -> str:
        """The frame or the range of the note in words: "frame 1005", "frame 1005-1012", or ""."""
        if self.frame is None:
            return ""
        is_range = self.end_frame is not None and self.end_frame > self.frame
        return f"frame {self.frame}-{self.end_frame}" if is_range else f"frame {self.frame}"

    def thread(self) -> Iterator[tuple[int, Note]]:
        """Yield the note and its replies at any depth, each with its depth."""
        yield 0, self
        for reply in self.replies:
            for depth, note in reply.thread():
                yield depth + 1, note


@attrs.frozen
class VerdictChange:
    """A status that a person gave to a version at some time."""

    status: str
    date: datetime | None


@attrs.frozen
class Verdict:
    """The status that a person gave to a version; ``review`` is the review session, "" for the version's own status.

    ``history`` are all statuses that the person gave in the review session, the oldest first, the present one last;
    it is empty if the server does not store them.
    """

    author: str
    status: str
    date: datetime | None
    review: str = ""
    history: tuple[VerdictChange, ...] = ()


@attrs.frozen
class Clip:
    """The movie of a version: its exact rate, first frame, number of frames and size; 0 if that is not stored."""

    fps: Fraction
    first_frame: int
    frame_count: int
    width: int = 0
    height: int = 0

    @property
    def frames(self) -> range:
        """The frames of the movie."""
        return range(self.first_frame, self.first_frame + self.frame_count)


@attrs.frozen
class ReviewedVersion:
    """A version with its verdicts, oldest first, and its notes, oldest first.

    ``source`` is the camera or the node of the scene that the version shows, "" if that is not stored. ``media_id`` is
    the component of its movie, or with ``is_still`` of its image, None if the server has none.
    """

    id: str
    number: int
    asset: str
    task_id: str | None
    path: str
    artist: str
    date: datetime | None
    status: str
    thumbnail_id: str | None = None
    clip: Clip | None = None
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[Note, ...] = ()
    comment: str = ""
    task: str = ""
    media_id: str | None = None
    is_still: bool = False
    source: str = ""

    @property
    def name(self) -> str:
        """The name of the version, as in "v003"."""
        return f"v{self.number:03d}"

    @property
    def title(self) -> str:
        """The names of the asset and the version, as in "main v003"."""
        return f"{self.asset} {self.name}"

    @property
    def open_notes(self) -> tuple[Note, ...]:
        """The notes that wait for an answer."""
        return tuple(note for note in self.notes if note.is_open)

    @property
    def aspect(self) -> float | None:
        """Width by height of the movie, None if that is not stored."""
        return self.clip.width / self.clip.height if self.clip and self.clip.width and self.clip.height else None


@attrs.frozen
class ReviewedSession:
    """Versions that are exported together: those of a review session, whose project it names, or any others."""

    name: str
    project: str
    versions: tuple[ReviewedVersion, ...]


def unanswered_notes(versions: Iterable[ReviewedVersion]) -> list[tuple[ReviewedVersion, Note]]:
    """Return the notes of all versions that wait for an answer, in the order of frames; those without one are first."""
    # On the same frame, the order of the versions stays.
    found = [(version, note) for version in versions for note in version.notes if note.is_unanswered]
    return sorted(found, key=lambda each: -math.inf if each[1].frame is None else each[1].frame)


def versions_to_show(versions: Iterable[ReviewedVersion]) -> list[ReviewedVersion]:
    """Return the first of the versions, the newest one, and those with notes that wait for an answer."""
    return [
        version
        for index, version in enumerate(versions)
        if index == 0 or any(note.is_unanswered for note in version.notes)
    ]


def publish_note_id(version_id: str, parent_id: str) -> str:
    """Return the id of the note that the artist's publish writes on a version, or on its entry in a review session."""
    return str(uuid.uuid5(uuid.UUID(version_id), f"note of {parent_id}"))


def drawings_for_scene(versions: Iterable[ReviewedVersion]) -> list[Drawing]:
    """Return the drawings of the versions' open notes for a host, those of the newest version first.

    Each has the text and the author of its note; a note on a frame without a drawing becomes a drawing without shapes.
    Drawings of all but the newest version of an asset are labelled with their version.
    """
    found: list[Drawing] = []
    newest: dict[str, int] = {}
    for version in sorted(versions, key=lambda each: -each.number):
        current = newest.setdefault(version.asset, version.number)
        for note in version.notes:
            if note.frame is None or not note.is_open:
                continue
            drawing = note.drawing or Drawing(note.id, note.author, note.frame, (), note.end_frame)
            label = "" if version.number == current else version.name
            aspect = drawing.aspect or version.aspect
            found.append(attrs.evolve(drawing, author=note.author, text=note.text, label=label, aspect=aspect))
    return found
