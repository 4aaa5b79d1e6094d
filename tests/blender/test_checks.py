"""Checks of scenes that Blender cannot show completely."""

import shutil
from contextlib import suppress

import attrs
import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


@pytest.fixture
def find_problems(host, session, project_task, tmp_path):
    request = PublishRequest(project_task["id"], source="Camera", review=())

    def find(**options):
        check = Publisher(session, host, jobs=tmp_path / "jobs").validate(attrs.evolve(request, **options))
        check.discard()
        return [each.message for each in check.problems if each.check in ("Complete scene", "Camera type", "Sound")]

    return find


def image_on(cube, bpy, path):
    image = bpy.data.images.new("Paint", 4, 4)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    image.source = "FILE"
    material = cube.data.materials[0]
    if bpy.app.version < (5, 0):
        # Later materials always have nodes, and setting this is deprecated.
        material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    return image


def test_a_complete_scene_has_no_problem(find_problems, scene, bpy, tmp_path):
    image_on(scene.objects["Cube"], bpy, tmp_path / "paint.png")
    bpy.data.images.new("Generated", 4, 4)
    bpy.data.curves.new("Text", "FONT")
    assert find_problems() == []


def test_no_data_block_that_blender_adds_with_its_defaults_is_a_missing_file(host, scene, bpy, tmp_path, sample):
    for group in (bpy.ops.object, bpy.ops.mesh, bpy.ops.curve, bpy.ops.surface):
        for name in dir(group):
            operator = getattr(group, name)
            if name.endswith("_add") and operator.poll():
                with suppress(RuntimeError):
                    operator()
    cube, pencil = scene.objects["Cube"], sample.add_grease_pencil()
    for kind in bpy.types.Modifier.bl_rna.properties["type"].enum_items:
        for item in (cube, pencil):
            item.modifiers.new(kind.identifier, kind.identifier)
    for kind in bpy.types.Texture.bl_rna.properties["type"].enum_items:
        texture = bpy.data.textures.new(kind.identifier, kind.identifier)
        cube.modifiers.new(kind.identifier, "DISPLACE").texture = texture
    group = bpy.data.node_groups.new("Nodes", "GeometryNodeTree")
    cube.modifiers.new("Nodes", "NODES").node_group = group
    if bpy.app.version < (5, 0):
        cube.data.materials[0].use_nodes = True
    for tree in (group, cube.data.materials[0].node_tree):
        for name in (each for each in dir(bpy.types) if "Node" in each):
            with suppress(RuntimeError, TypeError):
                tree.nodes.new(name)
    backgrounds = scene.camera.data.background_images
    backgrounds.new().image = bpy.data.images.new("Generated", 4, 4)
    backgrounds.new().source = "MOVIE_CLIP"
    # Saving changes empty paths.
    for _ in range(2):
        assert host.completeness_warnings([("Camera", [1001])], has_sound=True) == []
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "deep.blend"))
    assert bpy.data.volumes and len(cube.modifiers) > 50 and len(group.nodes) > 100


def test_a_missing_image_is_named_and_can_be_accepted(find_problems, scene, bpy, tmp_path):
    image_on(scene.objects["Cube"], bpy, tmp_path / "paint.png")
    (tmp_path / "paint.png").unlink()
    [problem] = find_problems()
    assert problem.startswith(f"Files of the scene are missing: image {tmp_path / 'paint.png'}. Restore them.")
    assert find_problems(allow_incomplete=True) == []


def test_a_packed_image_needs_no_file(find_problems, scene, bpy, tmp_path):
    image_on(scene.objects["Cube"], bpy, tmp_path / "paint.png").pack()
    (tmp_path / "paint.png").unlink()
    assert find_problems() == []


def test_a_missing_cache_is_named(find_problems, scene):
    scene.objects["Cube"].modifiers.new("Cloth", "MESH_CACHE").filepath = "//cloth.pc2"
    [problem] = find_problems()
    assert "cache //cloth.pc2" in problem


def sequence_on(cube, bpy, folder, numbers):
    image = image_on(cube, bpy, folder / "paint.0001.png")
    (folder / "paint.0001.png").rename(folder / "other.png")
    for number in numbers:
        shutil.copy(folder / "other.png", folder / f"paint.{number:04d}.png")
    image.source = "SEQUENCE"
    node = next(node for node in cube.data.materials[0].node_tree.nodes if getattr(node, "image", None) == image)
    node.image_user.frame_start, node.image_user.frame_duration = 1001, 100
    return node


def test_another_image_in_the_folder_is_not_part_of_an_image_sequence(find_problems, scene, bpy, tmp_path):
    sequence_on(scene.objects["Cube"], bpy, tmp_path, [])
    [problem] = find_problems()
    assert f"image {tmp_path / 'paint.0001.png'} (files 1-12)." in problem


def test_a_gap_of_an_image_sequence_is_reported_only_in_the_captured_range(find_problems, scene, bpy, tmp_path):
    user = sequence_on(scene.objects["Cube"], bpy, tmp_path, [*range(1, 13), 15]).image_user
    assert find_problems() == []
    user.frame_offset = 2
    [problem] = find_problems()
    assert "paint.0001.png (files 13-14)." in problem
    user.frame_duration = 10
    assert find_problems() == []
    user.frame_duration, user.frame_offset, user.use_cyclic = 2, 0, True
    assert find_problems() == []
    # Before its start, Blender shows file 0.
    user.frame_start, user.use_cyclic = 1003, False
    [problem] = find_problems()
    assert "paint.0001.png (files 0)." in problem


def test_a_gap_of_a_volume_sequence_is_reported(find_problems, scene, bpy, tmp_path, sample):
    volume = bpy.data.volumes.new("Smoke")
    volume.filepath, volume.is_sequence = str(tmp_path / "smoke_0001.vdb"), True
    volume.frame_start, volume.frame_duration = 1005, 4
    sample.add(bpy.data.objects.new("Smoke", volume))
    for name in ("smoke_0001.vdb", "smoke_0002.vdb", "smoke_0004.vdb", "other.vdb"):
        (tmp_path / name).touch()
    [problem] = find_problems()
    assert "smoke_0001.vdb (files 3)." in problem
    (tmp_path / "smoke_0003.vdb").touch()
    assert find_problems() == []


@pytest.mark.parametrize("mode", ["CLIP", "EXTEND", "REPEAT", "PING_PONG"])
def test_the_number_of_a_volume_is_the_one_that_blender_reads(scene, bpy, tmp_path, mode, sample):
    from ft_dcc_blender.completeness import volume_number

    volume = bpy.data.volumes.new("Smoke")
    volume.filepath, volume.is_sequence = str(tmp_path / "smoke_0001.vdb"), True
    volume.frame_start, volume.frame_duration, volume.frame_offset, volume.sequence_mode = 1003, 4, 5, mode
    item = sample.add(bpy.data.objects.new("Smoke", volume))
    for frame in range(996, 1016):
        scene.frame_set(frame)
        grids = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.grids
        shown = volume_number(volume, frame)
        # The largest integer stands for no frame.
        assert (None if grids.frame == 2**31 - 1 else grids.frame) == shown


def test_missing_images_of_the_edit_are_reported_if_the_edit_is_published(find_problems, strips, tmp_path):
    strip = strips.new_image("stills", str(tmp_path / "still.0001.png"), 2, 1001)
    for number in (2, 3):
        strip.elements.append(f"still.{number:04d}.png")
    setattr(strip, "right_handle" if hasattr(strip, "right_handle") else "frame_final_end", 1004)
    for number in (1, 3):
        (tmp_path / f"still.{number:04d}.png").touch()
    [problem] = find_problems(source="sequencer edit")
    assert f"are missing: image {tmp_path / 'still.0002.png'}." in problem
    assert find_problems() == find_problems(source="sequencer edit", allow_incomplete=True) == []
    assert find_problems(source="sequencer edit", frame_range=FrameRange(1003, 1008)) == []
    strip.mute = True
    assert find_problems(source="sequencer edit") == []


def test_a_missing_movie_in_a_meta_strip_of_the_edit_is_reported(find_problems, strips, sample, tmp_path):
    from doubles.numbered_images import run_ffmpeg

    path = tmp_path / "clip.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "color=red:s=64x36:d=1:r=24", path)
    sample.strips(strips.new_meta("scene", 2, 1001)).new_movie("clip", str(path), 1, 1001)
    assert find_problems(source="sequencer edit") == []
    path.unlink()
    [problem] = find_problems(source="sequencer edit")
    assert f"movie {path}" in problem


def test_files_of_instanced_objects_are_needed_and_those_of_unused_objects_are_not(find_problems, scene, bpy, sample):
    asset = bpy.data.collections.new("Asset")
    cube = sample.add_cube("Inside")
    scene.collection.objects.unlink(cube)
    asset.objects.link(cube)
    cube.modifiers.new("Cloth", "MESH_CACHE").filepath = "//cloth.pc2"
    assert find_problems() == []
    item = sample.add(bpy.data.objects.new("Instance", None))
    item.instance_type, item.instance_collection = "COLLECTION", asset
    [problem] = find_problems()
    assert "cache //cloth.pc2" in problem


def test_missing_files_of_unused_data_and_other_scenes_are_not_reported(find_problems, scene, bpy, tmp_path):
    cube = scene.objects["Cube"]
    image_on(cube, bpy, tmp_path / "paint.png").use_fake_user = True
    (tmp_path / "paint.png").unlink()
    scene.collection.objects.unlink(cube)
    bpy.data.scenes.new("Other").collection.objects.link(cube)
    assert find_problems() == []


def test_missing_files_of_nodes_are_reported(find_problems, scene, bpy, sample):
    light = bpy.data.lights.new("Lamp", "POINT")
    if light.node_tree is None:
        light.use_nodes = True
    node = light.node_tree.nodes.new("ShaderNodeTexIES")
    node.mode, node.filepath = "EXTERNAL", "//lamp.ies"
    assert find_problems() == []
    sample.add(bpy.data.objects.new("Lamp", light))
    [problem] = find_problems()
    assert f"file //lamp.ies of the node {node.name} in Lamp" in problem
    node.mute = True
    assert find_problems() == []


def test_a_missing_file_of_a_geometry_node_is_reported(find_problems, scene, bpy):
    if not hasattr(bpy.types, "GeometryNodeImportPLY"):
        pytest.skip("this Blender does not import files with geometry nodes")
    tree = bpy.data.node_groups.new("Import", "GeometryNodeTree")
    tree.nodes.new("GeometryNodeImportPLY").inputs["Path"].default_value = "//tree.ply"
    scene.objects["Cube"].modifiers.new("Import", "NODES").node_group = tree
    [problem] = find_problems()
    assert "file //tree.ply of the node" in problem


def test_a_missing_sound_is_named_and_can_be_accepted(find_problems, strips, tone):
    strip = strips.new_sound("tone", str(tone), 1, 1001)
    tone.unlink()
    [problem] = find_problems()
    assert f"sound {tone}" in problem
    assert find_problems(allow_incomplete=True) == find_problems(scene_sound=False) == []
    strip.mute = True
    assert find_problems() == []


def test_a_missing_library_is_named(find_problems, scene, bpy, tmp_path):
    library = tmp_path / "rig.blend"
    bpy.data.libraries.write(str(library), {scene.objects["Cube"]})
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    scene.collection.objects.link(wanted.objects[0])
    assert find_problems() == []
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), relative_remap=False)
    library.rename(tmp_path / "elsewhere.blend")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    [problem] = find_problems()
    assert f"library {library}" in problem


def test_drivers_that_did_not_run_are_reported(find_problems, scene, bpy, tmp_path, host):
    scene.objects["Cube"].driver_add("location", 2).driver.expression = "__import__('math').pi"
    bpy.data.texts.new("rig.py").use_module = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    host.open(tmp_path / "scene.blend")
    [problem] = find_problems()
    assert "Python code of the file did not run" in problem and "--run-scripts" in problem
    host.open(tmp_path / "scene.blend", run_scripts=True)
    assert find_problems() == []
    host.close()
    assert dict(bpy.app.driver_namespace) == {}


def test_a_packed_sound_before_frame_0_is_reported_and_can_be_accepted(find_problems, strips, tone):
    strip = strips.new_sound("tone", str(tone), 1, -20)
    assert find_problems(frame_range=FrameRange(-10, 10)) == []
    strip.sound.pack()
    [problem] = find_problems(frame_range=FrameRange(-10, 10))
    assert problem.startswith("Packed sounds are silent in a range that starts before frame 0: tone.wav. Unpack them")
    assert find_problems(frame_range=FrameRange(-10, 10), allow_incomplete=True) == []
    assert find_problems(frame_range=FrameRange(0, 10)) == []
    assert find_problems(frame_range=FrameRange(-60, -40)) == []


def test_a_driver_that_fails_with_allowed_scripts_is_named(find_problems, scene, bpy, tmp_path, host):
    scene.objects["Cube"].driver_add("location", 2).driver.expression = "studio_function(frame)"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    host.open(tmp_path / "scene.blend", run_scripts=True)
    [problem] = find_problems()
    assert problem.startswith("Drivers do not work: location of Cube.")
    assert find_problems(allow_incomplete=True) == []
    bpy.data.objects["Cube"].animation_data.drivers[0].mute = True
    assert find_problems() == []
    host.close()


def test_a_panoramic_camera_needs_cycles(find_problems, scene):
    scene.camera.data.type = "PANO"
    [problem] = find_problems()
    assert problem.startswith("Camera is panoramic, which only Cycles draws.")
    scene.render.engine = "CYCLES"
    assert find_problems(look={"shading": "RENDERED"}) == []
    assert find_problems(allow_incomplete=True) == []


def test_a_preview_range_that_is_not_set_is_an_error(scene, bpy):
    from types import SimpleNamespace

    from ft_dcc_blender.ui.operators import chosen_frames, make_request

    scene["ft_dcc_task_id"] = "4e1c"
    choices = SimpleNamespace(camera="", has_several_sources=False, frames="PREVIEW", start=1, end=2)
    with pytest.raises(SettingInvalid, match="The timeline has no preview range"):
        make_request(choices, scene)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1003, 1005
    assert chosen_frames(choices, scene) == (1003, 1005)
