"""Build a small shot to try the product with: ``python -m ft_dcc_blender.demo_scene OUT.blend``.

A ball hops down five steps into a turning ring, with a windmill behind, and the camera follows: 48 frames from 1001 at
24 fps, 1280x720.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

# bpy's wheel brings these two, and they can be imported after it only.
# isort: split
import bmesh
from mathutils import Matrix, Vector

from ft_dcc.errors import StorageError
from ft_dcc.frames import FrameRange

from .scene import blender_compat
from .scene.maintained import silenced

FRAMES = FrameRange(1001, 1048)

_HOP = 9
_STEPS = ((-4.4, 2.5), (-2.6, 2.0), (-0.8, 1.5), (1.0, 1.0), (2.8, 0.5))
_RADIUS = 0.42
_RING_LOCATION = Vector((5.0, 0.0, 0.16))

_STEP_COLOURS = ("#FFD9A0", "#FFC58F", "#FBAE80", "#F29A78", "#E58574")
_SKY = "#A9C9D8"


def build(path: Path) -> Path:
    """Build the demo scene, save it at ``path`` and leave it open; raise StorageError if it cannot be saved."""
    # Not read_factory_settings, which would disable the add-ons.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.name = "Steps"
    _configure(scene)
    _add_ground()
    _add_steps()
    _add_trees()
    _add_windmill()
    _add_ring()
    _add_ball()
    _add_cameras(scene)
    scene.frame_set(FRAMES.start)
    try:
        with silenced():
            bpy.ops.wm.save_as_mainfile(filepath=str(path.absolute()))
    except RuntimeError as error:
        raise StorageError(f"The demo scene cannot be saved as {path}. Choose another folder.") from error
    return path


def _configure(scene: Any) -> None:
    scene.frame_start, scene.frame_end = FRAMES.start, FRAMES.end
    scene.render.fps, scene.render.fps_base = 24, 1.0
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = _colour(_SKY)[:3]
    scene.display.light_direction = Vector((-0.45, 0.75, 0.48)).normalized()


def _colour(code: str) -> tuple[float, float, float, float]:
    """Return the linear RGBA of an sRGB colour "#RRGGBB" (IEC 61966-2-1)."""
    parts = (int(code[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue, 1.0


def _material(code: str) -> Any:
    material = bpy.data.materials.get(code) or bpy.data.materials.new(code)
    material.diffuse_color = _colour(code)
    material.roughness = 0.6
    return material


def _add(name: str, shape: bmesh.types.BMesh, colours: Sequence[str], location: Sequence[float] = (0, 0, 0)) -> Any:
    """Add an object of this shape; the material index of a face selects its colour."""
    mesh = bpy.data.meshes.new(name)
    shape.to_mesh(mesh)
    shape.free()
    for code in colours:
        mesh.materials.append(_material(code))
    item = bpy.data.objects.new(name, mesh)
    item.location = location
    bpy.context.scene.collection.objects.link(item)
    return item


def _box(size: Sequence[float], centre: Sequence[float] = (0, 0, 0), bevel: float = 0.0) -> bmesh.types.BMesh:
    shape = bmesh.new()
    bmesh.ops.create_cube(shape, size=1.0, matrix=Matrix.Translation(centre) @ Matrix.Diagonal((*size, 1.0)))
    if bevel:
        bmesh.ops.bevel(shape, geom=shape.edges[:], offset=bevel, segments=3, profile=0.5, affect="EDGES")
    return shape


def _cone(bottom: float, top: float, height: float, sides: int = 24) -> bmesh.types.BMesh:
    """Return a cone or cylinder that stands on its origin."""
    shape = bmesh.new()
    bmesh.ops.create_cone(
        shape,
        cap_ends=True,
        segments=sides,
        radius1=bottom,
        radius2=top,
        depth=height,
        matrix=Matrix.Translation((0, 0, height / 2)),
    )
    return shape


def _ring(radius: float, thickness: float, around: int = 48, across: int = 16) -> bmesh.types.BMesh:
    """Return a torus in two colours, which make its rotation visible."""
    shape = bmesh.new()
    rows = []
    for index in range(around):
        spin = Matrix.Rotation(math.tau * index / around, 3, "Z")
        circle = [math.tau * step / across for step in range(across)]
        points = [Vector((radius + thickness * math.cos(a), 0, thickness * math.sin(a))) for a in circle]
        rows.append([shape.verts.new(spin @ point) for point in points])
    for index, row in enumerate(rows):
        following = rows[(index + 1) % around]
        for step in range(across):
            after = (step + 1) % across
            face = shape.faces.new((row[step], following[step], following[after], row[after]))
            face.material_index, face.smooth = index // 6 % 2, True
    return shape


def _add_ground() -> None:
    shape = bmesh.new()
    bmesh.ops.create_grid(shape, x_segments=40, y_segments=40, size=40)
    for face in shape.faces:
        centre = face.calc_center_median()
        face.material_index = (math.floor(centre.x / 2) + math.floor(centre.y / 2)) % 2
    _add("Ground", shape, ("#B9D8A6", "#A9CC98"))


def _add_steps() -> None:
    for number, ((x, top), colour) in enumerate(zip(_STEPS, _STEP_COLOURS), start=1):
        _add(f"Step {number}", _box((1.8, 2.6, top), (0, 0, top / 2), bevel=0.06), (colour,), (x, 0, 0))


def _add_trees() -> None:
    for x, y, size in ((-7.2, 4.6, 1.3), (-5.4, 6.4, 1.0), (0.4, 5.2, 0.9), (7.6, 5.6, 1.25), (9.4, 3.8, 0.9)):
        _add("Trunk", _cone(0.14 * size, 0.12 * size, 0.7 * size), ("#7A5C49",), (x, y, 0))
        for level, width in enumerate((0.85, 0.66, 0.45)):
            crown = _cone(width * size, 0.02, 0.95 * size, sides=9)
            _add("Crown", crown, (("#4E8A72", "#5A987C", "#67A687")[level],), (x, y, size * (0.55 + 0.55 * level)))


def _add_windmill() -> None:
    x, y, height = 3.8, 6.2, 3.1
    _add("Tower", _cone(0.85, 0.5, height, sides=12), ("#EFE6D8",), (x, y, 0))
    _add("Cap", _cone(0.62, 0.05, 0.75, sides=12), ("#C4554D",), (x, y, height))
    hub = _add("Sails", _cone(0.2, 0.16, 0.3), ("#5B4A42",), (x, y - 0.62, height - 0.15))
    hub.rotation_euler = (math.radians(90), 0, 0)
    for number in range(4):
        sail = _add("Sail", _box((0.5, 1.5, 0.05), (0.2, 1.0, 0.18)), (("#F7F3EA", "#E2725B")[number % 2],))
        sail.parent, sail.rotation_euler = hub, (0, 0, math.radians(90 * number))
    for frame, degrees in ((FRAMES.start, 0), (FRAMES.end, -235)):
        hub.rotation_euler = (math.radians(90), math.radians(degrees), 0)
        hub.keyframe_insert("rotation_euler", frame=frame)
    _make_linear(hub)


def _add_ring() -> None:
    ring = _add("Ring", _ring(0.82, 0.16), ("#3E6C9E", "#F4D35E"), _RING_LOCATION)
    for frame, degrees in ((FRAMES.start, 0), (FRAMES.end, 300)):
        ring.rotation_euler = (0, 0, math.radians(degrees))
        ring.keyframe_insert("rotation_euler", frame=frame)
    _make_linear(ring)


def _add_ball() -> None:
    shape = bmesh.new()
    bmesh.ops.create_uvsphere(shape, u_segments=36, v_segments=18, radius=_RADIUS)
    for face in shape.faces:
        face.smooth = True
        face.material_index = int(math.atan2(*face.calc_center_median().xy) / math.tau * 6 + 6) % 2
    bmesh.ops.rotate(shape, verts=shape.verts, matrix=Matrix.Rotation(math.radians(90), 3, "X"))
    ball = bpy.data.objects.new("Ball", None)
    bpy.context.scene.collection.objects.link(ball)
    # The skin rotates inside of the squashed parent: otherwise the squash would rotate, too.
    skin = _add("Skin", shape, ("#E4483B", "#FFF4E6"))
    skin.parent = ball
    for frame in FRAMES:
        ball.location, ball.scale = _ball_at(frame - FRAMES.start)
        skin.rotation_euler = (0, math.radians(9.5) * (frame - FRAMES.start), 0)
        ball.keyframe_insert("location", frame=frame)
        ball.keyframe_insert("scale", frame=frame)
        skin.keyframe_insert("rotation_euler", frame=frame)


def _ball_at(time: int) -> tuple[Vector, Vector]:
    """Return location and scale of the ball at this frame after the start: parabolas that squash at each landing."""
    stops = [Vector((x, 0, top)) for x, top in _STEPS] + [Vector((_RING_LOCATION.x, 0, 0))]
    hop = min(time // _HOP, len(stops) - 2)
    progress = min((time - hop * _HOP) / _HOP, 1.0)
    start, end = stops[hop], stops[hop + 1]
    height = 4 * progress * (1 - progress)
    resting = max(0, time - _HOP * (len(stops) - 1)) / 3
    squash = 0.2 * max(0.0, 1 - 4.5 * min(progress, 1 - progress) - resting)
    stretch = 1.0 - squash + 0.10 * height * (1 - height) * 4
    location = start.lerp(end, progress) + Vector((0, 0, 0.95 * height + _RADIUS * stretch))
    return location, Vector((1 / math.sqrt(stretch), 1 / math.sqrt(stretch), stretch))


def _add_cameras(scene: Any) -> None:
    aim = bpy.data.objects.new("Aim", None)
    scene.collection.objects.link(aim)
    main = _camera("Camera", 35, (-4.6, -10.4, 3.9), aim)
    _camera("Side", 50, (0.6, -17.0, 2.4), aim)
    for share in (0.0, 0.5, 1.0):
        frame = round(FRAMES.start + share * (FRAMES.end - FRAMES.start))
        main.location = (-4.6 + 8.4 * share, -10.4 + 1.9 * share, 3.9 - 1.3 * share)
        aim.location = (-2.7 + 6.2 * share, 0.4, 2.1 - 0.45 * share)
        main.keyframe_insert("location", frame=frame)
        aim.keyframe_insert("location", frame=frame)
    scene.camera = main


def _camera(name: str, lens: float, location: Sequence[float], aim: Any) -> Any:
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    camera.data.lens, camera.location = lens, location
    constraint = camera.constraints.new("TRACK_TO")
    constraint.target, constraint.track_axis, constraint.up_axis = aim, "TRACK_NEGATIVE_Z", "UP_Y"
    bpy.context.scene.collection.objects.link(camera)
    return camera


def _make_linear(item: Any) -> None:
    """Make the rotation uniform: one that eases in and out looks like a fault."""
    for curve in blender_compat.animation_curves(item):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the scene to the path of the command line."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc_blender.demo_scene", description="Write the demo scene.")
    parser.add_argument("path", type=Path, help="the .blend file to write")
    path = build(parser.parse_args(arguments).path)
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
