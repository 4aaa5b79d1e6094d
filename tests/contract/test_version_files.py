"""The contract of hosts that open scenes of versions and show their movies."""

from __future__ import annotations

from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import write_flat

from ft_dcc.errors import CameraMissing, CaptureFailed, SceneUnreadable, UnsavedChanges
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, ComparesMovies, OpensScenes


@pytest.fixture
def movie(tmp_path):
    """Return the images of a movie of three frames from 1002 on."""
    size, folder = Resolution(64, 36), tmp_path / "images"
    folder.mkdir()
    for number in (1, 2, 3):
        write_flat(folder / f"image.{number:05d}.png", (0, 200, 0), size)
    return ComparedMovie(
        "main v003", Frames(str(folder / "image.%05d.png"), FrameRange(1, 3), Fraction(24), size), 1002
    )


@pytest.fixture
def comparing(tested_host):
    assert isinstance(tested_host.host, ComparesMovies)
    return tested_host


def test_clearing_without_a_movie_changes_nothing(comparing):
    before = comparing.state()
    comparing.host.clear_movie()
    assert comparing.state() == before


def test_a_second_movie_replaces_the_first(comparing, movie):
    before = comparing.state()
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
