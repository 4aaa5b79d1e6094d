"""Drawings of reviewers in Nuke: where they lie in the image, on which frames, and that nothing of them remains."""

import math

import pytest
from doubles import drawings
from doubles.nuke import sample_script
from doubles.nuke.nodes import Format
from doubles.nuke.roto import parse_strokes

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest

LINE = {**drawings.LINE, "colour": "#bf8000"}


def drawing(frame, *shapes, **values):
    return drawings.drawing(frame, *(shapes or (LINE,)), **values)


def group_of(nuke):
    (group,) = [node for node in nuke.root.children if node._kind == "Group"]
    return group


def paints(nuke, frame=None):
    """Return the RotoPaints from input to output; only those that draw on the frame if it is given."""
    node = next(child for child in group_of(nuke).children if child._kind == "Output")._inputs[0]
    found = []
    while node._kind != "Input":
        found.insert(0, node)
        (node,) = node._inputs
    return found if frame is None else [each for each in found if not each._knobs["disable"].is_true_at(frame)]


def strokes(paint):
    return parse_strokes(paint._knobs["curves"]._value)


def strokes_by_colour(nuke, colour, frame=1003):
    return [stroke for paint in paints(nuke, frame) for stroke in strokes(paint) if stroke.colour == colour]


def first_stroke(nuke):
    (paint,) = paints(nuke)
    return strokes(paint)[-1]


def test_a_point_lies_at_its_pixel_counted_from_the_bottom_left(nuke, host):
    host.show_feedback([drawing(1003)])
    stroke = first_stroke(nuke)
    # 64x36: a quarter from the left and a quarter from the top.
    assert (stroke.points[0], stroke.points[-1]) == ((16, 27), (32, 9))
    assert stroke.size == 9


def test_colours_are_linear(nuke, host):
    host.show_feedback([drawing(1003)])
    assert first_stroke(nuke).colour == pytest.approx((0.5209956, 0.2158605, 0.0))


def test_the_image_of_the_node_lies_in_the_middle_of_the_image_that_was_drawn_on(nuke, host):
    # 2.4 by 1 within 64x36: bars above and below the movie's image, which is 64x36.
    nuke.find("Read1").own_format = Format(240, 100, "scope")
    host.show_feedback([drawing(1003, aspect=[64, 36])])
    stroke = first_stroke(nuke)
    # The movie's image is 240x135 pixels of the node: 17.5 of them above and below it are bars.
    assert stroke.points[0] == (60, pytest.approx(0.75 * 135 - 17.5))
    assert stroke.size == pytest.approx(0.25 * 135)


def test_an_anamorphic_image_has_fewer_pixels_across(nuke, host):
    nuke.find("Read1").own_format = Format(100, 100, "anamorphic", 2.0)
    host.show_feedback([drawing(1003, aspect=[200, 100])])
    assert first_stroke(nuke).points[0] == (25, 75)


CURVE = [
    [0.5 + 0.4 * math.cos(turn), 0.5 + 0.4 * math.sin(2 * turn), 0.02] for turn in (each / 5 for each in range(32))
]


@pytest.mark.parametrize("is_proxy", [False, True])
@pytest.mark.parametrize(
    ("size", "drawn", "drawn_height"),
    [
        (Format(64, 36, "script"), (64, 36), 36),
        # The movie has the shape of the script; above and below the node's image, it has bars.
        (Format(240, 100, "scope"), (64, 36), 135),
        (Format(1828, 1556, "anamorphic", 2.0), (3656, 1556), 1556),
        (Format(2048, 1152, "larger"), (64, 36), 1152),
    ],
)
def test_each_point_of_a_stroke_is_seen_through_a_viewer_within_a_pixel(
    nuke, host, viewer, size, drawn, drawn_height, is_proxy
):
    nuke.find("Read1").own_format = size
    # Nuke scales the strokes with the image; their places are pixels of the full size.
    sample_script.set_knobs(nuke.root, proxy=is_proxy)
    host.show_feedback(
        [drawing(1003, {"kind": "pen", "colour": "#ff0000", "width": 0.02, "points": CURVE}, aspect=drawn)]
    )
    assert visible_frames(nuke, viewer) == [1003]
    (stroke,) = strokes_by_colour(nuke, (1.0, 0.0, 0.0))
    drawn_width = drawn_height * drawn[0] / drawn[1] / size.pixelAspect()
    left, bottom = (size.width() - drawn_width) / 2, (size.height() - drawn_height) / 2
    found = [((x - left) / drawn_width, 1 - (y - bottom) / drawn_height) for x, y in stroke.points]
    pixel = math.hypot(1 / drawn_width, 1 / drawn_height)
    for x, y, _ in CURVE:
        assert min(math.dist(point, (x, y)) for point in found) < pixel
    # Nor has it other places: each is on a line between two neighbours of the curve.
    lines = [(first[:2], second[:2]) for first, second in zip(CURVE, CURVE[1:])]
    for point in found:
        detour = min(math.dist(a, point) + math.dist(point, b) - math.dist(a, b) for a, b in lines)
        assert detour < pixel


def test_a_drawing_without_a_size_has_the_shape_of_an_anamorphic_script(nuke, host):
    nuke.formats.append(Format(64, 36, "anamorphic", 2.0))
    nuke.root._knobs["format"]._value = "anamorphic"
    assert host.show_feedback([drawing(1003)]) == []
    # The whole image was drawn on, which is 128 wide by 36 high in square pixels.
    assert first_stroke(nuke).points[0] == (16, 27)


def test_a_drawing_of_an_anamorphic_movie_fits_a_script_with_such_pixels(nuke, host):
    nuke.formats.append(Format(64, 36, "anamorphic", 2.0))
    nuke.root._knobs["format"]._value = "anamorphic"
    assert host.show_feedback([drawing(1003, aspect=[128, 36])]) == []


@pytest.mark.parametrize(("values", "frames"), [({}, [1003]), ({"end_frame": 1005}, [1003, 1004, 1005])])
def test_a_drawing_is_drawn_on_its_frames_only(nuke, host, values, frames):
    host.show_feedback([drawing(1003, **values)])
    assert [frame for frame in range(1001, 1013) if paints(nuke, frame)] == frames


def test_later_shapes_lie_above_earlier_ones(nuke, host):
    host.show_feedback([drawing(1003, LINE, {**LINE, "colour": "#0000ff"})])
    assert [stroke.colour[2] for stroke in strokes(paints(nuke)[0]) if stroke.size == 9] == [1.0, 0.0]


def test_drawings_of_several_authors_have_their_own_nodes_and_captions(nuke, host):
    host.show_feedback(
        [drawing(1003, text="Too high"), drawing(1003, author="Bo", label="v002", text="[exec rm] $HOME")]
    )
    assert [paint._knobs["label"]._value for paint in paints(nuke)] == ["Ida Berg", "Bo (v002)"]
    label = group_of(nuke)._knobs["label"]._value
    assert label == "Review notes\n1003 Ida Berg: Too high\n1003 Bo (v002): \\[exec rm\\] \\$HOME"
    # The captions are lines of text above each other, at the bottom of the image.
    lowest, above = ([y for stroke in strokes(p) if stroke.size == 1.5 for _, y in stroke.points] for p in paints(nuke))
    assert max(lowest) < 3 < max(above) < 5


@pytest.mark.parametrize(("end", "rows"), [(1004, 1), (1005, 2), (1006, 2)])
def test_captions_of_drawings_that_share_a_frame_lie_above_each_other(nuke, host, end, rows):
    host.show_feedback([drawing(1003, text="Too high", end_frame=end), drawing(1005, author="Bo", text="Fine")])
    tops = [max(y for stroke in strokes(p) if stroke.size == 1.5 for _, y in stroke.points) for p in paints(nuke)]
    assert (tops[1] > 3) == (rows == 2) and tops[0] < 3


def test_the_group_is_beside_the_source_and_takes_its_image(nuke, host):
    read = nuke.find("Read1")
    read.position = (10, 20)
    host.show_feedback([drawing(1003)])
    group = group_of(nuke)
    assert (group._inputs, group.position) == ([read], (130, 20))
    assert nuke.selection == [read]


def test_drawings_are_not_shown_again_if_their_node_is_deleted_after_the_save(nuke, host, save):
    host.show_feedback([drawing(1003)], "Read1")
    save(lambda: nuke.module.delete(nuke.find("Read1")))
    assert [node._kind for node in nuke.root.children if node._kind == "Group"] == []


def test_a_group_that_the_artist_renamed_is_kept(nuke, host):
    host.show_feedback([drawing(1003)])
    group_of(nuke)._name = "KeptNotes"
    host.clear_feedback()
    assert group_of(nuke)._name == "KeptNotes"


def test_drawings_of_an_earlier_session_are_removed_from_groups_of_the_artist(nuke, host, monkeypatch):
    from ft_dcc_nuke import feedback

    inner = nuke.make("Group", "Out", parent=nuke.make("Group", "Shot"))
    nuke.make("Read", parent=inner)
    before = nuke.state()
    host.show_feedback([drawing(1003)], "Shot.Out.Read1")
    assert [node._kind for node in inner.children] == ["Read", "Group"]
    # Nuke was started again: the name of the node is not known any more.
    monkeypatch.setattr(feedback._shown, "_name", "")
    host.clear_feedback()
    assert nuke.state() == before


def test_a_capture_of_a_node_behind_the_group_shows_no_drawing(nuke, host, tmp_path):
    host.show_feedback([drawing(1003)])
    group, states = group_of(nuke), []
    nuke.find("Write1")._inputs = [group]
    nuke.root.is_modified = False
    nuke.inspectors.append(lambda: states.append(group._knobs["disable"]._value))
    request = PlayblastRequest("Write1", FrameRange(1003, 1003), Resolution(64, 36), tmp_path, "shot")
    host.playblast(request, lambda _: None)
    assert states == [True]
    assert (group._knobs["disable"]._value, nuke.root.is_modified) == (False, False)


def test_a_stroke_has_its_opacity(nuke, host):
    host.show_feedback([drawing(1003, {**LINE, "opacity": 0.25})])
    assert first_stroke(nuke).opacity == 0.25


def test_a_stroke_of_thousands_of_points_and_thousands_of_strokes_are_shown(nuke, host):
    points = [[index / 2_000, 0.5, 0.5] for index in range(2_000)]
    many = drawing(1004, *[{**LINE, "kind": "pen", "points": [[0.5, 0.5, 0.5]]}] * 2_000)
    assert host.show_feedback([drawing(1003, {**LINE, "kind": "pen", "points": points}), many]) == []
    assert len(strokes(paints(nuke, 1004)[0])) >= 2_000
    assert len(first_stroke_at(nuke, 1003).points) == 2_000


def first_stroke_at(nuke, frame):
    (paint,) = paints(nuke, frame)
    return strokes(paint)[-1]


def test_a_drawing_with_too_many_strokes_is_named_and_the_others_are_shown(nuke, host):
    found = host.show_feedback([drawing(1003, *[LINE] * 20_001, text="Too much"), drawing(1004, text="Fine")])
    assert found == [
        "1 drawing has more than Nuke can show, 20,000 strokes and 200,000 points in all. "
        "See the strokes on the review page."
    ]
    # Author and text of the note are shown, without its strokes.
    assert {stroke.size for stroke in strokes(paints(nuke, 1003)[0])} == {1.5}
    assert len(strokes_by_colour(nuke, first_stroke_at(nuke, 1004).colour, 1004)) >= 1


def test_drawings_are_removed_where_python_reaches_ten_nodes(nuke, host):
    nuke.env["nc"], nuke.selection = True, [nuke.find("Write1")]
    for _ in range(20):
        nuke.make("Noise")
    before = nuke.state()
    (sentence,) = host.show_feedback([drawing(1003)], "Write1")
    assert sentence.endswith(f"Connect a Viewer to {group_of(nuke)._name}.")
    host.clear_feedback()
    assert nuke.state() == before


@pytest.fixture
def viewer(nuke):
    viewer = nuke.make("Viewer")
    nuke.root.is_modified, nuke.undo = False, []
    return viewer


def input_process(viewer):
    return [viewer._knobs[name]._value for name in ("input_process_node", "input_process")]


def visible_frames(nuke, viewer):
    """Return the frames on which the Viewer shows strokes over the image of any node, by its input process."""
    name, is_on = input_process(viewer)
    shown = is_on and nuke.find(name) is group_of(nuke)
    return [frame for frame in range(1001, 1013) if shown and any(strokes(paint) for paint in paints(nuke, frame))]


@pytest.mark.parametrize("before", [("VIEWER_INPUT", True), ("Read1", False), ("", True)])
def test_a_viewer_shows_the_drawings_without_a_connection_and_is_restored(nuke, host, viewer, before):
    sample_script.set_knobs(viewer, **dict(zip(("input_process_node", "input_process"), before)))
    state = nuke.state()
    assert host.show_feedback([drawing(1003, end_frame=1004)]) == []
    assert (visible_frames(nuke, viewer), nuke.root.is_modified, nuke.undo) == ([1003, 1004], False, [])
    host.clear_feedback()
    assert nuke.state() == state


@pytest.mark.parametrize("home", ["", "Group1."])
def test_an_input_process_of_the_artist_stays(nuke, host, home):
    parent = nuke.make("Group") if home else nuke.root
    own, other = nuke.make("Viewer", None, parent), nuke.make("Viewer")
    sample_script.set_knobs(other, input_process=False)
    nuke.make("Noise", "VIEWER_INPUT", parent)
    (sentence,), shown = host.show_feedback([drawing(1003)]), input_process(other)[0]
    assert sentence.startswith(f"An input process of your own is on in {home}Viewer1. Connect {shown} there")
    assert input_process(own) == ["VIEWER_INPUT", True] and nuke.find(shown) is not None
    sample_script.set_knobs(other, input_process_node="VIEWER_INPUT")
    host.clear_feedback()
    assert input_process(other) == ["VIEWER_INPUT", True]


def test_a_save_has_the_viewers_of_the_artist_and_shows_the_drawings_again(nuke, host, viewer, save, tmp_path):
    host.show_feedback([drawing(1003)])
    save()
    saved = (tmp_path / "comp.nk").read_text("utf-8")
    assert not any(name in saved for name in ("Group1", "RotoPaint"))
    assert visible_frames(nuke, viewer) == [1003] and len(paints(nuke)) == 1 and not nuke.root.is_modified


def test_drawings_do_not_follow_the_artist_into_another_script(nuke, host, viewer, save, tmp_path):
    save()
    host.show_feedback([drawing(1003)])
    nuke.open(tmp_path / "comp.nk")
    save()
    assert not [node for node in nuke.root.children if node._kind == "Group"]


def test_an_error_leaves_each_viewer_as_it_was(nuke, host, viewer):
    def fail(knob):
        second._knobs["input_process"].changed = lambda knob: None
        raise RuntimeError("Viewer2")

    second, before = nuke.make("Viewer"), nuke.state()
    second._knobs["input_process"].changed = fail
    with pytest.raises(RuntimeError, match="Viewer2"):
        host.show_feedback([drawing(1003)])
    assert nuke.state() == before


def test_viewers_are_restored_after_a_crash_a_new_name_and_for_a_group_that_is_kept(nuke, host, viewer, tmp_path):
    host.show_feedback([drawing(1003)])
    # As Nuke saves by itself: without callbacks.
    nuke.root.save(tmp_path / "autosave.nk")
    nuke.open(tmp_path / "autosave.nk")
    group_of(nuke)._name, nuke.find("Viewer1")._name = "KeptNotes", "Left"
    host.clear_feedback()
    assert input_process(nuke.find("Left")) == ["VIEWER_INPUT", True] and nuke.find("KeptNotes") is not None
