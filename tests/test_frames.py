"""Frame ranges, rates and sizes, and the frames on a disk."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames, format_ranges, frame_rate


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
def test_a_frame_range_is_parsed(text, start, end, handles):
    assert FrameRange.parse(text) == FrameRange(start, end, handles)


@pytest.mark.parametrize("text", ["1001-1001", "1001-1100+8", "-10--5"])
def test_the_text_of_a_frame_range_round_trips(text):
    assert str(FrameRange.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1001..1100", "1100-1001", "a-b", "1-2+-3"])
def test_an_invalid_frame_range_is_refused(text):
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
def test_a_frame_rate_is_an_exact_fraction(given, rate):
    assert frame_rate(given) == rate


@pytest.mark.parametrize("given", ["", "film", 0, -24, "24/0", float("nan"), float("inf")])
def test_an_invalid_frame_rate_is_refused(given):
    with pytest.raises(SettingInvalid):
        frame_rate(given)


def test_an_odd_resolution_is_rounded_up_to_even():
    assert Resolution.parse("1279x719").even == Resolution(1280, 720)


@pytest.mark.parametrize("text", ["1280", "0x720", "1280x720x3", "99999x10", "ax b"])
def test_an_invalid_resolution_is_refused(text):
    with pytest.raises(SettingInvalid):
        Resolution.parse(text)


def frames(folder, name="sh010.%04d.png", first=1001, last=1004):
    return Frames(str(folder / name), FrameRange(first, last), Fraction(24), Resolution(16, 16))


def test_missing_and_empty_frames_are_listed(tmp_path):
    for number in (1001, 1003):
        (tmp_path / f"sh010.{number}.png").write_bytes(b"x")
    (tmp_path / "sh010.1004.png").touch()
    assert frames(tmp_path).missing() == (1002, 1004)


def test_negative_frame_numbers_are_padded_after_the_sign(tmp_path):
    assert frames(tmp_path, first=-5, last=5).path(-5).name == "sh010.-0005.png"
    (tmp_path / "sh010.-0005.png").write_bytes(b"x")
    (tmp_path / "sh010.0002.png").write_bytes(b"x")
    assert find_frames(str(tmp_path / "sh010.####.png")) == FrameRange(-5, 2)


def test_a_pattern_without_files_raises_frames_missing(tmp_path):
    with pytest.raises(FramesMissing, match="No file matches"):
        find_frames(str(tmp_path / "nothing.%04d.exr"))


def test_frame_numbers_are_formatted_as_ranges():
    assert format_ranges((1003, 1001, 1002, 1010)) == "1001-1003, 1010"
