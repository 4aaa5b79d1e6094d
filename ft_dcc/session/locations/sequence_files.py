"""The files of a sequence that is named by one text. Only scripts that upload sequences import clique."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ft_dcc.errors import OperationError
from ft_dcc.files import sequences


def is_sequence(path: str | os.PathLike[str]) -> bool:
    """Return whether a path stands for a sequence: ``head.%04d.exr [1-5, 7]``, ``head.%04d.exr`` or ``head.####.exr``.

    The path of an existing file is never a sequence.
    """
    import clique

    text = os.fspath(path)
    if Path(text).is_file():
        return False
    try:
        clique.parse(text)
    except ValueError:
        return sequences.is_sequence(text)
    return True


def sequence_files(path: str | os.PathLike[str]) -> Sequence[str]:
    """Return the files of a sequence in the order of their numbers; without a range, those on disk.

    Raises OperationError if one of them is missing or empty, or if there are none.
    """
    import clique

    text = os.fspath(path)
    try:
        files = list(clique.parse(text))
    except ValueError:
        files = _files_on_disk(text)
    missing = [file for file in files if not Path(file).is_file() or not Path(file).stat().st_size]
    if missing or not files:
        problem = f"{missing[0]} is missing or empty" if missing else "no file has this name"
        raise OperationError(f"The sequence {text} cannot be added: {problem}. Render it, or name other files.")
    return files


def frame_number(file: str) -> str:
    """Return the last number in the name of a file, with its leading zeros, or the name."""
    found = re.findall(r"\d+", Path(file).stem)
    return str(found[-1]) if found else Path(file).stem


def _files_on_disk(pattern: str) -> list[str]:
    folder, name = os.path.split(pattern)
    parts = sequences.split_frame_number(name)
    if parts is None or not Path(folder or ".").is_dir():
        return []
    before, width, after = parts
    numbered = re.compile(rf"{re.escape(before)}(-?\d{{{max(width, 1)},}}){re.escape(after)}")
    names = [each.name for each in Path(folder or ".").iterdir()]
    found = {int(match[1]): each for each in names if (match := numbered.fullmatch(each))}
    return [str(Path(folder, found[number])) for number in sorted(found)]
