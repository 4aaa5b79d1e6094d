"""The Nuke implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Callable, TypeVar

import nuke

from ft_dcc.errors import CameraMissing, FramesMissing, StorageError, UserFixableError
from ft_dcc.files.sequences import is_sequence
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames
from ft_dcc.host import ComparedMovie, Footage, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.main_thread import entered_on_main_thread
from ft_dcc.review.drawings import Drawing

from . import compare, feedback, main_thread, scene_file
from .capture import DrawFrame, capture_setup, find_node, find_sources, output_frames
from .colour_space import colour_space_of, ocio_config_path
from .node_info import (
    TASK_KNOB,
    is_limited,
    node_frame_range,
    node_group,
    node_label,
    node_pattern,
    saved_task_id,
    script_frame_rate,
    script_name,
    script_pixel_aspect,
)

T = TypeVar("T")

_SELECTION_ONLY = (
    "Only the selected Reads and Writes are listed: in this edition of Nuke, Python reaches ten nodes of a script."
)


class NukeHost:
    """The Nuke process that this code runs in, and its open script, whose sources are Reads and Writes."""

    name = "Nuke"

    @property
    def version(self) -> str:
        """Return the version of Nuke, for example "15.1v3"."""
        return str(nuke.NUKE_VERSION_STRING)

    def scene(self) -> Scene:
        """Return the state of the open script."""
        root, path, sources = nuke.root(), script_name(), find_sources()
        size = root.format()
        return Scene(
            path=Path(path) if path else None,
            is_modified=bool(root.modified()),
            frame_range=FrameRange(int(root.firstFrame()), int(root.lastFrame())),
            fps=script_frame_rate(),
            resolution=Resolution(int(size.width()), int(size.height())),
            sources=tuple(sources),
            task_id=saved_task_id(),
            labels={name: node_label(name) for name in sources},
            pixel_aspect=script_pixel_aspect(),
            groups={name: node_group(name) for name in sources},
            sources_note=_SELECTION_ONLY if is_limited() else "",
        )

    def footage(self, source: str) -> Footage | None:
        """Return the files that the Read reads or the Write has written, or None if there are none."""
        try:
            node = find_node(source)
        except CameraMissing:
            # Not a node: a path, or an unknown name, which the publish reports.
            return None
        pattern = node_pattern(node)
        if pattern is None or not _has_files(pattern):
            return None
        whole = node_frame_range(node) if is_sequence(pattern) else None
        return Footage(pattern, whole, colour_space_of(node), ocio_config_path())

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Write every frame of the range, handles included, and restore the script.

        The frames show what flows through the node, at the size of the request. Called from another thread it
        leaves the window responsive between two frames. Raises CameraMissing, CaptureFailed, StorageError,
        Cancelled, and whatever ``on_frame`` raises.
        """
        frames = self.run_in_main_thread(partial(output_frames, request))
        with entered_on_main_thread(capture_setup(request, frames), main_thread.run) as draw_frame:
            for frame in request.frame_range.with_handles:
                main_thread.run(partial(_draw_without_feedback, draw_frame, frame))
                on_frame(frame)
        return frames

    def save(self) -> Path:
        """Save the script to its file; raise UserFixableError if it has no name yet, StorageError if it fails."""
        path = script_name()
        if not path:
            raise UserFixableError("The script has never been saved. Save it under a name first.")
        try:
            nuke.scriptSave(path)
        except RuntimeError as error:
            raise StorageError(f"Nuke cannot save the script: {str(error).strip()} Save it elsewhere.") from error
        return Path(path)

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Set the shot's range with its handles, its exact rate and its size, as one undo step."""
        root, whole = nuke.root(), frame_range.with_handles
        nuke.Undo.begin("ft-dcc: shot settings")
        try:
            root["first_frame"].setValue(whole.start)
            root["last_frame"].setValue(whole.end)
            root["fps"].setValue(float(fps))
            root["format"].setValue(_format_name(resolution))
        finally:
            nuke.Undo.end()

    def remember_task(self, task_id: str) -> None:
        """Store the task in the script."""
        root = nuke.root()
        knob = root.knob(TASK_KNOB)
        if knob is None:
            knob = nuke.String_Knob(TASK_KNOB, "")
            knob.setFlag(nuke.INVISIBLE)
            root.addKnob(knob)
        knob.setValue(task_id)
        root.setModified(True)

    def render_script(self) -> str:
        """Return the file of the script, as the logs of renders name it."""
        return script_name()

    @property
    def plugins(self) -> Path:
        """Return the folder of the checks that only Nuke can make."""
        return Path(__file__).with_name("checks")

    def select(self, source: str) -> None:
        """Select only this node; raise CameraMissing."""
        wanted = find_node(source)
        for node in nuke.selectedNodes():
            node.setSelected(False)
        wanted.setSelected(True)

    def camera_settings(self, source: str, frames: Sequence[int]) -> dict[int, dict[str, float | str]]:
        """Return the format of the node; raise CameraMissing."""
        size = find_node(source).format()
        text = f"{int(size.width())}x{int(size.height())}, pixel aspect {float(size.pixelAspect()):g}"
        return {frame: {"format": text} for frame in frames}

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show the drawings in a group beside the source; raise CameraMissing, or CaptureFailed in a gizmo."""
        sources = find_sources()
        return feedback.show(drawings, source or (sources[0] if sources else ""))

    def clear_feedback(self) -> None:
        """Remove the group with the drawings."""
        feedback.clear()

    def go_to_frame(self, frame: int) -> None:
        """Set the frame of the script."""
        nuke.frame(frame)

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the movie in a Read beside the source; raise CameraMissing, or CaptureFailed in a gizmo."""
        sources = find_sources()
        return compare.show(movie, source or (sources[0] if sources else ""))

    def clear_movie(self) -> None:
        """Remove the Read of the movie."""
        compare.clear()

    @property
    def scene_suffixes(self) -> tuple[str, ...]:
        """Return the suffix of Nuke's scripts."""
        return scene_file.SUFFIXES

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open another script; raise UnsavedChanges or SceneUnreadable."""
        scene_file.open_scene(path, self.scene(), discard_changes=discard_changes)

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Call the function on the main thread and return its result; raise CaptureFailed while that is busy."""
        return main_thread.run(function)


def _draw_without_feedback(draw_frame: DrawFrame, frame: int) -> None:
    with feedback.hidden(), compare.hidden():
        draw_frame(frame)


def _has_files(pattern: str) -> bool:
    if not is_sequence(pattern):
        return Path(pattern).is_file()
    try:
        find_frames(pattern)
    except FramesMissing:
        return False
    return True


def _format_name(size: Resolution) -> str:
    """Return the name of a format of this size with square pixels; add one if there is none."""
    for known in nuke.formats():
        if (known.width(), known.height(), known.pixelAspect()) == (size.width, size.height, 1.0) and known.name():
            return str(known.name())
    name = f"ft_dcc_{size}"
    nuke.addFormat(f"{size.width} {size.height} {name}")
    return name
