"""The media files of a data folder by name, and whether each is as it arrived.

Each media file has a small file in the folder ``checksums``. It has one line for each piece that arrived: its size in
bytes, and its CRC-32 (8 digits) or MD5 (32 digits).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

_LINE = re.compile(r"(\d+) ([0-9a-f]{32}|[0-9a-f]{8})")
_BLOCK = 1 << 20


@attrs.frozen
class Piece:
    """Consecutive bytes of a file: how many, and their CRC-32 or MD5 in hexadecimal."""

    size: int
    digest: str


class ChecksumFolder:
    """The checksums of a media folder, by the name of the media file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, pieces: Sequence[Piece]) -> None:
        """Store the checksums of a media file; raises OSError."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not flushed to disk: a file without checksums gets new ones at the next check.
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        temporary.write_text("".join(f"{piece.size} {piece.digest}\n" for piece in pieces), "ascii")
        temporary.replace(path)

    def read(self, name: str) -> list[Piece]:
        """Return the checksums of a media file; an empty list when none are stored."""
        try:
            lines = self._path(name).read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        matches = [_LINE.fullmatch(line) for line in lines]
        return [Piece(int(match[1]), match[2]) for match in matches if match] if all(matches) else []

    def remove(self, name: str) -> None:
        """Remove the checksums of a media file; harmless when there are none."""
        with suppress(FileNotFoundError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name[2:]


class MediaFiles:
    """The folders ``media`` and ``checksums`` of a data folder; other processes may change them meanwhile."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "media"
        self._checksums = ChecksumFolder(data / "checksums")

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
        self._checksums.write(name, pieces)

    def forget(self, name: str) -> None:
        """Remove the checksums of a media file, which is about to be replaced or removed."""
        self._checksums.remove(name)

    def check(self, name: str) -> bool:
        """Return whether a media file is as it arrived; one without checksums gets them.

        A file that was removed meanwhile counts as intact, and one that cannot be read as damaged.
        """
        path = self.file(name)
        while True:
            pieces = self._checksums.read(name)
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
            if self._checksums.read(name) == pieces:
                return False


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
    with path.open("rb", buffering=0) as file:
        for piece in pieces:
            md5, crc, left = hashlib.md5(usedforsecurity=False), 0, piece.size
            is_crc = len(piece.digest) == 8
            while left and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                if is_crc:
                    crc = zlib.crc32(block, crc)
                else:
                    md5.update(block)
            if piece.digest != (f"{crc:08x}" if is_crc else md5.hexdigest()):
                return False
    return True
