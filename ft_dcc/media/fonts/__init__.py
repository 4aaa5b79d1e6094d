"""Choose the fonts of a text: the bundled one, and for other writing systems those of the setting or of the system.

A character that no font has is replaced, since libass would draw a box. The tables of the files are read here, because
libass finds a font of its folder by the name of its family only.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import os
import struct
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from ft_dcc.settings.resolve import read_settings, source_of

BUNDLED = Path(__file__).parent / "DejaVuSans.ttf"
REPLACEMENT = "?"
_SUFFIXES = frozenset((".otf", ".ttc", ".ttf"))
_FAMILY, _WINDOWS = 1, 3


@attrs.frozen
class FontFile:
    """A font: its file, the name of its family, and the ranges of its characters, sorted."""

    path: Path
    family: str
    starts: Sequence[int]
    ends: Sequence[int]

    def has(self, character: str) -> bool:
        """Return whether the font has a glyph of the character."""
        place = bisect.bisect_right(self.starts, ord(character)) - 1
        return place >= 0 and ord(character) <= self.ends[place]


@attrs.frozen
class FontChoice:
    """The fonts of a text in addition to the bundled one, by character, and the characters that no font has."""

    by_character: dict[str, FontFile] = attrs.field(factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the fonts, each once."""
        return tuple(dict.fromkeys(font.path for font in self.by_character.values()))

    def runs(self, text: str) -> Iterator[tuple[str | None, str]]:
        """Yield parts of the text with the family of each, None for the bundled font; missing characters are replaced.

        Characters without a width, such as joiners, stay with those before them.
        """
        run, family = "", None
        for character in text:
            shown = REPLACEMENT if character in self.missing else character
            font = self.by_character.get(shown)
            own = family if unicodedata.category(shown) in ("Cf", "Mn", "Mc") else font.family if font else None
            if own != family and run:
                yield family, run
                run = ""
            run, family = run + shown, own
        if run:
            yield family, run


def choose_fonts(texts: Iterable[str]) -> FontChoice:
    """Return the fonts for the texts; files are read only for characters that the bundled font does not have."""
    others = {character for text in texts for character in text if not character.isascii()}
    # Format and control characters are not drawn.
    left = {each for each in others if unicodedata.category(each) not in ("Cf", "Cc")}
    chosen: dict[str, FontFile] = {}
    for path in itertools.chain([BUNDLED], _font_files()):
        if not left:
            break
        font = read_font(path)
        if font is not None:
            covered = set(filter(font.has, left))
            left -= covered
            if path != BUNDLED:
                chosen.update(dict.fromkeys(covered, font))
    return FontChoice(chosen, tuple(sorted(left)))


def missing_remark(missing: Sequence[str]) -> str:
    """Return the sentence for the report about characters without a font, "" without one."""
    if not missing:
        return ""
    named = ", ".join(f"{character} (U+{ord(character):04X})" for character in missing[:10])
    return f"no font has {named}: install a Noto font, or set {source_of('fonts')} to a folder with one"


def _font_files() -> Iterator[Path]:
    """Yield the fonts of the setting, then those of the system, Noto first."""
    setting = read_settings().get("fonts")
    for folder in (setting or "").split(os.pathsep):
        if folder:
            yield from _files_in(Path(folder))
    system = [path for folder in _system_folders() for path in _files_in(folder)]
    # Regular weights first: a family has one name for several of them.
    yield from sorted(system, key=lambda path: ("Noto" not in path.name, "Regular" not in path.name, path.name))


def _files_in(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def _system_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home), "Microsoft", "Windows", "Fonts")
        return [Path(os.environ.get("SYSTEMROOT", "C:\\Windows"), "Fonts"), local]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    return [
        *(Path("/usr/share/fonts"), Path("/usr/local/share/fonts")),
        *(home / ".fonts", home / ".local" / "share" / "fonts"),
    ]


@functools.lru_cache(maxsize=256)
def read_font(path: Path) -> FontFile | None:
    """Return the first font of a TrueType or OpenType file, None if it cannot be read."""
    try:
        data = path.read_bytes()
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        (count,) = struct.unpack_from(">H", data, start + 4)
        tables = {
            data[place : place + 4]: struct.unpack_from(">I", data, place + 8)[0]
            for place in range(start + 12, start + 12 + 16 * count, 16)
        }
        ranges = sorted(_ranges(data, tables[b"cmap"]))
        return FontFile(path, _family(data, tables[b"name"]), [one for one, _ in ranges], [two for _, two in ranges])
    except (OSError, KeyError, ValueError, struct.error):
        return None


def _family(data: bytes, table: int) -> str:
    """Return the name of the family from the table "name"."""
    _, count, strings = struct.unpack_from(">3H", data, table)
    for number in range(count):
        platform, _, language, kind, length, offset = struct.unpack_from(">6H", data, table + 6 + 12 * number)
        if (platform, kind) == (_WINDOWS, _FAMILY) and language in (0x409, 0):
            start = table + strings + offset
            return data[start : start + length].decode("utf-16-be")
    raise ValueError("The font has no name.")


def _ranges(data: bytes, table: int) -> list[tuple[int, int]]:
    """Return the ranges of characters from the Unicode subtables of the table "cmap"."""
    (count,) = struct.unpack_from(">H", data, table + 2)
    found: set[tuple[int, int]] = set()
    for number in range(count):
        platform, _, offset = struct.unpack_from(">HHI", data, table + 4 + 8 * number)
        place = table + offset
        (form,) = struct.unpack_from(">H", data, place)
        if platform in (0, _WINDOWS) and form == 12:
            (groups,) = struct.unpack_from(">I", data, place + 12)
            found |= {struct.unpack_from(">II", data, place + 16 + 12 * group) for group in range(groups)}
        elif platform in (0, _WINDOWS) and form == 4:
            size = struct.unpack_from(">H", data, place + 6)[0]
            ends = struct.unpack_from(f">{size // 2}H", data, place + 14)
            starts = struct.unpack_from(f">{size // 2}H", data, place + 16 + size)
            found |= {(start, end) for start, end in zip(starts, ends) if start != 0xFFFF}
    return _joined(found)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges sorted, overlapping ones as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
