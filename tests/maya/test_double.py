"""The double, and the check of the adapter's sources, refuse what Maya refuses."""

import io
import re
import threading
from pathlib import Path

import pytest
from doubles.maya import contract, sample_scene
from doubles.maya.lint import YEARS, find_errors, uses
from doubles.maya.program import running
from PIL import Image

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.errors import Error


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ("cmds.currentTimes(1)", AttributeError, "has no attribute 'currentTimes'"),
        ("cmds.currentTime(query='x')", TypeError, "Invalid arguments for flag 'query'.  Expected bool, got str"),
        ("cmds.polyCube(radius=1)", TypeError, "Invalid flag 'radius'"),
        ("cmds.window('w', title=3)", TypeError, "Invalid arguments for flag 'title'.  Expected str, got int"),
        ("cmds.window('w', widthHeight=640)", TypeError, "Expected int, int, got 640"),
        ("cmds.window('w', widthHeight=(640, '480'))", TypeError, "Expected int, got str"),
        ("cmds.playblast(query=True, viewer=2)", TypeError, "must be passed a boolean argument when query flag is set"),
        ("cmds.window('nowhere', edit=True, title='t')", RuntimeError, "window: Object 'nowhere' not found."),
        (
            "cmds.modelEditor('outlinerPanel1', edit=True, grid=False)",
            RuntimeError,
            "Object 'outlinerPanel1' not found",
        ),
        ("cmds.modelEditor('modelPanel4', edit=True, displayAppearance='pretty')", RuntimeError, "pretty"),
        ("cmds.currentUnit(time='23.97')", RuntimeError, "Invalid time unit '23.97'"),
        ("cmds.getAttr('nowhere.width')", ValueError, "No object matches name: nowhere"),
        ("cmds.getAttr('defaultResolution.depth')", ValueError, "No object matches name: defaultResolution.depth"),
        ("cmds.setAttr('defaultResolution.width', 'wide')", RuntimeError, "Error reading data element number 1"),
        ("cmds.file(exportAll=True)", NotImplementedError, "exportAll"),
        ("cmds.playblast(format='image', compression='png')", RuntimeError, "give either a filename or a complete"),
        ("cmds.playblast(filename='f', format='image', compression='png', percent=5)", RuntimeError, "from 10 to 100"),
        (
            "cmds.playblast(filename='f', format='image', compression='png', rawFrameNumbers=True)",
            RuntimeError,
            "rawFrameNumbers needs frames",
        ),
        ("cmds.playblast(filename='f', format='avi')", NotImplementedError, "only PNG sequences"),
        ("cmds.unknownPlugin('none', remove=True)", RuntimeError, "none is not an unknown plug-in"),
        ("cmds.referenceQuery('none.ma', isLoaded=True)", RuntimeError, "No reference file none.ma"),
        ("mel.eval('delete pCube1')", RuntimeError, "Cannot find procedure or variable"),
    ],
)
def test_the_double_refuses_what_maya_refuses(call, error, words):
    with running(sample_scene.build()):
        from maya import cmds, mel

        with pytest.raises(error, match=re.escape(words)):
            eval(call, {"cmds": cmds, "mel": mel})  # noqa: S307 - the calls above


def test_flags_depend_on_the_version_of_maya():
    with running(sample_scene.build(2023)):
        from maya import cmds

        with pytest.raises(TypeError, match="Invalid flag 'creativeVersion'"):
            cmds.about(creativeVersion=True)


def test_a_call_outside_of_the_main_thread_is_recorded_as_misuse():
    maya = sample_scene.build()
    with running(maya):
        from maya import cmds

        def call():
            with pytest.raises(RuntimeError):
                cmds.ls()

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert maya.misuses == ["ls was called outside of the main thread, where Maya would crash"]


@pytest.mark.parametrize("call", ["cmds.window('w')", "cmds.getPanel(allPanels=True)", "cmds.evalDeferred(str)"])
def test_user_interface_commands_fail_without_a_window(call):
    maya = sample_scene.build(is_batch=True)
    with running(maya):
        from maya import cmds

        with pytest.raises(RuntimeError):
            eval(call, {"cmds": cmds})  # noqa: S307 - the calls above


def test_playblast_overwrites_no_file_without_force_overwrite(tmp_path):
    with running(sample_scene.build()):
        from maya import cmds

        there = tmp_path / "f.png"
        there.write_bytes(b"mine")
        wanted = {"completeFilename": str(there), "format": "image", "compression": "png", "throwOnError": True}
        with pytest.raises(RuntimeError, match="File exists"):
            cmds.playblast(viewer=False, **wanted)
        assert there.read_bytes() == b"mine"


SOURCES = sorted((Path(__file__).resolve().parents[2] / "hosts" / "maya" / "ft_dcc_maya").rglob("*.py"))


def test_every_command_of_the_adapter_is_valid_in_every_supported_maya():
    found = [f"{path.name}: {each}" for path in SOURCES for each in find_errors(path.read_text(encoding="utf-8"))]
    assert found == []
    assert sum(1 for path in SOURCES for _ in uses(path.read_text(encoding="utf-8"))) > 90


def test_the_flags_of_the_look_exist_in_every_supported_maya(maya):
    from ft_dcc_maya import look

    known = contract.commands()["modelEditor"]
    for name in (*look.VIEWPORT_HELPERS, *look._RENDERABLES):
        assert set(YEARS) <= known[name].years, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cmds.playblats(frame=[1])", "no Maya has the command playblats"),
        ("cmds.playblast(ofScreen=True)", "playblast has no flag ofScreen in Maya 2023, 2024, 2025, 2026"),
        ("cmds.playblast(p=100)", "playblast has no flag p in Maya 2023, 2024, 2025, 2026"),
        ("cmds.playblast(gamma=1.0)", "playblast has no flag gamma in Maya 2023, 2024, 2025"),
        ("cmds.playblast(saveDepth=True)", "playblast has no flag saveDepth in Maya 2026"),
        ("cmds.playblast(percent='100')", "playblast: Invalid arguments for flag 'percent'.  Expected int, got str"),
        ("cmds.playblast(percent=True)", "playblast: Invalid arguments for flag 'percent'.  Expected int, got bool"),
        ("cmds.playblast(viewer='no')", "playblast: Invalid arguments for flag 'viewer'.  Expected bool, got str"),
        (
            "cmds.window('w', widthHeight=(1, 2, 3))",
            "window: Invalid arguments for flag 'widthHeight'.  Expected int, int, got (1, 2, 3)",
        ),
        ("stack.callback(cmds.undoInfo, state_=True)", "undoInfo has no flag state_ in Maya 2023, 2024, 2025, 2026"),
        ("cmds.modelEditor('p', edit=True, lineAAEnable=True)", "modelEditor has no flag lineAAEnable"),
    ],
)
def test_an_invalid_call_is_reported(call, message):
    (found,) = find_errors(call)
    assert found.startswith(f"line 1: {message}")


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
