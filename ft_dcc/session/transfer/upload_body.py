"""A file, or a part of a file, as the body of a request."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ft_dcc.errors import TransferFailed

# Small enough that slow connections report progress several times a second.
_BLOCK_SIZE = 256 * 1024


class UploadBody:
    """Bytes of a file, sent in blocks; each iteration starts again at the first block.

    ``on_sent`` is called with the number of sent bytes, 0 at the start; an exception that it raises ends the attempt.
    ``checksum_name`` is the checksum of the sent bytes: "md5" or "crc32".
    """

    def __init__(
        self,
        path: Path,
        start: int = 0,
        size: int | None = None,
        on_sent: Callable[[int], None] | None = None,
        checksum_name: str = "md5",
    ) -> None:
        self.checksum_name = checksum_name
        self.path, self.start, self.on_sent = path, start, on_sent
        # The local error, after which the upload is not repeated.
        self.failure: BaseException | None = None
        # The checksum of the last attempt, in hexadecimal.
        self.digest = ""
        self._is_whole = start == 0 and size is None
        self.state = self.state_now()
        self.size = self.state[0] - start if size is None else size

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        md5, crc32, sent = hashlib.md5(usedforsecurity=False), 0, 0
        is_crc32 = self.checksum_name == "crc32"
        try:
            self._count(0)
            for block in self.blocks():
                if is_crc32:
                    crc32 = zlib.crc32(block, crc32)
                else:
                    md5.update(block)
                yield block
                sent += len(block)
                self._count(sent)
        except Exception as error:
            self.failure = error
            raise
        self.digest = f"{crc32:08x}" if is_crc32 else md5.hexdigest()

    def state_now(self) -> tuple[int, int]:
        """Return the file's size and modification time; raises TransferFailed."""
        try:
            return _state(self.path.stat())
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def changed(self) -> TransferFailed:
        """Return the error for a file that was changed during the upload."""
        return TransferFailed(f"{self.path} was changed while it was read. Upload it again when it is finished.")

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks; raises TransferFailed if the file is changed meanwhile."""
        remaining = self.size
        try:
            with self.path.open("rb", buffering=0) as file:
                # Of the open file: on network disks the state of a path is outdated, and the path can be removed.
                state = _state(os.fstat(file.fileno()))
                file.seek(self.start)
                while remaining and (block := file.read(min(_BLOCK_SIZE, remaining))):
                    remaining -= len(block)
                    yield block
                is_changed = _state(os.fstat(file.fileno())) != state or (self._is_whole and state[0] != self.size)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if remaining:
            raise TransferFailed(f"{self.path} became shorter while it was read. Upload it again when it is finished.")
        if is_changed:
            raise self.changed()

    def checksum(self) -> str:
        """Read the bytes and return their MD5 in base64."""
        digest = hashlib.md5(usedforsecurity=False)
        for block in self.blocks():
            digest.update(block)
        return base64.b64encode(digest.digest()).decode()

    def _count(self, sent: int) -> None:
        if self.on_sent is not None:
            self.on_sent(sent)


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> TransferFailed:
    return TransferFailed(f"{path} cannot be read: {error.strerror}.")
