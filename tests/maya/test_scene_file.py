"""Scenes of versions that are opened in Maya: unsaved changes, files that cannot be opened, and what is left."""

import contextlib

import pytest

from ft_dcc.errors import SceneUnreadable, UserFixableError
from ft_dcc.review.drawings import Drawing


@pytest.fixture
def other(maya, tmp_path):
    """Return a saved scene with a camera of its own; the open scene is saved, too, and is not that one."""
    from doubles.maya import sample_scene
    from maya import cmds

    path = tmp_path / "sh010_v003.ma"
    own = maya.scene
    maya.open(sample_scene.build().scene)
    maya.scene.add_camera("fromTheVersion")
    cmds.file(rename=path.as_posix())
    cmds.file(save=True)
    maya.open(own)
    cmds.file(rename=(tmp_path / "open.ma").as_posix())
    cmds.file(save=True)
    return path


def cameras(maya):
    return [node.name for node in maya.scene.nodes if node.kind == "camera" and not node.is_startup]


def test_a_scene_is_opened(maya, host, other):
    host.remember_task("t")
    host.open_scene_file(other, discard_changes=True)
    assert (host.scene().path, "fromTheVersionShape" in cameras(maya)) == (other, True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.ma", b"", r"empty\.ma is empty"),
        ("new.ma", b'//Maya ASCII 2031 scene\nrequires maya "2031";\n', "was saved by Maya 2031; this is Maya 2025"),
        ("new.mb", b"FOR8\0\0\0\0\0\0\0\x10MayaVERS\0\0\0\0\0\0\0\x052031\0", "was saved by Maya 2031"),
    ],
)
def test_a_file_that_cannot_be_opened_is_a_sentence_and_changes_nothing(maya, host, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    host.show_feedback([Drawing("", "Ida", 1003, ())])
    before = maya.state()
    with pytest.raises(SceneUnreadable, match=message):
        host.open_scene_file(tmp_path / name)
    assert maya.state() == before


def test_a_damaged_file_is_a_sentence_and_the_open_scene_is_opened_again(maya, host, other, tmp_path):
    (tmp_path / "damaged.ma").write_bytes(b"//Maya ASCII 2025 scene\n")
    opened = host.scene().path
    with pytest.raises(SceneUnreadable, match=r"Maya cannot open .*damaged\.ma"):
        host.open_scene_file(tmp_path / "damaged.ma")
    assert (host.scene().path, "shotCamShape" in cameras(maya)) == (opened, True)


def test_a_file_that_opens_with_errors_is_open_and_the_errors_are_named(maya, host, other):
    maya.opens_with_errors = True
    with pytest.raises(UserFixableError, match="is open, but Maya reports: Cannot find procedure"):
        host.open_scene_file(other)
    assert host.scene().path == other


def test_drawings_and_a_compared_movie_do_not_follow_into_the_next_scene(maya, host, other):
    host.show_feedback([Drawing("", "Ida", 1003, ())])
    host.open_scene_file(other)
    assert maya.callbacks == {}


@pytest.mark.parametrize(("answer", "ran"), [("", []), ("Run", ["studioTools", "vaccine"])])
def test_script_nodes_run_only_if_the_artist_says_so(maya, host, other, answer, ran):
    from doubles.maya.scene import Node

    for name, kind in {"studioTools": 1, "vaccine": 2, "onDemand": 0, "uiConfigurationScriptNode": 3}.items():
        maya.files[other.as_posix()].nodes.append(Node(name, "script", attributes={"scriptType": kind}))
    configuration = {"scriptType": 6, "before": "playbackOptions -min 1001 -max 1010 -ast 990 -aet 1020 "}
    maya.files[other.as_posix()].nodes.append(Node("sceneConfigurationScriptNode", "script", attributes=configuration))
    maya.answer = answer
    host.open_scene_file(other)
    assert maya.scripts_run == ran and not host.scene().is_modified
    assert "Its script nodes did not run: studioTools, vaccine." in maya.interface.messages[-1]
    names = ("minTime", "maxTime", "animationStartTime", "animationEndTime")
    assert [maya.scene.options[name] for name in names] == [1001, 1010, 990, 1020]


def test_a_range_with_other_commands_is_not_run(maya, host, other):
    from doubles.maya.scene import Node

    attributes = {"scriptType": 6, "before": "playbackOptions -min 5; system rm"}
    maya.files[other.as_posix()].nodes.append(Node("sceneConfigurationScriptNode", "script", attributes=attributes))
    host.open_scene_file(other)
    assert (maya.scripts_run, maya.interface.messages, maya.scene.options["minTime"]) == ([], [], 1)


@pytest.mark.parametrize("opens_with_errors", [False, True])
@pytest.mark.parametrize("is_batch", [False, True])
def test_changes_of_plug_ins_do_not_count_without_a_window(maya, other, is_batch, opens_with_errors):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch, maya.changes_on_open, maya.opens_with_errors = is_batch, True, opens_with_errors
    host = MayaHost()
    with contextlib.suppress(UserFixableError):
        host.open_scene_file(other)
    assert (host.scene().path, host.scene().is_modified) == (other, not is_batch)
