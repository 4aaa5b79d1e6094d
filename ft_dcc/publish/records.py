"""What goes into a publish, what its plugins hand on, and what comes out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import Error, Problem
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Scene
from ft_dcc.media import Colour


def _several(source: str | Iterable[str] | None) -> tuple[str, ...]:
    if source is None:
        return ()
    return (source,) if isinstance(source, str) else tuple(source)


def legible(text: str) -> str:
    r"""Return the text without halves of characters, which no server takes.

    What the locale could not read, of a file's name or on a command line, is read as UTF-8.

    >>> legible("Stra\udcc3\udc9fe"), legible("\ud83d?")
    ('Straße', '??')
    """
    raw = re.compile("[\udc80-\udcff]+")
    mended = raw.sub(lambda found: found[0].encode("ascii", "surrogateescape").decode("utf-8", "replace"), text)
    return mended.encode("utf-8", "replace").decode("utf-8")


def _said(texts: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """None stays None: nobody said anything; an empty text says that there is none."""
    return None if texts is None else tuple(legible(text) for text in _several(texts) if text)


@attrs.frozen
class PublishRequest:
    """What an artist asks for.

    ``task`` is an id or a path; without one it is the scene's own, or the setting's. ``source`` is a camera's name, a
    sequence (``sh010.%04d.png``), a film, or several of them; none at all means the scene's own camera. ``review`` is
    the name, the id or the rule of a review session, or several; one that has a name is opened when there is none.
    ``frame_range``, ``fps`` and ``resolution`` go before what the shot says. ``asset`` is the rule for the asset's
    name, with ``{task}``, ``{shot}`` and ``{source}``, or the id of an asset that exists. ``uses`` are the ids of the
    versions that this one was made from, ``note`` and ``label`` are for the reviewers. ``burnin`` gives places in the
    picture ("top left") their templates, ``slate`` is the lines of a picture before the first, ``watermark`` lies
    across all, ``letterbox`` is the shape ("2.39") outside of which it is black; ``outputs`` is what to make beside the
    review film. ``is_filling`` lets a missing frame show the one before it. ``sounds`` are files to be heard, each with
    the frame at which it begins ("music.wav@993") or with the first. ``colour`` says what the numbers in frames mean
    and how they are shown, ``look`` how a camera is drawn, in its program's own words. What is None is as the settings
    have it.
    """

    task: str | None
    source: tuple[str, ...] = attrs.field(default=None, converter=_several)
    review: tuple[str, ...] | None = attrs.field(default=None, converter=_said)
    comment: str = attrs.field(default="", converter=legible)
    frame_range: FrameRange | None = None
    fps: Fraction | None = None
    resolution: Resolution | None = None
    asset: str | None = None
    asset_type: str | None = None
    status: str | None = None
    uses: tuple[str, ...] = attrs.field(default=(), converter=_several)
    note: str = attrs.field(default="", converter=legible)
    label: str | None = None
    notify: bool | None = None
    burnin: Mapping[str, str] | None = None
    slate: tuple[str, ...] | None = attrs.field(default=None, converter=_said)
    watermark: str | None = None
    letterbox: str | None = None
    is_filling: bool | None = None
    sounds: tuple[str, ...] = attrs.field(default=(), converter=_several)
    outputs: tuple[str, ...] | None = attrs.field(default=None, converter=_said)
    colour: Colour | None = None
    look: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def is_noted(self) -> bool:
        """Whether there is a word for the reviewers."""
        return bool(self.note or self.label)

    @property
    def is_drawn_on(self) -> bool:
        """Whether anything is written into the pictures."""
        return bool(self._templates)

    def draws(self, field: str) -> bool:
        """Whether this field is written into the pictures."""
        return any(f"{{{field}}}" in template for template in self._templates)

    @property
    def _templates(self) -> tuple[str, ...]:
        templates = (*(self.burnin or {}).values(), *(self.slate or ()), self.watermark or "")
        return tuple(filter(None, templates))


@attrs.frozen
class Task:
    """Where the publish goes; ``names`` lead from the project down to the task."""

    id: str
    names: tuple[str, ...]
    parent_id: str
    project_id: str

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> Task:
        """The task that an entity stands for; its id, link, parent_id and project_id are fetched."""
        names = tuple(str(part["name"]) for part in entity["link"])
        return cls(entity["id"], names, entity["parent_id"], entity["project_id"])

    @property
    def path(self) -> str:
        """Where it is: PROJECT/SEQUENCE/SHOT/TASK."""
        return "/".join(self.names)

    @property
    def name(self) -> str:
        """The task's own name."""
        return self.names[-1]

    @property
    def shot_name(self) -> str:
        """The name of what the task hangs on."""
        return self.names[-2]


@attrs.frozen
class Shot:
    """What the task's parent says about its pictures; None where it says nothing."""

    frame_range: FrameRange | None = None
    fps: Fraction | None = None
    resolution: Resolution | None = None


@attrs.frozen
class Review:
    """The review session; one that is not on the server yet is opened together with the version."""

    id: str
    name: str


@attrs.frozen
class Asset:
    """What the version is a version of; one that is not on the server yet is made together with the version."""

    id: str
    name: str


@attrs.frozen
class Details:
    """What else the version says, as ids of the server; None and nothing where nobody asked for it.

    ``artist`` is the name of whoever publishes, as people write it.
    """

    status_id: str | None = None
    asset_type_id: str | None = None
    label_id: str | None = None
    user_id: str | None = None
    artist: str = ""
    uses: tuple[str, ...] = ()


@attrs.frozen
class Source:
    """Where the pictures come from: ``kind`` is "camera", "frames", "film" or "image".

    ``text`` is its name, pattern or path. What a host knows of frames that exist is their range and their colour.
    """

    kind: str
    text: str
    name: str = attrs.field(converter=legible)
    frame_range: FrameRange | None = None
    colour: Colour | None = None

    @property
    def file_name(self) -> str:
        """The name, as a file may carry it everywhere."""
        return re.sub(r"[^\w-]+", "_", self.name).strip("_") or "source"


@attrs.frozen
class CapturedCamera:
    """A camera's frames, which lie in the job folder, and its lens on each of them where that is written into them."""

    name: str
    frames: Frames
    lens: Mapping[str, str]


@attrs.frozen
class Captured:
    """What was captured before anybody could judge it: the scene as it was, all sources, and the cameras' frames."""

    scene: Scene
    sources: tuple[Source, ...]
    cameras: tuple[CapturedCamera, ...]

    def camera(self, name: str) -> CapturedCamera:
        """Return the camera of this name."""
        return next(camera for camera in self.cameras if camera.name == name)


@attrs.frozen
class Clip:
    """What the film will show: its frames, their rate and their size."""

    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution


@attrs.frozen
class Extra:
    """One more file of the version, and the name of its component."""

    path: Path
    component_name: str


@attrs.frozen
class Component:
    """A file of the version, as it is on the server; ``size`` in bytes."""

    id: str
    name: str
    size: int


@attrs.frozen
class ReviewEntry:
    """The version in one review session."""

    review_session_id: str
    review_session_object_id: str


@attrs.frozen
class Registered:
    """The version as the server knows it; ``review_entries`` are all, of which the first is named on its own, too."""

    version_id: str
    version: int
    asset_id: str
    review_session_id: str | None
    review_session_object_id: str | None
    review_entries: tuple[ReviewEntry, ...] = ()


# Of the version itself; a studio's own files have others.
COMPONENT_NAMES = (
    *("ftrackreview-mp4", "ftrackreview-image", "thumbnail"),
    *("ftrackreview-mp4-720", "ftrackreview-mp4-1080", "ftrackreview-mp4-1440", "ftrackreview-mp4-2160", "prores"),
    "contact-sheet",
)


def derived_id(version_id: str, what: str) -> str:
    """Return the id of something that belongs to the version: the same whenever it is asked for."""
    return str(uuid.uuid5(uuid.UUID(version_id), what))


@attrs.frozen
class Step:
    """One plugin on one source ("" for all of them): how long it took, and its error's one line."""

    name: str
    source: str
    seconds: float
    error: str | None = None


@attrs.frozen
class PublishedVersion:
    """What became of one source."""

    source: str
    version_id: str
    version: int
    asset_id: str
    components: tuple[Component, ...]
    review_session_id: str | None
    review_session_object_id: str | None
    review_entries: tuple[ReviewEntry, ...]
    link: str | None

    @property
    def sentence(self) -> str:
        """What an artist reads of it."""
        if self.link is None:
            return f"Version {self.version} is published."
        return f"Version {self.version} is in review. {self.link}"


@attrs.frozen
class Published:
    """What a publish left on the server: a version a source, and the problems of sources that were left out.

    ``task`` is the path of the task, "" where it was not found. ``unfinished`` is what stopped the sources that a later
    run of the job may finish.
    """

    job: Path
    task: str
    versions: tuple[PublishedVersion, ...]
    problems: tuple[Problem, ...]
    steps: tuple[Step, ...]
    unfinished: tuple[Error, ...] = ()

    @property
    def first(self) -> PublishedVersion:
        """The version of the first source; most publishes have one."""
        return self.versions[0]

    @property
    def is_artists(self) -> bool:
        """Whether there are problems, and the artist can do something about one of them."""
        return any(problem.is_artists for problem in self.problems)

    def report(self) -> dict[str, Any]:
        """Return it as plain data: the first version's fields, then all versions, problems and steps."""
        versions = [attrs.asdict(version) for version in self.versions]
        return {
            **(versions[0] if versions else {}),
            "versions": versions,
            "problems": [problem._asdict() for problem in self.problems],
            "steps": [attrs.asdict(step) for step in self.steps],
            "job": str(self.job),
        }
