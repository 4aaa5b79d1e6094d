"""The Maya implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable, TypeVar

import attrs
from maya import cmds, utils

from ft_dcc.errors import StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.main_thread import entered_on_main_thread, run_on_main_thread
from ft_dcc.review.drawings import Drawing

from . import compare, feedback, scene_file
from .camera_plane import is_animated, lens_settings
from .cameras import camera_shape, find_cameras
from .capture import capture_setup, output_frames, snapshot_setup
from .look import PRESETS, view_transform
from .timeline import all_ranges, camera_of, find_shots, find_sounds, scene_range, unheard_sounds
from .units import rate_from_unit, unit_from_rate

T = TypeVar("T")

# Stored in the scene's file info, so that it is saved with the file without a node.
TASK_KEY = "ft_dcc_task_id"


class MayaHost:
    """The Maya process that this code runs in, and its open scene."""

    name = "Maya"

    def __init__(self) -> None:
        self._is_batch = bool(cmds.about(batch=True))
        # Read now, because a report is written on the thread that publishes.
        self._version = str(cmds.about(version=True))

    @property
    def version(self) -> str:
        """Return the version of Maya, for example "2025"."""
        return self._version

    def scene(self) -> Scene:
        """Return the state of the open scene. The shots of the Camera Sequencer follow the cameras as sources.

        The setting ``maya_range`` says whether its range is that of the animation or of the time slider.
        """
        shots = find_shots()
        path = str(cmds.file(query=True, sceneName=True))
        task = cmds.fileInfo(TASK_KEY, query=True)  # type: ignore[call-overload] # the documentation leaves it out
        scene = Scene(
            path=Path(path) if path else None,
            is_modified=bool(cmds.file(query=True, modified=True)),
            frame_range=scene_range(),
            fps=rate_from_unit(cmds.currentUnit(query=True, time=True)),
            resolution=Resolution(
                int(cmds.getAttr("defaultResolution.width")), int(cmds.getAttr("defaultResolution.height"))
            ),
            sources=(*find_cameras(), *(shot.node for shot in shots)),
            task_id=str(task[0]) if task else None,
            sounds=find_sounds(),
            labels={shot.node: f"shot {shot.label}: {shot.frame_range}, {shot.camera}" for shot in shots},
            source_ranges={shot.node: shot.frame_range for shot in shots},
            ranges=all_ranges(),
        )
        of_shots = {shot.node: "Shots" for shot in shots}
        return attrs.evolve(scene, groups={**dict.fromkeys(scene.sources, "Cameras"), **of_shots})

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Draw every frame of the range, handles included, and restore the scene.

        Called from another thread it leaves the window responsive: the main thread draws one frame at a time.
        Raises CameraMissing, CaptureFailed, StorageError, SettingInvalid, Cancelled after Escape, and whatever
        ``on_frame`` raises.
        """
        camera: str = self._run(partial(camera_of, request.source))
        request = attrs.evolve(request, source=camera)
        frames = self.run_in_main_thread(partial(output_frames, request))
        with entered_on_main_thread(capture_setup(request, frames), self._run) as draw_frame:
            for frame in request.frame_range.with_handles:
                self._run(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def snapshot(self, source: str, resolution: Resolution, path: Path, look: Mapping[str, Any]) -> None:
        """Write a PNG of what the camera shows at the current time, and restore the scene.

        Raises CameraMissing, CaptureFailed, SettingInvalid or StorageError.
        """
        camera: str = self._run(partial(camera_of, source))
        with entered_on_main_thread(snapshot_setup(camera, resolution, look), self._run) as draw:
            self._run(partial(draw, path))

    def save(self) -> Path:
        """Save the scene to its file; raise UserFixableError if it has no name yet, StorageError if that fails."""
        if not cmds.file(query=True, sceneName=True):
            raise UserFixableError("The scene has never been saved. Save it under a name first.")
        try:
            return Path(cmds.file(save=True))
        except RuntimeError as error:
            raise StorageError(f"Maya cannot save the scene: {str(error).strip()} Save it elsewhere.") from error

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Set the shot's range with its handles, its exact rate and its size; keys stay on their frames.

        Raises SettingInvalid for a rate that Maya does not have; nothing is changed then.
        """
        whole, unit = frame_range.with_handles, unit_from_rate(fps)
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

    @property
    def looks(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of looks."""
        return PRESETS

    @property
    def plugins(self) -> Path:
        """Return the folder of the checks that only Maya can make."""
        return Path(__file__).with_name("checks")

    def capture_details(self, look: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether the images have the view transform, and which sounds the movie lacks."""
        return {**view_transform(), "unheard_sounds": unheard_sounds()}

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        """Return the camera's focal length in millimetres per frame, handles included; raise CameraMissing."""
        plug = f"{camera_shape(camera_of(source))}.focalLength"
        return {frame: float(cmds.getAttr(plug, time=frame)) for frame in frame_range.with_handles}

    def camera_settings(self, source: str, frames: Sequence[int]) -> dict[int, dict[str, float | str]]:
        """Return what decides where the camera shows things, per frame; raise CameraMissing."""
        shape = camera_shape(camera_of(source))
        if frames and not is_animated(shape):
            return dict.fromkeys(frames, lens_settings(shape, frames[0]))
        return {frame: lens_settings(shape, frame) for frame in frames}

    def select(self, source: str) -> None:
        """Select only this camera; raise CameraMissing."""
        camera = camera_of(source)
        camera_shape(camera)
        cmds.select(camera, replace=True)

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show the drawings below the camera; raise CameraMissing, or CaptureFailed for a locked camera."""
        scene = self.scene()
        camera = camera_of(source or (scene.sources[0] if scene.sources else ""))
        return feedback.show(drawings, camera, scene.frame_range.start, scene.frame_range.end)

    def clear_feedback(self) -> None:
        """Remove the drawings."""
        feedback.clear()

    def go_to_frame(self, frame: int) -> None:
        """Set the current time."""
        cmds.currentTime(frame)

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the movie on an image plane of the camera; raise CameraMissing, or CaptureFailed for a locked one."""
        cameras = find_cameras()
        return compare.show(movie, camera_of(source) if source else (cameras[0] if cameras else ""))

    def clear_movie(self) -> None:
        """Remove the image plane."""
        compare.clear()

    @property
    def scene_suffixes(self) -> tuple[str, ...]:
        """Return the suffixes of Maya's scene files."""
        return scene_file.SUFFIXES

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open another scene; raise UnsavedChanges, SceneUnreadable, or UserFixableError if it has errors."""
        scene_file.open_scene(path, self.scene(), int(self._version[:4]), discard_changes=discard_changes)

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Call the function on the main thread and return its result; raise CaptureFailed while that is busy."""
        return self._run(function)

    @property
    def _run(self) -> Callable[..., T]:
        return partial(run_on_main_thread, program="Maya", post=utils.executeDeferred, has_window=not self._is_batch)
