"""The contract of hosts that open scenes of versions, show their movies, and load their frames."""

import attrs
import pytest
from doubles.drawings import compared_movie

from ft_dcc.errors import CameraMissing, CaptureFailed, SceneUnreadable, UnsavedChanges
from ft_dcc.host import ComparesMovies, LoadsFrames, OpensScenes


@pytest.fixture
def movie(tmp_path):
    return compared_movie(tmp_path, 3, 1002)


@pytest.fixture
def comparing(tested_host):
    assert isinstance(tested_host.host, ComparesMovies)
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
    assert isinstance(host, OpensScenes)
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
    assert isinstance(host, LoadsFrames)
    before = tested_host.state()
    assert host.load_frames(movie.images.pattern, movie.images.frame_range, source).startswith("The frames are ")
    loaded = tested_host.state()
    assert loaded != before
    host.show_movie(movie)
    host.clear_movie()
    assert tested_host.state() == loaded
