"""The contract that every host must fulfil: the checks of ``ft-dcc accept``, drawings, movies and scenes."""

from pathlib import Path

import attrs
import pytest
from doubles import drawings
from doubles.drawings import compared_movie

from ft_dcc.contract.checks import CHECKS
from ft_dcc.contract.host_under_test import CheckContext, Skipped
from ft_dcc.errors import CameraMissing, CaptureFailed, SceneUnreadable, UnsavedChanges
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import ComparesMovies, GoesToFrames, LoadsFrames, OpensScenes, PlayblastRequest


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_host_passes_the_check(tested_host, tmp_path, check):
    folder = tmp_path / "check"
    folder.mkdir()
    try:
        check.function(CheckContext(tested_host, folder, ""))
    except Skipped as reason:
        pytest.skip(str(reason))


def test_a_relative_folder_with_special_characters_is_kept(tested_host, tmp_path, monkeypatch):
    if tested_host.host.name in ("Colour bars", "Orbit"):
        pytest.skip("this double takes absolute folders only")
    monkeypatch.chdir(tmp_path)
    folder = Path("with space, brace {x}, hash ####, über, percent %04d 50%, [exec ls], $HOME")
    values = {"source": tested_host.host.scene().sources[0], "directory": folder, "name": "shot"}
    request = PlayblastRequest(frame_range=FrameRange(1001, 1001), resolution=Resolution(64, 36), **values)
    frames = tested_host.host.playblast(request, lambda _: None)
    assert (frames.path(1001), frames.missing()) == (tmp_path / folder / "shot.1001.png", ())
    assert [path.name for path in folder.iterdir()] == ["shot.1001.png"]


SHAPES = [
    {"kind": "pen", "colour": "#ff0000", "width": 0.02, "points": [[0.1, 0.2, 0.5], [0.3, 0.4, 1.0]]},
    {"kind": "arrow", "colour": "#00ff00", "width": 0.01, "opacity": 0.5, "from": [0.9, 0.9], "to": [0.5, 0.5]},
    {"kind": "text", "colour": "#ffffff", "at": [0.1, 0.1], "text": "Lower", "size": 0.1},
]


def drawing(frame, text="Arm too high", **values):
    return drawings.drawing(frame, *SHAPES, text=text, **values)


def capture(host, folder, name):
    folder.mkdir(exist_ok=True)
    values = {"source": host.scene().sources[0], "directory": folder, "name": name}
    request = PlayblastRequest(frame_range=FrameRange(1002, 1002), resolution=Resolution(64, 36), **values)
    return host.playblast(request, lambda _: None).path(1002).read_bytes()


def test_shown_drawings_change_the_scene_and_are_cleared_without_a_trace(feedback_host):
    before, host = feedback_host.state(), feedback_host.host
    host.clear_feedback()
    assert feedback_host.state() == before
    for clear in (host.clear_feedback, lambda: host.show_feedback([])):
        assert host.show_feedback([drawing(1002), drawing(1004, end_frame=1006)]) == []
        assert feedback_host.state() != before
        assert not clear()
        assert feedback_host.state() == before


def test_a_second_call_replaces_the_drawings(feedback_host):
    host = feedback_host.host
    host.show_feedback([drawing(1003)])
    once = feedback_host.state()
    host.show_feedback([drawing(1002), drawing(1005), drawing(1006)])
    host.show_feedback([drawing(1003)])
    assert feedback_host.state() == once


def test_drawings_are_not_captured(feedback_host, tmp_path):
    before = capture(feedback_host.host, tmp_path / "frames", "before")
    feedback_host.host.show_feedback([drawing(1002)])
    assert capture(feedback_host.host, tmp_path / "frames", "after") == before


def test_drawings_outside_of_the_scene_are_one_sentence(feedback_host):
    before = feedback_host.state()
    (sentence,) = feedback_host.host.show_feedback([drawing(1), drawing(99999)])
    assert sentence.startswith("2 notes are outside of the scene's frames")
    assert feedback_host.state() == before


def test_a_missing_source_changes_nothing(feedback_host):
    before = feedback_host.state()
    with pytest.raises(CameraMissing):
        feedback_host.host.show_feedback([drawing(1002)], "deleted")
    assert feedback_host.state() == before


def test_the_frame_of_a_note_is_set(feedback_host):
    host = feedback_host.host
    assert isinstance(host, GoesToFrames)
    before = feedback_host.state()
    host.go_to_frame(1009)
    assert feedback_host.state() != before and host.current_frame() == 1009


@pytest.fixture
def movie(tmp_path):
    return compared_movie(tmp_path, 3, 1002)


@pytest.fixture
def comparing(tested_host):
    if not isinstance(tested_host.host, ComparesMovies):
        pytest.skip(f"{tested_host.host.name} shows no movies of versions")
    return tested_host


def test_a_second_movie_replaces_the_first(comparing, movie):
    before = comparing.state()
    comparing.host.clear_movie()
    assert comparing.state() == before
    comparing.host.show_movie(movie)
    comparing.host.show_movie(attrs.evolve(movie, name="main v002", first_frame=1001))
    comparing.host.clear_movie()
    assert comparing.state() == before


def test_a_missing_source_and_deleted_images_change_nothing(comparing, movie):
    before = comparing.state()
    with pytest.raises(CameraMissing):
        comparing.host.show_movie(movie, "deleted")
    movie.images.path(1).unlink()
    with pytest.raises(CaptureFailed):
        comparing.host.show_movie(movie)
    assert comparing.state() == before


def test_unsaved_changes_and_files_of_other_programs_are_not_opened(tested_host, tmp_path):
    host = tested_host.host
    if not isinstance(host, OpensScenes):
        pytest.skip(f"{host.name} opens no work files")
    path = tmp_path / f"other{host.scene_suffixes[0]}"
    path.write_bytes(b"a scene")
    other = tmp_path / "scene.other"
    other.write_bytes(b"a scene")
    host.remember_task("t")
    before = tested_host.state()
    with pytest.raises(UnsavedChanges, match="unsaved changes"):
        host.open_scene_file(path)
    with pytest.raises(SceneUnreadable, match=r"scene\.other is no scene of"):
        host.open_scene_file(other, discard_changes=True)
    with pytest.raises(SceneUnreadable, match="does not exist"):
        host.open_scene_file(path.with_name(f"gone{path.suffix}"), discard_changes=True)
    assert tested_host.state() == before


@pytest.mark.parametrize("source", ["", "deleted"])
def test_loaded_frames_stay_in_the_scene(tested_host, movie, source):
    host = tested_host.host
    if not isinstance(host, LoadsFrames):
        pytest.skip(f"{host.name} loads no frames")
    before = tested_host.state()
    assert host.load_frames(movie.images.pattern, movie.images.frame_range, source).startswith("The frames are ")
    loaded = tested_host.state()
    assert loaded != before
    host.show_movie(movie)
    host.clear_movie()
    assert tested_host.state() == loaded
