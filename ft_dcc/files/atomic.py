"""Write a file under a temporary name and move it to its own, so that no reader sees half of it; temporary folders."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ft_dcc.errors import StorageError

_RETRY_SECONDS, _RETRY_INTERVAL_SECONDS = 2, 0.05


@contextlib.contextmanager
def atomic_path(target: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary path beside the target, and move the file there to the target when the block succeeds.

    ``suffix`` ends the temporary name, for programs that choose a format by it. The target survives a power cut from
    then on if the file was flushed to disk. When the block raises, the target stays as it was and the temporary file
    is removed. Raises OSError.
    """
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}{suffix}")
    with removed_afterwards(temporary):
        yield temporary
        replace(temporary, target)
        sync_folder(target.parent)


def replace(source: Path, target: Path) -> None:
    """Move over the target, for 2 seconds while Windows refuses because another program holds it; raises OSError."""
    _retry(partial(source.replace, target))


def rename(source: Path, target: Path) -> None:
    """Move a file or folder as ``replace`` does, except that Windows raises FileExistsError for an existing target."""
    _retry(partial(source.rename, target))


def move(source: Path, target: Path) -> None:
    """Move a file as ``replace`` does, or copy it to another disk."""
    _retry(partial(shutil.move, source, target))


def _retry(move: Callable[[], object]) -> None:
    until = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            move()
            return
        except PermissionError:
            if time.monotonic() >= until:
                raise
        time.sleep(_RETRY_INTERVAL_SECONDS)


@contextlib.contextmanager
def temporary_folder(prefix: str = "ft-dcc-", parent: Path | None = None) -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it afterwards, as ``remove_tree`` does."""
    folder = make_temporary_folder(prefix, parent)
    try:
        yield folder
    finally:
        remove_tree(folder)


def make_temporary_folder(prefix: str = "ft-dcc-", parent: Path | None = None) -> Path:
    """Return a new folder that only this user can read; raises OSError."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


@contextlib.contextmanager
def sibling_folder(target: Path, *, mode: int = 0o777) -> Iterator[Path]:
    """Yield a new folder beside the target, for a rename to it, and remove it afterwards; raises OSError.

    Everybody who can read the folder around it can read this one, unless ``mode`` is another one. Python gives a
    temporary folder of Windows a protected access control list, which a rename keeps.
    """
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    folder.mkdir(mode, parents=True)
    try:
        yield folder
    finally:
        remove_tree(folder)


def temporary_file(prefix: str = "ft-dcc-", parent: Path | None = None) -> BinaryIO:
    """Return a new file without a name that vanishes when it is closed; raises OSError."""
    return tempfile.TemporaryFile(prefix=prefix, dir=parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it; what another program holds is left, and nothing is raised."""
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def new_file(path: Path, *, is_private: bool = False) -> Iterator[BinaryIO]:
    """Yield a new file, for its owner only if it is private, flushed to disk at the end; raises FileExistsError."""
    mode = 0o600 if is_private else 0o666
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_atomically(target: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write the content to the target, all of it or nothing; raises OSError."""
    with atomic_path(target) as temporary, new_file(temporary, is_private=is_private) as file:
        file.write(content)


def write_remedy(error: OSError, otherwise: str) -> str:
    """Return what to do after a write that failed: free space on a full disk, ``otherwise`` for other causes.

    >>> write_remedy(OSError(errno.ENOSPC, "No space left on device"), "Choose a writable folder.")
    'Free some space there.'
    >>> write_remedy(OSError(errno.EACCES, "Permission denied"), "Choose a writable folder.")
    'Choose a writable folder.'
    """
    is_full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
    return "Free some space there." if is_full else otherwise


@contextlib.contextmanager
def storage_errors(what: str, remedy: str = "") -> Iterator[None]:
    """Raise StorageError for an OSError of the block: what cannot be done, the reason, and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {error.strerror or error}. {write_remedy(error, remedy)}".rstrip()) from error


@contextlib.contextmanager
def removed_afterwards(path: Path) -> Iterator[Path]:
    """Yield the path of a file that is removed at the end of the block, unless it was moved."""
    try:
        yield path
    finally:
        # The disk may have been removed, which the block reports.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, so that a new one survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder; after a power cut a new name may be missing.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot flush a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
