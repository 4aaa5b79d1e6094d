"""The double refuses what Maya refuses, so that a test does not pass with invalid code."""

import re
import threading

import pytest
from doubles.maya import sample_scene
from doubles.maya.program import running


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
