"""The Maya implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable

import attrs
from maya import cmds, utils

from ft_dcc.errors import SceneUnreadable, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.main_thread import entered_on_main_thread, run_on_main_thread
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable
from ft_dcc.review.drawings import Drawing

from . import capture, feedback, timeline
from .cameras import camera_shape, find_cameras
from .look import PRESETS, view_transform

# The year in the head of a text file, and in the first chunk of a binary one.
_YEAR = re.compile(rb'requires maya "(\d{4})|VERS.{4,16}?(20\d\d)', re.DOTALL)
# Script nodes hold code of the person who saved the scene: it is opened without running them, and the artist is asked.
# These types run when a scene opens, always or with a window; others wait for an event. Source: Autodesk's node
# reference, ``script``, ``scriptType``.
_AT_OPEN = (1, 2)
# Maya's own node with the time range, whose text is one command.
_CONFIGURATION = "sceneConfigurationScriptNode"
_RANGE = re.compile(r"\s*playbackOptions((?:\s+-(?:min|max|ast|aet)\s+-?[\d.]+)+)\s*;?\s*")
_NAMES = {"min": "minTime", "max": "maxTime", "ast": "animationStartTime", "aet": "animationEndTime"}
_LEAVE, _RUN = "Do not run", "Run"

# Stored in the scene's file info, so that it is saved with the file without a node.
TASK_KEY = "ft_dcc_task_id"


class MayaHost:
    """The Maya process that this code runs in, and its open scene."""

    name = "Maya"
    looks = PRESETS
    # The checks that only Maya can make.
    plugins = Path(__file__).with_name("checks")
    scene_suffixes = (".ma", ".mb")
    clear_feedback = staticmethod(feedback.clear)
    clear_movie = staticmethod(feedback.clear_movie)

    def __init__(self) -> None:
        has_window = not cmds.about(batch=True)
        # Calls a function on the main thread and returns its result; raises CaptureFailed while that is busy.
        self.run_in_main_thread: Callable[..., Any] = partial(
            run_on_main_thread, program="Maya", post=utils.executeDeferred, has_window=has_window
        )
        # Such as "2025"; read now, because a report is written on the thread that publishes.
        self.version = str(cmds.about(version=True))

    def scene(self) -> Scene:
        """Return the state of the open scene. The shots of the Camera Sequencer follow the cameras as sources.

        The setting ``maya_range`` says whether its range is that of the animation or of the time slider.
        """
        cameras, shots = find_cameras(), timeline.find_shots()
        path = str(cmds.file(query=True, sceneName=True))
        task = cmds.fileInfo(TASK_KEY, query=True)  # type: ignore[call-overload] # the documentation leaves it out
        return Scene(
            path=Path(path) if path else None,
            is_modified=bool(cmds.file(query=True, modified=True)),
            frame_range=timeline.scene_range(),
            fps=timeline.rate_from_unit(cmds.currentUnit(query=True, time=True)),
            resolution=Resolution(
                int(cmds.getAttr("defaultResolution.width")), int(cmds.getAttr("defaultResolution.height"))
            ),
            sources=(*cameras, *(shot.node for shot in shots)),
            task_id=str(task[0]) if task else None,
            sounds=timeline.find_sounds(),
            labels={shot.node: f"shot {shot.label}: {shot.frame_range}, {shot.camera}" for shot in shots},
            source_ranges={shot.node: shot.frame_range for shot in shots},
            ranges=timeline.all_ranges(),
            groups={**dict.fromkeys(cameras, "Cameras"), **{shot.node: "Shots" for shot in shots}},
        )

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Draw every frame as ``Host.playblast`` says; raises also SettingInvalid, and Cancelled after Escape."""
        camera: str = self.run_in_main_thread(partial(timeline.camera_of, request.source))
        request = attrs.evolve(request, source=camera)
        frames: Frames = self.run_in_main_thread(partial(capture.output_frames, request))
        with entered_on_main_thread(capture.capture_setup(request, frames), self.run_in_main_thread) as draw_frame:
            for frame in request.frame_range.with_handles:
                self.run_in_main_thread(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def snapshot(self, source: str, resolution: Resolution, path: Path, look: Mapping[str, Any]) -> None:
        """Write a PNG of the camera now; raises CameraMissing, CaptureFailed, SettingInvalid or StorageError."""
        camera: str = self.run_in_main_thread(partial(timeline.camera_of, source))
        with entered_on_main_thread(capture.snapshot_setup(camera, resolution, look), self.run_in_main_thread) as draw:
            self.run_in_main_thread(partial(draw, path))

    def save(self, path: Path | None = None) -> Path:
        """Save the scene, or under another name; raise UserFixableError if it has none, StorageError if that fails."""
        if not cmds.file(query=True, sceneName=True) and path is None:
            raise UserFixableError("The scene has never been saved. Save it under a name first.")
        try:
            if path is not None:
                cmds.file(rename=str(path))
            return Path(cmds.file(save=True))
        except RuntimeError as error:
            raise StorageError(f"Maya cannot save the scene: {str(error).strip()} Save it elsewhere.") from error

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Set the shot's range with its handles, its exact rate and its size; keys stay on their frames.

        Raises SettingInvalid for a rate that Maya does not have; nothing is changed then.
        """
        whole, unit = frame_range.with_handles, timeline.unit_from_rate(fps)
        cmds.undoInfo(openChunk=True, chunkName="ft-dcc: shot settings")
        try:
            # First, because changing the unit moves the range.
            cmds.currentUnit(time=unit, updateAnimation=False)
            cmds.playbackOptions(
                animationStartTime=whole.start, animationEndTime=whole.end, minTime=whole.start, maxTime=whole.end
            )
            # The device aspect ratio depends on both sizes, so it is set last.
            cmds.setAttr("defaultResolution.width", resolution.width)
            cmds.setAttr("defaultResolution.height", resolution.height)
            cmds.setAttr("defaultResolution.pixelAspect", 1.0)
            cmds.setAttr("defaultResolution.deviceAspectRatio", resolution.width / resolution.height)
            if cmds.objExists("vraySettings.width"):
                # V-Ray has a size of its own.
                cmds.setAttr("vraySettings.width", resolution.width)
                cmds.setAttr("vraySettings.height", resolution.height)
                cmds.setAttr("vraySettings.aspectRatio", resolution.width / resolution.height)
        finally:
            cmds.undoInfo(closeChunk=True)

    def remember_task(self, task_id: str) -> None:
        """Store the task in the scene file."""
        cmds.fileInfo(TASK_KEY, task_id)
        # Maya does not count this as a change, and would close the scene without asking.
        cmds.file(modified=True)

    def capture_details(self, look: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether the images have the view transform, and which sounds the movie lacks."""
        return {**view_transform(), "unheard_sounds": timeline.unheard_sounds()}

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        """Return the camera's focal length in millimetres per frame, handles included; raise CameraMissing."""
        plug = f"{camera_shape(timeline.camera_of(source))}.focalLength"
        return {frame: float(cmds.getAttr(plug, time=frame)) for frame in frame_range.with_handles}

    def select(self, source: str) -> None:
        """Select only this camera; raise CameraMissing."""
        camera = timeline.camera_of(source)
        camera_shape(camera)
        cmds.select(camera, replace=True)

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show the drawings below the camera; raise CameraMissing, or CaptureFailed for a locked camera."""
        scene = self.scene()
        camera = timeline.camera_of(source or (scene.sources[0] if scene.sources else ""))
        return feedback.show(drawings, camera, scene.frame_range.start, scene.frame_range.end)

    def current_frame(self) -> int:
        """Return the current time, without its fraction."""
        return int(cmds.currentTime(query=True))  # type: ignore[call-arg] # the documentation leaves it out

    def go_to_frame(self, frame: int) -> None:
        """Set the current time."""
        cmds.currentTime(frame)

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the movie on an image plane of the camera; raise CameraMissing, or CaptureFailed for a locked one."""
        cameras = find_cameras()
        return feedback.show_movie(movie, timeline.camera_of(source) if source else (cameras[0] if cameras else ""))

    def load_frames(self, pattern: str, frame_range: FrameRange, source: str = "") -> str:
        """Load the frames at the version's or first camera; raises CameraMissing, CaptureFailed if it is locked."""
        cameras = find_cameras()
        camera = source if source in cameras else (cameras[0] if cameras else "")
        feedback.load_frames(pattern, frame_range, camera)
        return f"The frames are on an image plane of {camera}."

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open another scene; raise UnsavedChanges, SceneUnreadable, or UserFixableError if it has errors."""
        scene = self.scene()
        require_openable(path, scene, program="Maya", suffixes=self.scene_suffixes, discard_changes=discard_changes)
        found = _YEAR.search(read_start(path))
        require_known_version(
            path, None if found is None else (int(found[1] or found[2]),), (int(self.version[:4]),), "Maya"
        )
        # They belong to the scene that is closed.
        feedback.clear()
        feedback.clear_movie()
        try:
            _open_without_code(path)
            _forget_changes()
            _offer_code(path)
        except RuntimeError as error:
            reason = str(error).strip()
            if Path(str(cmds.file(query=True, sceneName=True))) == path:
                _forget_changes()
                message = f"{path} is open, but Maya reports: {reason} The Script Editor has the details."
                raise UserFixableError(message) from error
            if scene.path is not None:
                # What it reports was reported when the artist opened it.
                with suppress(RuntimeError):
                    cmds.file(scene.path.as_posix(), open=True, force=True)
            raise SceneUnreadable(f"Maya cannot open {path}: {reason} The Script Editor has the details.") from error


def _forget_changes() -> None:
    """Count the scene as saved without a window: only plug-ins and start-up scripts have changed it since it opened."""
    if cmds.about(batch=True):
        cmds.file(modified=False)


def _open_without_code(path: Path) -> None:
    """Open the scene and set its time range; raise RuntimeError as Maya does."""
    # By force: the unsaved changes have been asked about.
    cmds.file(path.as_posix(), open=True, force=True, executeScriptNodes=False)
    is_modified = bool(cmds.file(query=True, modified=True))
    _set_range_of_file()
    cmds.file(modified=is_modified)


def _offer_code(path: Path) -> None:
    """Name the script nodes that did not run, and run them if the artist says so; without a window none runs."""
    if cmds.about(batch=True):
        return
    names = [str(name) for name in cmds.ls(type="script") or [] if int(cmds.getAttr(f"{name}.scriptType")) in _AT_OPEN]
    if not names:
        return
    answer = cmds.confirmDialog(
        title="ft-dcc",
        message=f"{path.name} is open. Its script nodes did not run: {', '.join(names)}. They contain code of the "
        "person who saved the scene. Run them?",
        button=[_LEAVE, _RUN],
        defaultButton=_LEAVE,
        cancelButton=_LEAVE,
        dismissString=_LEAVE,
    )
    if answer == _RUN:
        for name in names:
            cmds.scriptNode(name, executeBefore=True)


def _set_range_of_file() -> None:
    if cmds.objExists(_CONFIGURATION):
        found = _RANGE.fullmatch(str(cmds.getAttr(f"{_CONFIGURATION}.before") or ""))
        words = found[1].split() if found is not None else []
        values: dict[str, Any] = {_NAMES[flag[1:]]: float(value) for flag, value in zip(words[::2], words[1::2])}
        if values:
            cmds.playbackOptions(**values)
