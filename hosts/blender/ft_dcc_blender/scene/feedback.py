"""Show drawings of reviewers in the scene: Grease Pencil strokes that are parented to the camera, on their frames.

Everything is marked and can be removed without a trace; nothing of it is written into a saved file or captured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import attrs
import bpy

from ft_dcc.host_support.feedback import aspect_problems, author_label, caption, drawings_in_range, linear
from ft_dcc.review.drawings import Drawing, Stroke

from . import blender_compat
from .camera_plane import CameraPlane
from .file_handlers import FileHandlers
from .maintained import maintained_camera, unbound_markers

# The custom property of everything that is made here, and the names of the timeline's markers in it.
MARK, _MARKERS = "ft_dcc_feedback", "ft_dcc_feedback_markers"
COLLECTION = "Review notes"
# Blender cuts a name off after 63 bytes.
_MAX_NAME = 48

CameraAt = Callable[[int], Any]
# The index of a material, and points with their radius.
_PlacedStroke = tuple[int, Sequence[tuple[Any, float]]]
# Blender 3.4 to 4.2 have another Grease Pencil (version 2) than those from 4.3 on.
_IS_VERSION_3 = bpy.app.version >= (4, 3)


@attrs.frozen
class _Shown:
    """The last request, which is repeated after the file was saved without it."""

    scene: str
    drawings: tuple[Drawing, ...]
    camera_at: CameraAt


_shown: list[_Shown] = []


def show(scene: Any, drawings: Sequence[Drawing], camera_at: CameraAt, *, depth: float | None = None) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Drawings outside of the scene's frames are left out. ``depth`` is the distance from the camera, by default one that
    the camera sees. The scene is as before if an error is raised.
    """
    clear()
    # Matrices that a script changed are computed on demand only.
    scene.view_layers[0].update()
    inside, problems = drawings_in_range(drawings, scene.frame_start, scene.frame_end)
    problems += aspect_problems(inside, scene.render.resolution_x, scene.render.resolution_y)
    if not inside:
        return problems
    by_camera = _grouped(inside, lambda drawing: camera_at(drawing.frame).name_full)
    try:
        with maintained_camera(scene), _maintained_frame_if_changed(scene):
            collection = _new_collection(scene)
            for drawn in by_camera.values():
                _show_on_camera(scene, collection, camera_at(drawn[0].frame), drawn, depth)
            _add_markers(scene, collection, inside)
    except BaseException:
        clear()
        raise
    _shown[:] = [_Shown(scene.name, tuple(drawings), camera_at)]
    _HANDLERS.install()
    return problems


def clear() -> None:
    """Remove everything that ``show`` made, in all scenes; do nothing if there is nothing."""
    _forget()
    _remove_all()


def is_shown() -> bool:
    """Return whether drawings are shown."""
    return any(collection.get(MARK) for collection in bpy.data.collections)


@contextmanager
def hidden() -> Iterator[None]:
    """Keep the drawings out of a capture."""
    with ExitStack() as stack:
        for collection in bpy.data.collections:
            if collection.get(MARK):
                for name in ("hide_viewport", "hide_render"):
                    stack.callback(_restore, collection.name, name, getattr(collection, name))
                    setattr(collection, name, True)
        yield


def _restore(collection_name: str, name: str, value: bool) -> None:
    # Looked up again: an undo during the capture makes another collection.
    collection = bpy.data.collections.get(collection_name)
    if collection is not None:
        setattr(collection, name, value)


@contextmanager
def _maintained_frame_if_changed(scene: Any) -> Iterator[None]:
    """Restore the frame on exit if it was changed; setting a frame discards poses without a key."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        if (scene.frame_current, scene.frame_subframe) != (frame, subframe):
            with unbound_markers(scene):
                scene.frame_set(frame, subframe=subframe)


def _new_collection(scene: Any) -> Any:
    collection = bpy.data.collections.new(COLLECTION)
    collection[MARK] = True
    collection.hide_select = True
    scene.collection.children.link(collection)
    return collection


def _show_on_camera(scene: Any, collection: Any, camera: Any, drawings: Sequence[Drawing], depth: float | None) -> None:
    data = _new_data(f"Notes on {camera.name}"[:_MAX_NAME])
    item = _new_object(data, camera)
    for marked in (data, item):
        marked[MARK] = True
    collection.objects.link(item)
    materials: dict[tuple[tuple[float, ...], float], int] = {}
    by_layer = _grouped(drawings, author_label)
    planes = _planes(scene, camera, drawings, depth)
    for name, layered in by_layer.items():
        layer = data.layers.new(name[:_MAX_NAME])
        layer.use_lights = False
        for frame in _key_frames(layered, planes.keys()):
            plane = planes.get(frame) or planes[max((key for key in planes if key <= frame), default=min(planes))]
            placed = [
                _place(plane, scene, drawing, stroke, data, materials)
                for drawing in layered
                if drawing.frame <= frame <= drawing.last_frame
                for stroke in drawing.strokes(drawing.aspect or _scene_aspect(scene))
            ]
            _add_strokes(layer.frames.new(frame), placed)


def _grouped(drawings: Iterable[Drawing], key: Callable[[Drawing], str]) -> dict[str, list[Drawing]]:
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(key(drawing), []).append(drawing)
    return groups


def _key_frames(drawings: Iterable[Drawing], planes: Iterable[int]) -> list[int]:
    """Return the frames at which the shown drawings or the camera's lens change; an empty key ends a drawing."""
    keys = {key for drawing in drawings for key in (drawing.frame, drawing.last_frame + 1)}
    keys |= {key for key in planes if any(drawing.frame < key <= drawing.last_frame for drawing in drawings)}
    return sorted(keys)


def _planes(scene: Any, camera: Any, drawings: Sequence[Drawing], depth: float | None) -> dict[int, CameraPlane]:
    """Return the planes in front of the camera by frame: one for each drawing, or one a frame for an animated lens."""
    frames = {drawing.frame for drawing in drawings}
    if _is_animated(camera):
        frames |= {frame for each in drawings for frame in range(each.frame, each.last_frame + 1)}
        frames = {frame for frame in frames if scene.frame_start <= frame <= scene.frame_end} or frames
    planes = {}
    for frame in sorted(frames):
        if _is_animated(camera):
            scene.frame_set(frame)
        planes[frame] = CameraPlane.of(scene, camera, depth)
    return planes


def _is_animated(camera: Any) -> bool:
    """Return whether lens or scale may change; the position does not matter, because strokes follow the camera."""
    is_scaled = any(abs(length - 1) > 1e-4 for length in camera.matrix_world.to_scale())
    return camera.data.animation_data is not None or (is_scaled and camera.animation_data is not None)


def _scene_aspect(scene: Any) -> float:
    return float(scene.render.resolution_x) / float(scene.render.resolution_y)


def _place(
    plane: CameraPlane,
    scene: Any,
    drawing: Drawing,
    stroke: Stroke,
    data: Any,
    materials: dict[tuple[tuple[float, ...], float], int],
) -> _PlacedStroke:
    """Return the index of the stroke's material, and its points with their radius, in the space of the object."""
    key = (stroke.colour, stroke.opacity)
    if key not in materials:
        materials[key] = len(data.materials)
        data.materials.append(_new_material(*key))
    aspect = drawing.aspect or _scene_aspect(scene)
    thinnest = 1.5 / scene.render.resolution_y
    points = [(plane.point(x, y, aspect), plane.radius(max(width, thinnest), aspect)) for x, y, width in stroke.points]
    return materials[key], points


def _new_material(colour: tuple[float, ...], opacity: float) -> Any:
    material = bpy.data.materials.new("Review note")
    material[MARK] = True
    bpy.data.materials.create_gpencil_data(material)
    style = material.grease_pencil
    style.color = (*(linear(value) for value in colour), opacity)
    blender_compat.show_only_strokes(style)
    return material


def _new_data(name: str) -> Any:
    """Return new Grease Pencil data whose strokes are as wide as their points."""
    data = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new(name)
    # Strokes of one plane lie in the order of their drawing.
    data.stroke_depth_order = "2D"
    if not _IS_VERSION_3:
        data.stroke_thickness_space, data.pixel_factor = "WORLDSPACE", 1.0
    return data


def _new_object(data: Any, camera: Any) -> Any:
    """Return a new object with the data that follows the camera and is drawn in front of everything."""
    item = bpy.data.objects.new(data.name, data)
    item.parent = camera
    item.show_in_front = True
    item.hide_select = True
    item.use_grease_pencil_lights = False
    return item


def _add_strokes(frame: Any, strokes: Sequence[_PlacedStroke]) -> None:
    """Add strokes to a new frame of a layer."""
    if not strokes:
        return
    if _IS_VERSION_3:
        _add_strokes_3(frame.drawing, strokes)
    else:
        _add_strokes_2(frame, strokes)


def _add_strokes_3(drawing: Any, strokes: Sequence[_PlacedStroke]) -> None:
    drawing.add_strokes([len(points) for _, points in strokes])
    placed = [point for _, points in strokes for point in points]
    drawing.attributes["position"].data.foreach_set("vector", list(chain.from_iterable(at for at, _ in placed)))
    # New points have no opacity, and no attribute for it.
    for name, values in (("radius", [radius for _, radius in placed]), ("opacity", [1.0] * len(placed))):
        attribute = drawing.attributes.get(name) or drawing.attributes.new(name, "FLOAT", "POINT")
        attribute.data.foreach_set("value", values)
    for stroke, (material, _) in zip(drawing.strokes, strokes):
        stroke.material_index = material
        stroke.start_cap = stroke.end_cap = 0
    drawing.tag_positions_changed()


def _add_strokes_2(frame: Any, strokes: Sequence[_PlacedStroke]) -> None:
    for material, points in strokes:
        stroke = frame.strokes.new()
        stroke.display_mode, stroke.line_width, stroke.material_index = "3DSPACE", 1000, material
        stroke.points.add(len(points))
        stroke.points.foreach_set("co", list(chain.from_iterable(at for at, _ in points)))
        # In world space, a width of 1000 and a pressure of 1 are one unit wide.
        stroke.points.foreach_set("pressure", [2 * radius for _, radius in points])
        stroke.points.foreach_set("strength", [1.0] * len(points))


def _add_markers(scene: Any, collection: Any, drawings: Iterable[Drawing]) -> None:
    """Add a marker with author and text for each note, at its first frame within the scene."""
    added = []
    for drawing in drawings:
        name = caption(drawing, _MAX_NAME)
        marker = scene.timeline_markers.new(name, frame=max(drawing.frame, scene.frame_start))
        added.append((scene.name, marker.name, marker.frame))
    collection[_MARKERS] = json.dumps(added)


def _remove_all() -> None:
    for collection in [each for each in bpy.data.collections if each.get(MARK)]:
        for scene_name, name, frame in json.loads(collection.get(_MARKERS, "[]")):
            _remove_marker(scene_name, name, frame)
        bpy.data.collections.remove(collection)
    for group in (bpy.data.objects, *_grease_pencils(), bpy.data.materials):
        for item in [each for each in group if each.get(MARK)]:
            group.remove(item)


def _grease_pencils() -> list[Any]:
    names = ("grease_pencils", "grease_pencils_v3")
    return [getattr(bpy.data, name) for name in names if hasattr(bpy.data, name)]


def _remove_marker(scene_name: str, name: str, frame: int) -> None:
    scene = bpy.data.scenes.get(scene_name)
    if scene is None:
        return
    # One that the artist has moved or renamed is theirs.
    found = next((each for each in scene.timeline_markers if (each.name, each.frame) == (name, frame)), None)
    if found is not None:
        scene.timeline_markers.remove(found)


def _show_again() -> None:
    for shown in list(_shown):
        scene = bpy.data.scenes.get(shown.scene)
        if scene is not None:
            show(scene, shown.drawings, shown.camera_at)


def _forget() -> None:
    _shown.clear()
    _HANDLERS.remove()


_HANDLERS = FileHandlers(_remove_all, _show_again, _forget)
