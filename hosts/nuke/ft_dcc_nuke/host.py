"""Nuke as a host: what ``ft_dcc.host.Host`` asks for, on the open script."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Callable, TypeVar

import nuke

from ft_dcc.errors import CameraMissing, DiskUnusable, FramesMissing, Unpublishable
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, is_sequence
from ft_dcc.host import Footage, OnFrame, PlayblastRequest, Scene
from ft_dcc.main_thread import entered

from . import main_thread
from .capture import capturing, find_sources, frames_of, node_of
from .colours import config_of_script, space_of
from .facts import TASK_KNOB, pattern_of, range_of, rate_of_script, remembered_task, script_name

T = TypeVar("T")


class NukeHost:
    """The Nuke that this Python runs in, and its open script. Its sources are the Reads and Writes."""

    name = "Nuke"

    @property
    def version(self) -> str:
        """The version of Nuke: "15.1v3"."""
        return str(nuke.NUKE_VERSION_STRING)

    def scene(self) -> Scene:
        """The open script as it stands; nothing is changed."""
        root, path = nuke.root(), script_name()
        size = root.format()
        return Scene(
            path=Path(path) if path else None,
            is_modified=bool(root.modified()),
            frame_range=FrameRange(int(root.firstFrame()), int(root.lastFrame())),
            fps=rate_of_script(),
            resolution=Resolution(int(size.width()), int(size.height())),
            sources=tuple(find_sources()),
            task_id=remembered_task(),
        )

    def footage(self, source: str) -> Footage | None:
        """The files that the Read reads, or that the Write has written; None where there are none yet."""
        try:
            node = node_of(source)
        except CameraMissing:
            # Not one of our sources: a path, or nothing, which the publish says.
            return None
        pattern = pattern_of(node)
        if pattern is None or not _is_there(pattern):
            return None
        whole = range_of(node) if is_sequence(pattern) else None
        return Footage(pattern, whole, space_of(node), config_of_script())

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Every frame of the range, handles included, is on disk, and the script is as it was.

        It is what flows through the node, at the request's size. Called from a thread of its own it leaves the window
        alive between two frames. Raises CameraMissing, CaptureFailed, DiskUnusable, Cancelled, and whatever
        ``on_frame`` raises.
        """
        frames = self.run_in_main_thread(partial(frames_of, request))
        with entered(capturing(request, frames), main_thread.run) as draw_frame:
            for frame in request.frame_range.with_handles:
                main_thread.run(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def save(self) -> Path:
        """The script is saved where it is; raises Unpublishable before the first save, DiskUnusable when it fails."""
        path = script_name()
        if not path:
            raise Unpublishable("The script has never been saved. Save it under a name first.")
        try:
            nuke.scriptSave(path)
        except RuntimeError as error:
            raise DiskUnusable(f"Nuke cannot save the script: {str(error).strip()} Save it elsewhere.") from error
        return Path(path)

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """The script has the shot's range with its handles, its exact rate and its size, as one step to undo."""
        root, whole = nuke.root(), frame_range.with_handles
        nuke.Undo.begin("ft-dcc: the shot's settings")
        try:
            root["first_frame"].setValue(whole.start)
            root["last_frame"].setValue(whole.end)
            root["fps"].setValue(float(fps))
            root["format"].setValue(_format(resolution))
        finally:
            nuke.Undo.end()

    def remember_task(self, task_id: str) -> None:
        """The script carries the task, also after a save and an open."""
        root = nuke.root()
        knob = root.knob(TASK_KNOB)
        if knob is None:
            knob = nuke.String_Knob(TASK_KNOB, "")
            knob.setFlag(nuke.INVISIBLE)
            root.addKnob(knob)
        knob.setValue(task_id)
        root.setModified(True)

    @property
    def plugins(self) -> Path:
        """The folder of the checks that only Nuke can make."""
        return Path(__file__).with_name("checks")

    def select(self, source: str) -> None:
        """The node, and nothing else, is selected; raises CameraMissing."""
        wanted = node_of(source)
        for node in nuke.selectedNodes():
            node.setSelected(False)
        wanted.setSelected(True)

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Return or raise what the function does; raises CaptureFailed when the main thread stays busy."""
        return main_thread.run(function)


def _is_there(pattern: str) -> bool:
    if not is_sequence(pattern):
        return Path(pattern).is_file()
    try:
        find_frames(pattern)
    except FramesMissing:
        return False
    return True


def _format(size: Resolution) -> str:
    """The name of a format of this size with square pixels, made if there is none."""
    for known in nuke.formats():
        if (known.width(), known.height(), known.pixelAspect()) == (size.width, size.height, 1.0) and known.name():
            return str(known.name())
    name = f"ft_dcc_{size}"
    nuke.addFormat(f"{size.width} {size.height} {name}")
    return name
