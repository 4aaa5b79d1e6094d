"""Frame ranges, frame rates, resolutions, and sequences of image files.

Frame numbers are integers and a rate is an exact fraction; they are converted to seconds only to seek in a movie.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Union

import attrs

from ft_dcc.errors import FramesMissing, SettingInvalid
from ft_dcc.files.sequences import FRAME_RANGE, frame_path, frame_sizes, is_sequence, padded_pattern, split_frame_number

# The broadcast rates are N*1000/1001 by definition (SMPTE ST 12-1); hosts and movies contain rounded values.
_NTSC_RATES = (24, 30, 48, 60, 120)
_SIZE = re.compile(r"(\d+)\s*[xX]\s*(\d+)")
Rate = Union[str, int, float, Fraction]


def frame_rate(value: Rate) -> Fraction:
    """Return the exact rate in frames per second for a value of a host, a user or a movie.

    >>> frame_rate("23.976"), frame_rate(25), frame_rate("30000/1001")
    (Fraction(24000, 1001), Fraction(25, 1), Fraction(30000, 1001))

    Raises SettingInvalid unless the value is a positive number.
    """
    try:
        rate = Fraction(value) if not isinstance(value, float) else Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise SettingInvalid(f"{value!r} is not a frame rate. Write it as 24, 23.976 or 24000/1001.") from error
    if not 0 < rate <= 1000:
        raise SettingInvalid(f"A frame rate of {value} cannot be used. Write it as 24, 23.976 or 24000/1001.")
    for nominal in _NTSC_RATES:
        exact = Fraction(nominal * 1000, 1001)
        # 23.976, 23.98 and 24 / 1.001 mean the same rate; 24 does not.
        if rate.denominator != 1 and abs(rate - exact) < Fraction(1, 190):
            return exact
    return rate.limit_denominator(100_000)


def aspect_ratio(text: str) -> Fraction:
    """Return an aspect ratio, width by height; raise SettingInvalid for other text.

    >>> aspect_ratio("2.39"), aspect_ratio("16:9")
    (Fraction(239, 100), Fraction(16, 9))
    """
    try:
        ratio = Fraction(text.replace(":", "/"))
    except (ValueError, ZeroDivisionError) as error:
        raise SettingInvalid(f"{text!r} is not an aspect ratio. Write it as 2.39 or 16:9.") from error
    if not Fraction(1, 10) <= ratio <= 10:
        raise SettingInvalid(f"An aspect ratio of {text} is outside of 1:10 to 10:1. Write it as 2.39 or 16:9.")
    return ratio


@attrs.frozen
class FrameRange:
    """First and last frame, both included, and the number of handle frames outside of them.

    >>> str(FrameRange.parse("1001-1100+8").with_handles), str(FrameRange.parse("1001-1100x2+8+4").with_handles)
    ('993-1108', '993-1104x2')
    """

    start: int
    end: int
    handles: int = 0
    # The number of handle frames after the last frame, by default the same as before the first.
    tail: int = attrs.Factory(lambda self: self.handles, takes_self=True)
    # With 2 every second frame exists, counted from the first frame with handles; length and iteration include these
    # frames only.
    step: int = 1

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise SettingInvalid(
                f"The range {self.start}-{self.end} ends before it starts. Give the first frame first."
            )
        if min(self.handles, self.tail) < 0:
            raise SettingInvalid(f"A range cannot have {min(self.handles, self.tail)} handle frames. Give 0 or more.")
        if self.step < 1:
            raise SettingInvalid(f"A range cannot have a step of {self.step} frames. Give 1 or more.")

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Parse "1001-1100", "1001-1100+8", "1001-1100x2+8+4", "-10-5" or "7"; raise SettingInvalid for other text."""
        match = FRAME_RANGE.fullmatch(text.strip())
        if match is None:
            raise SettingInvalid(
                f"{text!r} is not a frame range. Write it as 1001-1100, 1001-1100+8 with handles, or 1001-1100x2 for "
                "every second frame."
            )
        start, end, step, handles, tail = (None if part is None else int(part) for part in match.groups())
        first, head = start or 0, handles or 0
        last = first if end is None else end
        return cls(first, last, head, head if tail is None else tail, 1 if step is None else step)

    @property
    def with_handles(self) -> FrameRange:
        """The range with the handles as part of it."""
        return FrameRange(self.start - self.handles, self.end + self.tail, step=self.step)

    @property
    def every_frame(self) -> range:
        """All frames from first to last, without handles and regardless of the step."""
        return range(self.start, self.end + 1)

    def __str__(self) -> str:
        handles = f"+{self.handles}" if self.handles or self.tail else ""
        tail = f"+{self.tail}" if self.tail != self.handles else ""
        return f"{self.start}-{self.end}" + (f"x{self.step}" if self.step > 1 else "") + handles + tail

    def __len__(self) -> int:
        return len(self.every_frame[:: self.step])

    def __iter__(self) -> Iterator[int]:
        return iter(self.every_frame[:: self.step])

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and frame in self.every_frame[:: self.step]


@attrs.frozen
class Resolution:
    """Width and height in pixels.

    >>> Resolution.parse("1280x720").even
    Resolution(width=1280, height=720)
    """

    width: int
    height: int

    def __attrs_post_init__(self) -> None:
        if not (0 < self.width <= 32768 and 0 < self.height <= 32768):
            raise SettingInvalid(
                f"A resolution of {self.width}x{self.height} is not possible. Give 1 to 32768 pixels a side."
            )

    @classmethod
    def parse(cls, text: str) -> Resolution:
        """Parse "1920x1080"; raise SettingInvalid for other text."""
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise SettingInvalid(f"{text!r} is not a resolution. Write it as 1920x1080.")
        return cls(int(match[1]), int(match[2]))

    @property
    def even(self) -> Resolution:
        """The smallest even size that contains this one, as yuv420p requires."""
        return Resolution(self.width + self.width % 2, self.height + self.height % 2)

    def scaled(self, percentage: int) -> Resolution:
        """Return this percentage of the size.

        >>> str(Resolution(1920, 1080).scaled(50))
        '960x540'
        """
        return Resolution(*(max(1, round(side * percentage / 100)) for side in (self.width, self.height)))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@attrs.frozen
class Frames:
    """A sequence of image files: its pattern, as ``/shots/sh010.%04d.png``, range, rate and resolution."""

    pattern: str
    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution
    # The width of a pixel by its height; None means what the files contain.
    pixel_aspect: Fraction | None = None
    # The number in the name of a frame's file, minus the frame.
    file_shift: int = 0

    def path(self, frame: int) -> Path:
        """Return the path of a frame, whether it exists or not."""
        return Path(frame_path(self.pattern, frame + self.file_shift))

    def __len__(self) -> int:
        return len(self.frame_range)

    def missing(self) -> tuple[int, ...]:
        """Return the frames of the range, handles included, whose files are missing or empty."""
        present = {number - self.file_shift for number, size in frame_sizes(self.pattern).items() if size}
        return tuple(frame for frame in self.frame_range.with_handles if frame not in present)


def find_frames(pattern: str, file_shift: int = 0) -> FrameRange:
    """Return the range from the first to the last frame on disk.

    The pattern contains the frame number, plus ``file_shift``, as ``%04d`` or ``####``. Raises FramesMissing if no
    file matches.
    """
    numbers = frame_sizes(pattern)
    if not numbers:
        folder = os.path.dirname(pattern)  # noqa: PTH120 - a pattern is not a path
        if folder and not os.path.isdir(folder):  # noqa: PTH112
            raise FramesMissing(f"The folder {folder} does not exist.")
        wanted = padded_pattern(pattern) or "name.%04d.png or name.####.png"
        raise FramesMissing(f"No file matches {pattern}. Give the frames as {wanted}.")
    return FrameRange(min(numbers) - file_shift, max(numbers) - file_shift)


def find_other_padding(pattern: str) -> str:
    """Return which frames a pattern leaves out, whose numbers have fewer digits, and the pattern of all; else ""."""
    folder, name = os.path.split(pattern)
    wanted, own = padded_pattern(pattern), frame_sizes(pattern)
    if wanted is None or split_frame_number(wanted) == split_frame_number(name):
        return ""
    every = frame_sizes(os.path.join(folder, wanted))  # noqa: PTH118 - a pattern
    left_out = tuple(frame for frame in every if frame not in own)
    if not own or not left_out or any(frame not in every for frame in own):
        return ""
    return (
        f"{name} leaves out {format_ranges(left_out)}, whose numbers have fewer digits. Give {wanted} for all frames."
    )


def split_range(source: str) -> tuple[str, FrameRange | None]:
    """Return a source and the range that follows its pattern, None without one.

    >>> split_range("sh.%04d.exr 1001-1010")
    ('sh.%04d.exr', FrameRange(start=1001, end=1010, handles=0, tail=0, step=1))
    """
    pattern, _, text = source.rpartition(" ")
    if not pattern or FRAME_RANGE.fullmatch(text) is None or not is_sequence(pattern):
        return source, None
    return pattern, FrameRange.parse(text)


def format_ranges(frames: tuple[int, ...]) -> str:
    """Return frame numbers as text.

    >>> format_ranges((1001, 1002, 1003, 1010))
    '1001-1003, 1010'
    """
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
