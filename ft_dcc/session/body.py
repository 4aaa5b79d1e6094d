"""A file, or a part of one, as the body of a request."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ft_dcc.errors import TransferFailed

# Small enough that a slow line counts several times a second.
_BLOCK = 256 * 1024


class Body:
    """Bytes of a file, sent block by block, and from their start on each attempt.

    ``on_sent`` gets the bytes that this attempt has sent, 0 at its start, and ends it by raising. What was sent is
    hashed by ``checksum_name``: "md5" or "crc32".
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
        # What went wrong on this side of the line, and is no reason to try again.
        self.failure: BaseException | None = None
        # The checksum of what was sent last, in hexadecimal.
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
        """Return what changes when the file does: its size, and when it was written; raises TransferFailed."""
        try:
            return _state(self.path.stat())
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def changed(self) -> TransferFailed:
        """Return the error for a file that somebody still writes."""
        return TransferFailed(f"{self.path} was changed while it was read. Upload it again when it is finished.")

    def blocks(self) -> Iterator[bytes]:
        """The bytes, as they are on the disk; raises TransferFailed when the file is changed meanwhile."""
        left = self.size
        try:
            with self.path.open("rb", buffering=0) as file:
                # Asked of the open file, which a network disk knows better than the path, and which can be removed.
                state = _state(os.fstat(file.fileno()))
                file.seek(self.start)
                while left and (block := file.read(min(_BLOCK, left))):
                    left -= len(block)
                    yield block
                is_changed = _state(os.fstat(file.fileno())) != state or (self._is_whole and state[0] != self.size)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if left:
            raise TransferFailed(f"{self.path} became shorter while it was read. Upload it again when it is finished.")
        if is_changed:
            raise self.changed()

    def checksum(self) -> str:
        """Return the MD5 of the bytes in base64; they are read for it."""
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
