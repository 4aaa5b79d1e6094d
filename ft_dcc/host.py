"""The interface of a host program, and the values that it takes and returns.

There is no base class and no registry: an adapter implements the protocol ``Host``, and the checks of
``ft_dcc.contract`` run against each adapter, in the tests and in the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable, Protocol, TypeVar, runtime_checkable

import attrs

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.review.drawings import Drawing

T = TypeVar("T")
OnFrame = Callable[[int], None]


@attrs.frozen
class Soundtrack:
    """A sound file of the scene, and the frame at which it starts, which may be a fraction."""

    path: Path
    start: Fraction
    # The audible range of a cut sound, from its first frame to the one after its last.
    heard: tuple[Fraction, Fraction] | None = None
    # 1.0 leaves the level unchanged.
    volume: float = 1.0


@attrs.frozen
class Scene:
    """The state of the open file."""

    # None before the first save.
    path: Path | None
    is_modified: bool
    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution
    # The cameras that can be captured, the scene's active one first.
    sources: tuple[str, ...]
    # The id that ``remember_task`` stored in the file.
    task_id: str | None = None
    # The audible sounds.
    sounds: tuple[Soundtrack, ...] = ()
    # The width of a pixel of the captured frames by its height; None means what the files contain.
    pixel_aspect: Fraction | None = None
    # The name of the renderer that draws final frames, "" if the program has none.
    engine: str = ""
    # More about sources, such as the file name of a node.
    labels: Mapping[str, str] = attrs.field(factory=dict)
    # The frames of sources with a range of their own, such as the shots of a sequencer.
    source_ranges: Mapping[str, FrameRange] = attrs.field(factory=dict)
    # Further ranges that an artist may publish, by their names, such as the selection of the time slider.
    ranges: Mapping[str, FrameRange] = attrs.field(factory=dict)
    # The headings under which an artist finds sources, such as "Writes".
    groups: Mapping[str, str] = attrs.field(factory=dict)
    # A sentence about sources that the program cannot list, "" if it lists all.
    sources_note: str = ""
    # What follows the task in the name of a source's asset, whichever other sources are published with it.
    asset_suffixes: Mapping[str, str] = attrs.field(factory=dict)
    # The states of the file's other scenes, by the names of the sources that belong to them.
    other_scenes: Mapping[str, Scene] = attrs.field(factory=dict)

    def of(self, source: str) -> Scene:
        """Return the state of the scene that the source belongs to."""
        return self.other_scenes.get(source, self)

    def range_of(self, source: str) -> FrameRange:
        """Return the frames of the source: its own, or else those of its scene."""
        scene = self.of(source)
        return scene.source_ranges.get(source, scene.frame_range)


@attrs.frozen
class PlayblastRequest:
    """A capture: ``source`` is a camera's name; the frames are written to ``directory/name.%04d.png``."""

    source: str
    frame_range: FrameRange
    resolution: Resolution
    directory: Path
    name: str
    look: dict[str, Any] = attrs.field(factory=dict)

    @property
    def pattern(self) -> str:
        """The path of the frames, with ``%04d`` for the number."""
        return str(self.directory / f"{self.name}.%04d.png")


@runtime_checkable
class SupportsFocalLengths(Protocol):
    """Optional interface of a host: focal lengths for burn-ins."""

    def focal_lengths(self, source: str, frame_range: FrameRange) -> Mapping[int, float]:
        """Return the camera's focal length in millimetres at each frame, handles included; do not change the scene."""


@runtime_checkable
class SupportsMixdown(Protocol):
    """Optional interface of a host: mix the sound of the scene as the host itself plays it."""

    def mixdown(self, frame_range: FrameRange, path: Path) -> bool:
        """Write the sound of the range, handles included, as a WAV file; return False if the host cannot mix it.

        Restores the scene. A scene without sound also returns False. Raises StorageError.
        """


@runtime_checkable
class SupportsLooks(Protocol):
    """Optional interface of a host: presets for the look of its playblasts."""

    @property
    def name(self) -> str:
        """The name of the program, which settings select presets by."""

    @property
    def looks(self) -> Mapping[str, Mapping[str, Any]]:
        """The options of each preset by its name, the default one first."""


@runtime_checkable
class SupportsSnapshot(Protocol):
    """Optional interface of a host in which a capture changes the time: an image of the current frame."""

    # A change of time discards values that are not keyed, so such a host makes images of a source only when asked.

    def snapshot(self, source: str, resolution: Resolution, path: Path, look: Mapping[str, Any]) -> None:
        """Write a PNG of what the camera shows now, without changing the time, and restore the scene.

        Raises CameraMissing, CaptureFailed, SettingInvalid or StorageError.
        """


@runtime_checkable
class DescribesCaptures(Protocol):
    """Optional interface of a host: facts about a capture that the metadata of the version and the report contain."""

    def capture_details(self, look: Mapping[str, Any]) -> dict[str, Any]:
        """Return the details of a capture with this look, such as what it shows differently than the viewport.

        The values can be written as JSON. Does not change the scene.
        """


@attrs.frozen
class Footage:
    """Existing files of a source: a frame pattern or a movie, its range and its colour space."""

    pattern: str
    frame_range: FrameRange | None = None
    # A name of the OCIO config at the path ``ocio``; both are "" if the program does not set them.
    colour_space: str = ""
    ocio: str = ""
    # The number in the name of a frame's file, minus the frame.
    file_shift: int = 0


@runtime_checkable
class CapturesAlone(Protocol):
    """Optional interface of a host that may crash if other threads of its process run while it draws."""

    @property
    def captures_alone(self) -> bool:
        """Whether the movie is encoded after the capture and not during it."""


@runtime_checkable
class SupportsFootage(Protocol):
    """Optional interface of a host: sources with existing files, which need no capture."""

    def footage(self, source: str) -> Footage | None:
        """Return the files of the source, or None if there are none; do not change the scene."""


@runtime_checkable
class SupportsSeveralScenes(Protocol):
    """Optional interface of a host whose files contain several scenes, with sources in each of them."""

    def host_of(self, source: str) -> Host:
        """Return the host of the scene that the source belongs to."""

    def sources_of(self, scenes: Sequence[str], source: str | None = None) -> tuple[str, ...]:
        """Return the name of the source in each of these scenes, by default that of each scene's first source.

        Raises UserFixableError for a scene that does not exist, CameraMissing for one without a source.
        """


@runtime_checkable
class ProvidesPlugins(Protocol):
    """Optional interface of a host: publish plugins of its own."""

    @property
    def plugins(self) -> Path:
        """The folder of the plugin files."""


@runtime_checkable
class SupportsSelection(Protocol):
    """Optional interface of a host: select a source in the scene."""

    def select(self, source: str) -> None:
        """Select the source alone; raise CameraMissing if it is not in the scene."""


@runtime_checkable
class ShowsFeedback(Protocol):
    """Optional interface of a host: drawings of reviewers in the scene."""

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show the drawings over what the source shows, on their frames, instead of those that are shown.

        ``source`` is by default the scene's first one. Drawings are neither captured nor saved. Returns a sentence for
        each problem, such as drawings outside of the scene's frames. Raises CameraMissing.
        """

    def clear_feedback(self) -> None:
        """Remove the shown drawings without a trace; do nothing if there are none."""


@runtime_checkable
class GoesToFrames(Protocol):
    """Optional interface of a host: show a frame to the artist."""

    def current_frame(self) -> int:
        """Return the current frame, which changes while the program plays. Main thread only."""

    def go_to_frame(self, frame: int) -> None:
        """Set the current frame, as a click on the timeline does."""


@runtime_checkable
class OpensScenes(Protocol):
    """Optional interface of a host: open another scene file."""

    @property
    def scene_suffixes(self) -> tuple[str, ...]:
        """The suffixes of the files that the program opens, as in (".ma", ".mb")."""

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open the file in place of the open scene, whose unsaved changes are lost only with ``discard_changes``.

        Raises UnsavedChanges, or SceneUnreadable for a file that is missing, damaged, of another program or of a newer
        version; the open scene stays as it is then.
        """


@attrs.frozen
class ComparedMovie:
    """The images of a version's movie, numbered from 1; the first belongs to ``first_frame`` of the scene."""

    # That of the version, as in "main v003".
    name: str
    images: Frames
    first_frame: int

    @property
    def frame_range(self) -> FrameRange:
        """The frames of the scene that have an image."""
        return FrameRange(self.first_frame, self.first_frame + len(self.images) - 1)


@runtime_checkable
class ComparesMovies(Protocol):
    """Optional interface of a host: show the movie of a version beside or over the scene."""

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the images on their frames with what the source shows, instead of the movie that is shown.

        ``source`` is by default the scene's first one. The movie is neither captured nor saved. Returns a sentence for
        each problem. Raises CameraMissing, or CaptureFailed if the program cannot read the images; the scene is as
        before then.
        """

    def clear_movie(self) -> None:
        """Remove the shown movie without a trace; do nothing if there is none."""


@runtime_checkable
class LoadsFrames(Protocol):
    """Optional interface of a host: load an image sequence into the scene, where it belongs to the artist."""

    def load_frames(self, pattern: str, frame_range: FrameRange, source: str = "") -> str:
        """Show each file on the frame of its number, and return a sentence that says where it is.

        ``source`` is the camera or node that the frames were made from, "" if it is not known; the scene may lack it.
        It is one undo step, and is captured and saved as everything else. Raises CameraMissing, or CaptureFailed for
        frames that the program cannot read; the scene is as before then.
        """


@runtime_checkable
class RecordsRenders(Protocol):
    """Optional interface of a host whose renders are recorded in the render logs."""

    def render_script(self) -> str:
        """Return the open script as the logs name it, "" before its first save. Main thread only."""


def records_renders(host: object) -> bool:
    """Return whether the renders of the host are recorded."""
    return isinstance(host, RecordsRenders)


def find_footage(host: Host, source: str) -> Footage | None:
    """Return the existing files of a source, or None if it must be captured."""
    if not isinstance(host, SupportsFootage):
        return None
    return host.run_in_main_thread(partial(host.footage, source))


def find_host_of(host: Host, source: str) -> Host:
    """Return the host of the scene that the source belongs to: the host itself if its files have one scene."""
    if not isinstance(host, SupportsSeveralScenes):
        return host
    return host.run_in_main_thread(partial(host.host_of, source))


class Host(Protocol):
    """A program with an open scene that can be captured as frames."""

    @property
    def name(self) -> str:
        """The name of the program, as in "Blender"."""

    @property
    def version(self) -> str:
        """The version of the program, as in "5.0.1"."""

    def scene(self) -> Scene:
        """Return the state of the open file; do not change it."""

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Write every frame of the range, handles included, and restore the scene.

        May be called from any thread; the host draws on its main thread and processes window events between frames.
        ``on_frame`` is called with each frame's number after its file is written; an exception from it ends the
        capture. Raises CameraMissing, CaptureFailed or StorageError.
        """

    def save(self, path: Path | None = None) -> Path:
        """Save the file at the artist's request, or under a name that no file has, and return its path."""

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Apply the shot's settings to the scene at the artist's request."""

    def remember_task(self, task_id: str) -> None:
        """Store the task id in the scene file."""

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Run the function on the main thread and return its result; must not deadlock on any thread."""
