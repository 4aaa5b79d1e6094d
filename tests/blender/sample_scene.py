"""A small scene in real Blender, and functions to inspect its state and images."""

import bpy
from PIL import Image

RED, SKY = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0)

# Settings that a playblast must restore, compared property by property.
_SETTINGS_PATHS = ("render", "render.image_settings", "render.ffmpeg", "display", "display.shading", "view_settings")


def build(width=64, height=36):
    """Build a scene: a red cube moves from left to right in frames 1001 to 1012 in front of a blue sky."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1001, 1012
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = SKY
    cube = add_cube("Cube")
    for frame, x in ((1001, -3.0), (1012, 3.0)):
        cube.location = (x, 0, 0)
        cube.keyframe_insert("location", frame=frame)
    scene.camera = add_camera("Camera")
    return scene


def add_cube(name, colour=RED):
    mesh = bpy.data.meshes.new(name)
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(corners, [], sides)
    material = bpy.data.materials.new(name)
    material.diffuse_color = colour
    mesh.materials.append(material)
    return add(bpy.data.objects.new(name, mesh))


def add_camera(name, x=0.0):
    camera = add(bpy.data.objects.new(name, bpy.data.cameras.new(name)))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 10.0
    camera.location, camera.rotation_euler = (x, -10, 0), (1.5707963, 0, 0)
    return camera


def add_curve():
    data = bpy.data.curves.new("Curve", "CURVE")
    data.dimensions, data.bevel_depth = "3D", 0.5
    spline = data.splines.new("POLY")
    spline.points.add(1)
    for point, x in zip(spline.points, (-3.0, 3.0)):
        point.co = (x, 0, 0, 1)
    return add(bpy.data.objects.new("Curve", data))


def add_text():
    data = bpy.data.curves.new("Text", "FONT")
    data.body, data.size, data.extrude = "MMMM", 2.0, 0.1
    data.align_x = data.align_y = "CENTER"
    item = add(bpy.data.objects.new("Text", data))
    item.rotation_euler = (1.5707963, 0, 0)
    return item


def add_grease_pencil():
    """Add a thick stroke from left to right; the data of strokes changed in Blender 4.3."""
    data = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new("Drawing")
    frame = data.layers.new("Layer").frames.new(1)
    if hasattr(frame, "drawing"):
        frame.drawing.add_strokes([2])
        for point, x in zip(frame.drawing.strokes[0].points, (-3.0, 3.0)):
            point.position, point.radius, point.opacity = (x, 0, 0), 0.5, 1.0
    else:
        stroke = frame.strokes.new()
        stroke.display_mode, stroke.line_width = "3DSPACE", 1000
        stroke.points.add(2)
        for point, x in zip(stroke.points, (-3.0, 3.0)):
            point.co, point.pressure, point.strength = (x, 0, 0), 1.0, 1.0
    material = bpy.data.materials.new("Ink")
    bpy.data.materials.create_gpencil_data(material)
    data.materials.append(material)
    return add(bpy.data.objects.new("Drawing", data))


def strips(parent):
    """Return the strips of an edit or of a meta strip; Blender 4.4 has renamed them."""
    return parent.strips if hasattr(parent, "strips") else parent.sequences


def add_colour_strip(parent, colour, start, end):
    length = {"length": end - start} if bpy.app.version >= (5, 0) else {"frame_end": end}
    strip = parent.new_effect("Colour", "COLOR", 1, start, **length)
    strip.color = colour
    return strip


def add(item):
    bpy.context.scene.collection.objects.link(item)
    return item


def state():
    """Return everything that an artist could find changed."""
    scene = bpy.context.scene
    values = {
        "scene": (bpy.context.window.scene.name, bpy.context.view_layer.name, scene.camera and scene.camera.name),
        "time": (scene.frame_current, scene.frame_subframe, scene.frame_start, scene.frame_end, scene.frame_step),
        "markers": [(m.name, m.frame, m.camera and m.camera.name) for m in scene.timeline_markers],
        "selection": [item.name for item in scene.objects if item.select_get()],
        "active": bpy.context.view_layer.objects.active and bpy.context.view_layer.objects.active.name,
        "hidden": [(item.name, item.hide_render, item.hide_viewport, item.hide_get()) for item in scene.objects],
        "file": bpy.data.filepath,
        "data": {name: getattr(bpy.data, name).keys() for name in ("objects", "images", "scenes", "actions", "worlds")},
        "handlers": {name: _other_handlers(name) for name in ("frame_change_post", "render_write")},
    }
    for path in _SETTINGS_PATHS:
        values[path] = _values(scene.path_resolve(path))
    return values


def _other_handlers(name):
    # Those of the add-on go with it.
    return [each for each in getattr(bpy.app.handlers, name) if not each.__module__.endswith("render_log")]


def _values(part):
    simple = (item for item in part.bl_rna.properties if item.type not in ("POINTER", "COLLECTION"))
    values = {item.identifier: getattr(part, item.identifier) for item in simple}
    return {name: tuple(value) if hasattr(value, "__len__") else value for name, value in values.items()}


def pixels(path):
    with Image.open(path) as image:
        width, triples = image.width, list(zip(*[iter(image.convert("RGB").tobytes())] * 3))
    return [triples[start : start + width] for start in range(0, len(triples), width)]


def red_columns(path):
    rows = pixels(path)
    return [x for x in range(len(rows[0])) if any(row[x][0] > 90 and row[x][2] < 80 for row in rows)]
