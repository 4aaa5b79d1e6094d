"""An installation folder that is created, replaced and removed as a whole.

Its ``installed.json`` lists the installed files: those in the folder with their sizes, others with their content.
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

from ft_dcc.errors import InstallFailed, StorageError
from ft_dcc.install.host_discovery import Python

RECORD = "installed.json"


@attrs.frozen
class Record:
    """An installation: the versions of the host that it serves, the release of ft-dcc and the files.

    ``files`` are the sizes in bytes of the files in the folder; ``beside`` the texts of files elsewhere, by absolute
    path; ``made`` are the parent folders that were created. ``python`` is the interpreter that installed it.
    """

    host: str
    release: str
    versions: tuple[str, ...]
    python: str
    beside: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, int] = attrs.field(factory=dict)
    made: tuple[str, ...] = ()


@attrs.frozen
class Target:
    """A folder to install into, for some versions of a host, and the files that belong outside of it.

    ``python`` is the oldest Python of these versions; ``program`` is the Blender that installs the extension itself;
    ``hints`` are further steps for the artist.
    """

    host: str
    folder: Path
    versions: tuple[str, ...]
    python: Python
    beside: Mapping[str, str] = attrs.field(factory=dict)
    hints: tuple[str, ...] = ()
    program: Path | None = None


def read_record(folder: Path) -> Record | None:
    """Return the record of the folder, or None; raise InstallFailed if it cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**{**found, "versions": tuple(found["versions"]), "made": tuple(found["made"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallFailed(f"{folder / RECORD} cannot be read: {error}. Delete {folder} and install again.") from error


def install_folder(folder: Path, fill: Callable[[Path], None], record: Record) -> Record:
    """Replace the folder by what ``fill`` writes, write the files of ``beside``, and return the complete record.

    Raises InstallFailed if files of others are in the way and StorageError if the folder is not writable; the earlier
    installation then stays.
    """
    before = read_record(folder)
    if before is not None and before.host != record.host:
        raise InstallFailed(f"{folder} is the installation for {before.host}. Choose another folder with --to.")
    if before is None and folder.exists() and any(folder.iterdir()):
        raise InstallFailed(
            f"{folder} exists and is not an installation of ft-dcc. Move it, or choose another folder with --to."
        )
    _check_beside(record.beside, before)
    made = _missing_parents(folder, *map(Path, record.beside))
    # An update may write files in further folders.
    made += tuple(above for above in (before.made if before is not None else ()) if above not in made)
    with _storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ft-dcc-", dir=folder.parent) as temporary:
            new = Path(temporary, "new")
            new.mkdir()
            fill(new)
            complete = attrs.evolve(record, files=_sizes(new), made=made)
            (new / RECORD).write_text(json.dumps(attrs.asdict(complete), indent=1), encoding="utf-8")
            if before is not None:
                remove_folder(folder, keep=record.beside)
            if folder.exists():
                raise InstallFailed(f"{folder} contains files of others. Move them and install again.")
            new.rename(folder)
        for path, text in record.beside.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
    return complete


def remove_folder(folder: Path, *, keep: Mapping[str, str] | None = None) -> list[Path]:
    """Remove the installed files and return those that were changed since and are kept."""
    record = read_record(folder)
    if record is None:
        return []
    left = []
    with _storage_errors(folder):
        for path, text in record.beside.items():
            if not _remove_unchanged(Path(path), text) and path not in (keep or {}):
                left.append(Path(path))
        for name in (*record.files, RECORD):
            (folder / name).unlink(missing_ok=True)
        _remove_empty(folder)
        for above in record.made:
            with contextlib.suppress(OSError):
                Path(above).rmdir()
    return [*left, *([folder] if folder.exists() else [])]


def damaged(folder: Path, record: Record) -> list[str]:
    """Return the missing or changed files: names in the folder, and paths outside of it."""
    changed = [name for name, size in record.files.items() if _size(folder / name) != size]
    return changed + [path for path, text in record.beside.items() if _text(Path(path)) != text]


def _missing_parents(*paths: Path) -> tuple[str, ...]:
    """Return the missing parent folders of these paths, innermost first."""
    above = {parent for path in paths for parent in path.parents if not parent.exists()}
    return tuple(str(parent) for parent in sorted(above, key=lambda parent: len(parent.parts), reverse=True))


def _check_beside(beside: Mapping[str, str], before: Record | None) -> None:
    installed = before.beside if before is not None else {}
    for path, text in beside.items():
        found = _text(Path(path))
        if found is not None and found not in (text, installed.get(path)):
            raise InstallFailed(
                f"{path} exists and is not a file of ft-dcc. Move it, or choose another folder with --to."
            )


def _remove_unchanged(path: Path, text: str) -> bool:
    found = _text(path)
    if found == text:
        path.unlink()
    return found in (text, None)


def _remove_empty(folder: Path) -> None:
    """Remove the ``__pycache__`` folders, and the folders that are then empty."""
    for parent, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            if name == "__pycache__":
                shutil.rmtree(Path(parent, name))
        with contextlib.suppress(OSError):
            # A folder with other files is kept.
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


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{folder} cannot be changed: {error.strerror or error}."
        raise StorageError(f"{what} Close the program that uses it, or choose another folder with --to.") from error
