"""The request of a publish, the values that its plugins hand on, and its result."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, host
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ColourOptions, SlateImages
from ft_dcc.production.versions import SCENE_COMPONENT
from ft_dcc.settings.publish_options import PublishOptions, strip_surrogates


@attrs.frozen
class PublishRequest(PublishOptions):
    """The request of a publish: its options, and what has no place on a command line.

    ``colour`` is the colour space of frames and how they are displayed; ``look`` are options of the host's playblast;
    empty means as the setting says. ``slate_images`` is what the slate shows beside its lines. ``rendered_from`` is the
    scene of existing files as their render recorded it: "file", "program", "source", "has_unsaved_changes", and
    "sha256" and "modified" of the file at that time; empty for all other sources.
    """

    slate_images: SlateImages | None = None
    colour: ColourOptions | None = None
    look: Mapping[str, Any] = attrs.field(factory=dict)
    rendered_from: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def slate_lines(self) -> tuple[str, ...]:
        """The lines of the slate, none before the settings have given those of ``slate=True``."""
        return self.slate if isinstance(self.slate, tuple) else ()

    @property
    def has_note(self) -> bool:
        """Whether there is a note or a label for the reviewers."""
        return bool(self.note or self.label)

    @property
    def has_burnin(self) -> bool:
        """Whether any text is burnt in."""
        return bool(self._templates)

    def draws_field(self, field: str) -> bool:
        """Return whether a template uses this field."""
        return any(f"{{{field}}}" in template for template in self._templates)

    @property
    def _templates(self) -> tuple[str, ...]:
        templates = (*(self.burnin or {}).values(), *self.slate_lines, self.watermark or "")
        return tuple(filter(None, templates))


@attrs.frozen
class Task:
    """The task of the publish; ``names`` are the names from the project down to the task."""

    id: str
    names: tuple[str, ...]
    parent_id: str
    project_id: str

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> Task:
        """Return the task of an entity whose id, link, parent_id and project_id are fetched."""
        names = tuple(str(part["name"]) for part in entity["link"])
        return cls(entity["id"], names, entity["parent_id"], entity["project_id"])

    @property
    def path(self) -> str:
        """The path PROJECT/SEQUENCE/SHOT/TASK."""
        return "/".join(self.names)

    @property
    def name(self) -> str:
        """The task's own name."""
        return self.names[-1]

    @property
    def shot_name(self) -> str:
        """The name of the task's parent."""
        return self.names[-2]


@attrs.frozen
class Shot:
    """The frame range, rate and resolution of the task's parent; None where it has no value."""

    frame_range: FrameRange | None = None
    fps: Fraction | None = None
    resolution: Resolution | None = None


@attrs.frozen
class Review:
    """A review session; one that does not exist yet is created together with the version."""

    id: str
    name: str


@attrs.frozen
class Asset:
    """The asset of the version; one that does not exist yet is created together with the version."""

    id: str
    name: str


@attrs.frozen
class ResolvedOptions:
    """The ids of the request's status, asset type, label and user; None if they are not requested.

    ``artist`` is the full name of the session's user, ``addresses`` are the ids of notes.
    """

    status_id: str | None = None
    asset_type_id: str | None = None
    label_id: str | None = None
    user_id: str | None = None
    artist: str = ""
    uses: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    task_status_id: str | None = None


@attrs.frozen
class Source:
    """The source of a version: ``kind`` is "camera", "frames", "film" (a movie) or "image".

    ``text`` is its name, pattern or path. ``frame_range`` and ``colour`` are what the host knows of existing frames.
    The kind is also the family that plugins match on, and part of reports and journals.
    """

    kind: str
    text: str
    name: str = attrs.field(converter=strip_surrogates)
    frame_range: FrameRange | None = None
    colour: ColourOptions | None = None

    @property
    def file_name(self) -> str:
        """The name with characters that are valid in file names only."""
        return re.sub(r"[^\w-]+", "_", self.name).strip("_") or "source"


@attrs.frozen
class CapturedCamera:
    """A camera's frames in the job folder, the text of its lens at each frame if that is burnt in, and their origin."""

    name: str
    frames: Frames
    lens: Mapping[str, str]
    origin: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class OfflineCapture:
    """What was captured before validation: the scene at that time, all sources, and the cameras' frames."""

    scene: host.Scene
    sources: tuple[Source, ...]
    cameras: tuple[CapturedCamera, ...]

    def camera(self, name: str) -> CapturedCamera:
        """Return the camera of this name."""
        return next(camera for camera in self.cameras if camera.name == name)


@attrs.frozen
class Clip:
    """The frames, rate and resolution of the movie that will be made."""

    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution


@attrs.frozen
class ExtraComponent:
    """An additional file of the version, and the name of its component."""

    path: Path
    component_name: str


@attrs.frozen
class Component:
    """An uploaded file of the version; ``size`` is in bytes, ``sha256`` is "" if an older job uploaded it."""

    id: str
    name: str
    size: int
    sha256: str = ""


@attrs.frozen
class ReviewEntry:
    """The version's entry in one review session."""

    review_session_id: str
    review_session_object_id: str


# The names of the suite's own components, which extra components cannot have.
COMPONENT_NAMES = (
    *("ftrackreview-mp4", "ftrackreview-image", "thumbnail"),
    *("ftrackreview-mp4-720", "ftrackreview-mp4-1080", "ftrackreview-mp4-1440", "ftrackreview-mp4-2160", "prores"),
    *("contact-sheet", SCENE_COMPONENT),
)


def derived_id(version_id: str, what: str) -> str:
    """Return the id of a part of the version, which is the same at each call."""
    return str(uuid.uuid5(uuid.UUID(version_id), what))


@attrs.frozen
class Step:
    """A plugin's run on one source ("" for all of them): its duration, and its error's message."""

    name: str
    source: str
    seconds: float
    error: str | None = None


@attrs.frozen
class PublishedVersion:
    """The version of one source; the ids of the first of its ``review_entries`` are also separate fields.

    ``changes`` are sentences about what its media shows differently from the source or the request, such as a tone
    mapping, characters without a font, or a sound of the scene that it lacks.
    """

    source: str
    version_id: str
    version: int
    asset_id: str
    components: tuple[Component, ...]
    review_session_id: str | None
    review_session_object_id: str | None
    review_entries: tuple[ReviewEntry, ...] = ()
    link: str | None = None
    changes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The sentence that the artist reads."""
        if self.link is None:
            return f"Version {self.version} is published."
        return f"Version {self.version} is in review. {self.link}"


def describe_changes(versions: Iterable[PublishedVersion]) -> list[str]:
    """Return a sentence for each change of the versions, with their sources; the same change is said once."""
    sources: dict[str, list[str]] = {}
    for version in versions:
        for change in version.changes:
            sources.setdefault(change, []).append(version.source)
    return [f"{', '.join(names)}: {change}." for change, names in sources.items()]


@attrs.frozen
class Published:
    """The result of a publish: one version per source, and the problems of sources that were left out.

    ``task`` is the path of the task, "" if it was not found. ``unfinished`` are the errors of the sources that a later
    run of the job may finish.
    """

    job: Path
    task: str
    versions: tuple[PublishedVersion, ...]
    problems: tuple[errors.ValidationIssue, ...]
    steps: tuple[Step, ...]
    unfinished: tuple[errors.Error, ...] = ()

    @property
    def first(self) -> PublishedVersion:
        """The version of the first source; most publishes have one."""
        return self.versions[0]

    @property
    def user_can_fix(self) -> bool:
        """Whether the artist can fix one of the problems."""
        return any(problem.user_can_fix for problem in self.problems)

    def report(self) -> dict[str, Any]:
        """Return plain data: the first version's fields, then all versions, problems and steps."""
        versions = [attrs.asdict(version) for version in self.versions]
        return {
            **(versions[0] if versions else {}),
            "versions": versions,
            "problems": [problem.as_dict() for problem in self.problems],
            "steps": [attrs.asdict(step) for step in self.steps],
            "job": str(self.job),
        }
