from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, frame_rate, gather, is_sequence, ranges


def test_handles_lie_outside_the_shot():
    assert str(FrameRange(1001, 1100, handles=8).with_handles) == "993-1108"


@pytest.mark.parametrize(
    ("text", "start", "end", "handles"),
    [
        ("1001-1100", 1001, 1100, 0),
        ("993-1108+8", 993, 1108, 8),
        ("-10-5", -10, 5, 0),
        ("-10--5", -10, -5, 0),
        ("7", 7, 7, 0),
    ],
)
def test_a_range_reads_as_it_is_written(text, start, end, handles):
    assert FrameRange.parse(text) == FrameRange(start, end, handles)


@pytest.mark.parametrize("text", ["1001-1001", "1001-1100+8", "-10--5"])
def test_a_range_writes_what_it_read(text):
    assert str(FrameRange.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1001..1100", "1100-1001", "a-b", "1-2+-3"])
def test_a_range_that_makes_no_sense_is_refused(text):
    with pytest.raises(SettingInvalid):
        FrameRange.parse(text)


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ("23.976", Fraction(24000, 1001)),
        (24 / 1.001, Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        (24, Fraction(24)),
        (24.0, Fraction(24)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_a_rate_is_exact(given, rate):
    assert frame_rate(given) == rate


@pytest.mark.parametrize("given", ["", "film", 0, -24, "24/0", float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(given):
    with pytest.raises(SettingInvalid):
        frame_rate(given)


def test_an_odd_size_is_made_even_and_never_smaller():
    assert Resolution.parse("1279x719").even == Resolution(1280, 720)


@pytest.mark.parametrize("text", ["1280", "0x720", "1280x720x3", "99999x10", "ax b"])
def test_a_size_that_cannot_be_is_refused(text):
    with pytest.raises(SettingInvalid):
        Resolution.parse(text)


def frames(folder, name="sh010.%04d.png", first=1001, last=1004):
    return Frames(str(folder / name), FrameRange(first, last), Fraction(24), Resolution(16, 16))


def test_missing_frames_are_named_and_an_empty_file_is_missing(tmp_path):
    for number in (1001, 1003):
        (tmp_path / f"sh010.{number}.png").write_bytes(b"x")
    (tmp_path / "sh010.1004.png").touch()
    assert frames(tmp_path).missing() == (1002, 1004)


def test_negative_frames_are_padded_behind_the_sign(tmp_path):
    assert frames(tmp_path, first=-5, last=5).path(-5).name == "sh010.-0005.png"
    (tmp_path / "sh010.-0005.png").write_bytes(b"x")
    (tmp_path / "sh010.0002.png").write_bytes(b"x")
    assert find_frames(str(tmp_path / "sh010.####.png")) == FrameRange(-5, 2)


def test_a_pattern_that_fits_nothing_is_a_clear_error(tmp_path):
    with pytest.raises(FramesMissing, match="No file fits"):
        find_frames(str(tmp_path / "nothing.%04d.exr"))


def test_only_the_file_name_makes_a_sequence():
    assert is_sequence("/shots/sh010.%04d.png") and is_sequence("sh010.####.exr")
    assert not is_sequence("/shots/%04d/film.mov")


def test_frames_are_listed_for_people():
    assert ranges((1003, 1001, 1002, 1010)) == "1001-1003, 1010"


def test_one_picture_stands_for_its_sequence_and_a_film_for_itself(tmp_path):
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
    assert [Path(text).name for text in gather(given)] == ["sh010.%04d.exr", "edit_v002.mov", "one.7.png"]
    inside = ["edit_v002.mov", "grade_v002.%04d.png", "one.7.png", "sh010.%04d.exr"]
    assert [Path(text).name for text in gather([tmp_path])] == inside
