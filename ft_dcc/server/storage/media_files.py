"""The media files of a data folder by name, and whether each is as it arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ft_dcc.server.storage.checksums import ChecksumFolder, Piece, is_intact, measure


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
