"""Grease Pencil of Blender 3.4 to 4.2 (version 2) and from 4.3 on (version 3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import bpy

# The index of a material, and points with their radius.
PlacedStroke = tuple[int, Sequence[tuple[Any, float]]]

IS_VERSION_3 = bpy.app.version >= (4, 3)


def new_data(name: str) -> Any:
    """Return new Grease Pencil data whose strokes are as wide as their points."""
    data = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new(name)
    # Strokes of one plane lie in the order of their drawing.
    data.stroke_depth_order = "2D"
    if not IS_VERSION_3:
        data.stroke_thickness_space, data.pixel_factor = "WORLDSPACE", 1.0
    return data


def new_object(data: Any, camera: Any) -> Any:
    """Return a new object with the data that follows the camera and is drawn in front of everything."""
    item = bpy.data.objects.new(data.name, data)
    item.parent = camera
    item.show_in_front = True
    item.hide_select = True
    item.use_grease_pencil_lights = False
    return item


def add_strokes(frame: Any, strokes: Sequence[PlacedStroke]) -> None:
    """Add strokes to a new frame of a layer."""
    if not strokes:
        return
    if IS_VERSION_3:
        _add_strokes_3(frame.drawing, strokes)
    else:
        _add_strokes_2(frame, strokes)


def _add_strokes_3(drawing: Any, strokes: Sequence[PlacedStroke]) -> None:
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


def _add_strokes_2(frame: Any, strokes: Sequence[PlacedStroke]) -> None:
    for material, points in strokes:
        stroke = frame.strokes.new()
        stroke.display_mode, stroke.line_width, stroke.material_index = "3DSPACE", 1000, material
        stroke.points.add(len(points))
        stroke.points.foreach_set("co", list(chain.from_iterable(at for at, _ in points)))
        # In world space, a width of 1000 and a pressure of 1 are one unit wide.
        stroke.points.foreach_set("pressure", [2 * radius for _, radius in points])
        stroke.points.foreach_set("strength", [1.0] * len(points))
