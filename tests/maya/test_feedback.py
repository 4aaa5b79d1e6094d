"""Drawings of reviewers in Maya: where they lie in the image, on which frames, and that nothing of them remains."""

import pytest
from doubles.drawings import LINE, drawing
from doubles.maya.scene import IDENTITY

from ft_dcc.errors import CaptureFailed

# In an image of 64x36.
PIXELS = ((16, 9), (32, 27))


@pytest.fixture
def shape(maya):
    return maya.scene.node("shotCamShape")


@pytest.fixture
def viewport(artists_view):
    return lambda frame, size=(64, 36): artists_view(frame, size).curves


def assert_lies_at(curves, pixels):
    (curve,) = curves
    for found, expected in zip(curve.points, pixels):
        assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "lens",
    [
        {},
        {"filmFit": 1},
        {"filmFit": 2},
        {"filmFit": 3},
        {"horizontalFilmAperture": 0.5},
        {"horizontalFilmAperture": 0.5, "filmFit": 3},
        {"lensSqueezeRatio": 2.0, "horizontalFilmOffset": 0.1},
        {"cameraScale": 1.5, "verticalFilmOffset": 0.1},
        {"nearClipPlane": 30.0},
        {"orthographic": True, "orthographicWidth": 7.0},
    ],
    ids=str,
)
def test_a_drawing_lies_over_its_place_in_the_image(host, shape, viewport, lens):
    shape.attributes.update(lens)
    host.show_feedback([drawing(1003)])
    assert_lies_at(viewport(1003), PIXELS)


def test_a_portrait_image_is_filled_by_its_height(maya, host, viewport):
    maya.scene.node("defaultResolution").attributes.update(width=36, height=64)
    host.show_feedback([drawing(1003)])
    assert_lies_at(viewport(1003, (36, 64)), [(9, 16), (18, 48)])


def test_the_scale_of_the_camera_does_not_move_a_drawing(maya, host, viewport):
    matrix = list(IDENTITY)
    matrix[0], matrix[5], matrix[10] = 2.0, 0.5, 3.0
    maya.scene.node("shotCam").attributes["worldMatrix[0]"] = matrix
    host.show_feedback([drawing(1003)])
    assert_lies_at(viewport(1003), PIXELS)


def test_a_held_drawing_follows_an_animated_lens_without_a_change_of_time(maya, host, viewport):
    from maya import cmds

    for frame, value in ((1003, 35.0), (1004, 50.0), (1005, 80.0)):
        cmds.setKeyframe("shotCamShape", attribute="focalLength", time=frame, value=value)
    calls = len(maya.calls)
    host.show_feedback([drawing(1003, end_frame=1005)])
    assert "currentTime" not in [call.command for call in maya.calls[calls:] if call.mode != "query"]
    for frame in (1003, 1004, 1005):
        assert_lies_at(viewport(frame), PIXELS)


@pytest.mark.parametrize("is_animated", [False, True])
@pytest.mark.parametrize(("values", "frames"), [({}, [1003]), ({"end_frame": 1005}, [1003, 1004, 1005])])
def test_a_drawing_is_visible_on_its_frames_only(maya, host, viewport, values, frames, is_animated):
    from maya import cmds

    for frame in (1001, 1012) if is_animated else ():
        cmds.setKeyframe("shotCamShape", attribute="focalLength", time=frame, value=frame / 20)
    host.show_feedback([drawing(1003, **values)])
    assert [frame for frame in range(1001, 1013) if viewport(frame)] == frames


def test_width_and_colour_are_those_of_the_stroke(host, viewport):
    host.show_feedback([drawing(1003)])
    (curve,) = viewport(1003)
    assert curve.width == 9
    # The display encoding of the review page: Maya does not transform colours of curves.
    assert curve.colour == pytest.approx((1.0, 128 / 255, 0.0))


@pytest.mark.parametrize("near", [0.1, 20.0])
def test_a_drawing_lies_just_behind_the_near_clip_plane(maya, host, shape, viewport, near):
    shape.attributes.update(nearClipPlane=near)
    host.show_feedback([drawing(1003)])
    (curve,) = [node for node in maya.scene.nodes if node.kind == "nurbsCurve"]
    depths = [-point[2] / near for point in curve.attributes["points"]]
    assert all(1.01 < depth < 1.1 for depth in depths), depths


@pytest.mark.parametrize(("width", "drawn"), [(0.001, 1.5), (0.05, 1.8)])
def test_a_thin_stroke_is_wide_enough_to_be_seen(host, viewport, width, drawn):
    host.show_feedback([drawing(1003, {**LINE, "width": width})])
    (curve,) = viewport(1003)
    assert curve.width == pytest.approx(drawn)


def test_a_dot_is_drawn_as_a_short_line(host, viewport):
    host.show_feedback([drawing(1003, {"kind": "pen", "colour": "#ffffff", "width": 0.1, "points": [[0.5, 0.5, 0.5]]})])
    (curve,) = viewport(1003)
    assert curve.points == (pytest.approx((32.0, 18.0)), pytest.approx((32.64, 18.0)))


def test_a_long_note_is_cut_after_a_hundred_characters(maya, host):
    whole, longer = "x" * (100 - len("Ida Berg: ")), "x" * 100
    host.show_feedback([drawing(1003, text=whole), drawing(1004, text=longer)])
    assert captions(maya) == [f"Ida Berg: {whole}", f"Ida Berg: {whole[:-1]}…"]


def test_author_and_text_of_each_note_are_shown_above_each_other(maya, host):
    host.show_feedback([drawing(1003, text="Too\nhigh"), drawing(1003, author="Bo", label="v002")])
    captions = [node for node in maya.scene.nodes if node.kind == "annotationShape"]
    assert [node.attributes["text"] for node in captions] == ["Ida Berg: Too high", "Bo (v002)"]
    heights = [node.parent.attributes["translate"][1] for node in captions]
    assert heights[0] < heights[1] < 0


def test_attributes_that_move_the_image_are_named(host, shape):
    shape.attributes.update(filmRollValue=5.0)
    (sentence,) = host.show_feedback([drawing(1003)])
    assert sentence.startswith("shotCam has filmRollValue, so drawings may lie beside their places.")


def test_a_locked_camera_is_one_sentence_and_changes_nothing(maya, host):
    maya.scene.node("shotCam").is_reference_locked = True
    before = maya.state()
    with pytest.raises(CaptureFailed, match="Unlock the camera"):
        host.show_feedback([drawing(1003)])
    assert maya.state() == before


def test_nothing_is_saved_and_the_drawings_are_shown_again(maya, host, tmp_path, viewport):
    from maya import cmds

    name = (tmp_path / "shot.ma").as_posix()
    cmds.file(rename=name)
    host.show_feedback([drawing(1003)])
    host.save()
    assert not maya.scene.is_modified
    assert not [node for node in maya.files[name].nodes if node.kind in ("nurbsCurve", "animCurve")]
    assert len(viewport(1003)) == 1
    host.clear_feedback()
    assert (maya.callbacks, [node for node in maya.scene.nodes if node.kind == "nurbsCurve"]) == ({}, [])


@pytest.mark.parametrize("hidden", [{"nurbsCurves": False}, {"viewSelected": True}, {}])
def test_a_view_that_hides_the_drawings_is_named(maya, host, hidden):
    view = maya.interface.controls["modelPanel4"]
    assert host.show_feedback([drawing(1003)]) == []
    view.values.update({"camera": "shotCam", **hidden})
    problems = host.show_feedback([drawing(1003)])
    assert [each[:44] for each in problems] == (["The view through shotCam hides the drawings:"] if hidden else [])
    maya.is_batch = True
    assert host.show_feedback([drawing(1003)]) == []


def test_drawings_are_not_exported_with_their_camera_and_shown_again(maya, host, viewport):
    from maya import cmds

    host.show_feedback([drawing(1003)])
    before = maya.state()
    cmds.select("shotCam")
    selected = maya.scene.selection
    cmds.file("/export/shot.ma", exportSelected=True, type="mayaAscii", force=True)
    kinds = {node.kind for node in maya.files["/export/shot.ma"].nodes}
    assert "camera" in kinds and not kinds & {"nurbsCurve", "animCurve", "annotationShape"}
    assert (len(viewport(1003)), maya.scene.selection) == (1, selected)
    assert maya.state()["callbacks"] == before["callbacks"]


def test_drawings_of_a_closed_scene_are_not_shown_in_the_next_one(maya, host, tmp_path):
    from doubles.maya import sample_scene
    from maya import cmds

    host.show_feedback([drawing(1003)])
    maya.open(sample_scene.build().scene)
    cmds.file(rename=(tmp_path / "other.ma").as_posix())
    host.save()
    assert not [node for node in maya.scene.nodes if node.kind == "nurbsCurve"]


def test_a_group_that_the_artist_renamed_is_kept(maya, host):
    host.show_feedback([drawing(1003)])
    maya.scene.node("ftDccReviewNotes").name = "keptNotes"
    host.clear_feedback()
    assert len([node for node in maya.scene.nodes if node.kind == "nurbsCurve"]) == 1


def test_the_group_is_hidden_in_the_outliner_and_cannot_be_selected(maya, host):
    maya.scene.namespace = "rig:"
    host.show_feedback([drawing(1003)])
    group = maya.scene.node("ftDccReviewNotes")
    names = ("hiddenInOutliner", "overrideEnabled", "overrideDisplayType")
    assert [group.attributes[name] for name in names] == [True, True, 2]
    assert maya.scene.selection == ["shotCam"]


def test_a_capture_shows_no_drawing(maya, host, request_of):
    host.show_feedback([drawing(1003)])
    for look in ({}, {"hide": []}):
        host.playblast(request_of("1003", look=look), lambda _: None)
        assert maya.drawn[-1].curves == ()
    assert maya.scene.node("ftDccReviewNotes").attributes["visibility"] is True


def test_a_stroke_has_its_opacity(host, viewport):
    host.show_feedback([drawing(1003, {**LINE, "opacity": 0.25}, LINE)])
    assert [curve.opacity for curve in viewport(1003)] == [0.25, 1.0]


def curves(maya):
    return [node for node in maya.scene.nodes if node.kind == "nurbsCurve"]


def captions(maya):
    return [node.attributes["text"] for node in maya.scene.nodes if node.kind == "annotationShape"]


def test_a_stroke_of_thousands_of_points_is_one_curve(maya, host):
    points = [[index / 2_000, 0.5, 0.5] for index in range(2_000)]
    assert host.show_feedback([drawing(1003, {**LINE, "kind": "pen", "points": points})]) == []
    (curve,) = curves(maya)
    assert len(curve.attributes["points"]) == 2_000


def test_a_drawing_with_too_many_strokes_is_named_and_the_others_are_shown(maya, host):
    found = host.show_feedback([drawing(1003, *[LINE] * 5_001, text="Too much"), drawing(1003, text="Fine")])
    assert found == [
        "1 drawing has more than Maya can show, 5,000 strokes and 500,000 points in all. "
        "See the strokes on the review page."
    ]
    assert (len(curves(maya)), captions(maya)) == (1, ["Ida Berg: Too much", "Ida Berg: Fine"])


def test_the_frames_of_an_animated_lens_count_for_the_limit(maya, host):
    from maya import cmds

    cmds.setKeyframe("shotCamShape", attribute="focalLength", time=1003, value=35.0)
    (sentence,) = host.show_feedback([drawing(1002, *[LINE] * 600, end_frame=1010)])
    assert sentence.startswith("1 drawing has more than Maya can show")
    assert curves(maya) == []
