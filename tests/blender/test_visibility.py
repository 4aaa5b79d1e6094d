"""One rule decides what a frame shows: the viewport's visibility or that of renders, chosen by the look."""

import json

import pytest
from doubles.shots import ignore


def is_seen(host, request_of, frame=1001, **look):
    from blender.sample_scene import red_columns

    request = request_of(str(frame), look={"samples": "OFF", **look})
    return bool(red_columns(host.playblast(request, ignore).path(frame)))


def hide_object(scene, bpy):
    scene.objects["Cube"].hide_viewport = True


def hide_with_eye(scene, bpy):
    scene.objects["Cube"].hide_set(True)


def in_collection(scene, bpy):
    box = bpy.data.collections.new("Box")
    scene.collection.children.link(box)
    box.objects.link(scene.objects["Cube"])
    scene.collection.objects.unlink(scene.objects["Cube"])
    return box, bpy.context.view_layer.layer_collection.children["Box"]


def hide_collection(scene, bpy):
    in_collection(scene, bpy)[0].hide_viewport = True


def hide_collection_with_eye(scene, bpy):
    in_collection(scene, bpy)[1].hide_viewport = True


def hide_with_driver(scene, bpy):
    scene.objects["Cube"].driver_add("hide_viewport").driver.expression = "1"


def hide_with_keys(scene, bpy):
    cube = scene.objects["Cube"]
    for name, values in (("hide_viewport", (False, True)), ("hide_render", (True, False))):
        for frame, value in zip((1000, 1001), values):
            setattr(cube, name, value)
            cube.keyframe_insert(name, frame=frame)


WAYS = (hide_object, hide_with_eye, hide_collection, hide_collection_with_eye, hide_with_driver, hide_with_keys)


@pytest.mark.parametrize("hide", WAYS, ids=lambda each: each.__name__)
def test_what_the_viewport_hides_is_captured_only_as_in_renders(host, request_of, scene, bpy, state, hide):
    hide(scene, bpy)
    scene.frame_set(1001)
    before = state()
    assert not is_seen(host, request_of)
    assert is_seen(host, request_of, visibility="RENDER")
    assert state() == before


def hide_object_in_renders(scene, bpy):
    scene.objects["Cube"].hide_render = True


def hide_collection_in_renders(scene, bpy):
    in_collection(scene, bpy)[0].hide_render = True


def hide_in_renders_with_keys(scene, bpy):
    scene.objects["Cube"].hide_render = True
    scene.objects["Cube"].keyframe_insert("hide_render", frame=1001)


@pytest.mark.parametrize(
    "hide",
    [hide_object_in_renders, hide_collection_in_renders, hide_in_renders_with_keys],
    ids=lambda each: each.__name__,
)
def test_what_renders_hide_is_captured_as_the_viewport_shows_it(host, request_of, scene, bpy, state, hide):
    hide(scene, bpy)
    before = state()
    from ft_dcc_blender.scene.blender_compat import animation_curves

    assert is_seen(host, request_of)
    assert not is_seen(host, request_of, visibility="RENDER")
    assert state() == before
    assert not any(curve.mute for curve in animation_curves(scene.objects["Cube"].animation_data.action))


def test_modifiers_are_captured_as_in_the_viewport(host, request_of, scene, state, sample):
    array = scene.objects["Cube"].modifiers.new("Array", "ARRAY")
    array.count, array.show_viewport, array.show_render = 3, True, False
    before = state()

    def width(**look):
        request = request_of("1001", look={"samples": "OFF", **look})
        return len(sample.red_columns(host.playblast(request, ignore).path(1001)))

    assert width() > 2 * width(visibility="RENDER")
    assert (state(), array.show_render) == (before, False)


def test_the_saved_active_view_layer_is_captured(scene, bpy, request_of, tmp_path):
    from ft_dcc_blender.host import BlenderHost

    in_collection(scene, bpy)
    second = scene.view_layers.new("Second")
    second.layer_collection.children["Box"].exclude = True
    bpy.context.window.view_layer = second
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "layers.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    host = BlenderHost.open(tmp_path / "layers.blend")
    assert not is_seen(host, request_of)
    assert host.capture_details({})["view_layer"] == "Second"
    bpy.context.window.view_layer = bpy.context.scene.view_layers[0]
    assert is_seen(host, request_of)


def test_annotations_are_detached_during_a_capture_without_overlays(host, request_of, scene, bpy):
    name = "annotation" if hasattr(scene, "annotation") else "grease_pencil"
    notes = getattr(bpy.data, "annotations", bpy.data.grease_pencils).new("Notes")
    setattr(scene, name, notes)
    seen = []
    host.playblast(request_of("1001"), lambda frame: seen.append(getattr(scene, name)))
    host.playblast(request_of("1001", look={"overlays": True}), lambda frame: seen.append(getattr(scene, name)))
    assert (seen, getattr(scene, name)) == ([None, notes], notes)


def differences(host, **look):
    return host.capture_details(look)["differs_from_viewport"]


def differing_objects(host, **look):
    return [each for each in differences(host, **look) if ": " in each]


def test_the_details_of_a_capture_name_what_differs_from_the_viewport(host, scene, bpy):
    scene.objects["Cube"].hide_viewport = True
    bpy.data.collections.new("Box").hide_render = True
    modifier = scene.objects["Cube"].modifiers.new("Smooth", "SUBSURF")
    modifier.levels, modifier.render_levels = 1, 2
    assert differing_objects(host, visibility="VIEWPORT") == []
    assert differing_objects(host, visibility="RENDER") == [
        "Hidden in the movie, visible in the viewport: Box.",
        "Visible in the movie, hidden in the viewport: Cube.",
        "Other render settings than in the viewport: Smooth of Cube.",
    ]
    assert json.dumps(host.capture_details({}))


@pytest.fixture
def view(bpy):
    window = bpy.context.window_manager.windows[0]
    areas = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    area = max(areas, key=lambda each: each.width * each.height)
    return {"window": window, "area": area, "region": [part for part in area.regions if part.type == "WINDOW"][-1]}


def enter_local_view(scene, bpy, view):
    from blender import sample_scene

    sample_scene.add_cube("Other").select_set(True)
    with bpy.context.temp_override(**view):
        bpy.ops.view3d.localview()


def filter_meshes(scene, bpy, view):
    view["area"].spaces.active.show_object_viewport_mesh = False


def hide_local_collection(scene, bpy, view):
    from blender import sample_scene

    in_collection(scene, bpy)
    sample_scene.add_cube("Other")
    view["area"].spaces.active.use_local_collections = True
    with bpy.context.temp_override(**view):
        bpy.ops.object.hide_collection(collection_index=1, toggle=True)


@pytest.mark.parametrize(
    "hide, reason",
    [(enter_local_view, "local view"), (filter_meshes, "object types"), (hide_local_collection, "local collections")],
)
def test_the_details_of_a_capture_name_what_only_one_3d_view_hides(host, request_of, scene, bpy, view, hide, reason):
    assert differing_objects(host) == []
    hide(scene, bpy, view)
    bpy.context.view_layer.update()
    assert is_seen(host, request_of)
    expected = [f"Visible in the movie, hidden in the viewport: Cube ({reason})."]
    assert differing_objects(host) == expected
    assert differing_objects(host, visibility="RENDER") == expected
    # The 3D view itself draws such a movie.
    assert differing_objects(host, shading="VIEWPORT") == []


def test_the_details_of_a_capture_name_the_shading_of_the_viewport(host, view, scene):
    shading = view["area"].spaces.active.shading
    shading.type = "MATERIAL"
    assert "Shaded as Solid in the movie, as Material Preview in the viewport." in differences(host)
    shading.type, shading.show_xray, shading.color_type = "SOLID", True, "OBJECT"
    found = differences(host, colours="MATERIAL")
    assert {"Color is Material in the movie, Object in the viewport."} < {*found}
    assert "Show X-Ray is off in the movie, on in the viewport." in found
    assert "Color" not in " ".join(differences(host, colours="OBJECT"))
    scene.view_settings.exposure, scene.render.film_transparent = 2.0, True
    assert "Exposure is 0 in the movie, 2 in the viewport." in differences(host)
    shading.type = "RENDERED"
    found = differences(host, shading="RENDERED")
    assert "View is Standard in the movie, AgX in the viewport." in found
    assert "Transparent background is off in the movie, on in the viewport." in found


def test_a_movie_of_the_3d_view_itself_differs_in_nothing(host, scene):
    scene.view_settings.exposure = 2.0
    own = {"shading": "VIEWPORT", "scene_colours": True}
    without_window = "No window shows the scene in a 3D view, so the movie does not have the look of one."
    assert differences(host, **own, overlays=True) == [without_window]
    assert differences(host, **own) == ["Overlays are off in the movie, on in the viewport.", without_window]


def _choices(prop):
    # The lights of the preferences are not in the list.
    is_light = prop.identifier == "studio_light"
    return ["studio.sl"] if is_light else [each.identifier for each in getattr(prop, "enum_items", ())]


def test_no_property_of_the_shading_of_this_blender_is_forgotten(host, view):
    from ft_dcc_blender.scene.visibility import _NEEDS, _NOT_SOLID

    shading = view["area"].spaces.active.shading
    properties = [each for each in shading.bl_rna.properties if each.identifier not in _NOT_SOLID]
    for prop in properties:
        name, (needed, values) = prop.identifier, _NEEDS.get(prop.identifier, ("", ()))
        # The movie has another value of the property that it needs, so that one is named.
        names = {prop.name, *(each.name for each in properties if each.identifier == needed)}
        number = [0.123] * 3 if getattr(prop, "is_array", False) else 0.123
        kinds = {"ENUM": _choices(prop), "BOOLEAN": [True, False]}
        before = {each: getattr(shading, each) for each in {name, needed or name}}
        if needed:
            setattr(shading, needed, values[0])
        found = []
        for value in kinds.get(prop.type, [number]):
            setattr(shading, name, value)
            found += differences(host)
        assert any(each.startswith(f"{label} is ") for each in found for label in names), (name, found)
        for each, value in before.items():
            setattr(shading, each, value)


def test_back_plates_of_a_camera_are_named(host, scene, bpy):
    data = scene.camera.data
    plate, data.show_background_images = data.background_images.new(), True
    plate.image = bpy.data.images.new("Plate", 4, 4)
    sentence = "Not in the movie, background images of: Camera."
    assert sentence in differences(host)
    plate.show_background_image = False
    assert sentence not in differences(host)


def test_the_details_of_a_capture_name_geometry_that_asks_for_the_viewport(host, scene, bpy):
    outer, inner = (bpy.data.node_groups.new(name, "GeometryNodeTree") for name in ("Outer", "Inner"))
    inner.nodes.new("GeometryNodeIsViewport")
    outer.nodes.new("GeometryNodeGroup").node_tree = inner
    scene.objects["Cube"].modifiers.new("Bricks", "NODES").node_group = outer
    scene.objects["Cube"].modifiers.new("Hair", "PARTICLE_SYSTEM").particle_system.settings.display_percentage = 10
    expected = (
        "Other render settings than in the viewport: "
        "Bricks of Cube (node Is Viewport), Hair of Cube (10 % in the viewport)."
    )
    assert differing_objects(host) == [expected]


def test_percentage_and_visibility_of_the_command_line_are_captured(
    scene, bpy, tmp_path, run_cli, project_task, capsys
):
    scene.objects["Cube"].hide_viewport = True
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.frame_start, scene.frame_end, scene.render.fps = 1001, 1002, 24
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    options = ["--task", project_task["id"], "--no-review", "--percentage", "50", "--visibility", "render"]
    command = ["playblast", str(tmp_path / "shot.blend"), *options]
    assert run_cli(*command, "--frames", "1001-1002", "--fps", "24") == 0, capsys.readouterr().err
    (path,) = (tmp_path / "jobs").glob("*/report.json")
    report = json.loads(path.read_text("utf-8"))
    assert report["made"][0]["resolution"] == "64x36"
    differing = report["found"][0]["origin"]["differs_from_viewport"]
    assert differing[0] == "Visible in the movie, hidden in the viewport: Cube."
    assert run_cli(*command, "--resolution", "64x36") == 2
    assert "either --percentage or --resolution" in capsys.readouterr().err
