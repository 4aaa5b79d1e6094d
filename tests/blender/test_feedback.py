"""Drawings of reviewers in real Blender: where they lie in the image, and that nothing of them remains."""

import math
import shutil
from contextlib import nullcontext

import pytest
from doubles.drawings import drawing

from ft_dcc.frames import Resolution

GREEN = "#00ff00"
DOTS = [(0.5, 0.5), (0.1, 0.2), (0.85, 0.15), (0.2, 0.8), (0.9, 0.9)]
WIDTH = 0.06
WIDE, PORTRAIT = (160, 90), (90, 160)


def dot(x, y, colour=GREEN, width=WIDTH):
    # Two points on one place: a round dot.
    return {"kind": "pen", "colour": colour, "width": width, "points": [[x, y, 0.5], [x + 1e-4, y, 0.5]]}


@pytest.fixture
def visible(bpy, monkeypatch):
    from ft_dcc_blender.scene import feedback

    monkeypatch.setattr(feedback, "hidden", nullcontext)


@pytest.fixture
def capture(playblast, visible, sample):
    def draw(numbers=1005, size=WIDE):
        frames = playblast(str(numbers), resolution=Resolution(*size))
        images = {frame: sample.pixels(frames.path(frame)) for frame in frames.frame_range}
        return images if isinstance(numbers, str) else images[numbers]

    return draw


def assert_lie_at(expected, rows):
    """Assert that the centre of the green pixels around each place, in pixels, is the place."""
    reach = len(rows) * WIDTH
    for x, y in expected:
        near = [
            (column + 0.5, row + 0.5, weight)
            for row in range(max(0, int(y - reach)), min(len(rows), int(y + reach)))
            for column in range(max(0, int(x - reach)), min(len(rows[0]), int(x + reach)))
            for weight in [_greenness(rows[row][column])]
            if weight > 0
        ]
        total = sum(weight for *_, weight in near)
        assert total, f"Nothing is drawn at {x}, {y}."
        found = tuple(sum(place[axis] * place[2] for place in near) / total for axis in (0, 1))
        assert math.dist(found, (x, y)) < 0.5, (found, x, y)


def _greenness(pixel):
    red, green, blue = pixel
    return max(0, green - max(red, blue) - 20)


def with_lens(name, **values):
    def change(camera, scene):
        for key, value in {"type": "PERSP", **values}.items():
            setattr(camera.data, key, value)

    change.__name__ = name
    return change


perspective = with_lens("perspective")
shifted = with_lens("shifted", shift_x=0.3, shift_y=-0.2)
vertical_fit = with_lens("vertical_fit", sensor_fit="VERTICAL", sensor_height=18.0)
orthographic = with_lens("orthographic", type="ORTHO", ortho_scale=7.0)
LENSES = (
    *(orthographic, perspective, shifted, vertical_fit, with_lens("long_lens", lens=400.0)),
    *(with_lens("horizontal_fit", sensor_fit="HORIZONTAL"), with_lens("near_clip", clip_start=5.0)),
)


def wide_pixels(camera, scene):
    camera.data.type, scene.render.pixel_aspect_x = "PERSP", 2.0


def high_pixels(camera, scene):
    camera.data.type, scene.render.pixel_aspect_y = "PERSP", 1.5


def scaled(camera, scene):
    camera.data.type, camera.scale = "PERSP", (2.0, 0.5, 3.0)


def animated_lens(camera, scene):
    camera.data.type = "PERSP"
    for frame, lens in ((1001, 20.0), (1009, 90.0)):
        camera.data.lens = lens
        camera.data.keyframe_insert("lens", frame=frame)


def moving(camera, scene):
    camera.data.type = "PERSP"
    for frame, x in ((1001, -3.0), (1009, 5.0)):
        camera.location.x = camera.rotation_euler.z = x / 10
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)


SETUPS = [*LENSES, wide_pixels, high_pixels, scaled, animated_lens, moving]
CASES = [*((setup, WIDE) for setup in SETUPS), (perspective, PORTRAIT), (shifted, PORTRAIT), (vertical_fit, PORTRAIT)]


@pytest.mark.parametrize(("setup", "size"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_a_drawing_lies_within_half_a_pixel_of_where_it_was_drawn(host, scene, capture, setup, size):
    scene.render.resolution_x, scene.render.resolution_y = size
    setup(scene.camera, scene)
    host.show_feedback([drawing(1005, *(dot(x, y) for x, y in DOTS))])
    rows = capture(1005, size)
    expected = [(x * size[0], y * size[1]) for x, y in DOTS]
    assert_lie_at(expected, rows)


def test_a_line_has_its_colour_and_thickness(host, capture):
    line = {"kind": "line", "colour": GREEN, "width": 0.1, "from": [0.2, 0.5], "to": [0.8, 0.5]}
    host.show_feedback([drawing(1005, line)])
    column = [row[50] for row in capture()]
    assert sum(1 for pixel in column if _greenness(pixel) > 100) == pytest.approx(9, abs=1)
    # Blender 3.4 is off by one.
    assert max(abs(value - wanted) for value, wanted in zip(column[45], (0, 255, 0))) <= 1


def test_a_colour_between_black_and_full_is_drawn_as_it_was_chosen(host, capture):
    line = {"kind": "line", "colour": "#bf8040", "width": 0.2, "from": [0.2, 0.5], "to": [0.8, 0.5]}
    host.show_feedback([drawing(1005, line)])
    assert max(abs(value - wanted) for value, wanted in zip(capture()[45][80], (0xBF, 0x80, 0x40))) <= 3


def test_a_drawing_is_visible_on_its_frames_only(host, capture):
    host.show_feedback([drawing(1004, dot(0.1, 0.2), end_frame=1006), drawing(1009, dot(0.1, 0.2))])
    images = capture("1003-1010")
    assert [frame for frame, rows in images.items() if _greenness(rows[18][16]) > 100] == [1004, 1005, 1006, 1009]


def test_drawings_that_overlap_in_time_are_both_visible(host, capture):
    host.show_feedback([drawing(1003, dot(0.1, 0.2), end_frame=1008), drawing(1005, dot(0.85, 0.15))])
    places = [(18, 16), (13, 136)]
    found = {
        frame: [_greenness(rows[row][column]) > 100 for row, column in places]
        for frame, rows in capture("1004-1006").items()
    }
    assert found == {1004: [True, False], 1005: [True, True], 1006: [True, False]}


def test_authors_and_earlier_versions_have_layers_and_markers_of_their_own(host, bpy, scene):
    host.show_feedback(
        [
            drawing(1002, dot(0.1, 0.1), text="Arm too\nhigh"),
            drawing(1003, dot(0.1, 0.1), author="Max", label="v001"),
            drawing(1004, author="Max", text="x" * 200),
        ]
    )
    (item,) = (each for each in scene.objects if each.type in ("GPENCIL", "GREASEPENCIL"))
    layers = [getattr(layer, "name", None) or layer.info for layer in item.data.layers]
    assert layers[:2] == ["Ida Berg", "Max (v001)"]
    names = {marker.frame: marker.name for marker in scene.timeline_markers}
    assert (names[1002], names[1003]) == ("Ida Berg: Arm too high", "Max (v001)")
    assert len(names[1004]) == 48


def test_a_pose_without_a_key_is_kept(host, bpy, scene):
    cube = bpy.data.objects["Cube"]
    bpy.context.view_layer.update()
    cube.location.x = 42.0
    host.show_feedback([drawing(1002, dot(0.1, 0.1))])
    assert cube.location.x == 42.0


def test_drawings_are_not_saved_and_shown_again_after_saving(host, bpy, scene, tmp_path):

    host.show_feedback([drawing(1002, dot(0.1, 0.1), text="Arm too high")])
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert "Review notes" in bpy.data.collections
    assert [marker.name for marker in bpy.context.scene.timeline_markers] == ["Ida Berg: Arm too high"]
    # Blender does not read from the open file.
    copy = shutil.copy(path, tmp_path / "copy.blend")
    with bpy.data.libraries.load(str(copy)) as (saved, _):
        assert (sorted(saved.objects), saved.collections, saved.materials) == (["Camera", "Cube"], [], ["Cube"])
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert "Review notes" not in bpy.data.collections
    assert list(bpy.context.scene.timeline_markers) == []


def test_frames_outside_of_the_scene_and_another_format_are_sentences(host, scene):
    drawings = [drawing(900, dot(0.1, 0.1)), drawing(2000, dot(0.1, 0.1)), drawing(1002, dot(0.1, 0.1), aspect=[4, 3])]
    assert host.show_feedback(drawings) == [
        "2 notes are outside of the scene's frames 1001-1012 and not shown.",
        "The scene has another image format than the version that was drawn on. Check its resolution.",
    ]
    assert host.show_feedback([drawing(1002, dot(0.1, 0.1), aspect=[1280, 720])]) == []


def test_ten_thousand_strokes_are_shown(host, bpy, scene):
    host.show_feedback([drawing(1002, *(dot(index / 10_000, 0.5) for index in range(10_000)))])
    host.clear_feedback()
    assert list(bpy.data.collections) == []
