"""The sources of a scene: its cameras, the cut of its markers, its edit, a turntable, and what it has rendered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable

import bpy

from ft_dcc.errors import CameraMissing, FramesMissing, UserFixableError
from ft_dcc.frames import find_frames
from ft_dcc.host import Footage

from . import blender_compat
from .turntable import has_visible_geometry

# The source that switches cameras as the markers of the timeline do.
MARKERS = "timeline markers"
# The edit of the video sequencer.
EDIT = "sequencer edit"
# The files that the scene's render settings name.
RENDERED_FILES = "rendered files"
_TURNTABLE = "turntable of "
_TURNTABLE_TYPES = {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME", "ARMATURE", "EMPTY"}
# A frame number that a path contains only as the number.
_PROBE_FRAME, _SECOND_PROBE_FRAME = 987654, 876543


def find_sources(scene: Any) -> tuple[str, ...]:
    """Return what can be captured: the cut of the markers, all cameras, the edit, a turntable of the active object."""
    cut = (MARKERS,) if bound_cameras(scene) else ()
    edit = (EDIT,) if has_edit(scene) else ()
    item = _active_object(scene)
    can_turn = item is not None and item.type in _TURNTABLE_TYPES and has_visible_geometry(item)
    turntable = (f"{_TURNTABLE}{item.name_full}",) if can_turn else ()
    return (*cut, *_cameras_by_name(scene), *edit, *turntable)


def find_publishable(scene: Any) -> tuple[str, ...]:
    """Return the sources of the file, and the rendered files of the scene if there are any, which reads a folder."""
    rendered = (RENDERED_FILES,) if find_rendered_files(scene) else ()
    return (*find_sources(scene), *rendered, *find_other_sources(scene))


def find_other_sources(scene: Any) -> dict[str, Any]:
    """Return the sources of the file's other scenes with their scenes; the name begins with that of the scene.

    With a window there are none: it would have to show the other scene during the capture.
    """
    if not bpy.app.background:
        return {}
    own = {*find_sources(scene), RENDERED_FILES}
    found = {
        full_name(other, name): other for other in _local_scenes() if other != scene for name in find_sources(other)
    }
    return {name: other for name, other in found.items() if name not in own}


def full_name(scene: Any, source: str) -> str:
    """Return the name that a source of the scene has in the file's other scenes."""
    return f"{scene.name}: {source}"


def find_scene_of(scene: Any, source: str) -> tuple[Any, str]:
    """Return the scene that a source belongs to, and its name there; an unknown one is left to the scene itself."""
    other = find_other_sources(scene).get(source)
    return (scene, source) if other is None else (other, source[len(full_name(other, "")) :])


def find_scene(name: str) -> Any:
    """Return the scene of this name; raise UserFixableError, which lists the scenes of the file."""
    found = {scene.name: scene for scene in _local_scenes()}
    if name not in found:
        raise UserFixableError(f"The file has no scene {name!r}. Choose one of: {', '.join(found)}.")
    return found[name]


def _local_scenes() -> list[Any]:
    # The settings of a linked scene cannot be changed for a capture.
    return [scene for scene in bpy.data.scenes if scene.library is None]


def has_edit(scene: Any) -> bool:
    """Return whether the sequencer has strips that are seen."""
    editor = scene.sequence_editor
    return editor is not None and any(
        strip.type != "SOUND" and not strip.mute for strip in blender_compat.sequencer_strips(editor)
    )


def turntable_object(scene: Any, source: str) -> Any:
    """Return the object of a turntable, None for another source.

    Raises CameraMissing if the object does not exist or has no geometry.
    """
    if not source.startswith(_TURNTABLE) or source in _cameras_by_name(scene):
        return None
    name = source[len(_TURNTABLE) :]
    found = next((item for item in scene.objects if item.name_full == name), None)
    if found is None:
        raise CameraMissing(f"The scene has no object {name!r} for a turntable. Select another one.")
    if not has_visible_geometry(found):
        raise CameraMissing(f"{name} has no geometry that a turntable can show. Select another object.")
    return found


def _active_object(scene: Any) -> Any:
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            item = window.view_layer.objects.active
            return item if item is not None and item.select_get(view_layer=window.view_layer) else None
    return None


def find_rendered_files(scene: Any) -> Footage | None:
    """Return the frames or the movie that the scene's render settings name, None if they do not exist."""
    paths = [scene.render.frame_path(frame=frame) for frame in (_PROBE_FRAME, _SECOND_PROBE_FRAME, 1)]
    path, second, first = (bpy.path.abspath(each) for each in paths)
    if path == second:
        # The frame range of the scene is part of a movie's name.
        return Footage(path) if Path(path).is_file() else None
    start = path.rindex(str(_PROBE_FRAME))
    digits = re.match(r"\d+", first[start:])
    folder, name = Path(path).parent, Path(path).name
    padding = len(digits[0]) if digits is not None else 1
    pattern = str(folder / name.replace(str(_PROBE_FRAME), f"%0{padding}d"))
    try:
        return Footage(pattern, find_frames(pattern))
    except FramesMissing:
        return None


def camera_lookup(scene: Any, name: str) -> Callable[[int], Any]:
    """Return a function from frame to camera; raise CameraMissing with the names of all cameras."""
    found = _cameras_by_name(scene)
    if name == MARKERS and name not in found and (bound := bound_cameras(scene)):
        # Before the first marker its camera is used, as in a render.
        return lambda frame: [camera for start, camera in bound if start <= max(frame, bound[0][0])][-1]
    if not found:
        raise CameraMissing(f"The scene {scene.name!r} has no camera. Add one.")
    if name not in found:
        raise CameraMissing(f"The scene has no camera {name!r}. Choose one of: {', '.join(found)}.")
    camera = found[name]
    return lambda _frame: camera


def bound_cameras(scene: Any) -> list[tuple[int, Any]]:
    """Return the cameras that are bound to markers, with the frame from which on each is used."""
    bound = [(marker.frame, marker.camera) for marker in scene.timeline_markers if marker.camera]
    return sorted(bound, key=lambda each: each[0])


def _cameras_by_name(scene: Any) -> dict[str, Any]:
    """Return the cameras of the scene by name, its active one first.

    The name of a linked camera contains its library, so that it differs from a local one.
    """
    found = sorted((item for item in scene.objects if item.type == "CAMERA"), key=lambda item: str(item.name_full))
    if scene.camera is not None and scene.camera.type == "CAMERA":
        found.insert(0, scene.camera)
    return {item.name_full: item for item in found}
