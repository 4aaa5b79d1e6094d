"""Write a file under a temporary name and move it to its own, so that no reader sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_path(target: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary path beside the target, and move the file there to the target when the block succeeds.

    ``suffix`` ends the temporary name, for programs that choose a format by it. The target survives a power cut from
    then on if the file was flushed to disk. When the block raises, the target stays as it was and the temporary file
    is removed. Raises OSError.
    """
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}{suffix}")
    try:
        yield temporary
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        # The disk may have been removed, which the block reports.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(path: Path, *, is_private: bool = False) -> Iterator[BinaryIO]:
    """Yield a new file to write to, and flush it to disk at the end; raises FileExistsError when the path is taken.

    Only its owner can read a private one.
    """
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


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, so that a new one survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder, and its rename is written through.
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
