"""The Hiero implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Callable, NoReturn, TypeVar

import hiero.ui
import nuke

from ft_dcc.errors import CameraMissing, CaptureFailed, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Footage, OnFrame, PlayblastRequest, Scene
from ft_dcc_nuke import main_thread
from ft_dcc_nuke.timeline import items, offered

T = TypeVar("T")

# The values of a scene without an open timeline; nothing is captured with them.
_EMPTY_TIMELINE = (FrameRange(1, 1), Fraction(24), Resolution(1920, 1080))


class HieroHost:
    """The Hiero that this code runs in, and the project of its timeline.

    Its sources are the items of a timeline that the artist has chosen. They are existing files, so nothing is captured.
    Source of what is called: Foundry's reference of hiero.core and hiero.ui.
    """

    name = "Hiero"

    @property
    def version(self) -> str:
        """Return the version of Hiero, which is that of Nuke, for example "15.1v3"."""
        return str(nuke.env["NukeVersionString"])

    def scene(self) -> Scene:
        """Return the state of the timeline and its project.

        It has no task: a project contains many shots, and the name of an item is that of its shot.
        """
        sequence = _sequence()
        project = None if sequence is None else sequence.project()
        path = "" if project is None else str(project.path() or "")
        frame_range, fps, resolution = _EMPTY_TIMELINE if sequence is None else _settings_of(sequence)
        scene = Scene(
            path=Path(path) if path else None,
            is_modified=project is not None and bool(project.modifiedSinceLastSave()),
            frame_range=frame_range,
            fps=fps,
            resolution=resolution,
            sources=(),
        )
        return offered.added_to(scene)

    def footage(self, source: str) -> Footage | None:
        """Return the files of an item, None for another source; raise CameraMissing for one that was deleted."""
        return offered.footage(source) if offered.is_offered(source) else None

    def select(self, source: str) -> None:
        """Select only this item of the timeline; raise CameraMissing if it was deleted."""
        if not offered.is_offered(source):
            raise CameraMissing(f"{source} is not an item of a timeline. Select the items and publish again.")
        offered.select(source)

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Raise CaptureFailed: Hiero has no nodes and no cameras."""
        raise CaptureFailed(
            f"{request.source} cannot be captured, because Hiero has no nodes. Select items in a timeline and choose "
            "ft-dcc, Publish timeline items…"
        )

    def save(self) -> Path:
        """Save the project to its file; raise UserFixableError if it has no name yet, StorageError if it fails."""
        sequence = _sequence()
        path = "" if sequence is None else str(sequence.project().path() or "")
        if sequence is None or not path:
            raise UserFixableError("The project has never been saved. Save it under a name first.")
        try:
            sequence.project().save()
        except RuntimeError as error:
            raise StorageError(f"Hiero cannot save the project: {str(error).strip()} Save it elsewhere.") from error
        return Path(path)

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> NoReturn:
        """Raise UserFixableError: a timeline is not a shot."""
        raise UserFixableError("A timeline cannot have the settings of one of its shots. Change them in Hiero.")

    def remember_task(self, task_id: str) -> None:
        """Do nothing: a project contains many shots, and the name of an item is that of its shot."""

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Call the function on the main thread and return its result; raise CaptureFailed while that is busy."""
        return main_thread.run(function)


def _sequence() -> Any:
    """Return the sequence of the offered items, or else the active one, None if there is none."""
    sequence = offered.sequence()
    return hiero.ui.activeSequence() if sequence is None else sequence


def _settings_of(sequence: Any) -> tuple[FrameRange, Fraction, Resolution]:
    """Return frames, rate and size of a sequence, whose frames are counted from 0."""
    size = sequence.format()
    frame_range = FrameRange(0, max(0, int(sequence.duration()) - 1))
    fps = items.frame_rate_of(sequence) or _EMPTY_TIMELINE[1]
    return frame_range, fps, Resolution(int(size.width()), int(size.height()))
