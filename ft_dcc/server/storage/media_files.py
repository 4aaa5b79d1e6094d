"""The media files of a data folder: received under a temporary name, then kept by name, and checked for damage.

Each media file has a small file in the folder ``checksums``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

from ft_dcc.files.atomic import replace, sync_folder
from ft_dcc.server.database.media_checksums import Piece, PieceCheck, read_pieces
from ft_dcc.server.errors import Conflict, NotFound, ValidationError, writing_to_disk


class MediaFiles:
    """The folders ``media`` and ``checksums`` of a data folder; other processes may change them meanwhile."""

    def __init__(self, data: Path) -> None:
        self.folder, self._checksums = data / "media", data / "checksums"

    @staticmethod
    def name(component_id: str) -> str:
        """Return the name of a component's file; nothing of the id can be read in it."""
        return hashlib.sha256(component_id.encode(errors="surrogatepass")).hexdigest()

    def file(self, name: str) -> Path:
        """Return the path of a media file, which may not exist."""
        return self.folder / name[:2] / name[2:]

    def names(self) -> Iterator[str]:
        """Yield the names of all media files."""
        for folder in sorted(self.folder.glob("??")):
            yield from sorted(folder.name + path.name for path in folder.iterdir())

    def record(self, name: str, pieces: Sequence[Piece]) -> None:
        """Store the checksums of a media file that has just arrived; raises OSError."""
        path = self._checksum_file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not flushed to disk: a file without checksums gets new ones at the next check.
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        temporary.write_text("".join(f"{piece.size} {piece.digest}\n" for piece in pieces), "ascii")
        replace(temporary, path)

    def forget(self, name: str) -> None:
        """Remove the checksums of a media file, which is about to be replaced or removed."""
        self._checksum_file(name).unlink(missing_ok=True)

    def has(self, name: str, piece: Piece) -> bool:
        """Return whether a media file arrived in one piece, with this size and checksum."""
        return self.file(name).is_file() and read_pieces(self._checksum_file(name)) == [piece]

    def check(self, name: str) -> bool:
        """Return whether a media file is as it arrived; one without checksums gets them.

        A file that was removed meanwhile counts as intact, and one that cannot be read as damaged.
        """
        path = self.file(name)
        while True:
            pieces = read_pieces(self._checksum_file(name))
            try:
                if not pieces:
                    self.record(name, measure(path))
                    return True
                if is_intact(path, pieces):
                    return True
            except FileNotFoundError:
                return True
            except OSError:
                return False
            # An upload may have replaced the file between the two reads.
            if read_pieces(self._checksum_file(name)) == pieces:
                return False

    def _checksum_file(self, name: str) -> Path:
        return self._checksums / name[:2] / name[2:]


def stat_media(path: Path) -> os.stat_result:
    """Return what the system knows of a media file; raises NotFound when it is missing."""
    try:
        return path.stat()
    except FileNotFoundError as error:
        raise NotFound("The bytes of this component are not on the server.") from error


def measure(path: Path) -> list[Piece]:
    """Return the checksums of a file as it is now, in one piece; raises OSError."""
    size = crc = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            size, crc = size + len(block), zlib.crc32(block, crc)
    return [Piece(size, f"{crc:08x}")]


def is_intact(path: Path, pieces: Sequence[Piece]) -> bool:
    """Return whether the file consists of exactly these pieces; raises OSError."""
    if path.stat().st_size != sum(piece.size for piece in pieces):
        return False
    check = PieceCheck(pieces)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            check.update(block)
    return check.is_intact


# What copy_file_range fails with in old kernels, and between file systems that do not support it.
_COPY_UNSUPPORTED = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_BLOCK = 1 << 20
# Bytes that are flushed while the rest arrives, instead of all of them at the end, while the client waits.
_FLUSH_BYTES = 64 << 20


class IncomingFile:
    """A file that is being received, under a temporary name in the folder until :meth:`move_to`."""

    def __init__(self, folder: Path, *, is_md5: bool = False) -> None:
        self.size = self._flushed = self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False) if is_md5 else None
        self._path = folder / secrets.token_hex(16)
        with writing_to_disk():
            # Without a buffer: closing the file of a failed upload must not try to write once more.
            self._file = self._path.open("xb", buffering=0)

    @property
    def digest(self) -> str:
        """The MD5 or CRC-32 of all hashed bytes, in hexadecimal: what S3 calls an ETag."""
        return f"{self._crc:08x}" if self._md5 is None else self._md5.hexdigest()

    def hash(self, block: bytes | bytearray) -> None:
        """Add the block to the digest; another thread may write it at the same time."""
        if self._md5 is not None:
            self._md5.update(block)
        else:
            # It takes a fifth of the time of MD5, and detects damage in transit.
            self._crc = zlib.crc32(block, self._crc)

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
        if checksum is not None and b64encode(bytes.fromhex(self.digest)).decode() != checksum:
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
            replace(self._path, target)
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
