"""Names of image sequences, with the frame number as ``%04d`` or ``####``, and of movies on disk."""

from __future__ import annotations

import collections
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ft_dcc.errors import FramesMissing

# A range as text, which may follow a pattern: first, last, step, handles before and after.
FRAME_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?(?:x(\d+))?(?:\+(\d+)(?:\+(\d+))?)?")
_PLACEHOLDER = re.compile(r"%0?(\d*)d|(#+)")
# Of Maya and Katana, of Houdini, and of Cinema 4D and others.
_OTHER_PLACEHOLDER = re.compile(r"(@+)(?=\.\w+$)|\$F(\d+|(?!\w))|<frame0?(\d+)>")
_INNER_NUMBER = re.compile(r"(?<![^._])\d+(?=[._])")
# What stands before the number of a version or before the height of an image.
_NO_FRAME = re.compile(r"(?:(?:^|[._ -])[vV]|\d[xX])$")
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
_MEDIA_SUFFIXES = IMAGE_SUFFIXES | MOVIE_SUFFIXES
# In a block of folders_read_once(): the sorted names in each folder, and the sizes of the frames of each pattern.
_known = threading.local()


@contextmanager
def folders_read_once() -> Iterator[None]:
    """Read each folder once in the block, which does not see later changes: many sequences may share a folder."""
    before, _known.folders = getattr(_known, "folders", None), {}
    try:
        yield
    finally:
        _known.folders = before


def is_sequence(pattern: str) -> bool:
    """Return whether the name has a ``%04d`` or ``####`` and is not an existing file, such as "shot#1.png"."""
    if _PLACEHOLDER.search(os.path.basename(pattern)) is None:  # noqa: PTH119 - a pattern is not a path
        return False
    return not os.path.isfile(pattern)  # noqa: PTH113


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


def with_standard_placeholder(source: str) -> str:
    """Return a source with the frame number of other programs, @@@@, $F4, $F or <frame04>, as ``####`` or ``%04d``.

    A file that exists under the name is left as it is.

    >>> with_standard_placeholder("sh.$F4.exr"), with_standard_placeholder("sh.<frame04>.exr")
    ('sh.%04d.exr', 'sh.%04d.exr')
    """
    folder, name = os.path.split(source)
    if is_sequence(source) or os.path.exists(source):  # noqa: PTH110 - a pattern is not a path
        return source

    def standard(found: re.Match[str]) -> str:
        if found[1]:
            return "#" * len(found[1])
        width = found[2] or found[3]
        return f"%0{width}d" if width else "%d"

    return os.path.join(folder, _OTHER_PLACEHOLDER.sub(standard, name, 1))  # noqa: PTH118


def expand_views(source: str) -> list[str]:
    """Return a source for each view whose files exist, in place of ``%V`` or ``%v``; the source if there is none."""
    folder, name = os.path.split(source)
    if _VIEW.search(name) is None or os.path.exists(source):  # noqa: PTH110 - a pattern is not a path
        return [source]
    before, _, after = split_frame_number(name) or (name, 0, None)
    text = before if after is None else f"{before}\0{after}"
    pieces = [re.escape(piece).replace(re.escape("\0"), r"-?\d+") for piece in _VIEW.split(text)]
    # The first group is the view.
    expression = pieces[0] + r"(\w+?)" + r"(?:\1)".join(pieces[1:])
    try:
        found = [re.fullmatch(expression, each) for each in os.listdir(folder or ".")]  # noqa: PTH208 - text
    except OSError:
        return [source]
    views = sorted({match[1] for match in found if match})
    return [os.path.join(folder, _VIEW.sub(view, name)) for view in views] or [source]  # noqa: PTH118


def find_sequences(paths: Iterable[Path]) -> list[str]:
    """Return patterns and files that the paths name; one image selects its sequence, a folder all media in it."""
    found: dict[str, None] = {}
    # Each folder is read once: it may contain many thousands of frames.
    patterns: dict[Path, dict[str, str]] = {}
    for path in paths:
        folder, names = path.parent, [path.name]
        if path.is_dir():
            folder = path
            with os.scandir(path) as entries:
                names = sorted(each.name for each in entries if _is_media(each.name) and each.is_file())
            patterns[folder] = _patterns(names)
        elif folder not in patterns:
            patterns[folder] = {}
            with suppress(OSError):
                patterns[folder] = _patterns(name for _, name, _ in _files_in(str(folder)))
        found.update((str(folder / name), None) for name in dict.fromkeys(map(patterns[folder].get, names, names)))
    return list(found)


def _is_media(name: str) -> bool:
    # Not a hidden file such as ._sh010.1001.exr of macOS.
    return name[0] != "." and name[name.rfind(".") :].lower() in _MEDIA_SUFFIXES


def join_sequences(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the sources, with images of one sequence replaced by its pattern if several of them are given.

    A range after a pattern, as Nuke writes it, stays with the pattern. ``%V`` gives one source for each view on disk.

    >>> join_sequences(["sh.1001.png", "a.mov", "sh.1002.png", "b.1.png", "c.@@@@.png", "1-5"])
    ('sh.%04d.png', 'a.mov', 'b.1.png', 'c.####.png 1-5')
    """
    given: list[str] = []
    for source in sources:
        standard = with_standard_placeholder(source)
        if given and is_sequence(given[-1]) and FRAME_RANGE.fullmatch(source) and not os.path.exists(source):  # noqa: PTH110
            given[-1] = f"{given[-1]} {source}"
        else:
            given += expand_views(standard)
    names: dict[Path, list[str]] = {}
    for source in given:
        names.setdefault(Path(source).parent, []).append(Path(source).name)
    patterns = {folder: _patterns(inside) for folder, inside in names.items()}
    found: dict[str, None] = {}
    for source in given:
        path = Path(source)
        name = patterns[path.parent].get(path.name)
        found.setdefault(source if name is None else str(path.parent / name))
    return tuple(found)


def frame_path(pattern: str, frame: int) -> str:
    """Return the path of a frame, whether it exists or not; the pattern itself if it has no placeholder."""
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


def frame_sizes(pattern: str) -> dict[int, int]:
    """Return the size in bytes of each frame on disk; raise FramesMissing for a folder that cannot be read."""
    folder, name = os.path.split(pattern)
    parts = split_frame_number(name)
    if parts is None:
        return {}
    before, width, after = parts
    digits = max(width, 1)
    # More digits than the padding have no leading zero: "sh.#.png" does not name "sh.0001.png".
    number = rf"\d{{{digits}}}|[1-9]\d{{{digits},}}|-\d{{{max(digits - 1, 1)},}}"
    known: dict[str, Any] | None = getattr(_known, "folders", None)
    if known is not None and pattern in known:
        sizes: dict[int, int] = known[pattern]
        return sizes
    try:
        sizes, beginning = {}, os.path.join(folder, "")  # noqa: PTH118 - text, for many thousands of files
        for found, file, size in _numbered(folder, before, number, after):
            try:
                sizes[int(found)] = os.stat(beginning + file).st_size if size is None else size  # noqa: PTH116
            except FileNotFoundError:
                # A link to a file that does not exist is a missing frame, as is a file deleted meanwhile.
                continue
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FramesMissing(f"The folder {folder} of the frames {name} cannot be read: {reason}.") from error
    if known is not None:
        known[pattern] = sizes
    return sizes


def padded_pattern(pattern: str) -> str | None:
    """Return the pattern with the padding of the files on disk, as "sh.####.png", None if there are none."""
    folder, name = os.path.split(pattern)
    parts = split_frame_number(name)
    if parts is None:
        return None
    before, _, after = parts
    numbers: list[str] = []
    with suppress(OSError):
        numbers += (found for found, _, _ in _numbered(folder, before, r"\d+", after))
    return f"{before}{'#' * _padding(numbers)}{after}" if numbers else None


def _numbered(folder: str, before: str, number: str, after: str) -> Iterator[tuple[str, str, int | None]]:
    """Yield the number as text, the name and the size, if it is known, of each file with these parts; raise OSError."""
    known, prefix = getattr(_known, "folders", None), _comparable(before)
    name_pattern = re.compile(rf"{re.escape(prefix)}({number}){re.escape(_comparable(after))}")
    if known is None:
        files = _files_in(folder or ".")
    else:
        # Imported late: the session is to load little.
        from bisect import bisect_left

        listed = known[folder] if folder in known else known.setdefault(folder, sorted(_files_in(folder or ".")))
        first, last = bisect_left(listed, (prefix,)), bisect_left(listed, (f"{prefix}\U0010ffff",))
        files = iter(listed[first:last])
    for comparable, name, size in files:
        if found := name_pattern.fullmatch(comparable):
            yield found[1], name, size


def _files_in(folder: str) -> Iterator[tuple[str, str, int | None]]:
    # The comparable name, the name, and the size where the system reads it with the name.
    with os.scandir(folder) as entries:
        for entry in entries:
            is_known = sys.platform == "win32" and not entry.is_symlink()
            yield _comparable(entry.name), entry.name, entry.stat().st_size if is_known else None


def _comparable(name: str) -> str:
    """Return the name as its file system compares it: Windows and macOS ignore case, macOS the form of accents, too."""
    if sys.platform == "darwin":
        # Imported late: the session is to load little.
        import unicodedata

        name = unicodedata.normalize("NFC", name)
    return name.casefold() if sys.platform in ("darwin", "win32") else name


def _patterns(names: Iterable[str]) -> dict[str, str]:
    """Return the pattern of each image that differs from others in one number only, the last such number."""
    members: dict[tuple[str, str], list[str]] = {}
    # Most names have the number before the suffix; the search for others is slow for a million files.
    last = {name: _last_number(name) for name in names}
    counts = collections.Counter(last.values())
    others: dict[str, list[tuple[str, str]]] = {}
    for name, key in last.items():
        if key is not None and counts[key] > 1:
            members.setdefault(key, []).append(name)
        else:
            others[name] = [*([] if key is None else [key]), *_inner_numbers(name)]
    # "sh_010_1001_a.png" and "sh_010_1002_a.png" are frames of the shot 010.
    inner = collections.Counter(key for candidates in others.values() for key in candidates)
    for name, candidates in others.items():
        key = next((key for key in candidates if inner[key] > 1), None)
        if key is not None:
            members.setdefault(key, []).append(name)
    patterns = {}
    for (before, after), inside in members.items():
        # A single image may remain whose other numbers are in another sequence.
        if len(inside) > 1:
            width = _padding([name[len(before) : len(name) - len(after)] for name in inside])
            patterns.update(dict.fromkeys(inside, f"{before}%0{width}d{after}"))
    return patterns


def _last_number(name: str) -> tuple[str, str] | None:
    """Return the parts of an image's name around the number directly before its suffix, if it can be a frame."""
    # That of a version, "v002", or of a size, "1920x1080", is none.
    stem, suffix = name[: name.rfind(".")], name[name.rfind(".") :]
    before = stem.rstrip("0123456789")
    if len(before) == len(stem) or suffix.lower() not in IMAGE_SUFFIXES:
        return None
    end = before[-1:]
    if end in ("v", "V", "x", "X") and _NO_FRAME.search(before):
        return None
    return (before[:-1] if end == "-" and _SIGN.search(before) else before, suffix)


def _inner_numbers(name: str) -> list[tuple[str, str]]:
    """Return the parts of an image's name around each number between dots and underscores, the last first."""
    suffix = name[name.rfind(".") :]
    if suffix.lower() not in IMAGE_SUFFIXES:
        return []
    parts = ((name[: found.start()], name[found.end() :]) for found in reversed(list(_INNER_NUMBER.finditer(name))))
    # The last placeholder of a pattern is the number.
    return [(before, after) for before, after in parts if after != suffix and not _PLACEHOLDER.search(after)]


def _padding(numbers: list[str]) -> int:
    """Return the width of the numbers: that of one with a leading zero, else of the shortest one."""
    positive = [each for each in numbers if not each.startswith("-")] or [each.lstrip("-") for each in numbers]
    return min((len(each) for each in positive if each.startswith("0")), default=min(map(len, positive)))
