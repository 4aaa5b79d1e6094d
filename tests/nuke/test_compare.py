"""The movie and the frames of a version in Reads, and other scripts that are opened in Nuke."""

import os
from contextlib import nullcontext

import attrs
import pytest
from doubles.drawings import compared_movie
from doubles.numbered_images import write_flat

from ft_dcc.errors import CaptureFailed, SceneUnreadable
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.review.drawings import Drawing


@pytest.fixture
def movie(tmp_path):
    """Return the images of a movie of four frames, the first of which is a slate before frame 1001."""
    return compared_movie(tmp_path, 4, 1000)


def reads(nuke):
    return [node for node in nuke.root.children if node._kind == "Read" and node._name != "Read1"]


def values(node, *names):
    return [node._knobs[name]._value for name in names]


def test_the_first_image_belongs_to_the_first_frame_of_the_movie(nuke, host, movie):
    nuke.find("Read1").position = (10, 20)
    assert host.show_movie(movie) == []
    (read,) = reads(nuke)
    assert values(read, "file", "first", "last") == [movie.images.pattern, 1, 4]
    assert values(read, "origfirst", "origlast") == [1, 4]
    assert values(read, "frame_mode", "frame", "before", "after") == ["start at", "1000", "black", "black"]
    assert (values(read, "label"), read.position) == (["Compare with main v003"], (-110, 20))


def test_the_read_names_its_images_with_forward_slashes(nuke, host, movie):
    if os.name != "nt":
        # The folder of Windows' path, as a file name of this system.
        for path in movie.images.path(1).parent.iterdir():
            path.rename(path.with_name(f"C:\\{path.name}"))
        pattern = movie.images.pattern.replace("image.", "C:\\image.")
        movie = attrs.evolve(movie, images=attrs.evolve(movie.images, pattern=pattern))
    host.show_movie(movie)
    assert values(reads(nuke)[0], "file") == [movie.images.pattern.replace("\\", "/")]


def test_the_movie_is_removed_without_a_trace(nuke, host, movie):
    before = nuke.state()
    host.show_movie(movie)
    assert (nuke.undo, nuke.root.is_modified) == (before["undo"], False)
    assert any(nuke.registered["onScriptSave"].values())
    host.clear_movie()
    assert nuke.state() == before
    assert not any(nuke.registered["onScriptSave"].values())


def test_the_movie_is_no_source_of_a_publish(nuke, host, movie):
    before = host.scene().sources
    host.show_movie(movie)
    assert host.scene().sources == before


def test_a_capture_of_a_node_behind_the_movie_does_not_show_it(nuke, host, movie, tmp_path):
    host.show_movie(movie)
    (read,), states = reads(nuke), []
    nuke.find("Write1")._inputs = [read]
    nuke.inspectors.append(lambda: states.append(values(read, "disable")))
    host.playblast(
        PlayblastRequest("Write1", FrameRange(1003, 1003), Resolution(64, 36), tmp_path, "a"), lambda _: None
    )
    assert (states, values(read, "disable")) == ([[True]], [False])


@pytest.fixture
def other(nuke, tmp_path):
    """Return a saved script with one node; the open script is saved, too, and is not that one."""
    path = tmp_path / "sh010_v003.nk"
    noise = nuke.make("Noise", "FromTheVersion")
    nuke.module.scriptSaveAs(str(path))
    nuke.delete(noise)
    nuke.module.scriptSaveAs(str(tmp_path / "open.nk"))
    return path


def test_a_script_is_opened_without_the_drawings_and_the_movie_of_the_one_before(nuke, host, other, movie, save):
    host.show_feedback([Drawing("", "Ida", 1003, ())])
    host.show_movie(movie)
    host.remember_task("t")
    host.open_scene_file(other, discard_changes=True)
    assert host.scene().path == other
    # A save would show them again.
    save()
    assert [node._name for node in nuke.root.children] == ["Read1", "Write1", "FromTheVersion"]


@pytest.mark.parametrize("is_gui", [False, True])
def test_changes_of_callbacks_do_not_count_without_a_window(nuke, host, other, is_gui):
    nuke.is_gui, nuke.changes_on_open = is_gui, True
    nuke.module.GUI = is_gui
    host.open_scene_file(other)
    assert (host.scene().path, host.scene().is_modified) == (other, is_gui)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.nk", b"", r"empty\.nk is empty"),
        ("new.nk", b"#! Nuke99.0\nversion 99.0 v1\nRoot {\n}\n", "was saved by Nuke 99; this is Nuke 15"),
    ],
)
def test_a_file_that_cannot_be_opened_is_a_sentence_and_changes_nothing(nuke, host, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    host.show_feedback([Drawing("", "Ida", 1003, ())])
    before = nuke.state()
    with pytest.raises(SceneUnreadable, match=message):
        host.open_scene_file(tmp_path / name)
    assert nuke.state() == before


CLEAN = (
    b"version 15.1 v3\ndefine_window_layout_xml {<layout></layout>\n}\n"
    b'Root {\n name /shots/sh010.nk\n onScriptLoad ""\n onScriptSave {}\n}\nset cut [stack 0]\npush $cut\n'
    b'Read {\n file /shots/python/open/s.%04d.exr\n label "\\\\[value size]\\nof [metadata input/filename]"\n}\n'
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (b"Root {\n onScriptLoad \"import os; os.system('x')\"\n}", "onScriptLoad"),
        (b'Read {\n file "\\\\[python \\{1\\}]"\n}', "python"),
        (b"Text2 {\n message {[exec rm x]}\n}", "exec"),
        (b"set a 1; source /tmp/x.tcl", "source"),
        (b"Read {\n label {[$a x]}\n}", "computed Tcl"),
    ],
)
def test_code_of_a_script_is_found_wherever_it_is(nuke, host, code, name):
    from ft_dcc_nuke.host import find_code

    assert (find_code(CLEAN), find_code(CLEAN + code)) == ([], [name])


@pytest.mark.parametrize("answer", [True, False])
def test_a_script_with_code_is_opened_after_the_artist_has_agreed(nuke, host, other, answer):
    nuke.module.GUI, nuke.answers = True, [answer]
    other.write_text(other.read_text("utf-8").replace('"FromTheVersion"', '"FromTheVersion", "label": "[python 1]"', 1))
    opened = host.scene().path
    with nullcontext() if answer else pytest.raises(SceneUnreadable, match="was not opened, because it has code"):
        host.open_scene_file(other)
    assert (host.scene().path, nuke.answers) == (other if answer else opened, [])
    assert "python" in nuke.messages[-1]


def test_a_damaged_script_is_a_sentence_and_the_open_one_is_opened_again(nuke, host, other, tmp_path):
    (tmp_path / "damaged.nk").write_bytes(b"version 15.1 v3\nRoot {")
    opened = host.scene().path
    with pytest.raises(SceneUnreadable, match=r"Nuke cannot open .*damaged\.nk"):
        host.open_scene_file(tmp_path / "damaged.nk")
    assert (host.scene().path, nuke.find("Read1") is not None) == (opened, True)


@pytest.fixture
def pattern(tmp_path):
    for number in (1003, 1004):
        write_flat(tmp_path / f"sh.{number}.png", (0, 200, 0), Resolution(128, 72))
    return (tmp_path / "sh.%04d.png").as_posix()


def test_frames_are_loaded_with_a_read_of_the_artist_as_one_undo_step(nuke, host, pattern, save, tmp_path):
    before, created = nuke.state(), []
    nuke.module.addOnUserCreate(lambda: created.append(nuke.module.thisNode()._name))
    assert host.load_frames(pattern, FrameRange(1003, 1004), "Write1") == "The frames are in the node Read2."
    (read,) = reads(nuke)
    assert values(read, "file", "first", "last", "origfirst", "origlast") == [pattern, 1003, 1004, 1003, 1004]
    # The format is that of the files, and nothing else of the Read is set.
    assert read.format().width() == 128
    assert values(read, "colorspace", "frame_mode") == ["default (linear)", "expression"]
    assert (nuke.selection, read._inputs, created) == ([read], [], ["Read2"])
    assert (nuke.undo, nuke.root.is_modified) == ([*before["undo"], "ft-dcc: load frames"], True)
    save()
    assert pattern in (tmp_path / "comp.nk").read_text("utf-8")


def test_a_path_with_code_is_not_given_to_nuke(nuke, host):
    before = nuke.state()
    with pytest.raises(CaptureFailed, match=r"Nuke evaluates \[, \$ and \\ in /show/\[exit\]/sh\.%04d\.png\."):
        host.load_frames("/show/[exit]/sh.%04d.png", FrameRange(1, 2))
    assert nuke.state() == before


def test_the_movie_is_shown_again_while_its_first_image_exists(nuke, host, movie, save):
    host.show_movie(movie)
    movie.images.path(2).unlink()
    save()
    assert len(reads(nuke)) == 1
    movie.images.path(1).unlink()
    save()
    assert reads(nuke) == []
