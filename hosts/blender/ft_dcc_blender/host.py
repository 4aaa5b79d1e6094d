"""Blender as a host: what ``ft_dcc.host.Host`` asks for, on the open file."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable, TypeVar

import bpy

from ft_dcc.errors import CaptureFailed, DiskUnusable, SceneUnreadable, SettingInvalid, Unpublishable
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import OnFrame, PlayblastRequest, Scene
from ft_dcc.main_thread import entered, outlive_broken_pipes

from . import lens, main_thread, versions
from .capture import capturing, frames_of, scene_rate, sources
from .maintained import silenced
from .sound import sounds

T = TypeVar("T")

# A property of the scene itself, so that it is saved with the file, copied with the scene and undone with Ctrl-Z.
TASK_PROPERTY = "ft_dcc_task_id"

_LAST_FRAME = 1_048_574


class BlenderHost:
    """The Blender that this Python runs in, and the scene of its window."""

    name = "Blender"

    def __init__(self, scene: str | None = None) -> None:
        """``scene`` names the one that is meant where windows show different ones; else it is the active window's."""
        self._scene_name = scene
        # A headless Blender calls every file modified, also one that was opened a moment ago.
        self._is_changed = False
        main_thread.start_serving()
        outlive_broken_pipes()

    @classmethod
    def open(cls, path: os.PathLike[str] | str, *, run_scripts: bool = False) -> BlenderHost:
        """Open a .blend file in this process; raises SceneUnreadable when it cannot be had whole.

        ``run_scripts`` allows the Python code in the file to run: rigs need it, files of strangers must not have it.
        """
        file = Path(path).absolute()
        if not file.is_file():
            raise SceneUnreadable(f"There is no scene file {file}. Check the path.")
        try:
            with silenced():
                bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False, use_scripts=run_scripts)
        except RuntimeError as error:
            raise SceneUnreadable(
                f"{file} is not a Blender file, or it is damaged. Open a backup of it (.blend1)."
            ) from error
        if versions.file_is_too_new():
            written, ours = ".".join(map(str, bpy.data.version[:2])), bpy.app.version_string
            raise SceneUnreadable(f"{file} was written by Blender {written}, this is {ours}. Use Blender {written}.")
        return cls()

    @property
    def version(self) -> str:
        """The version of Blender: "5.0.1"."""
        return ".".join(str(part) for part in bpy.app.version)

    def scene(self) -> Scene:
        """The scene of the open file as it stands; nothing is changed."""
        scene = self._scene()
        return Scene(
            path=Path(bpy.data.filepath) if bpy.data.filepath else None,
            is_modified=self._is_changed if bpy.app.background else bpy.data.is_dirty,
            frame_range=FrameRange(scene.frame_start, scene.frame_end),
            fps=scene_rate(scene),
            resolution=Resolution(scene.render.resolution_x, scene.render.resolution_y),
            sources=sources(scene),
            task_id=scene.get(TASK_PROPERTY),
            sounds=sounds(scene),
        )

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Every frame of the range, handles included, is on disk, and the scene is as it was.

        In a window the viewport's renderer draws, without one Workbench; both with the same look and framing. Called
        from a thread of its own it leaves the window alive: the main thread only draws, one frame at a time.
        Raises CameraMissing, CaptureFailed, DiskUnusable or SettingInvalid, and whatever ``on_frame`` raises.
        """
        scene = main_thread.run(self._scene)
        frames = main_thread.run(partial(frames_of, scene, request))
        with entered(capturing(scene, request, frames), main_thread.run) as draw_frame:
            for frame in request.frame_range.with_handles:
                main_thread.run(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        """The camera's focal length in millimetres at each frame, handles included; raises CameraMissing.

        A camera without perspective has none.
        """
        return lens.focal_lengths(self._scene(), source, frame_range)

    def save(self) -> Path:
        """The file is saved where it is; raises Unpublishable before the first save, DiskUnusable when it fails."""
        if not bpy.data.filepath:
            raise Unpublishable("The scene has never been saved. Save it under a name first.")
        try:
            with silenced():
                bpy.ops.wm.save_mainfile()
        except RuntimeError as error:
            raise DiskUnusable(f"{bpy.data.filepath} cannot be saved. Free space or save it elsewhere.") from error
        self._is_changed = False
        return Path(bpy.data.filepath)

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """The scene has the shot's range with its handles, its exact rate and its size.

        Raises SettingInvalid for a range that Blender's timeline cannot hold; then nothing is changed.
        """
        scene, whole = self._scene(), frame_range.with_handles
        if whole.start < 0 or whole.end > _LAST_FRAME:
            raise SettingInvalid(f"A scene in Blender has frames from 0 to {_LAST_FRAME}; its range cannot be {whole}.")
        scene.frame_start, scene.frame_end = whole.start, whole.end
        scene.render.fps = round(fps)
        scene.render.fps_base = round(fps) / fps
        scene.render.resolution_x, scene.render.resolution_y = resolution.width, resolution.height
        scene.render.resolution_percentage = 100
        self._note_change("Shot settings")

    def remember_task(self, task_id: str) -> None:
        """The scene carries the task, also after a save and an open."""
        self._scene()[TASK_PROPERTY] = task_id
        self._note_change("Choose task")

    def run_in_main_thread(self, function: Callable[[], T]) -> T:
        """Return or raise what the function does; raises CaptureFailed when the main thread stays busy."""
        return main_thread.run(function)

    def _scene(self) -> Any:
        if self._scene_name is None:
            return bpy.context.scene
        scene = bpy.data.scenes.get(self._scene_name)
        if scene is None:
            raise CaptureFailed(f"There is no scene {self._scene_name!r} any more. Publish the one that is open.")
        return scene

    def _note_change(self, what: str) -> None:
        self._is_changed = True
        if not bpy.app.background:
            # Marks the file as modified, and gives the artist a step to undo. After a file was opened, Blender has no
            # window in its context until its next event.
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                bpy.ops.ed.undo_push(message=what)
