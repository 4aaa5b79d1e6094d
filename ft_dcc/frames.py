"""Frame ranges, frame rates, resolutions and image sequences on disk.

Frame numbers are integers and a rate is an exact fraction; they are converted to seconds only to seek in a movie.
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

# The broadcast rates are N*1000/1001 by definition (SMPTE ST 12-1); hosts and movies contain rounded values.
_NTSC_RATES = (24, 30, 48, 60, 120)
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?(?:x(\d+))?(?:\+(\d+)(?:\+(\d+))?)?")
_SIZE = re.compile(r"(\d+)\s*[xX]\s*(\d+)")
_PLACEHOLDER = re.compile(r"%0?(\d*)d|(#+)")
# Of Maya and Katana, of Houdini, and of Cinema 4D and others.
_OTHER_PLACEHOLDER = re.compile(r"(@+)(?=\.\w+$)|\$F(\d+)|<frame0?(\d+)>")
_NUMBERED = re.compile(r"(.*?)(\d+)(\.\w+)")
# A minus between a separator and the number is its sign; after a letter it separates the number.
_SIGN = re.compile(r"(^|[._ ])-$")
# Of Nuke: the name of a stereo view, or its first letter.
_VIEW = re.compile(r"%[vV]")
# Formats of single images.
IMAGE_SUFFIXES = frozenset((".bmp", ".cin", ".dpx", ".exr", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"))
# Formats of movies; other files in a folder are ignored.
MOVIE_SUFFIXES = frozenset(
    (
        *(".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"),
    )
)

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

    ``tail`` is the number of handle frames after the last frame, by default the same as before the first. With a
    ``step`` of 2 every second frame exists, counted from the first frame with handles; length and iteration include
    these frames only.

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
            raise SettingInvalid(
                f"The range {self.start}-{self.end} ends before it starts. Give the first frame first."
            )
        if min(self.handles, self.tail) < 0:
            raise SettingInvalid(f"A range cannot have {min(self.handles, self.tail)} handle frames. Give 0 or more.")
        if self.step < 1:
            raise SettingInvalid(f"A range cannot have a step of {self.step} frames. Give 1 or more.")

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Parse "1001-1100", "1001-1100+8", "1001-1100x2+8+4", "-10-5" or "7".

        Raises SettingInvalid for other text.
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
    """A sequence of image files: its pattern, as ``/shots/sh010.%04d.png``, range, rate and resolution.

    ``pixel_aspect`` is the width of a pixel by its height; None means what the files contain.
    """

    pattern: str
    frame_range: FrameRange
    fps: Fraction
    resolution: Resolution
    pixel_aspect: Fraction | None = None

    def path(self, frame: int) -> Path:
        """Return the path of a frame, whether it exists or not."""
        return Path(_frame_path(self.pattern, frame))

    def __len__(self) -> int:
        return len(self.frame_range)

    def missing(self) -> tuple[int, ...]:
        """Return the frames of the range, handles included, whose files are missing or empty."""
        present = {frame for frame, size in _file_sizes(self.pattern).items() if size}
        return tuple(frame for frame in self.frame_range.with_handles if frame not in present)


def find_frames(pattern: str) -> FrameRange:
    """Return the range from the first to the last frame on disk.

    The pattern contains the frame number as ``%04d`` or ``####``. Raises FramesMissing if no file matches.
    """
    numbers = _file_sizes(pattern)
    if not numbers:
        folder = os.path.dirname(pattern)  # noqa: PTH120 - a pattern is not a path
        if folder and not os.path.isdir(folder):  # noqa: PTH112
            raise FramesMissing(f"The folder {folder} does not exist.")
        raise FramesMissing(f"No file matches {pattern}. Give the frames as name.%04d.png or name.####.png.")
    return FrameRange(min(numbers), max(numbers))


def is_sequence(pattern: str) -> bool:
    """Return whether the file name contains a frame number placeholder, ``%04d`` or ``####``.

    A file that exists under the name is one file, such as "shot#1.png".
    """
    if _PLACEHOLDER.search(os.path.basename(pattern)) is None:  # noqa: PTH119 - a pattern is not a path
        return False
    return not os.path.isfile(pattern)  # noqa: PTH113


def find_sequences(paths: Iterable[Path]) -> list[str]:
    """Return the sources that the paths name: patterns of sequences, and paths of movies and single images.

    One image of a sequence selects the whole sequence; a folder selects the images and movies in it.
    """
    found: dict[str, None] = {}
    # Each sequence is searched once: a folder may contain thousands of frames.
    sequences: dict[tuple[Path, str, str], str | None] = {}
    for path in paths:
        for file in _media_files(path) if path.is_dir() else [path]:
            key = _sequence_key(file)
            if key is not None and key not in sequences:
                sequences[key] = _sequence(*key)
            found.setdefault((sequences[key] if key is not None else None) or str(file))
    return list(found)


def join_sequences(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the sources, with images of one sequence replaced by its pattern if several of them are given.

    A range after a pattern, as Nuke writes it, stays with the pattern. ``%V`` gives one source for each view on disk.

    >>> join_sequences(["sh.1001.png", "a.mov", "sh.1002.png", "b.1.png", "c.@@@@.png", "1-5"])
    ('sh.%04d.png', 'a.mov', 'b.1.png', 'c.####.png 1-5')
    """
    given: list[str] = []
    for source in sources:
        standard = with_standard_placeholder(source)
        if given and is_sequence(given[-1]) and _RANGE.fullmatch(source) and not os.path.exists(source):  # noqa: PTH110
            given[-1] = f"{given[-1]} {source}"
        else:
            given += expand_views(standard)
    members: dict[tuple[Path, str, str], list[str]] = {}
    for source in given:
        key = _sequence_key(Path(source))
        if key is not None:
            members.setdefault(key, []).append(source)
    found: dict[str, None] = {}
    for source in given:
        key = _sequence_key(Path(source))
        if key is None or len(set(members[key])) < 2:
            found.setdefault(source)
            continue
        width = _padding([_digits(each, key) for each in members[key]])
        found.setdefault(str(key[0] / f"{key[1]}%0{width}d{key[2]}"))
    return tuple(found)


def split_range(source: str) -> tuple[str, FrameRange | None]:
    """Return a source and the range that follows its pattern, None without one.

    >>> split_range("sh.%04d.exr 1001-1010")
    ('sh.%04d.exr', FrameRange(start=1001, end=1010, handles=0, tail=0, step=1))
    """
    pattern, _, text = source.rpartition(" ")
    if not pattern or _RANGE.fullmatch(text) is None or not is_sequence(pattern):
        return source, None
    return pattern, FrameRange.parse(text)


def expand_views(source: str) -> list[str]:
    """Return a source for each view whose files exist, in place of ``%V`` or ``%v``; the source if there is none."""
    folder, name = os.path.split(source)
    if _VIEW.search(name) is None or os.path.exists(source):  # noqa: PTH110 - a pattern is not a path
        return [source]
    try:
        found = [re.fullmatch(_view_expression(name), each) for each in os.listdir(folder or ".")]  # noqa: PTH208 - text
    except OSError:
        return [source]
    views = sorted({match[1] for match in found if match})
    return [os.path.join(folder, _VIEW.sub(view, name)) for view in views] or [source]  # noqa: PTH118


def _view_expression(name: str) -> str:
    """Return the expression of the files of a pattern with views; its first group is the view."""
    before, _, after = split_frame_number(name) or (name, 0, None)
    text = before if after is None else f"{before}\0{after}"
    pieces = [re.escape(piece).replace(re.escape("\0"), r"-?\d+") for piece in _VIEW.split(text)]
    return pieces[0] + r"(\w+?)" + r"(?:\1)".join(pieces[1:])


def _digits(source: str, key: tuple[Path, str, str]) -> str:
    """Return the number in the name of an image, with its sign."""
    name = Path(source).name
    return name[len(key[1]) : len(name) - len(key[2])]


def with_standard_placeholder(source: str) -> str:
    """Return a source with the frame number of other programs, @@@@, $F4 or <frame04>, as ``####`` or ``%04d``.

    A file that exists under the name is left as it is.

    >>> with_standard_placeholder("sh.$F4.exr"), with_standard_placeholder("sh.<frame04>.exr")
    ('sh.%04d.exr', 'sh.%04d.exr')
    """
    folder, name = os.path.split(source)
    if is_sequence(source) or os.path.exists(source):  # noqa: PTH110 - a pattern is not a path
        return source
    name = _OTHER_PLACEHOLDER.sub(
        lambda found: "#" * len(found[1]) if found[1] else f"%0{found[2] or found[3]}d", name, 1
    )
    return os.path.join(folder, name)  # noqa: PTH118


def split_frame_number(name: str) -> tuple[str, int, str] | None:
    """Return the part of a file name before the frame number, the padding, and the part after; None without one.

    >>> split_frame_number("sh010.####.png"), split_frame_number("sh010.%d.png")
    (('sh010.', 4, '.png'), ('sh010.', 0, '.png'))
    """
    # The last one: "shot#1.%04d.png" has its number before the suffix.
    match = next(reversed(list(_PLACEHOLDER.finditer(name))), None)
    if match is None:
        return None
    return name[: match.start()], len(match[2]) if match[2] else int(match[1] or 0), name[match.end() :]


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


def _media_files(folder: Path) -> list[Path]:
    """Return the images and movies in a folder, without hidden files such as ``._sh010.1001.exr`` of macOS."""
    suffixes = IMAGE_SUFFIXES | MOVIE_SUFFIXES
    inside = (each for each in folder.iterdir() if each.suffix.lower() in suffixes and not each.name.startswith("."))
    return sorted(filter(Path.is_file, inside))


def _sequence_key(file: Path) -> tuple[Path, str, str] | None:
    """Return folder, prefix and suffix of an image with a frame number, or None."""
    match = _NUMBERED.fullmatch(file.name)
    if match is None or file.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    before, _, after = match.groups()
    return file.parent, before[:-1] if _SIGN.search(before) else before, after


def _sequence(folder: Path, before: str, after: str) -> str | None:
    """Return the pattern of the images that differ in the number only, or None for a single image."""
    name_pattern = re.compile(rf"{re.escape(before)}({_number(before)}){re.escape(after)}")
    try:
        digits = [found[1] for other in os.scandir(folder) if (found := name_pattern.fullmatch(other.name))]
    except OSError:
        return None
    if len(digits) < 2:
        return None
    return str(folder / f"{before}%0{_padding(digits)}d{after}")


def _number(before: str) -> str:
    """Return the expression of a frame number after this part of the name."""
    return r"-?\d+" if not before or before[-1] in "._ " else r"\d+"


def _padding(numbers: list[str]) -> int:
    """Return the width of the numbers: that of one with a leading zero, else of the shortest one."""
    positive = [each for each in numbers if not each.startswith("-")] or [each.lstrip("-") for each in numbers]
    return min((len(each) for each in positive if each.startswith("0")), default=min(map(len, positive)))


def _frame_path(pattern: str, frame: int) -> str:
    folder, name = os.path.split(pattern)
    parts = split_frame_number(name)
    if parts is None:
        return pattern
    before, width, after = parts
    # Blender and Maya write the sign before the padded digits: -0005. Others count it as a digit: -005.
    path = os.path.join(folder, f"{before}{'-' if frame < 0 else ''}{abs(frame):0{width}d}{after}")  # noqa: PTH118
    if frame >= 0 or os.path.exists(path):  # noqa: PTH110
        return path
    shorter = os.path.join(folder, f"{before}{frame:0{width}d}{after}")  # noqa: PTH118
    return shorter if os.path.exists(shorter) else path  # noqa: PTH110


def _file_sizes(pattern: str) -> dict[int, int]:
    """Return the size in bytes of each frame on disk."""
    folder, name = os.path.split(pattern)
    parts = split_frame_number(name)
    if parts is None:
        return {}
    before, width, after = parts
    digits = max(width, 1)
    number = rf"\d{{{digits},}}|-\d{{{max(digits - 1, 1)},}}"
    name_pattern = re.compile(rf"{re.escape(before)}({number}){re.escape(after)}")
    try:
        with os.scandir(folder or ".") as entries:
            return {
                int(found[1]): entry.stat().st_size
                for entry in entries
                if (found := name_pattern.fullmatch(entry.name))
            }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FramesMissing(f"The folder {folder} of the frames {name} cannot be read: {reason}.") from error
