"""A file on its way in: under a name of our own until it is whole, and gone if it never is."""

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

from ft_dcc.errors import Conflict, StorageFull, ValidationError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM} if os.name != "nt" else {errno.ENOSPC}
# What an old kernel, or two file systems that do not know each other, say.
_NO_SHORT_WAY = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_BLOCK = 1 << 20
# So many bytes are sent to the disk while the rest arrives, instead of all of them while the client waits at the end.
_STRETCH = 64 << 20


@contextmanager
def writing_to_disk() -> Iterator[None]:
    """A full, read-only or forbidden disk is StorageFull inside."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFull(
            f"The server's disk takes no more: {error.strerror}. Free some space there, then send it again."
        ) from error


class Hash(Protocol):
    """A digest that grows with what it is fed."""

    def update(self, block: bytes | bytearray, /) -> None:
        """These bytes follow."""

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal."""


class Crc32:
    """The CRC-32 of bytes: a fifth of the time that their MD5 takes, and enough against damage on the way."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, block: bytes | bytearray, /) -> None:
        """These bytes follow."""
        self._value = zlib.crc32(block, self._value)

    def hexdigest(self) -> str:
        """Return eight digits."""
        return f"{self._value:08x}"


class IncomingFile:
    """Bytes that arrive; nobody sees them before :meth:`keep`."""

    def __init__(self, folder: Path, *, is_md5: bool = False) -> None:
        self.size = self._on_its_way = 0
        self._hash: Hash = hashlib.md5(usedforsecurity=False) if is_md5 else Crc32()
        self._path = folder / secrets.token_hex(16)
        with writing_to_disk():
            # Without a buffer: closing the file of a failed upload must not try to write once more.
            self._file = self._path.open("xb", buffering=0)

    @property
    def digest(self) -> str:
        """The MD5 or the CRC-32 of all bytes that were hashed, in hexadecimal: what S3 calls an ETag."""
        return self._hash.hexdigest()

    def hash(self, block: bytes | bytearray) -> None:
        """The block is part of the digest. Another thread may write it meanwhile."""
        self._hash.update(block)

    def write(self, block: bytes | bytearray) -> None:
        """The block is written and counted; raises StorageFull."""
        left = memoryview(block)
        with writing_to_disk():
            while left:
                left = left[self._file.write(left) :]
        self.size += len(block)
        self._send_to_disk()

    def append(self, path: Path) -> None:
        """The bytes of another file are written and counted; raises StorageFull."""
        with writing_to_disk(), path.open("rb", buffering=0) as other:
            left = path.stat().st_size
            while left and (copied := _copy(other.fileno(), self._file.fileno(), left)):
                left -= copied
                self.size += copied
                self._send_to_disk()

    def check(self, size: int | None, checksum: str | None) -> None:
        """Raise ValidationError unless as many bytes arrived as were announced, with this base64 MD5."""
        if size is not None and self.size != size:
            raise ValidationError(
                f"The upload has {self.size} bytes, {size} were announced. Nothing was kept: send it again."
            )
        if checksum is not None and b64encode(bytes.fromhex(self._hash.hexdigest())).decode() != checksum:
            raise ValidationError("The upload does not have the announced checksum. Nothing was kept: send it again.")

    def keep(self, target: Path) -> None:
        """The whole file is at the target and survives a power cut."""
        with writing_to_disk():
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._path.replace(target)
        except PermissionError as error:  # Windows refuses while somebody reads the old file.
            raise Conflict("This file is being read and cannot be replaced now. Send it again later.") from error
        sync_folder(target.parent)

    def _send_to_disk(self) -> None:
        """The system begins to write what is full, and does not wait for it."""
        if self.size - self._on_its_way < _STRETCH or not hasattr(os, "posix_fadvise"):
            return
        length = self.size - self._on_its_way
        # What it takes for advice to forget is written first; it stays in memory until that is done, or longer.
        os.posix_fadvise(self._file.fileno(), self._on_its_way, length, os.POSIX_FADV_DONTNEED)
        self._on_its_way = self.size

    def discard(self) -> None:
        """Nothing of the file is left, unless it was kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _copy(source: int, target: int, most: int) -> int:
    """Copy some bytes from one open file to another and return how many, without a way through this process."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, most)
        except OSError as error:
            if error.errno not in _NO_SHORT_WAY:
                raise
    block = os.read(source, min(most, _BLOCK))
    left = memoryview(block)
    while left:
        left = left[os.write(target, left) :]
    return len(block)


def sync_folder(folder: Path) -> None:
    """A new name in the folder survives a power cut."""
    if os.name == "nt":  # Windows cannot open a folder, and its rename is written through.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
