"""The acceptance checks fail in a Maya, or with an adapter, that has the fault that each is made for."""

import io
from contextlib import nullcontext

import pytest
from PIL import Image

from ft_dcc.contract.host_under_test import CheckContext, Skipped
from ft_dcc.errors import Error


@pytest.fixture
def run(maya, tmp_path):
    pytest.importorskip("Qt")
    from ft_dcc_maya.acceptance import MayaUnderTest

    def run(name, **values):
        target = MayaUnderTest()
        target.build()
        (check,) = [check for check in target.checks if check.name == name]
        folder = tmp_path / "check"
        folder.mkdir(exist_ok=True)
        return check.function(CheckContext(target, folder, "", **values))

    return run


def test_a_button_that_is_recognised_by_its_tag_only_is_lost_at_a_restart(maya, run, monkeypatch):
    from ft_dcc_maya import menu
    from maya import cmds

    before = maya.state()["controls"]
    monkeypatch.setattr(menu, "_is_ours", lambda button: cmds.shelfButton(button, query=True, docTag=True) != "")
    with pytest.raises(Error, match="our buttons on the shelf that was saved and loaded: found 0, expected 1"):
        run("shelf button")
    assert maya.state()["controls"] == before


def test_a_button_that_is_recognised_by_its_command_is_found_after_a_restart(maya, run):
    before = maya.state()["controls"]
    assert run("shelf button") == {"the tag is saved": False}
    assert maya.state()["controls"] == before


def test_a_capture_with_another_background_than_the_view_fails(maya, run, monkeypatch):
    colour = []

    def image():
        colour.append(maya.interface.colours["background"])
        content = io.BytesIO()
        Image.new("RGBA", (64, 36)).save(content, "PNG")
        return content.getvalue()

    monkeypatch.setattr(maya, "image_of_view", image)
    with pytest.raises(Error, match="the corner of the view is"):
        run("background")
    # The view is drawn with the background of the check.
    assert colour == [(0.2, 0.4, 0.6)]


def test_a_view_on_sequence_time_that_takes_the_image_fails(maya, run, monkeypatch):
    monkeypatch.setattr("ft_dcc_maya.maintained.without_sequence_time", nullcontext)
    with pytest.raises(Error, match="the images are those of a capture without sequence time"):
        run("sequence time")
    assert maya.interface.sequence_panel == ""


def test_tiles_that_are_taken_for_those_of_a_closed_scene_fail(run, monkeypatch):
    from maya.api import OpenMaya

    monkeypatch.setattr(OpenMaya.MObjectHandle, "isValid", lambda handle: True)
    with pytest.raises(Error, match=r"found \[1, 1, "):
        run("tiles")


def test_filters_of_plugins_are_set_and_queried(maya, run, monkeypatch):
    maya.interface.plugin_filters = {"gpuCacheDisplayFilter": "drawdb/subscene/gpuCache"}
    run("plug-in objects")
    maya.interface.plugin_filters = {}
    with pytest.raises(Skipped, match="no plug-in has registered a filter"):
        run("plug-in objects")
