"""Publishes of a part of existing files, as a timeline shows them: with the numbers of the shot."""

from __future__ import annotations

from fractions import Fraction

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.numbered_images import numbers_in, run_ffmpeg, write_numbered

from ft_dcc.errors import FramesMissing, ValidationFailed, ValueMismatch
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Footage
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher

SIZE = Resolution(64, 36)


class Timeline(ColourBars):
    """A host with one item of a timeline."""

    def __init__(self, footage: Footage) -> None:
        super().__init__(attrs.evolve(SCENE, sources=("cut/SH010",), shots={"cut/SH010": "SH010"}))
        self._footage = footage

    def footage(self, source: str) -> Footage | None:
        return self._footage if source == "cut/SH010" else None


@pytest.fixture
def plate(tmp_path):
    """Return the pattern of the frames 86400 to 86429, each of which shows its own number."""
    frames = Frames(str(tmp_path / "plate.%05d.png"), FrameRange(86400, 86429), Fraction(24), SIZE)
    for number in frames.frame_range:
        write_numbered(frames.path(number), number, SIZE)
    return frames.pattern


@pytest.fixture
def movie(plate, tmp_path):
    """Return a movie of the same frames."""
    path = tmp_path / "day1.mov"
    run_ffmpeg("-framerate", "24", "-start_number", "86400", "-i", plate, "-c:v", "png", path)
    return str(path)


def shown(start, end):
    # The images have room for 16 bits of their number.
    return [number & 0xFFFF for number in range(start, end + 1)]


@pytest.fixture
def check(session, jobs):
    """Validate a publish of the item, and discard it at the end."""
    checks = []

    def validate(footage, task, **values):
        request = PublishRequest(task, "cut/SH010", review=(), **values)
        checks.append(Publisher(session, Timeline(footage), jobs=jobs).validate(request))
        return checks[-1]

    yield validate
    for each in checks:
        each.discard()


def sequence(plate, handles=8, tail=8, **values):
    return Footage(plate, cut=FrameRange(86408, 86419, handles, tail), fps=Fraction(24), **values)


def test_frames_of_a_cut_have_the_numbers_of_the_shot(check, plate, shot):
    made = check(sequence(plate), shot("1001-1012", "24"))
    assert (made.problems, made.planned[0]["frames"]) == ((), "1001-1012")
    assert numbers_in(made.prepare()[0], SIZE) == shown(86408, 86419)


def test_the_handles_of_the_shot_are_added_if_the_files_have_them(check, plate, shot):
    made = check(sequence(plate), shot("1001-1012+4", "24"))
    assert (made.problems, made.planned[0]["frames"]) == ((), "1001-1012+4")
    assert numbers_in(made.prepare()[0], SIZE) == shown(86404, 86423)


def test_a_cut_without_enough_handles_is_published_without_them(check, plate, shot):
    made = check(sequence(plate, tail=3), shot("1001-1012+4", "24"))
    assert (made.problems, made.planned[0]["frames"]) == ((), "1001-1012")
    assert numbers_in(made.prepare()[0], SIZE) == shown(86408, 86419)


def test_a_part_of_a_movie_has_its_frames_only_and_the_numbers_of_the_shot(check, movie, shot):
    made = check(Footage(movie, cut=FrameRange(8, 19, 8, 10), fps=Fraction(24)), shot("1001-1012+4", "24"))
    assert (made.problems, made.planned[0]["frames"]) == ((), "1001-1012+4")
    assert numbers_in(made.prepare()[0], SIZE) == shown(86404, 86423)


def test_a_requested_range_selects_frames_by_the_numbers_of_the_shot(check, plate, movie, shot):
    task = shot("1001-1012", "24")
    for footage in (sequence(plate), Footage(movie, cut=FrameRange(8, 19), fps=Fraction(24))):
        made = check(footage, task, frame_range=FrameRange(1003, 1006))
        assert numbers_in(made.prepare()[0], SIZE) == shown(86410, 86413)


def test_a_cut_of_another_length_than_the_shot_is_a_problem(check, plate, shot):
    (problem,) = check(sequence(plate), shot("1001-1020", "24")).problems
    assert problem.message.startswith("The source has 1001-1012; the shot wants 1001-1020.")


def test_a_range_beyond_the_movie_is_a_problem_that_names_its_frames(check, movie, shot):
    footage = Footage(movie, cut=FrameRange(8, 19), fps=Fraction(24))
    made = check(footage, shot("1001-1012", "24"), frame_range=FrameRange(1001, 1050))
    assert any(each.message.startswith("day1.mov has the frames 0-29; 8-57 are wanted") for each in made.problems)


def test_missing_frames_of_a_cut_are_named_as_the_files_are_numbered(check, plate, shot, tmp_path):
    for number in (86410, 86411):
        (tmp_path / f"plate.{number}.png").unlink()
    (problem,) = check(sequence(plate), shot("1001-1012", "24")).problems
    assert "2 of 12 frames" in problem.message and "86410-86411" in problem.message


def test_without_a_range_of_the_shot_frames_keep_their_numbers_and_movies_begin_with_1(check, plate, movie, task):
    assert check(sequence(plate), task["id"]).planned[0]["frames"] == "86408-86419"
    footage = Footage(movie, cut=FrameRange(8, 19), fps=Fraction(24))
    made = check(footage, task["id"])
    assert made.planned[0]["frames"] == "1-12"
    assert numbers_in(made.prepare()[0], SIZE) == shown(86408, 86419)


def test_frames_have_the_rate_of_the_timeline_and_not_of_the_scene(check, plate, task):
    footage = attrs.evolve(sequence(plate), fps=Fraction(24000, 1001))
    assert check(footage, task["id"]).planned[0]["fps"] == "23.976"


def test_a_cut_is_the_same_after_the_journal_was_read_again():
    from ft_dcc.publish.jobs.journal import read_value, write_value
    from ft_dcc.publish.models import Source

    source = Source("frames", "a.%04d.png", "a", cut=FrameRange(1, 9, 2, 3), fps=Fraction(24000, 1001))
    frames = Frames("a.%04d.png", FrameRange(1, 9), Fraction(24), SIZE, file_offset=100)
    assert read_value(write_value([source, frames])) == [source, frames]


def test_the_item_is_not_recorded_as_made_from_the_open_script(check, plate, shot, tmp_path):
    made = check(sequence(plate), shot("1001-1012", "24"), include_scene=True)
    assert [each.message for each in made.problems] == [
        "cut/SH010 does not come from an open scene. Publish without the scene file."
    ]


def test_an_empty_folder_is_one_problem_without_a_traceback(session, jobs, tmp_path, shot):
    footage = Footage(str(tmp_path / "gone.%04d.exr"), cut=FrameRange(1, 9), fps=Fraction(24))
    request = PublishRequest(shot("1001-1009", "24"), "cut/SH010", review=())
    with pytest.raises((FramesMissing, ValidationFailed, ValueMismatch), match=r"gone\.%04d\.exr"):
        Publisher(session, Timeline(footage), jobs=jobs).publish(request)
