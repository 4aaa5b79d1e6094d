"""Drawings of reviewers as frames of Blue Pencil, which the artist keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ft_dcc.errors import CameraMissing, UserFixableError
from ft_dcc.host import ImportsDrawings
from ft_dcc.review.drawings import parse_drawing

LINE = {"kind": "line", "colour": "#ff8000", "width": 0.1, "from": [0.25, 0.25], "to": [0.75, 0.75]}


def drawing(frame, *shapes, **values):
    return parse_drawing(json.dumps({"version": 2, "shapes": list(shapes), **values}), frame, author="Ida Berg")


def layers(maya):
    return maya.scene.blue_pencil


def png_header(image):
    """Return width, height, bit depth and colour type of a PNG."""
    assert image.startswith(b"\x89PNG")
    return int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big"), image[24], image[25]


def test_drawings_are_a_new_layer_of_the_camera(maya, host):
    assert isinstance(host, ImportsDrawings)
    drawings = [drawing(1003, LINE), drawing(1005, LINE, end_frame=1008), drawing(1007, LINE)]
    assert host.import_drawings(drawings, "shotCam") == []
    ((camera, (layer,)),) = layers(maya).items()
    assert (camera, {frame: duration for frame, (duration, _) in layer.items()}) == (
        "shotCam",
        {1003: 1, 1005: 2, 1007: 1},
    )
    # The size of the scene's images, with alpha.
    assert {png_header(image) for _, image in layer.values()} == {(64, 36, 8, 6)}


def test_a_second_import_prints_no_warning_about_the_loaded_plug_in(maya, host):
    for _ in range(2):
        host.import_drawings([drawing(1003, LINE)], "shotCam")
    assert (len(layers(maya)["shotCam"]), maya.interface.messages) == (2, [])


def test_the_import_is_one_undo_step_and_changes_nothing_else(maya, host):
    maya.scene.is_modified = False
    before = maya.state()
    host.import_drawings([drawing(1003, LINE)], "shotCam")
    after = maya.state()
    assert after["undo"] == [*before["undo"], "bluePencilFrame"]
    assert (after.pop("blue pencil"), maya.scene.is_modified) == ({"shotCam": 1}, True)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"undo", "file", "focus"}


def test_a_second_import_adds_another_layer(maya, host):
    for _ in range(2):
        host.import_drawings([drawing(1003, LINE)], "shotCam")
    assert len(layers(maya)["shotCam"]) == 2


def test_drawings_outside_of_the_scene_are_left_out_and_named(maya, host):
    problems = host.import_drawings([drawing(1003, LINE), drawing(2000, LINE), drawing(1004)], "shotCam")
    assert problems == ["1 note is outside of the scene's frames 1001-1012 and not shown."]
    assert list(layers(maya)["shotCam"][0]) == [1003]


@pytest.mark.parametrize(
    "drawings", [[], [drawing(1004)], [drawing(2000, LINE)]], ids=["none", "no strokes", "outside"]
)
def test_nothing_to_import_is_one_sentence_and_the_scene_is_as_before(maya, host, drawings):
    before = maya.state()
    with pytest.raises(UserFixableError, match="None of the notes has a drawing"):
        host.import_drawings(drawings, "shotCam")
    assert maya.state() == before


def test_a_missing_camera_changes_nothing(maya, host):
    before = maya.state()
    with pytest.raises(CameraMissing):
        host.import_drawings([drawing(1003, LINE)], "deleted")
    assert maya.state() == before


def test_a_maya_without_blue_pencil_says_so(maya, host):
    maya.year, before = 2022, maya.state()
    with pytest.raises(UserFixableError, match=r"Maya 2022 has no Blue Pencil.*Show drawings\.$"):
        host.import_drawings([drawing(1003, LINE)], "shotCam")
    assert maya.state() == before


@pytest.mark.parametrize("year", [2023, 2024])
def test_an_earlier_blue_pencil_gets_an_archive_for_its_own_dialog(maya, host, year):
    maya.year, before = year, maya.state()
    with pytest.raises(UserFixableError, match=f"Maya {year} imports into Blue Pencil with its own dialog") as raised:
        host.import_drawings([drawing(1003, LINE)], "shotCam")
    archive = Path(re.search(r"choose (.+?\.zip)", str(raised.value))[1])
    assert archive.read_bytes()[:2] == b"PK"
    after = maya.state()
    assert {name for name in after if after[name] != before[name]} <= {"focus"}


def test_an_import_to_another_camera_is_an_error(maya, host):
    maya.imports_into_active_camera = False
    with pytest.raises(UserFixableError, match="added no layer to shotCam"):
        host.import_drawings([drawing(1003, LINE)], "shotCam")


def test_the_view_shows_its_own_camera_again(maya, host):
    from ft_dcc_maya.viewport import artists_view
    from maya import cmds

    before = cmds.modelPanel(artists_view(), query=True, camera=True)
    assert before != "shotCam"
    host.import_drawings([drawing(1003, LINE)], "shotCam")
    assert cmds.modelPanel(artists_view(), query=True, camera=True) == before


def test_maya_without_a_window_says_that_a_view_is_missing(maya, host):
    maya.is_batch = True
    with pytest.raises(UserFixableError, match="Blue Pencil needs a view"):
        host.import_drawings([drawing(1003, LINE)], "shotCam")
