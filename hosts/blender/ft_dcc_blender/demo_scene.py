"""Build a small shot to try the product with: ``python -m ft_dcc_blender.demo_scene OUT.blend``.

A ball hops down five steps, and the camera follows: 48 frames from 1001 at 24 fps, 1280x720.
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

from ft_dcc import errors, frames
from ft_dcc.host_support.feedback import linear

from .scene import maintained

FRAMES = frames.FrameRange(1001, 1048)

_HOP = 9
_STEPS = ((-4.4, 2.5), (-2.6, 2.0), (-0.8, 1.5), (1.0, 1.0), (2.8, 0.5))
_RADIUS = 0.42

_STEP_COLOURS = ("#FFD9A0", "#FFC58F", "#FBAE80", "#F29A78", "#E58574")


def build(path: Path) -> Path:
    """Build the demo scene, save it at ``path`` and leave it open; raise StorageError if it cannot be saved."""
    # Not read_factory_settings, which would disable the add-ons.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.name = "Steps"
    scene.frame_start, scene.frame_end = FRAMES.start, FRAMES.end
    scene.render.fps, scene.render.fps_base = 24, 1.0
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = _colour("#A9C9D8")[:3]
    scene.display.light_direction = Vector((-0.45, 0.75, 0.48)).normalized()
    _add_surroundings()
    _add_ball()
    _add_cameras(scene)
    scene.frame_set(FRAMES.start)
    try:
        with maintained.silenced():
            bpy.ops.wm.save_as_mainfile(filepath=str(path.absolute()))
    except RuntimeError as error:
        raise errors.StorageError(f"The demo scene cannot be saved as {path}. Choose another folder.") from error
    return path


def _colour(code: str) -> tuple[float, float, float, float]:
    """Return the linear RGBA of an sRGB colour "#RRGGBB"."""
    red, green, blue = (linear(int(code[index : index + 2], 16) / 255) for index in (1, 3, 5))
    return red, green, blue, 1.0


def _add(name: str, shape: bmesh.types.BMesh, colours: Sequence[str], location: Sequence[float] = (0, 0, 0)) -> Any:
    """Add an object of this shape; the material index of a face selects its colour."""
    mesh = bpy.data.meshes.new(name)
    shape.to_mesh(mesh)
    shape.free()
    for code in colours:
        material = bpy.data.materials.get(code) or bpy.data.materials.new(code)
        material.diffuse_color, material.roughness = _colour(code), 0.6
        mesh.materials.append(material)
    item = bpy.data.objects.new(name, mesh)
    item.location = location
    bpy.context.scene.collection.objects.link(item)
    return item


def _add_surroundings() -> None:
    shape = bmesh.new()
    bmesh.ops.create_grid(shape, x_segments=40, y_segments=40, size=40)
    for face in shape.faces:
        centre = face.calc_center_median()
        face.material_index = (math.floor(centre.x / 2) + math.floor(centre.y / 2)) % 2
    _add("Ground", shape, ("#B9D8A6", "#A9CC98"))
    for number, ((x, top), colour) in enumerate(zip(_STEPS, _STEP_COLOURS), start=1):
        place = Matrix.Translation((0, 0, top / 2)) @ Matrix.Diagonal((1.8, 2.6, top, 1.0))
        bmesh.ops.create_cube(step := bmesh.new(), size=1.0, matrix=place)
        bmesh.ops.bevel(step, geom=step.edges[:], offset=0.06, segments=3, profile=0.5, affect="EDGES")
        _add(f"Step {number}", step, (colour,), (x, 0, 0))


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
    stops = [Vector((x, 0, top)) for x, top in _STEPS] + [Vector((5.0, 0.0, 0.0))]
    hop = min(time // _HOP, len(stops) - 2)
    progress = min((time - hop * _HOP) / _HOP, 1.0)
    start, end = stops[hop], stops[hop + 1]
    height = 4 * progress * (1 - progress)
    stretch = 1.0 - 0.2 * max(0.0, 1 - 4.5 * min(progress, 1 - progress)) + 0.10 * height * (1 - height) * 4
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the scene to the path of the command line."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc_blender.demo_scene", description="Write the demo scene.")
    parser.add_argument("path", type=Path, help="the .blend file to write")
    path = build(parser.parse_args(arguments).path)
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
