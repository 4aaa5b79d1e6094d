"""A turntable: a copy of the scene with one object, and a camera that goes around it once in the frame range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Callable

import bpy
from mathutils import Euler, Vector

from ft_dcc.errors import CaptureFailed
from ft_dcc.frames import FrameRange

_NAME = "ft-dcc turntable"
_LENS, _TILT = 50.0, math.radians(75)
# The camera sees a little more than the object.
_MARGIN = 1.1
_MIN_RADIUS = 0.001
# Grease pencil has two names: that before Blender 4.3, and the one since.
_STROKES = {"GPENCIL", "GREASEPENCIL"}
_VISIBLE_TYPES = {"MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME", *_STROKES}


@contextmanager
def turntable_scene(scene: Any, item: Any, frame_range: FrameRange) -> Iterator[tuple[Any, Callable[[int], Any]]]:
    """Yield a scene with the object, its children and the lights, and a function that returns the camera at a frame.

    The object stays as it is at the current frame. Scene and camera are removed on exit. Raises CaptureFailed if
    nothing of the object is visible.
    """
    copy = scene.copy()
    copy.name = _NAME
    data = bpy.data.cameras.new(_NAME)
    camera = bpy.data.objects.new(_NAME, data)
    try:
        _keep_only(copy, [item, *item.children_recursive, *(each for each in scene.objects if each.type == "LIGHT")])
        copy.collection.objects.link(camera)
        copy.camera = camera
        copy.timeline_markers.clear()
        # Evaluated there: the same frame may show it elsewhere than where the artist has moved it without a key.
        copy.frame_set(scene.frame_current)
        centre, radius = _bounds(copy.view_layers[0].depsgraph, item)
        data.lens = _LENS
        distance = _fill_frame(data, scene, radius)

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


def _keep_only(scene: Any, items: list[Any]) -> None:
    for child in list(scene.collection.children):
        scene.collection.children.unlink(child)
    for item in list(scene.collection.objects):
        scene.collection.objects.unlink(item)
    for item in {each.as_pointer(): each for each in items}.values():
        scene.collection.objects.link(item)


def has_visible_geometry(item: Any) -> bool:
    """Return whether the object, one of its children or a collection that they instance can be seen in a render."""
    return _is_shown(item) or any(_is_shown(each) for each in item.children_recursive)


def _is_shown(item: Any) -> bool:
    if item.type in _VISIBLE_TYPES:
        return True
    collection = item.instance_collection if item.instance_type == "COLLECTION" else None
    return collection is not None and any(_is_shown(each) for each in collection.all_objects)


def _bounds(depsgraph: Any, item: Any) -> tuple[Any, float]:
    """Return centre and radius of a sphere around what the object, its children and their instances show now."""
    shown = {each.as_pointer() for each in (item, *item.children_recursive)}
    corners = []
    for each in depsgraph.object_instances:
        owner = each.parent if each.is_instance else each.object
        if owner.original.as_pointer() in shown and _has_extent(each.object):
            corners += [each.matrix_world @ Vector(corner) for corner in each.object.bound_box]
    if not corners:
        raise CaptureFailed(f"Nothing of {item.name_full} is visible. Show it, or select another object.")
    low, high = (Vector(each(point[axis] for point in corners) for axis in range(3)) for each in (min, max))
    return (low + high) / 2, max((high - low).length / 2, _MIN_RADIUS)


def _has_extent(item: Any) -> bool:
    # A mesh without vertices, for example of geometry nodes that only make instances, has the bounds of a point.
    return item.type in _VISIBLE_TYPES and (item.type != "MESH" or len(item.data.vertices) > 0)


def _fill_frame(data: Any, scene: Any, radius: float) -> float:
    """Return the distance at which the sphere fits into the image, and adapt the camera's clipping to it."""
    render = scene.render
    width, height = render.resolution_x * render.pixel_aspect_x, render.resolution_y * render.pixel_aspect_y
    # The sensor fits the longer side of the image.
    half_angle = math.atan(math.tan(data.angle / 2) * min(width, height) / max(width, height))
    distance = float(radius * _MARGIN / math.sin(half_angle))
    data.clip_start, data.clip_end = max(distance - 2 * radius, distance / 1000), distance + 2 * radius
    return distance
