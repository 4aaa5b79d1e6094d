"""Frames on a disk as one sequence: placeholders, padding, views and ranges."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import FramesMissing
from ft_dcc.files import sequences
from ft_dcc.files.sequences import find_sequences, frame_sizes, is_sequence, join_sequences, padded_pattern
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, split_range


def test_only_the_file_name_makes_a_sequence():
    assert is_sequence("/shots/sh010.%04d.png") and is_sequence("sh010.####.exr")
    assert not is_sequence("/shots/%04d/film.mov")


def test_one_image_selects_its_sequence_and_a_movie_selects_itself(tmp_path):
    names = (
        "sh010.1001.exr",
        "sh010.1002.exr",
        "grade_v002.0998.png",
        "grade_v002.1000.png",
        "edit_v002.mov",
        "one.7.png",
    )
    for name in names:
        (tmp_path / name).touch()
    for left_behind in (".DS_Store", "._sh010.1001.exr", "Thumbs.db", "notes.txt", "sh010.blend"):
        (tmp_path / left_behind).touch()
    given = [tmp_path / "sh010.1001.exr", tmp_path / "edit_v002.mov", tmp_path / "one.7.png"]
    assert [Path(text).name for text in find_sequences(given)] == ["sh010.%04d.exr", "edit_v002.mov", "one.7.png"]
    inside = ["edit_v002.mov", "grade_v002.%04d.png", "one.7.png", "sh010.%04d.exr"]
    assert [Path(text).name for text in find_sequences([tmp_path])] == inside


def touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x")
    return [str(folder / name) for name in names]


@pytest.mark.parametrize("before", ["100%.", "50%d.", "sh#1.", "a@@@@.", "b$F4.", "c<frame04>_", "d%V."])
def test_placeholders_can_be_literal_parts_of_names(tmp_path, before):
    if os.name == "nt" and "<" in before:
        pytest.skip("Windows has no such names")
    given = touch(tmp_path, f"{before}1001.png", f"{before}1002.png")
    (pattern,) = join_sequences(given)
    assert pattern == str(tmp_path / f"{before}%04d.png")
    assert find_sequences([tmp_path]) == [pattern] == find_sequences([Path(given[0])])
    assert is_sequence(pattern)
    assert find_frames(pattern) == FrameRange(1001, 1002)
    sequence = Frames(pattern, FrameRange(1001, 1002), Fraction(24), Resolution(64, 36))
    assert (str(sequence.path(1002)), sequence.missing()) == (given[1], ())


@pytest.mark.parametrize("name", ["shot#1.png", "shot%d.png", "shot%04d.png"])
def test_an_existing_file_is_no_pattern(tmp_path, name):
    (given,) = touch(tmp_path, name)
    assert not is_sequence(given)
    assert join_sequences([given]) == (given,)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("sh.-0002.png", "sh.-0001.png", "sh.0000.png", "sh.0001.png"), "sh.%04d.png"),
        (("sh.-002.png", "sh.-001.png", "sh.0000.png", "sh.0001.png"), "sh.%04d.png"),
        (("sh.-2.png", "sh.-1.png", "sh.0.png", "sh.1.png"), "sh.%01d.png"),
    ],
)
def test_negative_numbers_of_any_padding_are_part_of_the_sequence(tmp_path, names, pattern):
    given = touch(tmp_path, *names)
    (found,) = join_sequences(given)
    assert found == str(tmp_path / pattern)
    assert find_sequences([tmp_path]) == [found]
    assert find_frames(found) == FrameRange(-2, 1)
    sequence = Frames(found, FrameRange(-2, 1), Fraction(24), Resolution(64, 36))
    assert [str(sequence.path(frame)) for frame in range(-2, 2)] == given
    assert sequence.missing() == ()


def test_a_minus_after_a_letter_separates_the_number(tmp_path):
    touch(tmp_path, "sh-0001.png", "sh-0002.png")
    assert find_sequences([tmp_path]) == [str(tmp_path / "sh-%04d.png")]


def test_numbers_that_grow_by_a_digit_are_one_sequence(tmp_path):
    given = touch(tmp_path, "sh.998.png", "sh.999.png", "sh.1000.png")
    (pattern,) = join_sequences(given)
    assert find_sequences([tmp_path]) == [pattern]
    assert find_frames(pattern) == FrameRange(998, 1000)
    sequence = Frames(pattern, FrameRange(998, 1000), Fraction(24), Resolution(64, 36))
    assert [str(sequence.path(frame)) for frame in (998, 999, 1000)] == given


def test_views_become_sources(tmp_path):
    touch(tmp_path, *(f"sh.{view}.{frame}.exr" for view in ("left", "right") for frame in (1001, 1002)), "sh.1001.exr")
    assert join_sequences([str(tmp_path / "sh.%V.%04d.exr")]) == (
        str(tmp_path / "sh.left.%04d.exr"),
        str(tmp_path / "sh.right.%04d.exr"),
    )
    touch(tmp_path, "l_movie.mov", "r_movie.mov")
    assert join_sequences([str(tmp_path / "%v_movie.mov")]) == (
        str(tmp_path / "l_movie.mov"),
        str(tmp_path / "r_movie.mov"),
    )
    missing = str(tmp_path / "none.%V.%04d.exr")
    assert join_sequences([missing]) == (missing,)


def test_a_range_follows_its_pattern_in_one_argument_or_two():
    assert join_sequences(["a.%04d.png 1-5"]) == ("a.%04d.png 1-5",) == join_sequences(["a.%04d.png", "1-5"])
    assert split_range("a.%04d.png 1-5") == ("a.%04d.png", FrameRange(1, 5))
    assert split_range("a shot.%04d.png") == ("a shot.%04d.png", None)
    assert split_range("movie 1-5") == ("movie 1-5", None)


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (
            ("sh.v002.0001.beauty.png", "sh.v002.0002.beauty.png", "sh.v002.0003.beauty.png"),
            ["sh.v002.%04d.beauty.png"],
        ),
        (("sh_0998_key.exr", "sh_1000_key.exr"), ["sh_%04d_key.exr"]),
        (("0001.beauty.png", "0002.beauty.png"), ["%04d.beauty.png"]),
        (("a.0001.pass2.png", "a.0002.pass2.png"), ["a.%04d.pass2.png"]),
        (("a.0001.b_v3.png", "a.0002.b_v3.png"), ["a.%04d.b_v3.png"]),
        # Two passes, of which each has its own sequence.
        (("s.0001.a.png", "s.0001.b.png", "s.0002.a.png", "s.0002.b.png"), ["s.%04d.a.png", "s.%04d.b.png"]),
        # The last number is the frame, and the shot 020 has one frame only.
        (("s_010_1001_a.png", "s_010_1002_a.png", "s_020_1001_a.png"), ["s_010_%04d_a.png", "s_020_1001_a.png"]),
        (("s_010.1001.png", "s_010.1002.png", "s_020.1001.png"), ["s_010.%04d.png", "s_020.1001.png"]),
        # Versions, sizes, and names that differ in two numbers.
        (("sh.v002.0001.a.png", "sh.v003.0001.a.png"), None),
        (("sh.v002.png", "sh.v003.png"), None),
        (("v1.png", "v2.png"), None),
        (("sh.1920x1080.png", "sh.1920x2160.png"), None),
        (("sh_1920x1080_a.png", "sh_2048x1080_a.png"), None),
        (("sh.1.2.a.png", "sh.3.4.a.png"), None),
        (("sh.0001.beauty.png", "one.beauty.png"), None),
        (("sh.0001.beauty.mov", "sh.0002.beauty.mov"), None),
        # The end of a word is no version.
        (("rev0001.png", "rev0002.png"), ["rev%04d.png"]),
    ],
)
def test_files_that_differ_in_one_number_are_a_sequence(tmp_path, names, sources):
    given = touch(tmp_path, *names)
    expected = given if sources is None else [str(tmp_path / source) for source in sources]
    assert list(join_sequences(given)) == expected
    assert sorted(find_sequences([tmp_path])) == sorted(expected)
    assert find_sequences([Path(given[0])]) == [expected[0]]


def test_frames_with_the_number_before_a_pass_are_found_on_disk(tmp_path):
    given = touch(tmp_path, *(f"sh.v002.{frame:04d}.beauty.png" for frame in (9, 10, 11)))
    (pattern,) = find_sequences([tmp_path])
    assert find_frames(pattern) == FrameRange(9, 11)
    assert str(Frames(pattern, FrameRange(9, 11), Fraction(24), Resolution(64, 36)).path(10)) == given[1]


def test_an_explicit_pattern_joins_versions(tmp_path):
    touch(tmp_path, "sh.v002.png", "sh.v003.png")
    pattern = str(tmp_path / "sh.v%03d.png")
    assert join_sequences([pattern]) == (pattern,)
    assert find_frames(pattern) == FrameRange(2, 3)


def test_a_folder_of_many_frames_is_searched_once(tmp_path, monkeypatch):
    searches = []

    def counted(function):
        return lambda *folder: (searches.append(folder), function(*folder))[1]

    touch(tmp_path, *(f"sh.v002.{frame:05d}.pass2.png" for frame in range(100)))
    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    assert find_sequences([tmp_path]) == [str(tmp_path / "sh.v002.%05d.pass2.png")]
    # A search of the folder for each frame would take minutes with ten thousand of them.
    assert len(searches) < 5
    touch(tmp_path, *(f"sh{shot}.{frame}.png" for shot in range(3) for frame in (9, 10))), searches.clear()
    patterns = [str(tmp_path / f"sh{shot}.%d.png") for shot in range(3)]
    with sequences.folders_read_once():
        assert [find_frames(pattern) for pattern in patterns * 2] == [FrameRange(9, 10)] * 6
        touch(tmp_path, "sh0.11.png")
        assert (find_frames(patterns[0]).end, len(searches)) == (10, 1)
    assert find_frames(patterns[0]).end == 11


@pytest.mark.parametrize("given", ["sh.#.png", "sh.%d.png", "sh.$F.png", "sh.##.png", "sh.%06d.png"])
def test_a_pattern_of_another_padding_names_that_of_the_files(tmp_path, given):
    touch(tmp_path, "sh.0998.png", "sh.1001.png")
    (pattern,) = join_sequences([str(tmp_path / given)])
    (tmp_path / "sh.1001.png").unlink()
    with pytest.raises(FramesMissing, match=r"No file matches .*\. Give the frames as sh\.####\.png\.$"):
        find_frames(pattern)


def test_the_frame_number_of_houdini_without_padding_is_recognised(tmp_path):
    touch(tmp_path, "sh.8.png", "sh.9.png", "sh.10.png")
    (pattern,) = join_sequences([str(tmp_path / "sh.$F.png")])
    assert pattern == str(tmp_path / "sh.%d.png")
    assert find_frames(pattern) == FrameRange(8, 10)
    assert join_sequences(["sh.$FSTART.png", "sh.$F4.png"]) == ("sh.$FSTART.png", "sh.%04d.png")


@pytest.mark.parametrize(
    ("system", "pattern", "found"),
    [
        ("win32", "SH010.%04d.EXR", 1),
        ("darwin", "SH010.%04d.EXR", 1),
        ("linux", "SH010.%04d.EXR", 0),
        ("darwin", "caf\u00e9.%04d.exr", 1),
        ("linux", "caf\u00e9.%04d.exr", 0),
    ],
)
def test_names_are_compared_as_the_system_does(tmp_path, monkeypatch, system, pattern, found):
    touch(tmp_path, "sh010.1001.exr", "cafe\u0301.1001.exr")
    monkeypatch.setattr(sys, "platform", system)
    path = str(tmp_path / pattern)
    assert len(frame_sizes(path)) == found
    assert bool(padded_pattern(path)) == bool(found)
