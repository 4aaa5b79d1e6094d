"""Receive a file under a temporary name, until it is complete."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ft_dcc.files.atomic import sync_folder
from ft_dcc.server.errors import Conflict, InsufficientStorage, ValidationError

_DISK_ERRORS = (
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM} if os.name != "nt" else {errno.ENOSPC}
)
# What copy_file_range fails with in old kernels, and between file systems that do not support it.
_COPY_UNSUPPORTED = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_BLOCK = 1 << 20
# Bytes that are flushed while the rest arrives, instead of all of them at the end, while the client waits.
_FLUSH_BYTES = 64 << 20


@contextmanager
def writing_to_disk() -> Iterator[None]:
    """Raise InsufficientStorage when the block fails on a full, read-only or forbidden disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise InsufficientStorage(
            f"The server's disk cannot be written: {error.strerror}. Free some space there, then send it again."
        ) from error


class Hash(Protocol):
    """A digest that is computed block by block."""

    def update(self, block: bytes | bytearray, /) -> None:
        """Add a block of bytes."""

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal."""


class Crc32:
    """The CRC-32 of bytes: it takes a fifth of the time of MD5, and detects damage in transit."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, block: bytes | bytearray, /) -> None:
        """Add a block of bytes."""
        self._value = zlib.crc32(block, self._value)

    def hexdigest(self) -> str:
        """Return eight digits."""
        return f"{self._value:08x}"


class IncomingFile:
    """A file that is being received, under a temporary name in the folder until :meth:`move_to`."""

    def __init__(self, folder: Path, *, is_md5: bool = False) -> None:
        self.size = self._flushed = 0
        self._hash: Hash = hashlib.md5(usedforsecurity=False) if is_md5 else Crc32()
        self._path = folder / secrets.token_hex(16)
        with writing_to_disk():
            # Without a buffer: closing the file of a failed upload must not try to write once more.
            self._file = self._path.open("xb", buffering=0)

    @property
    def digest(self) -> str:
        """The MD5 or CRC-32 of all hashed bytes, in hexadecimal: what S3 calls an ETag."""
        return self._hash.hexdigest()

    def hash(self, block: bytes | bytearray) -> None:
        """Add the block to the digest; another thread may write it at the same time."""
        self._hash.update(block)

    def write(self, block: bytes | bytearray) -> None:
        """Write the block; raises InsufficientStorage."""
        left = memoryview(block)
        with writing_to_disk():
            while left:
                left = left[self._file.write(left) :]
        self.size += len(block)
        self._start_flush()

    def append(self, path: Path) -> None:
        """Append the bytes of another file; raises InsufficientStorage."""
        with writing_to_disk(), path.open("rb", buffering=0) as other:
            left = path.stat().st_size
            while left and (copied := _copy(other.fileno(), self._file.fileno(), left)):
                left -= copied
                self.size += copied
                self._start_flush()

    def check(self, size: int | None, checksum: str | None) -> None:
        """Raise ValidationError unless as many bytes arrived as were announced, with this base64 MD5."""
        if size is not None and self.size != size:
            raise ValidationError(
                f"The upload has {self.size} bytes, {size} were announced. Nothing was kept: send it again."
            )
        if checksum is not None and b64encode(bytes.fromhex(self._hash.hexdigest())).decode() != checksum:
            raise ValidationError("The upload does not have the announced checksum. Nothing was kept: send it again.")

    def flush(self) -> None:
        """Flush the file to disk and close it; raises InsufficientStorage."""
        if not self._file.closed:
            with writing_to_disk():
                os.fsync(self._file.fileno())
                self._file.close()

    def move_to(self, target: Path) -> None:
        """Flush the file to disk and move it to the target; raises InsufficientStorage, and Conflict on Windows."""
        self.flush()
        with writing_to_disk():
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._path.replace(target)
        except PermissionError as error:  # Windows refuses while another process reads the old file.
            raise Conflict("This file is being read and cannot be replaced now. Send it again later.") from error
        sync_folder(target.parent)

    def _start_flush(self) -> None:
        """Let the system begin to write what has come since the last call, without waiting for it."""
        if self.size - self._flushed < _FLUSH_BYTES or not hasattr(os, "posix_fadvise"):
            return
        length = self.size - self._flushed
        # Advised to drop the pages, the kernel writes them first, and the final fsync waits 0.03 s instead of 0.4 s
        # per GiB. Not available on macOS and Windows.
        os.posix_fadvise(self._file.fileno(), self._flushed, length, os.POSIX_FADV_DONTNEED)
        self._flushed = self.size

    def discard(self) -> None:
        """Close the file, and remove it unless it was moved."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _copy(source: int, target: int, most: int) -> int:
    """Copy at most so many bytes from one open file to another, inside the kernel if possible; return how many."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, most)
        except OSError as error:
            if error.errno not in _COPY_UNSUPPORTED:
                raise
    block = os.read(source, min(most, _BLOCK))
    left = memoryview(block)
    while left:
        left = left[os.write(target, left) :]
    return len(block)
