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
from mathutils import Matrix, Vector

from ft_dcc.host_support.feedback import aspect_problems, author_label, caption, drawings_in_range, linear
from ft_dcc.review.drawings import Drawing

from .maintained import ShownInScene, maintained_camera, maintained_frame

# The custom property of everything that is made here, and the names of the timeline's markers in it.
MARK, _MARKERS = "ft_dcc_feedback", "ft_dcc_feedback_markers"
COLLECTION = "Review notes"
# Blender cuts a name off after 63 bytes.
_MAX_NAME = 48

# The index of a material, and points with their radius.
_PlacedStroke = tuple[int, Sequence[tuple[Any, float]]]
# Blender 3.4 to 4.2 have another Grease Pencil (version 2) than those from 4.3 on.
_IS_VERSION_3 = bpy.app.version >= (4, 3)


def show(scene: Any, drawings: Sequence[Drawing], camera_at: Callable[[int], Any]) -> list[str]:
    """Show the drawings instead of those that are shown, and return a sentence for each problem.

    Drawings outside of the scene's frames are left out. The scene is as before if an error is raised.
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
        with maintained_camera(scene), maintained_frame(scene):
            collection = bpy.data.collections.new(COLLECTION)
            collection[MARK] = collection.hide_select = True
            scene.collection.children.link(collection)
            for drawn in by_camera.values():
                collection.objects.link(_drawn_on_camera(scene, camera_at(drawn[0].frame), drawn))
            # A marker with author and text for each note, at its first frame within the scene.
            added = []
            for drawing in inside:
                frame = max(drawing.frame, scene.frame_start)
                marker = scene.timeline_markers.new(caption(drawing, _MAX_NAME), frame=frame)
                added.append((scene.name, marker.name, marker.frame))
            collection[_MARKERS] = json.dumps(added)
    except BaseException:
        clear()
        raise
    _SHOWN.keep(scene.name, tuple(drawings), camera_at)
    return problems


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


def _grouped(drawings: Iterable[Drawing], key: Callable[[Drawing], str]) -> dict[str, list[Drawing]]:
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(key(drawing), []).append(drawing)
    return groups


def _drawn_on_camera(scene: Any, camera: Any, drawings: Sequence[Drawing]) -> Any:
    """Return a new object with the drawings that follows the camera and is drawn in front of everything."""
    data = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new(f"Notes on {camera.name}"[:_MAX_NAME])
    # Strokes of one plane lie in the order of their drawing, and are as wide as their points.
    data.stroke_depth_order = "2D"
    if not _IS_VERSION_3:
        data.stroke_thickness_space, data.pixel_factor = "WORLDSPACE", 1.0
    item = bpy.data.objects.new(data.name, data)
    data[MARK] = item[MARK] = True
    item.parent = camera
    item.show_in_front = item.hide_select = True
    item.use_grease_pencil_lights = False
    materials: dict[tuple[tuple[float, ...], float], int] = {}
    planes = _planes(scene, camera, drawings)
    for name, layered in _grouped(drawings, author_label).items():
        layer = data.layers.new(name[:_MAX_NAME])
        layer.use_lights = False
        # The frames at which the shown drawings or the camera's lens change; an empty key ends a drawing.
        keys = {key for drawing in layered for key in (drawing.frame, drawing.last_frame + 1)}
        keys |= {key for key in planes if any(drawing.frame < key <= drawing.last_frame for drawing in layered)}
        for frame in sorted(keys):
            plane = planes.get(frame) or planes[max((key for key in planes if key <= frame), default=min(planes))]
            shown = (drawing for drawing in layered if drawing.frame <= frame <= drawing.last_frame)
            placed = [stroke for drawing in shown for stroke in _placed(plane, scene, drawing, data, materials)]
            key_frame = layer.frames.new(frame)
            if placed:
                _add_strokes(key_frame, placed)
    return item


def _planes(scene: Any, camera: Any, drawings: Sequence[Drawing]) -> dict[int, CameraPlane]:
    """Return the planes in front of the camera by frame: one for each drawing, or one a frame for an animated lens."""
    frames = {drawing.frame for drawing in drawings}
    # Lens or scale may change. The position does not matter, because strokes follow the camera.
    is_scaled = any(abs(length - 1) > 1e-4 for length in camera.matrix_world.to_scale())
    is_animated = camera.data.animation_data is not None or (is_scaled and camera.animation_data is not None)
    if is_animated:
        frames |= {frame for each in drawings for frame in range(each.frame, each.last_frame + 1)}
        frames = {frame for frame in frames if scene.frame_start <= frame <= scene.frame_end} or frames
    planes = {}
    for frame in sorted(frames):
        if is_animated:
            scene.frame_set(frame)
        planes[frame] = CameraPlane.of(scene, camera)
    return planes


def _placed(
    plane: CameraPlane, scene: Any, drawing: Drawing, data: Any, materials: dict[tuple[tuple[float, ...], float], int]
) -> Iterator[_PlacedStroke]:
    """Yield the index of the material of each stroke, and its points with their radius, in the space of the object."""
    aspect = drawing.aspect or float(scene.render.resolution_x) / float(scene.render.resolution_y)
    thinnest = 1.5 / scene.render.resolution_y
    for stroke in drawing.strokes(aspect):
        colour, opacity = key = (stroke.colour, stroke.opacity)
        if key not in materials:
            material = bpy.data.materials.new("Review note")
            material[MARK] = True
            bpy.data.materials.create_gpencil_data(material)
            style = material.grease_pencil
            style.color = (*(linear(value) for value in colour), opacity)
            # Blender 5.2 ignores these properties.
            if not getattr(style.bl_rna.properties["show_stroke"], "is_deprecated", False):
                style.show_stroke, style.show_fill = True, False
            materials[key] = len(data.materials)
            data.materials.append(material)
        yield (
            materials[key],
            [(plane.point(x, y, aspect), plane.radius(max(width, thinnest), aspect)) for x, y, width in stroke.points],
        )


def _add_strokes(frame: Any, strokes: Sequence[_PlacedStroke]) -> None:
    """Add strokes to a new frame of a layer."""
    if not _IS_VERSION_3:
        for material, points in strokes:
            stroke = frame.strokes.new()
            stroke.display_mode, stroke.line_width, stroke.material_index = "3DSPACE", 1000, material
            stroke.points.add(len(points))
            stroke.points.foreach_set("co", list(chain.from_iterable(at for at, _ in points)))
            # In world space, a width of 1000 and a pressure of 1 are one unit wide.
            stroke.points.foreach_set("pressure", [2 * radius for _, radius in points])
            stroke.points.foreach_set("strength", [1.0] * len(points))
        return
    drawing = frame.drawing
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


def _remove_all() -> None:
    for collection in [each for each in bpy.data.collections if each.get(MARK)]:
        for scene_name, *added in json.loads(collection.get(_MARKERS, "[]")):
            scene = bpy.data.scenes.get(scene_name)
            markers = () if scene is None else scene.timeline_markers
            # One that the artist has moved or renamed is theirs.
            found = next((each for each in markers if [each.name, each.frame] == added), None)
            if found is not None:
                markers.remove(found)
        bpy.data.collections.remove(collection)
    names = ("objects", "grease_pencils", "grease_pencils_v3", "materials")
    for group in (getattr(bpy.data, name) for name in names if hasattr(bpy.data, name)):
        for item in [each for each in group if each.get(MARK)]:
            group.remove(item)


# The scene by its name: an undo makes another object of it.
_SHOWN = ShownInScene(lambda scene_name, *rest: show(bpy.data.scenes[scene_name], *rest), _remove_all)
# Removes everything that ``show`` made, in all scenes; does nothing if there is nothing.
clear = _SHOWN.clear


@attrs.frozen
class CameraPlane:
    """The plane in front of a camera that its image covers exactly, in the space of an object parented to the camera.

    The values are those of the camera at one frame.
    """

    fit: str
    size: float
    shift: tuple[float, float]
    depth: float
    pixel_aspect: tuple[float, float]
    to_object: Any

    @classmethod
    def of(cls, scene: Any, camera: Any) -> CameraPlane:
        """Return the plane of the camera at the scene's frame, between the clip planes, 1 unit away if possible."""
        lens, render, matrix = camera.data, scene.render, camera.matrix_world
        near, far = max(lens.clip_start, 1e-4), lens.clip_end
        depth = 1.0 if near * 1.05 < 1.0 < far * 0.95 else near + (far - near) * 0.01
        sensor = lens.sensor_height if lens.sensor_fit == "VERTICAL" else lens.sensor_width
        # A camera looks through its matrix without scale; a child inherits the scale.
        columns = [matrix.col[index].to_3d().normalized().to_4d() for index in range(3)]
        for column in columns:
            column.w = 0
        return cls(
            fit=lens.sensor_fit,
            size=lens.ortho_scale if lens.type == "ORTHO" else sensor / lens.lens * depth,
            shift=(lens.shift_x, lens.shift_y),
            depth=float(depth),
            pixel_aspect=(render.pixel_aspect_x, render.pixel_aspect_y),
            to_object=matrix.inverted_safe() @ Matrix((*columns, matrix.col[3])).transposed(),
        )

    def point(self, x: float, y: float, aspect: float) -> Any:
        """Return the place of a point of an image with this aspect, width by height in pixels."""
        pixel, stretch, view = self._pixel(aspect)
        across = (self.shift[0] * view + (x - 0.5) * aspect) * pixel
        up = (self.shift[1] * view + (0.5 - y) * stretch) * pixel
        return self.to_object @ Vector((across, up, -self.depth))

    def radius(self, width: float, aspect: float) -> float:
        """Return the radius of a point; ``width`` is a fraction of the image's height."""
        pixel, stretch, _ = self._pixel(aspect)
        scale = abs(self.to_object.to_3x3().determinant()) ** (1 / 3)
        return float(width * stretch * pixel / 2 * scale)

    def _pixel(self, aspect: float) -> tuple[float, float, float]:
        """Return the size of an image of height 1 in units, the stretch of its height, and its fitted side."""
        stretch = self.pixel_aspect[1] / self.pixel_aspect[0]
        is_wide = self.fit == "HORIZONTAL" or (self.fit == "AUTO" and aspect >= stretch)
        view = aspect if is_wide else stretch
        return self.size / view, stretch, view
