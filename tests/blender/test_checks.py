"""Checks of scenes that Blender cannot show completely."""

from __future__ import annotations

import attrs
import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher


@pytest.fixture
def find_problems(host, session, project_task, tmp_path):
    """Return a function that validates a publish of the open scene, and returns the problems of Blender's checks."""
    request = PublishRequest(project_task["id"], source="Camera", review=())

    def find(**options):
        check = Publisher(session, host, jobs=tmp_path / "jobs").validate(attrs.evolve(request, **options))
        check.discard()
        return [each.message for each in check.problems if each.check in ("Complete scene", "Camera type")]

    return find


def image_on(cube, bpy, path):
    """Load an image into a material of the cube."""
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
    driver = scene.objects["Cube"].driver_add("location", 2).driver
    driver.expression = "__import__('math').pi"
    text = bpy.data.texts.new("rig.py")
    text.use_module = True
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    host.open(tmp_path / "scene.blend")
    [problem] = find_problems()
    assert "Python code of the file did not run" in problem and "--run-scripts" in problem
    host.open(tmp_path / "scene.blend", run_scripts=True)
    assert find_problems() == []
    host.close()
    assert dict(bpy.app.driver_namespace) == {}


def test_a_panoramic_camera_needs_cycles(find_problems, scene):
    scene.camera.data.type = "PANO"
    [problem] = find_problems()
    assert problem.startswith("Camera is panoramic, which only Cycles draws.")
    scene.render.engine = "CYCLES"
    assert find_problems(look={"shading": "RENDERED"}) == []
    assert find_problems(allow_incomplete=True) == []


def test_a_preview_range_that_is_not_set_is_an_error(scene, bpy):
    from types import SimpleNamespace

    from ft_dcc_blender.ui.properties import chosen_frames, make_request

    scene["ft_dcc_task_id"] = "4e1c"
    choices = SimpleNamespace(frames="PREVIEW", start=1, end=2)
    with pytest.raises(SettingInvalid, match="The timeline has no preview range"):
        make_request(choices, scene)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1003, 1005
    assert chosen_frames(choices, scene) == (1003, 1005)
