"""The sources of a scene: its cameras, the cut of its markers, its edit, a turntable, and what it has rendered."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable

import bpy
from mathutils import Euler, Vector

from ft_dcc import errors, host
from ft_dcc.frames import FrameRange, find_frames

from . import blender_compat, viewport
from .strips import strips_of

# The source that switches cameras as the markers of the timeline do.
MARKERS = "timeline markers"
# The edit of the video sequencer.
EDIT = "sequencer edit"
# The files that the scene's render settings name.
RENDERED_FILES = "rendered files"
_TURNTABLE = "turntable of "
_SHOT_TYPES = ("MOVIE", "IMAGE", "SCENE", "META", "MOVIECLIP")
_GEOMETRY = ("MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME")
_TURNTABLE_TYPES = {*_GEOMETRY, "ARMATURE", "EMPTY"}
# A frame number that a path contains only as the number.
_PROBE_FRAME, _SECOND_PROBE_FRAME = 987654, 876543
_TURNTABLE_NAME = "ft-dcc turntable"
_LENS, _TILT = 50.0, math.radians(75)
# The camera of a turntable sees a little more than the object.
_MARGIN = 1.1
_MIN_RADIUS = 0.001
# Grease pencil has two names: that before Blender 4.3, and the one since.
VISIBLE_TYPES = {*_GEOMETRY, "GPENCIL", "GREASEPENCIL"}


def find_sources(scene: Any) -> tuple[str, ...]:
    """Return what can be captured: the cut of the markers, all cameras, the edit, a turntable of the active object."""
    cut = (MARKERS,) if _bound_cameras(scene) else ()
    edit = (EDIT,) if any(strip.type != "SOUND" and not strip.mute for strip in strips_of(scene)) else ()
    window = viewport.window_of(scene)
    item = None if window is None else window.view_layer.objects.active
    can_turn = item is not None and item.type in _TURNTABLE_TYPES and item.select_get(view_layer=window.view_layer)
    turntable = (f"{_TURNTABLE}{item.name_full}",) if can_turn and _has_visible_geometry(item) else ()
    return (*cut, *_cameras_by_name(scene), *edit, *turntable)


def find_shots(scene: Any) -> list[tuple[str, str, FrameRange]]:
    """Return name, source and frames of the shots by frame: strips, or markers; names lack ".mp4" and ".001"."""
    edit = [each for each in strips_of(scene) if each.type in _SHOT_TYPES and not each.mute]
    strips = [(each.name, *blender_compat.strip_range(each)) for each in edit]
    markers = sorted((each.frame, each.name) for each in scene.timeline_markers if each.camera)
    ends = [*(frame for frame, _ in markers[1:]), scene.frame_end + 1]
    cut = [(name, start, end) for (start, name), end in zip(markers, ends) if start < end]
    found = sorted(strips or cut, key=lambda each: each[1])
    return [(name.partition(".")[0], EDIT if strips else MARKERS, FrameRange(a, b - 1)) for name, a, b in found]


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
        raise errors.UserFixableError(f"The file has no scene {name!r}. Choose one of: {', '.join(found)}.")
    return found[name]


def _local_scenes() -> list[Any]:
    # The settings of a linked scene cannot be changed for a capture.
    return [scene for scene in bpy.data.scenes if scene.library is None]


def turntable_object(scene: Any, source: str) -> Any:
    """Return the object of a turntable, None for another source.

    Raises CameraMissing if the object does not exist or has no geometry.
    """
    if not source.startswith(_TURNTABLE) or source in _cameras_by_name(scene):
        return None
    name = source[len(_TURNTABLE) :]
    found = next((item for item in scene.objects if item.name_full == name), None)
    if found is None:
        raise errors.CameraMissing(f"The scene has no object {name!r} for a turntable. Select another one.")
    if not _has_visible_geometry(found):
        raise errors.CameraMissing(f"{name} has no geometry that a turntable can show. Select another object.")
    return found


def find_rendered_files(scene: Any) -> host.Footage | None:
    """Return the frames or the movie that the scene's render settings name, None if they do not exist."""
    paths = [scene.render.frame_path(frame=frame) for frame in (_PROBE_FRAME, _SECOND_PROBE_FRAME, 1)]
    path, second, first = (bpy.path.abspath(each) for each in paths)
    if path == second:
        # The frame range of the scene is part of a movie's name.
        return host.Footage(path) if Path(path).is_file() else None
    start = path.rindex(str(_PROBE_FRAME))
    digits = re.match(r"\d+", first[start:])
    folder, name = Path(path).parent, Path(path).name
    padding = len(digits[0]) if digits is not None else 1
    pattern = str(folder / name.replace(str(_PROBE_FRAME), f"%0{padding}d"))
    try:
        return host.Footage(pattern, find_frames(pattern))
    except errors.FramesMissing:
        return None


def camera_lookup(scene: Any, name: str) -> Callable[[int], Any]:
    """Return a function from frame to camera; raise CameraMissing with the names of all cameras."""
    found = _cameras_by_name(scene)
    if name == MARKERS and name not in found and (bound := _bound_cameras(scene)):
        # Before the first marker its camera is used, as in a render.
        return lambda frame: [camera for start, camera in bound if start <= max(frame, bound[0][0])][-1]
    if not found:
        raise errors.CameraMissing(f"The scene {scene.name!r} has no camera. Add one.")
    if name not in found:
        raise errors.CameraMissing(f"The scene has no camera {name!r}. Choose one of: {', '.join(found)}.")
    camera = found[name]
    return lambda _frame: camera


def _bound_cameras(scene: Any) -> list[tuple[int, Any]]:
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


@contextmanager
def turntable_scene(scene: Any, item: Any, frame_range: FrameRange) -> Iterator[tuple[Any, Callable[[int], Any]]]:
    """Yield a copy of the scene with one object, and a function that returns a camera at a frame.

    The copy has the object, its children and the lights; the camera goes around once in the range. The object stays as
    it is at the current frame. Scene and camera are removed on exit. Raises CaptureFailed if nothing of the object is
    visible.
    """
    copy = scene.copy()
    copy.name = _TURNTABLE_NAME
    data = bpy.data.cameras.new(_TURNTABLE_NAME)
    camera = bpy.data.objects.new(_TURNTABLE_NAME, data)
    lights = [each for each in scene.objects if each.type == "LIGHT"]
    try:
        own = copy.collection
        for linked in (own.children, own.objects):
            for each in list(linked):
                linked.unlink(each)
        for each in {each.as_pointer(): each for each in (item, *item.children_recursive, *lights, camera)}.values():
            own.objects.link(each)
        copy.camera = camera
        copy.timeline_markers.clear()
        # Evaluated there: the same frame may show it elsewhere than where the artist has moved it without a key.
        copy.frame_set(scene.frame_current)
        centre, radius = _bounds(copy.view_layers[0].depsgraph, item)
        data.lens = _LENS
        # The distance at which the sphere fits into the image; the sensor fits the longer side of the image.
        render = scene.render
        width, height = render.resolution_x * render.pixel_aspect_x, render.resolution_y * render.pixel_aspect_y
        half_angle = math.atan(math.tan(data.angle / 2) * min(width, height) / max(width, height))
        distance = float(radius * _MARGIN / math.sin(half_angle))
        data.clip_start, data.clip_end = max(distance - 2 * radius, distance / 1000), distance + 2 * radius

        def place(frame: int) -> Any:
            share = (frame - frame_range.start) / max(1, frame_range.end - frame_range.start + 1)
            camera.rotation_euler = Euler((_TILT, 0.0, 2 * math.pi * share))
            camera.location = centre + camera.rotation_euler.to_matrix() @ Vector((0.0, 0.0, distance))
            return camera

        yield copy, place
    finally:
        # A file that was opened meanwhile has removed them.
        for collection, each in ((bpy.data.scenes, copy), (bpy.data.objects, camera), (bpy.data.cameras, data)):
            with suppress(ReferenceError):
                collection.remove(each)


def _has_visible_geometry(item: Any) -> bool:
    """Return whether the object, one of its children or a collection that they instance can be seen in a render."""
    return _is_shown(item) or any(_is_shown(each) for each in item.children_recursive)


def _is_shown(item: Any) -> bool:
    if item.type in VISIBLE_TYPES:
        return True
    collection = item.instance_collection if item.instance_type == "COLLECTION" else None
    return collection is not None and any(_is_shown(each) for each in collection.all_objects)


def _bounds(depsgraph: Any, item: Any) -> tuple[Any, float]:
    """Return centre and radius of a sphere around what the object, its children and their instances show now."""
    shown = {each.as_pointer() for each in (item, *item.children_recursive)}
    corners = []
    for each in depsgraph.object_instances:
        owner = each.parent if each.is_instance else each.object
        # A mesh without vertices, for example of geometry nodes that only make instances, has the bounds of a point.
        has_extent = each.object.type != "MESH" or len(each.object.data.vertices) > 0
        if owner.original.as_pointer() in shown and each.object.type in VISIBLE_TYPES and has_extent:
            corners += [each.matrix_world @ Vector(corner) for corner in each.object.bound_box]
    if not corners:
        raise errors.CaptureFailed(f"Nothing of {item.name_full} is visible. Show it, or select another object.")
    low, high = (Vector(each(point[axis] for point in corners) for axis in range(3)) for each in (min, max))
    return (low + high) / 2, max((high - low).length / 2, _MIN_RADIUS)
