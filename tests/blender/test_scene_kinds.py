"""Kinds of scenes that a capture must not change: each movie is decoded, and each of its frames is compared."""

import os
import re
import shutil
import tempfile
import warnings
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.numbered_images import run_ffmpeg
from doubles.users import without_root
from PIL import Image

from ft_dcc.errors import Cancelled, CaptureFailed, StorageError
from ft_dcc.frames import Resolution
from ft_dcc.media import encode

# All images are compared in this size.
WIDTH, HEIGHT = 64, 36
# The largest mean difference of a movie's frame from its image, of 255: the codec blurs the edges of colours.
MAX_DIFFERENCE = 14
COLLECTIONS = (
    *("scenes", "objects", "collections", "cameras", "meshes", "materials", "worlds", "actions", "images"),
    *("volumes", "lights", "particles", "shape_keys", "armatures"),
    *("node_groups", "annotations", "grease_pencils", "curves", "texts", "movieclips", "masks", "sounds"),
)
# They tell about the state of Blender, not about the scene.
# Blender 4.2.23 ends with a segmentation fault when the brush in it is read.
CRASHING = {"uv_sculpt"}
VOLATILE = {"is_evaluated", "tag", "session_uid", "depsgraph", "rna_type", "is_runtime_data", "preview", "original"}


def several_cameras(scene, bpy):
    from blender import sample_scene

    sample_scene.add_camera("Second", x=1.0)
    return {"source": "Second", "camera x": 1.0}


def ntsc_rate(scene, bpy):
    scene.render.fps, scene.render.fps_base = 24, 1.001
    return {"fps": Fraction(24000, 1001)}


def step_of_2(scene, bpy):
    return {"frames": "1004-1008x2"}


def negative_start(scene, bpy):
    scene.frame_start = 0
    return {"frames": "-2-0"}


def odd_size(scene, bpy):
    scene.render.resolution_x, scene.render.resolution_y = 63, 35
    return {"resolution": Resolution(63, 35)}


def half_size(scene, bpy):
    scene.render.resolution_percentage = 50
    return {"resolution": Resolution(64, 36).scaled(50)}


def compositor_and_sequencer(scene, bpy):
    from blender import sample_scene

    if hasattr(scene, "compositing_node_group"):
        scene.compositing_node_group = bpy.data.node_groups.new("Black", "CompositorNodeTree")
    else:
        scene.use_nodes = True
        scene.node_tree.nodes.clear()
    scene.render.use_compositing = scene.render.use_sequencer = True
    strips = sample_scene.strips(scene.sequence_editor_create())
    sample_scene.add_colour_strip(strips, (0.0, 0.0, 0.0), 1000, 1100)
    return {}


def view_layers(scene, bpy):
    scene.view_layers.new("Second").use = False
    return {}


def grease_pencil(scene, bpy):
    from blender import sample_scene

    sample_scene.add_grease_pencil().location = (0, 5, 100)
    return {}


def volume(scene, bpy):
    from blender import sample_scene

    sample_scene.add(bpy.data.objects.new("Smoke", bpy.data.volumes.new("Smoke")))
    return {}


def lens_shift(scene, bpy):
    scene.camera.data.shift_x = 0.1
    return {"camera x": 1.0}


def anamorphic(scene, bpy):
    scene.render.pixel_aspect_x = 2.0
    return {"movie": Resolution(128, 36)}


def unusual_names(scene, bpy):
    scene.camera.name = "Cam {x} 100%d\nsecond line"
    scene.name = "Scene {frame} %04d"
    return {"source": scene.camera.name}


def handler_that_raises(name):
    def change(scene, bpy):
        def fail(*_):
            raise RuntimeError("a studio's handler is broken")

        handlers = getattr(bpy.app.handlers, name)
        handlers.append(fail)
        return {"cleanup": lambda: handlers.remove(fail)}

    change.__name__ = f"{name}_handler_that_raises"
    return change


def rig_with_shape_keys(scene, bpy):
    from blender import sample_scene

    rig = sample_scene.add(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
    rig.location.z = 100
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("root").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    cube = scene.objects["Cube"]
    cube.shape_key_add(name="Basis")
    key = cube.shape_key_add(name="smile")
    for item, value in ((key, "value"), (rig.pose.bones["root"], "location")):
        item.keyframe_insert(value, frame=1001)
    key.value, rig.pose.bones["root"].location.x = 0.5, 2.0
    return {}


def hidden_and_excluded(scene, bpy):
    """Hide one cube with its eye, exclude the collection of another one, and hide that of a third one."""
    from blender import sample_scene

    for name in ("Eye", "Excluded", "Hidden"):
        cube = sample_scene.add_cube(name)
        cube.location = (0, -3, 0)
        collection = bpy.data.collections.new(name)
        scene.collection.children.link(collection)
        scene.collection.objects.unlink(cube)
        collection.objects.link(cube)
    scene.objects["Eye"].hide_set(True)
    layers = bpy.context.view_layer.layer_collection.children
    layers["Excluded"].exclude, layers["Hidden"].hide_viewport = True, True
    return {}


def library_override(scene, bpy):
    """Override a linked object, which is in front of the camera's far end."""
    from blender import sample_scene

    folder = Path(tempfile.mkdtemp())
    linked = sample_scene.add_cube("Linked")
    bpy.data.libraries.write(str(folder / "library.blend"), {linked}, fake_user=True)
    bpy.data.objects.remove(linked)
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Linked"]
    sample_scene.add(bpy.data.objects["Linked"].override_create()).location.z = 100
    return {"cleanup": lambda: shutil.rmtree(folder)}


def cloth_simulation(scene, bpy):
    from blender import sample_scene

    cloth = sample_scene.add_cube("Cloth")
    cloth.location.z = 100
    cache = cloth.modifiers.new("Cloth", "CLOTH").point_cache
    cache.frame_start, cache.frame_end = 1001, 1010
    return {}


def baked_cache_of_a_read_only_file(scene, bpy):
    """Bake cloth into files beside the scene, which Blender cannot save any more."""
    folder, before = Path(tempfile.mkdtemp()), set(bpy.data.objects)
    cloth_simulation(scene, bpy)
    (cloth,) = set(bpy.data.objects) - before
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    cache = cloth.modifiers["Cloth"].point_cache
    cache.use_disk_cache = True
    with bpy.context.temp_override(scene=scene, active_object=cloth, point_cache=cache):
        bpy.ops.ptcache.bake(bake=True)
    assert len(list(folder.rglob("*.bphys"))) == 10
    (folder / "shot.blend").chmod(0o444)
    return {"folder": folder}


def local_view(scene, bpy):
    window = bpy.context.window_manager.windows[0]
    area = next(each for each in window.screen.areas if each.type == "VIEW_3D")
    region = next(each for each in area.regions if each.type == "WINDOW")
    scene.objects["Cube"].select_set(True)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.localview()
    return {}


def four_k(scene, bpy):
    return {"resolution": Resolution(3840, 2160)}


KINDS = (
    *(several_cameras, ntsc_rate, step_of_2, negative_start, odd_size, half_size, compositor_and_sequencer),
    *(
        view_layers,
        grease_pencil,
        volume,
        lens_shift,
        anamorphic,
        unusual_names,
        rig_with_shape_keys,
        hidden_and_excluded,
    ),
    *(library_override, cloth_simulation, baked_cache_of_a_read_only_file, local_view, four_k),
    *map(handler_that_raises, ("frame_change_pre", "depsgraph_update_post")),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
def test_a_movie_shows_each_frame_of_the_scene_and_the_scene_stays_as_it_was(playblast, scene, bpy, tmp_path, kind):
    from ft_dcc_blender.scene.blender_compat import animation_curves

    facts = kind(scene, bpy)
    curve = animation_curves(scene.objects["Cube"].animation_data.action)[0]
    scene.frame_set(1002)
    before, files = dump(bpy), files_of(facts)
    try:
        values = {name: facts[name] for name in ("source", "resolution") if name in facts}
        size = values.get("resolution", Resolution(WIDTH, HEIGHT))
        wanted = facts.get("frames", "1005-1007" if size.width < 1000 else "1006")
        frames = playblast(wanted, **values)
        assert files_of(facts) == files
    finally:
        facts.get("cleanup", lambda: None)()
        shutil.rmtree(facts.get("folder", ""), ignore_errors=True)
    assert differences(before, dump(bpy)) == {}
    movie = encode(frames, tmp_path / "movie.mp4")
    assert (movie.fps, movie.resolution) == (facts.get("fps", Fraction(24)), facts.get("movie", size.even))
    images = [resized(frames.path(frame)) for frame in frames.frame_range]
    # With a step, the movie holds each frame until the next one.
    numbers = list(frames.frame_range.every_frame)
    shown = decoded(movie.path)
    assert len(shown) == len(numbers)
    shown = [shown[numbers.index(frame)] for frame in frames.frame_range]
    width = 10 * size.width / max(size.width, size.height)
    for index, frame in enumerate(frames.frame_range):
        distances = [mean_difference(shown[index], image) for image in images]
        assert distances[index] == min(distances) < MAX_DIFFERENCE
        centre = (curve.evaluate(frame) - facts.get("camera x", 0.0)) / width + 0.5
        assert red_centre(shown[index]) == pytest.approx(centre, abs=0.04)


def files_of(facts):
    files = Path(facts["folder"]).rglob("*") if "folder" in facts else ()
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def resized(path):
    with Image.open(path) as image:
        return image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BOX).tobytes()


def decoded(path):
    scaled = ("-vf", f"scale={WIDTH}:{HEIGHT}:flags=area", "-fps_mode", "passthrough")
    data = run_ffmpeg("-i", path, *scaled, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    length = WIDTH * HEIGHT * 3
    return [data[start : start + length] for start in range(0, len(data), length)]


def mean_difference(one, other):
    return sum(abs(a - b) for a, b in zip(one, other)) / len(one)


def red_centre(image):
    pixels = range(WIDTH * HEIGHT)
    columns = [each % WIDTH for each in pixels if image[3 * each] > 90 and image[3 * each + 2] < 90]
    return (sum(columns) / len(columns) + 0.5) / WIDTH


def dump(bpy):
    """Return the values of all properties of the data-blocks that a scene consists of, and the state of its layers."""
    found = {"data": {name: sorted(getattr(bpy.data, name).keys()) for name in COLLECTIONS if hasattr(bpy.data, name)}}
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            found[f"layer/{scene.name}/{layer.name}"] = state_of_layer(layer)
    window = bpy.context.window
    found["window"] = {"scene": window.scene.name, "layer": window.view_layer.name, "mode": bpy.context.mode}
    for name in COLLECTIONS:
        for item in getattr(bpy.data, name, ()):
            found[f"{name}/{item.name_full}"] = values_of(item, bpy, 5)
    return found


def state_of_layer(layer):
    active = layer.objects.active
    return {
        "active": active and active.name_full,
        "active collection": layer.active_layer_collection.name,
        "hidden": sorted(item.name_full for item in layer.objects if item.hide_get(view_layer=layer)),
        "selected": sorted(item.name_full for item in layer.objects if item.select_get(view_layer=layer)),
        "collections": list(collection_states(layer.layer_collection)),
    }


def collection_states(part):
    yield part.name, part.exclude, part.hide_viewport, part.holdout, part.indirect_only
    for child in part.children:
        yield from collection_states(child)


def values_of(part, bpy, depth):
    found = {}
    for prop in part.bl_rna.properties:
        if prop.identifier in VOLATILE or prop.identifier in CRASHING:
            continue
        with warnings.catch_warnings():
            # Some properties are deprecated, and reading them says so.
            warnings.simplefilter("ignore", DeprecationWarning)
            value = getattr(part, prop.identifier)
        if prop.type == "COLLECTION":
            is_small = depth > 0 and len(value) < 100 and not isinstance(part, bpy.types.Mesh)
            found[prop.identifier] = [reference(each, bpy, depth) for each in value] if is_small else len(value)
        elif prop.type == "POINTER":
            found[prop.identifier] = None if value is None else reference(value, bpy, depth)
        else:
            found[prop.identifier] = repr(tuple(value) if getattr(prop, "is_array", False) else value)
    return found


def reference(value, bpy, depth):
    if isinstance(value, bpy.types.ID):
        return value.name_full
    return values_of(value, bpy, depth - 1) if depth > 0 else str(type(value))


def differences(before, after):
    """Return by data-block the values that differ, before and after; a value that does not exist is "missing"."""
    found = {}
    for name in {**before, **after}:
        old, new = before.get(name, {}), after.get(name, {})
        changed = {
            key: (old.get(key, "missing"), new.get(key, "missing"))
            for key in {**old, **new}
            if old.get(key, "missing") != new.get(key, "missing")
        }
        if changed:
            found[name] = changed
    return found


@pytest.fixture
def read_only():
    """Yield a folder that this user can read and cannot write; other users cannot enter the folders of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
@pytest.mark.parametrize("is_new", [True, False], ids=["new folder", "existing folder"])
def test_a_read_only_folder_is_an_error_and_the_scene_stays_as_it_was(playblast, scene, bpy, read_only, is_new):
    directory = read_only / "frames" if is_new else read_only
    scene.frame_set(1002)
    before = dump(bpy)
    with without_root(), pytest.raises((StorageError, CaptureFailed), match=re.escape(str(read_only))):
        playblast(directory=directory)
    assert differences(before, dump(bpy)) == {}
    assert list(read_only.iterdir()) == []


def test_a_cancel_of_10000_frames_leaves_the_scene_as_it_was(host, request_of, scene, bpy):
    def cancel(frame):
        if frame == 3:
            raise Cancelled("Stopped.")

    scene.frame_set(1002)
    before, request = dump(bpy), request_of("1-10000")
    with pytest.raises(Cancelled):
        host.playblast(request, cancel)
    assert differences(before, dump(bpy)) == {}
    assert len(list(request.directory.iterdir())) == 3
