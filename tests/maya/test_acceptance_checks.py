"""The acceptance checks fail in a Maya, or with an adapter, that has the fault that each is made for."""

import io

import pytest
from PIL import Image

from ft_dcc.contract.host_under_test import CheckContext
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
