"""The request of a publish, the values that its plugins hand on, and its result."""

from __future__ import annotations

import os
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, host
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ColourOptions, SlateImages
from ft_dcc.production.versions import MAIN_COMPONENT, MOVIE_ON_DISK, SCENE_COMPONENT
from ft_dcc.session.entities.entity import Entity
from ft_dcc.settings import fields, publish_options


@attrs.frozen
class PublishRequest(publish_options.PublishOptions):
    """The request of a publish: its options, and what has no place on a command line."""

    # What the slate shows beside its lines.
    slate_images: SlateImages | None = None
    # The colour space of frames and how they are displayed.
    colour: ColourOptions | None = None
    # Options of the host's playblast, or a text of presets and options; None means as the settings say.
    look: Mapping[str, Any] | str | None = None
    # The scene of existing files as their render recorded it: "file", "program", "source", "has_unsaved_changes", and
    # "sha256" and "modified" of the file at that time; empty for all other sources.
    rendered_from: Mapping[str, Any] = attrs.field(factory=dict)
    # The number in the names of existing files, minus the frame.
    file_shift: int = 0
    # The entries of the section ``outputs`` of the settings that ``outputs`` name.
    output_presets: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    # The project's settings are the nearest file there or above; by default the folder of the scene or the sources.
    settings_folder: Path | None = None
    # The name of the one source if it is not that of its files, and what follows the task in the name of its asset.
    source_name: str = ""
    asset_suffix: str | None = None
    # Whether another request has further sources of the task, so that the asset has the name of the source.
    is_one_of_several: bool = False

    def split(self, own: Mapping[str, Mapping[str, Any]]) -> tuple[PublishRequest, ...]:
        """Return one request for all sources with the same own values of options; ``own`` has them by source.

        The names of assets are those of one request, and only the versions of its own task answer notes.
        """
        groups: dict[tuple[tuple[str, Any], ...], list[str]] = {}
        for source in self.source:
            groups.setdefault(tuple(sorted(own.get(source, {}).items())), []).append(source)
        counts = Counter(own.get(source, {}).get("task", self.task) for source in self.source)
        parts = []
        for values, sources in groups.items():
            part = attrs.evolve(self, source=sources, **dict(values))
            addresses = self.addresses if part.task == self.task else ()
            parts.append(attrs.evolve(part, addresses=addresses, is_one_of_several=counts[part.task] > 1))
        return tuple(parts) or (self,)

    @property
    def context(self) -> str | None:
        """The task, or "PROJECT/" for a version of a project without one."""
        return f"{self.project}/" if self.project and not self.task else self.task

    @property
    def has_two_contexts(self) -> bool:
        """Whether it has a task and a project."""
        return bool(self.project and self.task) and self.task != f"{self.project}/"

    @property
    def slate_lines(self) -> tuple[str, ...]:
        """The lines of the slate, none before the settings have given those of ``slate=True``."""
        return self.slate if isinstance(self.slate, tuple) else ()

    def draws_field(self, field: str) -> bool:
        """Return whether a template uses this field; with "" whether there is a template."""
        return any(not field or fields.uses_field(template, field) for template in self._templates)

    @property
    def attribute_fields(self) -> list[str]:
        """The custom attributes that templates and rules name, such as "shot.fstart"."""
        return fields.attribute_fields((*self._templates, *self.rules))

    @property
    def rules(self) -> list[str]:
        """The rules for names and paths."""
        paths = (self.movie_path, self.latest_path, self.frames_path)
        return list(filter(None, (*(self.review or ()), *(self.lists or ()), self.asset, *paths)))

    @property
    def _templates(self) -> list[str]:
        return list(filter(None, (*(self.burnin or {}).values(), *self.slate_lines, self.watermark)))


@attrs.frozen
class Task:
    """The task, or the shot, asset or project of a version without one; ``names`` begin with the project.

    ``parent_id`` is the context of its assets: the task's parent, or the shot, asset or project itself.
    """

    id: str
    names: tuple[str, ...]
    parent_id: str
    project_id: str
    # The name of its type, such as "Animation", "" without one.
    type: str = ""
    # The ids that belong to the names.
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, entity: Entity) -> Task:
        """Return the task of an entity whose id, link, parent_id, project_id and type are fetched."""
        names = tuple(str(part["name"]) for part in entity["link"])
        if entity.entity_type == "Project":
            return cls(entity["id"], names, entity["id"], entity["id"], ids=(entity["id"],))
        is_task = entity.entity_type == "Task"
        kind = entity["type"]["name"] if is_task and entity["type"] else ""
        parent_id = entity["parent_id"] if is_task else entity["id"]
        ids = tuple(str(part["id"]) for part in entity["link"])
        return cls(entity["id"], names, parent_id, entity["project_id"], kind, ids)

    @property
    def is_task(self) -> bool:
        """Whether the version has a task."""
        return self.id != self.parent_id

    @property
    def is_project(self) -> bool:
        """Whether the version belongs to the project as a whole."""
        return self.id == self.project_id

    @property
    def path(self) -> str:
        """The path PROJECT/SEQUENCE/SHOT/TASK."""
        return "/".join(self.names)

    @property
    def name(self) -> str:
        """The task's own name, "" without a task."""
        return self.names[-1] if self.is_task else ""

    @property
    def shot_names(self) -> tuple[str, ...]:
        """The names from the project down to the context of its assets."""
        return self.names[:-1] if self.is_task else self.names

    @property
    def shot_name(self) -> str:
        """The name of the context of its assets."""
        return self.shot_names[-1]

    @property
    def levels(self) -> dict[str, int]:
        """The places in ``names`` of the project, the episode, the sequence, the shot and the task, if they exist."""
        last = len(self.shot_names) - 1
        places = {"project": 0, "episode": last - 2, "sequence": last - 1, "shot": last, "task": len(self.names) - 1}
        above = {name: place for name, place in places.items() if place > 0 or name in ("project", "shot")}
        return above if self.is_task else {name: place for name, place in above.items() if name != "task"}

    @property
    def fields(self) -> dict[str, str]:
        """The values of the fields of rules and templates; those of levels that it does not have are empty."""
        names = {name: self.names[place] for name, place in self.levels.items()}
        return {**dict.fromkeys(("episode", "sequence", "task"), ""), **names, "department": self.type}


@attrs.frozen
class Shot:
    """The frame range, rate and resolution of the task's parent, None where it has no value, and its attributes."""

    frame_range: FrameRange | None = None
    fps: Fraction | None = None
    resolution: Resolution | None = None
    id: str = ""
    # The values of its custom attributes with inherited ones; dates are texts.
    attributes: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Review:
    """A review session; one that does not exist yet is created together with the version."""

    id: str
    name: str


@attrs.frozen
class VersionList:
    """A list of versions of the project; one with a ``category_id`` is created together with the version."""

    id: str
    name: str
    category_id: str | None = None


@attrs.frozen
class Asset:
    """The asset of the version; one that does not exist yet is created together with the version."""

    id: str
    name: str


@attrs.frozen
class ResolvedOptions:
    """The ids of the request's status, asset type, label and user; None if they are not requested."""

    status_id: str | None = None
    asset_type_id: str | None = None
    label_id: str | None = None
    user_id: str | None = None
    # The full name of the session's user.
    artist: str = ""
    uses: tuple[str, ...] = ()
    # The ids of notes.
    addresses: tuple[str, ...] = ()
    task_status_id: str | None = None
    # The texts and numbers of the custom attributes that templates and rules name, such as "shot.fstart".
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    # Pairs of keys and texts; and of ids of configurations of custom attributes and the version's values.
    metadata: tuple[tuple[str, str], ...] = ()
    custom_values: tuple[tuple[str, Any], ...] = ()


@attrs.frozen
class Source:
    """The source of a version."""

    # "camera", "frames", "film" (a movie) or "image"; also the family that plugins match on, and part of reports and
    # journals.
    kind: str
    # Its name, pattern or path.
    text: str
    name: str = attrs.field(converter=publish_options.strip_surrogates)
    # What the host knows of existing frames.
    frame_range: FrameRange | None = None
    colour: ColourOptions | None = None
    # The number in the name of a frame's file, minus the frame.
    file_shift: int = 0

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
class Target:
    """Where a component of the version is on disk: its path on this machine, or its pattern, and its identifier.

    Files of a copy are written by the publish; others are registered where they are.
    """

    name: str
    path: str
    location_id: str
    identifier: str
    is_copy: bool


@attrs.frozen
class StoredFile:
    """A file on disk; ``member`` is its frame number as text in a sequence, else "". ``size`` is in bytes."""

    member: str
    identifier: str
    size: int
    sha256: str


@attrs.frozen
class StoredFiles:
    """The files of a component on disk: one, or the frames of a sequence with its padding."""

    target: Target
    padding: int | None
    files: tuple[StoredFile, ...]

    @property
    def file_type(self) -> str:
        """The suffix with its dot."""
        return os.path.splitext(self.target.path)[1]  # noqa: PTH122 - a pattern


@attrs.frozen
class ReviewEntry:
    """The version's entry in one review session."""

    review_session_id: str
    review_session_object_id: str


# The component of a movie that the site encodes, and then deletes.
SITE_SOURCE = "review-source"
# The names of the suite's own components, which extra components cannot have.
COMPONENT_NAMES = (
    *("ftrackreview-mp4", "ftrackreview-image", "thumbnail", "prores", SITE_SOURCE),
    *("ftrackreview-mp4-1080", "ftrackreview-mp4-1440", "ftrackreview-mp4-2160"),
    *(SCENE_COMPONENT, MAIN_COMPONENT, MOVIE_ON_DISK),
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
    """The version of one source; the ids of the first of its ``review_entries`` are also separate fields."""

    source: str
    version_id: str
    version: int
    asset_id: str
    components: tuple[Component, ...]
    review_session_id: str | None
    review_session_object_id: str | None
    review_entries: tuple[ReviewEntry, ...] = ()
    link: str | None = None
    # Sentences about what its media shows differently from the source or the request, such as a tone mapping,
    # characters without a font, or a sound of the scene that it lacks.
    changes: tuple[str, ...] = ()
    # The version's files on disk, frames as a pattern.
    paths: tuple[str, ...] = ()

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
    """The result of a publish: one version per source, and the problems of sources that were left out."""

    job: Path
    # The path of the task, "" if it was not found.
    task: str
    versions: tuple[PublishedVersion, ...]
    problems: tuple[errors.ValidationIssue, ...]
    steps: tuple[Step, ...]
    # The errors of the sources that a later run of the job may finish.
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
            "problems": [problem._asdict() for problem in self.problems],
            "steps": [attrs.asdict(step) for step in self.steps],
            "job": str(self.job),
        }
