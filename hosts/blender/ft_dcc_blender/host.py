"""The Blender implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import bpy

from ft_dcc.errors import CameraMissing, CaptureFailed, SceneUnreadable, SettingInvalid, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, Footage, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.main_thread import entered_on_main_thread
from ft_dcc.review.drawings import Drawing
from ft_dcc.system.signals import ignore_sigpipe

from . import main_thread
from .completeness import completeness_warnings
from .scene import blender_compat, capture, compare, feedback, scene_file, sound, sources, viewport, visibility
from .scene.look import PRESETS, Look
from .scene.maintained import maintained_camera, maintained_frame, maintained_unkeyed_values, silenced

T = TypeVar("T")

# A custom property of the scene: it is saved with the file, copied with the scene and undone with Ctrl-Z.
TASK_PROPERTY = "ft_dcc_task_id"

_LAST_FRAME = 1_048_574


class BlenderHost:
    """The Blender process that this code runs in, and one of its scenes."""

    name = "Blender"
    # Such as "5.0.1".
    version = ".".join(map(str, bpy.app.version))
    # The folder of the checks that only Blender can make.
    plugins = Path(__file__).with_name("checks")
    scene_suffixes = scene_file.SUFFIXES
    # No thread may encode while frames are drawn: this Blender may crash (``context_override``).
    captures_alone = not bpy.app.background and sys.version_info < (3, 12)
    clear_feedback = staticmethod(feedback.clear)
    clear_movie = staticmethod(compare.clear)
    run_in_main_thread = staticmethod(main_thread.run)

    def __init__(self, scene: str | None = None) -> None:
        """Use the scene of this name in the open file, or else whichever scene the active window has."""
        self._scene_name, self._identity = scene, ()
        if scene is not None:
            self._identity = scene_file.identity(self._scene())
        # A headless Blender reports every file as modified, also one that was just opened.
        self._is_changed = False
        main_thread.start_serving()
        ignore_sigpipe()

    @classmethod
    def open(cls, path: os.PathLike[str] | str, *, run_scripts: bool = False) -> BlenderHost:
        """Open a .blend file in this process; raise SceneUnreadable if it cannot be read completely.

        ``run_scripts`` allows the Python code in the file to run, which rigs need. Do not allow it for
        untrusted files.
        """
        file = Path(path).absolute()
        if not file.is_file():
            raise SceneUnreadable(f"The scene file {file} does not exist. Check the path.")
        try:
            with silenced():
                # The saved windows name the active view layer.
                bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=bpy.app.background, use_scripts=run_scripts)
        except RuntimeError as error:
            raise SceneUnreadable(
                f"{file} is not a Blender file, or it is damaged. Open a backup (.blend1)."
            ) from error
        if blender_compat.file_is_too_new():
            written, ours = ".".join(map(str, bpy.data.version[:2])), bpy.app.version_string
            raise SceneUnreadable(f"{file} was saved by Blender {written}; this is {ours}. Use Blender {written}.")
        return cls()

    @staticmethod
    def close() -> None:
        """Forget the functions of the file's Python drivers, with which Blender 4.2 and 4.5 do not end."""
        if bpy.app.background:
            bpy.app.driver_namespace.clear()

    @property
    def looks(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of the look; the default is what a 3D view of the window shows, if there is one."""
        is_seen = not bpy.app.background and main_thread.run(lambda: viewport.largest_view(self._scene())) is not None
        return {"viewport": PRESETS["viewport"], **PRESETS} if is_seen else PRESETS

    def scene(self) -> Scene:
        """Return the state of the scene, and those of the file's other scenes."""
        scene = self._scene()
        others = {name: self._read(other, ()) for name, other in sources.find_other_sources(scene).items()}
        return attrs.evolve(self._read(scene, sources.find_publishable(scene)), other_scenes=others)

    def _read(self, scene: Any, sources: tuple[str, ...]) -> Scene:
        return Scene(
            path=Path(bpy.data.filepath) if bpy.data.filepath else None,
            is_modified=self._is_changed if bpy.app.background else bpy.data.is_dirty,
            frame_range=FrameRange(scene.frame_start, scene.frame_end),
            fps=capture.scene_rate(scene),
            resolution=Resolution(scene.render.resolution_x, scene.render.resolution_y),
            sources=sources,
            task_id=scene.get(TASK_PROPERTY),
            sounds=sound.find_sounds(scene),
            pixel_aspect=capture.pixel_aspect(scene),
            engine=scene.render.engine,
        )

    def host_of(self, source: str) -> BlenderHost:
        """Return the host of the scene that the source belongs to."""
        own = self._scene()
        scene, _ = sources.find_scene_of(own, source)
        if scene == own:
            return self
        other = BlenderHost(scene.name)
        other._is_changed = self._is_changed
        return other

    def sources_of(self, scenes: Sequence[str], source: str | None = None) -> tuple[str, ...]:
        """Return the name of the source in each of these scenes, as ``SupportsSeveralScenes`` says."""
        own, names = self._scene(), []
        for scene in map(sources.find_scene, scenes):
            found = sources.find_sources(scene)
            if not found:
                raise CameraMissing(f"The scene {scene.name!r} has no camera. Add one.")
            name = source or found[0]
            names.append(name if scene == own else sources.full_name(scene, name))
        return tuple(names)

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Draw every frame as ``Host.playblast`` says; raises also SettingInvalid.

        The viewport's renderer draws in a window, Workbench without one, both with the same look and framing.
        """
        scene, source = main_thread.run(partial(self.find_source, request.source))
        request = attrs.evolve(request, source=source)
        frames = main_thread.run(partial(capture.output_frames, scene, request))
        with entered_on_main_thread(capture.capture_setup(scene, request, frames), main_thread.run) as draw_frame:
            for frame in request.frame_range.with_handles:
                main_thread.run(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def capture_details(self, look: Mapping[str, Any]) -> dict[str, Any]:
        """Return the view layer of a capture with this look, and what it shows differently than the viewport."""
        scene, wanted = self._scene(), Look.from_request(dict(look))
        layer = viewport.active_layer(scene)
        is_same = wanted.visibility == "VIEWPORT" or wanted.needs_view
        return {
            "scene": scene.name,
            "view_layer": layer.name,
            "visibility": "VIEWPORT" if is_same else wanted.visibility,
            "differs_from_viewport": visibility.differences(scene, layer, wanted),
        }

    def completeness_warnings(self, captures: Iterable[tuple[str, Sequence[int]]], *, has_sound: bool) -> list[str]:
        """Return a sentence for each kind of thing that these sources lack at these frames."""
        found = [(*self.find_source(source), frames) for source, frames in captures]
        return list(completeness_warnings(found, has_sound=has_sound))

    def focal_lengths(self, source: str, frame_range: FrameRange) -> dict[int, float]:
        """Return the camera's focal length in millimetres per frame, handles included; raise CameraMissing.

        Frames of a camera without perspective are left out.
        """
        scene, source = self.find_source(source)
        if source in (sources.EDIT, sources.RENDERED_FILES) or sources.turntable_object(scene, source) is not None:
            return {}
        camera_at = sources.camera_lookup(scene, source)
        cameras = {frame: camera_at(frame) for frame in frame_range.with_handles}
        # A marker can be bound to any object.
        lenses = {frame: camera.data for frame, camera in cameras.items() if camera.type == "CAMERA"}
        # Without animation and drivers the value is the same on each frame, and the scene need not be evaluated.
        if all(lens.animation_data is None for lens in lenses.values()):
            return {frame: float(lens.lens) for frame, lens in lenses.items() if lens.type == "PERSP"}
        found = {}
        with maintained_unkeyed_values(scene), maintained_camera(scene), maintained_frame(scene):
            for frame, lens in lenses.items():
                scene.frame_set(frame)
                if lens.type == "PERSP":
                    found[frame] = float(lens.lens)
        return found

    def footage(self, source: str) -> Footage | None:
        """Return the frames or the movie that the scene has rendered, for the source of that name."""
        return sources.find_rendered_files(self._scene()) if source == sources.RENDERED_FILES else None

    def mixdown(self, frame_range: FrameRange, path: Path) -> bool:
        """Write the sound as ``SupportsMixdown`` says; return False also in a Blender without Audaspace."""
        return sound.mix(self._scene(), frame_range.with_handles, path)

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show drawings in front of the camera on their frames; raise CameraMissing if there is no such camera."""
        scene, camera = self.find_source(source or self._first_source)
        return feedback.show(scene, drawings, sources.camera_lookup(scene, camera))

    def current_frame(self) -> int:
        """Return the frame of the scene."""
        return int(self._scene().frame_current)

    def go_to_frame(self, frame: int) -> None:
        """Set the frame of the scene."""
        self._scene().frame_set(frame)

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the movie in front of the camera; raise CameraMissing, or CaptureFailed for images that are gone."""
        compare.show(movie, sources.camera_lookup(*self.find_source(source or self._first_source)))
        return []

    def load_frames(self, pattern: str, frame_range: FrameRange, source: str = "") -> str:
        """Load the frames behind the version's camera, or as an image if that is gone; raise CaptureFailed."""
        camera_at = None
        with suppress(CameraMissing):
            camera_at = sources.camera_lookup(*self.find_source(source))
        sentence = compare.load(pattern, frame_range, camera_at)
        self._mark_changed("Load frames")
        return sentence

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open another file; raise UnsavedChanges, SceneUnreadable, or UserFixableError if it is of a newer Blender."""
        scene_file.open_scene(path, self.scene(), discard_changes=discard_changes)
        self._scene_name, self._identity, self._is_changed = None, (), False

    def save(self, path: Path | None = None) -> Path:
        """Save the file, or under another name; raise UserFixableError if it has none, StorageError if that fails."""
        self._scene()
        if not bpy.data.filepath and path is None:
            raise UserFixableError("The scene has never been saved. Save it under a name first.")
        try:
            with silenced():
                bpy.ops.wm.save_as_mainfile(filepath=str(path or bpy.data.filepath))
        except RuntimeError as error:
            raise StorageError(
                f"{path or bpy.data.filepath} cannot be saved. Free space or save it elsewhere."
            ) from error
        self._is_changed = False
        return Path(bpy.data.filepath)

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Set the shot's range with its handles, its exact rate and its size.

        Raises SettingInvalid for a range that Blender's timeline cannot hold; nothing is changed then.
        """
        scene, whole = self._scene(), frame_range.with_handles
        if whole.start < 0 or whole.end > _LAST_FRAME:
            raise SettingInvalid(f"A scene in Blender has frames from 0 to {_LAST_FRAME}; its range cannot be {whole}.")
        scene.frame_start, scene.frame_end = whole.start, whole.end
        scene.render.fps = round(fps)
        scene.render.fps_base = round(fps) / fps
        scene.render.resolution_x, scene.render.resolution_y = resolution.width, resolution.height
        scene.render.resolution_percentage = 100
        self._mark_changed("Shot settings")

    def remember_task(self, task_id: str) -> None:
        """Store the task in the scene."""
        self._scene()[TASK_PROPERTY] = task_id
        self._mark_changed("Choose task")

    def change_strips(self, change: Callable[..., T], *arguments: Any) -> T:
        """Return what the function does with the scene, as one undo step; raise as ``find_source``."""
        result = change(self._scene(), *arguments)
        self._mark_changed("Movies of versions")
        return result

    def find_source(self, source: str) -> tuple[Any, str]:
        """Return Blender's own object of the scene that the source belongs to, and the name of the source there.

        Raises CaptureFailed if the host's scene does not exist any more, or if another file was opened.
        """
        return sources.find_scene_of(self._scene(), source)

    def _scene(self) -> Any:
        if self._scene_name is None:
            return bpy.context.scene
        scene = bpy.data.scenes.get(self._scene_name)
        if scene is None:
            raise CaptureFailed(f"The scene {self._scene_name!r} does not exist any more. Publish the open one.")
        if self._identity and self._identity != scene_file.identity(scene):
            raise CaptureFailed(f"Another file or scene has replaced the scene {scene.name!r}. Publish the open one.")
        return scene

    @property
    def _first_source(self) -> str:
        return next(iter(sources.find_sources(self._scene())), "")

    def _mark_changed(self, what: str) -> None:
        self._is_changed = True
        if not bpy.app.background:
            # Marks the file as modified, and adds an undo step. After a file was opened, Blender has no
            # window in its context until its next event.
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                bpy.ops.ed.undo_push(message=what)
