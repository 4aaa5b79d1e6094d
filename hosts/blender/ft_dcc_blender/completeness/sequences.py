"""Numbered files: which of them a captured range needs, as Blender calculates it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Blender counts with the last digits before the extension.
_NUMBER = re.compile(r"(\d+)(\D*)$")


class NumberedFiles:
    """The files of a sequence that exist, found by the name of one of them, which need not exist itself."""

    def __init__(self, file: Path) -> None:
        number = _NUMBER.search(file.stem)
        self.is_numbered = number is not None
        start, end = (number.start(1), number.end(1)) if number is not None else (len(file.stem), len(file.stem))
        head, tail = file.stem[:start], file.stem[end:] + file.suffix
        self._digits = end - start
        self.number = int(number[1]) if number is not None else 0
        self.found = _numbers(file.parent, head, tail, self._digits)

    def missing(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Return those of the numbers that have no file."""
        return tuple(sorted({max(0, number) for number in numbers} - self.found))


def _numbers(folder: Path, head: str, tail: str, digits: int) -> set[int]:
    pattern = re.compile(rf"{re.escape(os.path.normcase(head))}(\d+){re.escape(os.path.normcase(tail))}")
    names = [os.path.normcase(file.name) for file in folder.iterdir()] if folder.is_dir() else []
    matches = map(pattern.fullmatch, names)
    # Blender fills numbers with zeros to the digits of the named file: 1 is not 0001.
    return {int(match[1]) for match in matches if match and match[1] == f"{int(match[1]):0{digits}d}"}


def image_number(user: Any, frame: int) -> int:
    """Return the number of the file that an image user shows at a frame."""
    length = max(1, user.frame_duration)
    place = frame - user.frame_start + 1
    if user.use_cyclic:
        place = (place - 1) % length + 1
    # Before its start, Blender shows the file before the first one.
    return int(min(max(place, 0), length) + user.frame_offset)


def volume_number(volume: Any, frame: int) -> int | None:
    """Return the number of the file that a volume shows at a frame, or None if it shows none."""
    length, place = volume.frame_duration, frame - volume.frame_start + 1
    mode = volume.sequence_mode
    if length == 0 or (mode == "CLIP" and not 1 <= place <= length):
        return None
    if mode == "REPEAT":
        place = (place - 1) % length + 1
    elif mode == "PING_PONG":
        place = (place - 1) % max(1, 2 * length - 2) + 1
        place = 2 * length - place if place > length else place
    return int(min(max(place, 1), length) + volume.frame_offset)
