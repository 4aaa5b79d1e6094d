"""The stored forms of drawings, and the strokes that draw their shapes."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from ft_dcc.errors import DrawingUnreadable
from ft_dcc.review.drawings import check_limits, ink, parse_drawing, text_polylines
from ft_dcc.review.export import raster

PEN = {"kind": "pen", "colour": "#FF0000", "width": 0.02, "points": [[0.1, 0.2, 0.5], [0.3, 0.4, 1.0]]}


def parse(shapes, **values):
    return parse_drawing(json.dumps({"version": 2, "shapes": shapes, **values}), 1010, drawing_id="d")


def two_points(kind, **values):
    return {"kind": kind, "colour": "#00ff00", "width": 0.01, "from": [0.2, 0.2], "to": [0.6, 0.2], **values}


def box(strokes):
    xs, ys = zip(*((x, y) for stroke in strokes for x, y, _ in stroke.points))
    return tuple(round(value, 6) for value in (min(xs), min(ys), max(xs), max(ys)))


def test_stored_form_of_a_drawing_is_that_which_was_parsed():
    text = {"kind": "text", "colour": "#ffffff", "at": [0.5, 0.25], "text": "H", "size": 0.32}
    for shape in (PEN, two_points("arrow", opacity=0.5), text):
        (parsed,) = parse([shape]).shapes
        assert {**shape, "colour": shape["colour"].lower()}.items() <= parsed.to_json().items()
        assert parse([parsed.to_json()]).shapes == (parsed,)


def test_a_pen_is_as_wide_as_its_pressure():
    (stroke,) = parse([PEN]).strokes(2.0)
    assert (stroke.colour, stroke.points) == ((1.0, 0.0, 0.0), ((0.1, 0.2, 0.02), (0.3, 0.4, 0.03)))


def test_shapes_without_ids_get_stable_and_distinct_ones():
    first, second = parse([PEN, PEN]).shapes
    assert first.id != second.id
    assert parse([PEN, PEN]).shapes[0].id == first.id


def test_a_drawing_is_held_until_its_end_frame():
    assert (parse([PEN]).last_frame, parse([PEN], end_frame=1020).last_frame) == (1010, 1020)
    assert parse([PEN], end_frame=1000).last_frame == 1010
    assert parse([PEN], aspect=[1280, 720]).aspect == 1280 / 720


def test_the_head_of_an_arrow_is_symmetric_in_pixels_and_ends_at_its_tip():
    shaft, head = parse([two_points("arrow")]).strokes(2.0)
    assert [point[:2] for point in shaft.points] == [(0.2, 0.2), (0.6, 0.2)]
    (left_x, left_y, _), tip, (right_x, right_y, _) = head.points
    assert tip[:2] == (0.6, 0.2)
    assert left_x == pytest.approx(right_x)
    assert left_y - 0.2 == pytest.approx(0.2 - right_y)
    # 0.45 radians in a picture that is twice as wide as high.
    assert abs(left_y - 0.2) / ((0.6 - left_x) * 2.0) == pytest.approx(0.4831, abs=1e-3)


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_rectangle_and_an_ellipse_fill_their_box(kind):
    strokes = parse([two_points(kind, to=[0.6, 0.7])]).strokes(1.5)
    assert box(strokes) == (0.2, 0.2, 0.6, 0.7)
    assert strokes[0].points[0] == pytest.approx(strokes[0].points[-1])


def test_a_text_hangs_below_its_point_with_the_width_of_its_letters():
    text = {"kind": "text", "colour": "#ffffff", "width": 0.01, "at": [0.5, 0.25], "text": "H", "size": 0.32}
    # The H of the font is 14 wide and 21 high, of a line of 32, and begins 4 to the right of its left side.
    assert box(parse([text]).strokes(1.0)) == (0.54, 0.25, 0.68, 0.46)
    assert box(parse([text]).strokes(2.0)) == (0.52, 0.25, 0.59, 0.46)


def test_accents_are_left_out_and_unknown_letters_are_question_marks():
    assert list(text_polylines("é", 1.0)) == list(text_polylines("e", 1.0))
    assert list(text_polylines("漢", 1.0)) == list(text_polylines("?", 1.0))
    below = [y for polyline in text_polylines("a\na", 1.0) for _, y in polyline]
    assert max(below) > 1.0


@pytest.mark.parametrize(
    "shape",
    [
        {**PEN, "points": []},
        {**PEN, "points": [[0, 0]]},
        {**PEN, "points": [[0.1, float("nan")]]},
        {**PEN, "points": [[0.1, True]]},
        {**PEN, "points": "0,0"},
        {**PEN, "colour": "red"},
        {**PEN, "width": "wide"},
        {"kind": "line", "colour": "#ffffff", "width": 0.1, "from": [0, 0]},
        {**PEN, "id": "pen"},
        {**PEN, "opacity": 0},
        {"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": " ", "size": 0.1},
        {"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": "H", "size": 0},
        {"kind": "star"},
        "pen",
        None,
    ],
)
def test_a_damaged_shape_is_one_sentence(shape):
    with pytest.raises(DrawingUnreadable) as raised:
        parse([shape])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "shapes",
    [
        [PEN] * 201,
        [{**PEN, "points": [[0.1, 0.2, 0.5]] * 20_001}],
        [{**PEN, "points": [[3, 0.2, 0.5]]}],
        [{**PEN, "width": 0.3}],
        [{**PEN, "id": "0f6f0f7c-6c6c-4d9b-8a46-0c8a2f6a6a7b"}] * 2,
        [{"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": "H", "size": 0.6}],
        [{"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": "H" * 501, "size": 0.1}],
    ],
)
def test_a_drawing_that_no_page_shows_is_read_and_one_sentence_on_the_server(shapes):
    with pytest.raises(DrawingUnreadable):
        check_limits(parse(shapes).shapes)


def test_a_drawing_that_takes_long_to_paint_is_refused_and_one_with_many_shapes_is_painted():
    ellipse = two_points("ellipse", opacity=0.5, to=[0.9, 0.9])
    many = [{**ellipse, "id": str(UUID(int=number))} for number in range(200)]
    check_limits(shapes := parse(many).shapes)
    image = raster.paint(shapes, (64, 64))
    assert (image.size, image.getpixel((35, 12))[3] > 200, image.getpixel((35, 35))) == ((64, 64), True, (0, 0, 0, 0))
    letters = {"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": "H" * 500, "size": 0.5}
    wide = {**PEN, "width": 0.2, "points": [[0, 0, 1], [1, 1, 1]] * 99}
    for dear in ([{**each, "width": 0.2} for each in many], [wide], [letters]):
        with pytest.raises(DrawingUnreadable, match="Draw less, or thinner"):
            check_limits(parse(dear).shapes)


@pytest.mark.parametrize("kind", ["line", "arrow", "rectangle", "ellipse", "pen"])
def test_a_translucent_shape_covers_the_same_pixels_as_an_opaque_one(kind):
    shape = PEN if kind == "pen" else two_points(kind, to=[0.7, 1.2])
    opaque, translucent = (raster.paint(parse([{**shape, "opacity": each}]).shapes, (160, 90)) for each in (1, 0.5))
    assert opaque.getchannel("A").getbbox() == translucent.getchannel("A").getbbox()


@pytest.mark.parametrize("size", [(1280, 720), (1280, 2276)])
def test_the_dearest_accepted_drawings_paint_a_bounded_number_of_pixels(size, monkeypatch):
    new, layers = raster.Image.new, []

    def new_layer(mode, layer, *more):
        layers.append(layer)
        return new(mode, layer, *more)

    monkeypatch.setattr(raster.Image, "new", new_layer)
    letters = {"kind": "text", "colour": "#ffffff", "at": [0, 0], "text": "W", "size": 0.35}
    for shape in (two_points("ellipse", opacity=0.5, to=[0.9, 0.9]), letters, two_points("line", width=0.035)):
        shapes = parse([{**shape, "id": str(UUID(int=number))} for number in range(200)]).shapes
        check_limits(shapes)
        layers.clear()
        raster.paint(shapes, size)
        # The result itself is up to two of them.
        ink_pixels = sum(map(ink, shapes)) * layers[0][1] ** 2
        assert sum(width * height for width, height in layers[:-2]) + ink_pixels < 31_000_000, shape["kind"]


@pytest.mark.parametrize(
    "data",
    [None, "", "{", "3", "[]", '{"version": 1, "shapes": []}', '{"version": 2}', '{"shapes": []}', "[" * 100_000],
)
def test_a_damaged_or_unknown_form_is_one_sentence(data):
    with pytest.raises(DrawingUnreadable) as raised:
        parse_drawing(data, 1010)
    assert "\n" not in str(raised.value)
