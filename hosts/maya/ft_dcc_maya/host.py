"""Maya as a host: what ``ft_dcc.host.Host`` asks for, on the open scene."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Callable, TypeVar

from maya import cmds

from ft_dcc.errors import DiskUnusable, Unpublishable
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import OnFrame, PlayblastRequest, Scene
from ft_dcc.main_thread import entered

from . import main_thread
from .cameras import find_cameras, shape_of
from .capture import capturing, frames_of
from .sounds import find_sounds
from .units import rate_of, unit_of

T = TypeVar("T")

# Of the scene itself, so that it is saved with the file; nothing is drawn and no node is made for it.
TASK_KEY = "ft_dcc_task_id"


class MayaHost:
    """The Maya that this Python runs in, and its open scene."""

    name = "Maya"

    def __init__(self) -> None:
        self._is_batch = bool(cmds.about(batch=True))
        # Asked for now: a report is written by whichever thread publishes.
        self._version = str(cmds.about(version=True))

    @property
    def version(self) -> str:
        """The version of Maya: "2025"."""
        return self._version

    def scene(self) -> Scene:
        """The open scene as it stands; nothing is changed. Its range is the animation's, not the zoomed slider's."""
        path = str(cmds.file(query=True, sceneName=True))
        task = cmds.fileInfo(TASK_KEY, query=True)  # type: ignore[call-overload] # the documentation leaves it out
        return Scene(
            path=Path(path) if path else None,
            is_modified=bool(cmds.file(query=True, modified=True)),
            frame_range=FrameRange(
                round(cmds.playbackOptions(query=True, animationStartTime=True)),
                round(cmds.playbackOptions(query=True, animationEndTime=True)),
            ),
            fps=rate_of(cmds.currentUnit(query=True, time=True)),
            resolution=Resolution(
                int(cmds.getAttr("defaultResolution.width")), int(cmds.getAttr("defaultResolution.height"))
            ),
            sources=tuple(find_cameras()),
            task_id=str(task[0]) if task else None,
            sounds=find_sounds(),
        )

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Every frame of the range, handles included, is on disk, and the scene is as it was.

        Called from a thread of its own it leaves the window alive: the main thread only draws, one frame at a time.
        Raises CameraMissing, CaptureFailed, DiskUnusable, SettingInvalid, Cancelled after Escape, and whatever
        ``on_frame`` raises.
        """
        frames = self.run_in_main_thread(partial(frames_of, request))
        with entered(capturing(request, frames), self._run) as draw_frame:
            for frame in request.frame_range.with_handles:
                self._run(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def save(self) -> Path:
        """The scene is saved where it is; raises Unpublishable before the first save, DiskUnusable when it fails."""
        if not cmds.file(query=True, sceneName=True):
            raise Unpublishable("The scene has never been saved. Save it under a name first.")
        try:
            return Path(cmds.file(save=True))
        except RuntimeError as error:
            raise DiskUnusable(f"Maya cannot save the scene: {str(error).strip()} Save it elsewhere.") from error

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """The scene has the shot's range with its handles, its exact rate and its size; keys stay on their frames.

        Raises SettingInvalid for a rate that Maya does not have; then nothing is changed.
        """
        whole, unit = frame_range.with_handles, unit_of(fps)
        cmds.undoInfo(openChunk=True, chunkName="ft-dcc: the shot's settings")
        try:
            # First, because a change of the unit moves the range.
            cmds.currentUnit(time=unit, updateAnimation=False)
            cmds.playbackOptions(
                animationStartTime=whole.start, animationEndTime=whole.end, minTime=whole.start, maxTime=whole.end
            )
            # The pixels' own shape depends on both sizes, so they are set before it.
            cmds.setAttr("defaultResolution.width", resolution.width)
            cmds.setAttr("defaultResolution.height", resolution.height)
            cmds.setAttr("defaultResolution.deviceAspectRatio", resolution.width / resolution.height)
        finally:
            cmds.undoInfo(closeChunk=True)

    def remember_task(self, task_id: str) -> None:
        """The scene carries the task, also after a save and an open."""
        cmds.fileInfo(TASK_KEY, task_id)
        # Maya does not count it as a change, and would close the scene without asking.
        cmds.file(modified=True)

    @property
    def plugins(self) -> Path:
        """The folder of the checks that only Maya can make."""
        return Path(__file__).with_name("checks")

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        """The camera's focal length in millimetres at each frame, handles included; raises CameraMissing."""
        plug = f"{shape_of(source)}.focalLength"
        return {frame: float(cmds.getAttr(plug, time=frame)) for frame in frame_range.with_handles}

    def select(self, source: str) -> None:
        """The camera, and nothing else, is selected; raises CameraMissing."""
        shape_of(source)
        cmds.select(source, replace=True)

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Return or raise what the function does; raises CaptureFailed when the main thread stays busy."""
        return self._run(function)

    @property
    def _run(self) -> Callable[..., T]:
        return partial(main_thread.run, is_batch=self._is_batch)
