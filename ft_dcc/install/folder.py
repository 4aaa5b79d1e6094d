"""A folder of our own on somebody's machine: put there whole, replaced whole, removed without a trace.

``installed.json`` in it says what is ours: the files in the folder, and the few beside it, with their content.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import DiskUnusable, InstallFailed

RECORD = "installed.json"


@attrs.frozen
class Record:
    """What was installed: for which versions of the host, by which ft-dcc, and which files.

    ``files`` are the sizes in bytes of the files in the folder; ``beside`` the texts of files elsewhere, by absolute
    path; ``made`` the folders above that were not there before. ``python`` is the program that installed it.
    """

    host: str
    release: str
    versions: tuple[str, ...]
    python: str
    beside: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, int] = attrs.field(factory=dict)
    made: tuple[str, ...] = ()


def read_record(folder: Path) -> Record | None:
    """Return what is installed in the folder, or None; raises InstallFailed when its record cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**{**found, "versions": tuple(found["versions"]), "made": tuple(found["made"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallFailed(f"{folder / RECORD} cannot be read: {error}. Remove {folder} and install again.") from error


def put(folder: Path, fill: Callable[[Path], None], record: Record) -> Record:
    """The folder holds what ``fill`` makes and nothing of an earlier installation; ``beside`` is written, too.

    Raises InstallFailed where something lies that is not ours, DiskUnusable where nothing can be written; what was
    there before then stays.
    """
    before = read_record(folder)
    if before is not None and before.host != record.host:
        raise InstallFailed(f"{folder} is what {before.host} uses. Choose another folder with --to.")
    if before is None and folder.exists() and any(folder.iterdir()):
        raise InstallFailed(f"{folder} is there and not an installation of ours. Move it away, or choose with --to.")
    _check_beside(record.beside, before)
    made = before.made if before is not None else _missing(folder, *map(Path, record.beside))
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ft-dcc-", dir=folder.parent) as unfinished:
            new = Path(unfinished, "new")
            new.mkdir()
            fill(new)
            whole = attrs.evolve(record, files=_sizes(new), made=made)
            _write_record(new, whole)
            if before is not None:
                remove(folder, keep=record.beside)
            if folder.exists():
                raise InstallFailed(f"{folder} holds files that are not ours. Move them away and install again.")
            new.rename(folder)
        for path, text in record.beside.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
    return whole


def remove(folder: Path, *, keep: Mapping[str, str] | None = None) -> list[Path]:
    """What is ours is gone; return what was changed since and so was left: nothing of anybody else's is touched."""
    record = read_record(folder)
    if record is None:
        return []
    left = []
    with _naming(folder):
        for path, text in record.beside.items():
            if not _remove_if(Path(path), text) and path not in (keep or {}):
                left.append(Path(path))
        for name in (*record.files, RECORD):
            (folder / name).unlink(missing_ok=True)
        _remove_empty(folder)
        for above in record.made:
            with contextlib.suppress(OSError):
                Path(above).rmdir()
    return [*left, *([folder] if folder.exists() else [])]


def damaged(folder: Path, record: Record) -> list[str]:
    """What is missing or changed: names in the folder, and paths beside it."""
    wrong = [name for name, size in record.files.items() if _size(folder / name) != size]
    return wrong + [path for path, text in record.beside.items() if _text(Path(path)) != text]


def _missing(*paths: Path) -> tuple[str, ...]:
    """The folders above these paths that are not there, the innermost first."""
    above = {parent for path in paths for parent in path.parents if not parent.exists()}
    return tuple(str(parent) for parent in sorted(above, key=lambda parent: len(parent.parts), reverse=True))


def _check_beside(beside: Mapping[str, str], before: Record | None) -> None:
    ours = before.beside if before is not None else {}
    for path, text in beside.items():
        there = _text(Path(path))
        if there is not None and there not in (text, ours.get(path)):
            raise InstallFailed(f"{path} is there and not ours. Move it away, or choose another folder with --to.")


def _remove_if(path: Path, text: str) -> bool:
    there = _text(path)
    if there == text:
        path.unlink()
    return there in (text, None)


def _remove_empty(folder: Path) -> None:
    """Remove what Python made of our files, and the folders that then are empty."""
    for parent, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            if name == "__pycache__":
                shutil.rmtree(Path(parent, name))
        with contextlib.suppress(OSError):
            # One that holds somebody's file stays.
            Path(parent).rmdir()


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write_record(folder: Path, record: Record) -> None:
    (folder / RECORD).write_text(json.dumps(attrs.asdict(record), indent=1), encoding="utf-8")


@contextlib.contextmanager
def _naming(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{folder} cannot be changed: {error.strerror or error}."
        raise DiskUnusable(f"{what} Close the program that uses it, or choose another folder with --to.") from error
