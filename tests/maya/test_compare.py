"""The movie and the frames of a version on image planes of Maya's camera: the image of each frame, what remains."""

import attrs
import pytest
from doubles.drawings import compared_movie

from ft_dcc.errors import CaptureFailed
from ft_dcc.frames import FrameRange, Resolution


@pytest.fixture
def movie(tmp_path):
    """Return the images of a movie of four frames, the first of which is a slate before frame 1001."""
    return compared_movie(tmp_path, 4, 1000)


@pytest.fixture
def shown(artists_view):
    """Return a function that returns the number of the image that the artist's view shows at a frame."""
    return lambda frame: [int(path.name.split(".")[1]) for path in artists_view(frame).images]


def plane(maya):
    (found,) = [node for node in maya.scene.nodes if node.kind == "imagePlane"]
    return found


@pytest.mark.parametrize("follows_time", [True, False])
def test_each_frame_shows_its_image_and_others_none(maya, host, movie, shown, follows_time):
    maya.image_planes_follow_time = follows_time
    assert host.show_movie(movie) == []
    assert [shown(frame) for frame in range(999, 1005)] == [[], [1], [2], [3], [4], []]


def test_the_movie_is_half_transparent_and_covers_the_image_of_the_camera(maya, host, movie):
    host.show_movie(movie)
    values = plane(maya).attributes
    assert (values["alphaGain"], values["fit"], values["displayOnlyIfCurrent"]) == (0.5, 4, True)
    # The gate of 1.417 by 0.945 inches is wider than high; 64x36 shows all of its width.
    assert (values["sizeX"], values["sizeY"]) == (1.417, pytest.approx(1.417 * 36 / 64))
    assert values["depth"] > 0.1


def test_a_portrait_movie_covers_the_height_of_the_camera_gate(maya, host, movie):
    maya.scene.node("shotCamShape").attributes["filmFit"] = 0
    images = attrs.evolve(movie.images, resolution=Resolution(36, 64))
    host.show_movie(attrs.evolve(movie, images=images))
    values = plane(maya).attributes
    assert (values["sizeX"], values["sizeY"]) == (pytest.approx(0.945 * 36 / 64), 0.945)


@pytest.mark.parametrize("selection", [[], ["second", "shotCam"]])
def test_selection_undo_and_the_modified_flag_are_kept(maya, host, movie, selection):
    maya.scene.selection = selection
    before = maya.state()
    host.show_movie(movie)
    assert (maya.scene.selection, maya.undo, maya.scene.is_modified) == (selection, before["undo"], False)
    host.clear_movie()
    assert maya.state() == before


def test_nothing_is_saved_and_the_movie_is_shown_again(maya, host, movie, tmp_path, shown):
    from maya import cmds

    name = (tmp_path / "shot.ma").as_posix()
    cmds.file(rename=name)
    host.show_movie(movie)
    host.save()
    assert not maya.scene.is_modified
    kinds = {node.kind for node in maya.files[name].nodes}
    assert not kinds & {"imagePlane", "animCurve", "timeToUnitConversion"}
    assert shown(1001) == [2]
    host.clear_movie()
    assert maya.callbacks == {}


def test_a_movie_does_not_make_the_camera_animated(maya, host, movie):
    from ft_dcc_maya.cameras import is_animated

    host.show_movie(movie)
    assert not is_animated("shotCamShape")


def test_a_locked_camera_is_one_sentence_and_changes_nothing(maya, host, movie):
    maya.scene.node("shotCam").is_reference_locked = True
    before = maya.state()
    with pytest.raises(CaptureFailed, match=r"Maya cannot show main v003 on shotCam: .*Unlock the camera"):
        host.show_movie(movie)
    assert maya.state() == before


def test_attributes_whose_effect_is_not_computed_are_named(maya, host, movie):
    maya.scene.node("shotCamShape").attributes["horizontalFilmOffset"] = 0.1
    (sentence,) = host.show_movie(movie)
    assert sentence.startswith("shotCam has horizontalFilmOffset, so the movie may lie beside its place.")


def test_frames_are_loaded_behind_the_camera_of_the_version_as_one_undo_step(maya, host, movie, shown, tmp_path):
    from maya import cmds

    steps = list(maya.undo)
    sentence = host.load_frames(movie.images.pattern, FrameRange(2, 4), "shotCam")
    assert (sentence, maya.undo) == ("The frames are on an image plane of shotCam.", [*steps, "ft-dcc: load frames"])
    assert [shown(frame) for frame in (2, 4)] == [[2], [4]]
    values = plane(maya).attributes
    assert (values["alphaGain"], values["fit"], values["depth"], values["displayOnlyIfCurrent"]) == (1, 1, 100, True)
    host.show_movie(movie)
    host.clear_movie()
    name = (tmp_path / "shot.ma").as_posix()
    cmds.file(rename=name)
    host.save()
    assert "imagePlane" in {node.kind for node in maya.files[name].nodes}


def test_frames_of_another_source_are_behind_the_first_camera(host, movie):
    sentence = host.load_frames(movie.images.pattern, FrameRange(1, 4), "render.%04d.exr")
    assert sentence == f"The frames are on an image plane of {host.scene().sources[0]}."


def test_frames_on_a_locked_camera_are_one_sentence_and_change_nothing(maya, host, movie):
    maya.scene.node("shotCam").is_reference_locked = True
    before = maya.scene.state()
    with pytest.raises(CaptureFailed, match=r"Maya cannot show image\.00001\.png on shotCam: .*Unlock the camera"):
        host.load_frames(movie.images.pattern, FrameRange(1, 4), "shotCam")
    assert maya.scene.state() == before
