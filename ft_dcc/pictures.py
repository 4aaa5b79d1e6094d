"""The pictures that a host program writes: a place for them, and whether each is whole."""

from __future__ import annotations

import os
from pathlib import Path

from ft_dcc.errors import CaptureFailed, DiskUnusable
from ft_dcc.frames import Resolution

_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_SOME = 256 * 1024


def make_folder(folder: Path) -> None:
    """The folder exists; raises DiskUnusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskUnusable(f"The folder {folder} cannot be made: {error.strerror}. Choose another one.") from error


def make_way(path: Path) -> None:
    """No picture of an earlier capture can pass for this one; raises DiskUnusable."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskUnusable(f"{path} cannot be replaced: {error.strerror}. Choose another folder.") from error


def png_size(path: Path) -> Resolution | None:
    """The size of a PNG that is there from its first byte to its last; a full disk leaves the end away."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
            file.seek(-min(len(_PNG_END), path.stat().st_size), os.SEEK_END)
            if not head.startswith(_PNG_START) or file.read() != _PNG_END:
                return None
    except OSError:
        return None
    return Resolution(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))


def why_missing(path: Path, frame: int, program: str, said: str = "") -> DiskUnusable | CaptureFailed:
    """Whose fault it is that the picture is not there: the disk's, when it does not take a picture's worth of bytes."""
    try:
        path.write_bytes(bytes(_SOME))
        path.unlink()
    except OSError as error:
        path.unlink(missing_ok=True)
        return DiskUnusable(
            f"Frame {frame} cannot be written to {path.parent}: {error.strerror}. Free space or choose another folder."
        )
    return CaptureFailed(f"{program} wrote no picture of frame {frame} to {path}. {said.strip()}".strip())
