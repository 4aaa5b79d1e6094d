"""The checksums that are stored for a media file: one line for each piece that arrived.

A line is the size of the piece in bytes, and its CRC-32 (8 digits) or MD5 (32 digits).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import attrs

_LINE = re.compile(r"(\d+) ([0-9a-f]{32}|[0-9a-f]{8})")


@attrs.frozen
class Piece:
    """Consecutive bytes of a file: how many, and their CRC-32 or MD5 in hexadecimal."""

    size: int
    digest: str


def read_pieces(path: Path) -> list[Piece]:
    """Return the pieces in a file of checksums; an empty list when it is missing or cannot be read."""
    try:
        matches = [_LINE.fullmatch(line) for line in path.read_text("ascii").splitlines()]
    except (OSError, UnicodeDecodeError):
        return []
    return [Piece(int(match[1]), match[2]) for match in matches if match] if all(matches) else []


class PieceCheck:
    """Compares a file with its pieces while it is read."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = list(reversed(pieces))
        self._is_intact = True
        self._left = self._crc = 0
        self._md5: hashlib._Hash | None = None
        self._begin()

    def update(self, block: bytes) -> None:
        """Take the next bytes of the file."""
        view = memoryview(block)
        while view:
            if not self._pieces:
                self._is_intact = False
                return
            part, view = view[: self._left], view[self._left :]
            self._left -= len(part)
            if self._md5 is None:
                self._crc = zlib.crc32(part, self._crc)
            else:
                self._md5.update(part)
            if not self._left:
                self._end()

    @property
    def is_intact(self) -> bool:
        """Whether the bytes so far are exactly the pieces."""
        return self._is_intact and not any(piece.size for piece in self._pieces)

    def _begin(self) -> None:
        while self._pieces and not self._pieces[-1].size:
            self._pieces.pop()
        piece = self._pieces[-1] if self._pieces else Piece(0, "")
        self._left, self._crc = piece.size, 0
        self._md5 = hashlib.md5(usedforsecurity=False) if len(piece.digest) == 32 else None

    def _end(self) -> None:
        found = f"{self._crc:08x}" if self._md5 is None else self._md5.hexdigest()
        self._is_intact &= found == self._pieces.pop().digest
        self._begin()
