"""Frame ranges, rates, sizes and sequences on disk.

Frame numbers are integers, a rate is an exact fraction, and seconds are made of them only where a film is sought.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Union

import attrs

from ft_dcc.errors import FramesMissing, SettingInvalid

# The broadcast rates are N*1000/1001 by definition (SMPTE ST 12-1); hosts and films write them rounded.
_NTSC_NUMBERS = (24, 30, 48, 60, 120)
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?(?:x(\d+))?(?:\+(\d+)(?:\+(\d+))?)?")
_SIZE = re.compile(r"(\d+)\s*[xX]\s*(\d+)")
_HOLDER = re.compile(r"%0?(\d*)d|(#+)")
_NUMBERED = re.compile(r"(.*?)(\d+)(\.\w+)")
# What holds one picture, and is no film.
IMAGE_SUFFIXES = frozenset((".bmp", ".cin", ".dpx", ".exr", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"))
# What holds a film, as people name it; found in a folder, nothing else is taken for one.
FILM_SUFFIXES = frozenset(
    (
        *(".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"),
    )
)

Rate = Union[str, int, float, Fraction]


def frame_rate(value: Rate) -> Fraction:
    """Return the exact rate in frames per second that a host, a person or a film means.

    >>> frame_rate("23.976"), frame_rate(25), frame_rate("30000/1001")
    (Fraction(24000, 1001), Fraction(25, 1), Fraction(30000, 1001))

    Raises SettingInvalid for what is not a positive number.
    """
    try:
        rate = Fraction(value) if not isinstance(value, float) else Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise SettingInvalid(f"{value!r} is not a frame rate. Write it as 24, 23.976 or 24000/1001.") from error
    if not 0 < rate <= 1000:
        raise SettingInvalid(f"A frame rate of {value} cannot be used. Write it as 24, 23.976 or 24000/1001.")
    for number in _NTSC_NUMBERS:
        exact = Fraction(number * 1000, 1001)
        # 23.976, 23.98 and 24 / 1.001 mean the same film; 24 does not.
        if rate.denominator != 1 and abs(rate - exact) < Fraction(1, 190):
            return exact
    return rate.limit_denominator(100_000)


def aspect_ratio(text: str) -> Fraction:
    """Return the shape of a picture, its width by its height; raises SettingInvalid for what is none.

    >>> aspect_ratio("2.39"), aspect_ratio("16:9")
    (Fraction(239, 100), Fraction(16, 9))
    """
    try:
        ratio = Fraction(text.replace(":", "/"))
    except (ValueError, ZeroDivisionError) as error:
        raise SettingInvalid(f"{text!r} is not a shape of a picture. Write it as 2.39 or 16:9.") from error
    if not Fraction(1, 10) <= ratio <= 10:
        raise SettingInvalid(f"A picture of {text} cannot be made. Write its shape as 2.39 or 16:9.")
    return ratio


@attrs.frozen
class FrameRange:
    """First and last frame, both included, and how many frames of handle lie outside on either side.

    ``tail`` is the number of frames of handle after the last one, where it differs from those before the first. With a
    ``step`` of 2 every second frame has a picture, from the first on, which is that of the handle where there is one;
    only those are counted and gone through.

    >>> str(FrameRange.parse("1001-1100+8").with_handles), str(FrameRange.parse("1001-1100x2+8+4").with_handles)
    ('993-1108', '993-1104x2')
    """

    start: int
    end: int
    handles: int = 0
    tail: int = attrs.Factory(lambda self: self.handles, takes_self=True)
    step: int = 1

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise SettingInvalid(f"The range {self.start}-{self.end} ends before it starts.")
        if min(self.handles, self.tail) < 0:
            raise SettingInvalid(f"A range cannot have {min(self.handles, self.tail)} frames of handle.")
        if self.step < 1:
            raise SettingInvalid(f"A range cannot have a step of {self.step} frames.")

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read "1001-1100", "1001-1100+8", "1001-1100x2+8+4", "-10-5" or "7".

        Raises SettingInvalid for anything else.
        """
        match = _RANGE.fullmatch(text.strip())
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
        """The same frames with the handles as part of the range."""
        return FrameRange(self.start - self.handles, self.end + self.tail, step=self.step)

    @property
    def every_frame(self) -> range:
        """Every frame from the first to the last, without handles and whatever the step."""
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
            raise SettingInvalid(f"A picture of {self.width}x{self.height} pixels cannot be made.")

    @classmethod
    def parse(cls, text: str) -> Resolution:
        """Read "1920x1080"; raises SettingInvalid for anything else."""
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise SettingInvalid(f"{text!r} is not a resolution. Write it as 1920x1080.")
        return cls(int(match[1]), int(match[2]))

    @property
    def even(self) -> Resolution:
        """The nearest size that is not smaller and that yuv420p can hold."""
        return Resolution(self.width + self.width % 2, self.height + self.height % 2)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@attrs.frozen
class Frames:
    """A sequence of image files: ``/shots/sh010.%04d.png``, which frames of it are meant, rate and size."""

    pattern: str
    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution

    def path(self, frame: int) -> Path:
        """Where the picture of this frame lies, whether it exists or not."""
        return Path(_filled(self.pattern, frame))

    def __len__(self) -> int:
        return len(self.frame_range)

    def missing(self) -> tuple[int, ...]:
        """The frames of the range, handles included, that have no file or an empty one."""
        present = {frame for frame, size in _on_disk(self.pattern).items() if size}
        return tuple(frame for frame in self.frame_range.with_handles if frame not in present)


def find_frames(pattern: str) -> FrameRange:
    """Return the range from the first to the last frame that the pattern has on disk.

    The pattern holds the frame number as ``%04d`` or ``####``. Raises FramesMissing when no file fits it.
    """
    numbers = _on_disk(pattern)
    if not numbers:
        raise FramesMissing(f"No file fits {pattern}. Give the frames as name.%04d.png or name.####.png.")
    return FrameRange(min(numbers), max(numbers))


def is_sequence(pattern: str) -> bool:
    """Whether the file name stands for many files: it holds ``%04d`` or ``####``."""
    return _HOLDER.search(os.path.basename(pattern)) is not None  # noqa: PTH119 - a pattern is no path yet


def gather(paths: Iterable[Path]) -> list[str]:
    """Return what the files are: the pattern of each sequence, once, and the path of each film or single picture.

    One picture of a sequence stands for all that lie beside it, a folder for the pictures and films in it.
    """
    found: dict[str, None] = {}
    # Looked for once each: a folder may hold thousands of frames.
    sequences: dict[tuple[Path, str, str], str | None] = {}
    for path in paths:
        for file in _shown_in(path) if path.is_dir() else [path]:
            family = _family(file)
            if family is not None and family not in sequences:
                sequences[family] = _sequence(*family)
            found.setdefault((sequences[family] if family is not None else None) or str(file))
    return list(found)


def numbering(name: str) -> tuple[str, int, str] | None:
    """Return what stands before the frame number in a file name, the digits it is padded to, and what follows.

    >>> numbering("sh010.####.png"), numbering("sh010.%d.png"), numbering("sh010.png")
    (('sh010.', 4, '.png'), ('sh010.', 0, '.png'), None)
    """
    match = _HOLDER.search(name)
    if match is None:
        return None
    return name[: match.start()], len(match[2]) if match[2] else int(match[1] or 0), name[match.end() :]


def ranges(frames: tuple[int, ...]) -> str:
    """Write frame numbers for a person.

    >>> ranges((1001, 1002, 1003, 1010))
    '1001-1003, 1010'
    """
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _shown_in(folder: Path) -> list[Path]:
    """The pictures and films in a folder, without what is hidden: macOS puts ``._sh010.1001.exr`` on shares."""
    suffixes = IMAGE_SUFFIXES | FILM_SUFFIXES
    inside = (each for each in folder.iterdir() if each.suffix.lower() in suffixes and not each.name.startswith("."))
    return sorted(filter(Path.is_file, inside))


def _family(file: Path) -> tuple[Path, str, str] | None:
    """The folder, and what stands before and behind the number, of a picture that may be one of a sequence."""
    match = _NUMBERED.fullmatch(file.name)
    if match is None or file.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    before, _, after = match.groups()
    # A pattern cannot say that a percent sign is one.
    return None if "%" in before or "#" in before else (file.parent, before, after)


def _sequence(folder: Path, before: str, after: str) -> str | None:
    """The pattern of the pictures that differ in the number alone; None where there is only one."""
    fits = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    try:
        digits = [found[1] for other in os.scandir(folder) if (found := fits.fullmatch(other.name))]
    except OSError:
        return None
    if len(digits) < 2:
        return None
    padded = [len(each) for each in digits if each.startswith("0")]
    width = min(padded, default=min(map(len, digits)))
    return str(folder / f"{before}%0{width}d{after}")


def _filled(pattern: str, frame: int) -> str:
    folder, name = os.path.split(pattern)
    parts = numbering(name)
    if parts is None:
        return pattern
    before, width, after = parts
    # Blender and Maya pad the digits and put the sign before them: -0005.
    number = f"{'-' if frame < 0 else ''}{abs(frame):0{width}d}"
    return os.path.join(folder, before + number + after)  # noqa: PTH118


def _on_disk(pattern: str) -> dict[int, int]:
    """The frames that exist, and the size of each in bytes."""
    folder, name = os.path.split(pattern)
    parts = numbering(name)
    if parts is None:
        return {}
    before, width, after = parts
    fits = re.compile(rf"{re.escape(before)}(-?\d{{{max(width, 1)},}}){re.escape(after)}")
    try:
        with os.scandir(folder or ".") as entries:
            return {int(found[1]): entry.stat().st_size for entry in entries if (found := fits.fullmatch(entry.name))}
    except (FileNotFoundError, NotADirectoryError):
        return {}
