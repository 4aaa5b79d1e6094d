"""What a host program must be able to do, and the values that go in and come out.

There is no base class and no registry: whatever has these methods is a host, and one suite of contract tests
(``tests/contract``) runs against each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable, Protocol, TypeVar, runtime_checkable

import attrs

from ft_dcc.frames import FrameRange, Frames, Resolution

T = TypeVar("T")
OnFrame = Callable[[int], None]


@attrs.frozen
class Soundtrack:
    """A sound file that the artist hears, and the frame at which it begins, which need not be a whole one.

    ``heard`` is the frame from which on it is heard, and the one at which it is not any more, where it is cut.
    ``volume`` is 1.0 for as loud as it is.
    """

    path: Path
    start: Fraction
    heard: tuple[Fraction, Fraction] | None = None
    volume: float = 1.0


@attrs.frozen
class Scene:
    """The open file as it stands.

    ``path`` is None before the first save. ``sources`` are the cameras that a playblast can be made of, the
    scene's own one first. ``task_id`` is what ``remember_task`` left in the file, ``sounds`` are what is heard.
    """

    path: Path | None
    is_modified: bool
    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution
    sources: tuple[str, ...]
    task_id: str | None = None
    sounds: tuple[Soundtrack, ...] = ()


@attrs.frozen
class PlayblastRequest:
    """What to capture: ``source`` is a camera's name; frames go to ``directory/name.%04d.png``."""

    source: str
    frame_range: FrameRange
    resolution: Resolution
    directory: Path
    name: str
    look: dict[str, Any] = attrs.field(factory=dict)

    @property
    def pattern(self) -> str:
        """Where the frames go."""
        return str(self.directory / f"{self.name}.%04d.png")


@runtime_checkable
class KnowsLenses(Protocol):
    """What a host may be able to do besides: say what a camera's lens is, so that it can be read in the picture."""

    def focal_lengths(self, source: str, frame_range: FrameRange) -> Mapping[int, float]:
        """Return the camera's focal length in millimetres at each frame, handles included, and change nothing."""


@attrs.frozen
class Footage:
    """Files that a source has on disk already: a pattern or a film, the range that is meant, and their colour space.

    ``colour_space`` is a name of the OCIO config ``ocio``, a path; each is "" where the program says nothing.
    """

    pattern: str
    frame_range: FrameRange | None = None
    colour_space: str = ""
    ocio: str = ""


@runtime_checkable
class KnowsFootage(Protocol):
    """What a host may be able to do besides: say which of its sources need not be captured."""

    def footage(self, source: str) -> Footage | None:
        """Return the files of the source, or None where there are none; nothing is changed."""


@runtime_checkable
class BringsPlugins(Protocol):
    """What a host may have besides: publish plugins of its own, as checks that only this program can make."""

    @property
    def plugins(self) -> Path:
        """The folder of their files."""


@runtime_checkable
class SelectsSources(Protocol):
    """What a host may be able to do besides: show the artist which thing in the scene is meant."""

    def select(self, source: str) -> None:
        """The source, and nothing else, is selected in the scene; raises CameraMissing where it is not there."""


def find_footage(host: Host, source: str) -> Footage | None:
    """Return the files that a source of the host has on disk already; None for what has to be captured."""
    if not isinstance(host, KnowsFootage):
        return None
    find: Callable[[], Footage | None] = partial(host.footage, source)
    return host.run_in_main_thread(find)


class Host(Protocol):
    """A program that has a scene and can make frames of it."""

    @property
    def name(self) -> str:
        """The program, as people write it: "Blender"."""

    @property
    def version(self) -> str:
        """The program's own version: "5.0.1"."""

    def scene(self) -> Scene:
        """Read the open file and change nothing."""

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Write every frame of the range, handles included, and leave the scene as it was.

        It may be called from any thread: a host draws on its own main one, and a host with a window lets that window
        live between two frames. ``on_frame`` is called with each frame's number after its file is on disk; what it
        raises ends the capture. Raises CameraMissing, CaptureFailed or DiskUnusable.
        """

    def save(self) -> Path:
        """Save the file, only ever on the artist's wish, and return where."""

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Give the scene the shot's settings, on the artist's wish."""

    def remember_task(self, task_id: str) -> None:
        """Write the task into the file, so that it survives a reopen."""

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Return or raise what the function does; never hangs, from whichever thread it is called."""
