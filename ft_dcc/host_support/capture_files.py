"""Files of captured frames: folders for them, and checks that each is complete."""

from __future__ import annotations

import os
from pathlib import Path

from ft_dcc import errors, frames
from ft_dcc.files.atomic import storage_errors, write_remedy

_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_PROBE_BYTES = 256 * 1024


def make_folder(folder: Path) -> None:
    """Create the folder if it does not exist; raise StorageError."""
    with storage_errors(f"The folder {folder} cannot be created", "Choose a writable folder."):
        folder.mkdir(parents=True, exist_ok=True)


def remove_stale(path: Path) -> None:
    """Delete the file of an earlier capture; raise StorageError."""
    with storage_errors(f"{path} cannot be replaced", "Choose another folder."):
        path.unlink(missing_ok=True)


def png_size(path: Path) -> frames.Resolution | None:
    """Return the size of a complete PNG, or None for another file or one that a full disk truncated."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
            file.seek(-min(len(_PNG_END), path.stat().st_size), os.SEEK_END)
            if not head.startswith(_PNG_START) or file.read() != _PNG_END:
                return None
    except OSError:
        return None
    return frames.Resolution(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))


def missing_frame_error(
    path: Path, frame: float, program: str, output: str = ""
) -> errors.StorageError | errors.CaptureFailed:
    """Return the error for a missing frame: StorageError if the folder is not writable, else CaptureFailed."""
    try:
        path.write_bytes(bytes(_PROBE_BYTES))
        path.unlink()
    except OSError as error:
        path.unlink(missing_ok=True)
        return errors.StorageError(
            f"Frame {frame} cannot be written to {path.parent}: {error.strerror}. "
            + write_remedy(error, "Choose a writable folder.")
        )
    return errors.CaptureFailed(f"{program} did not write frame {frame} to {path}. {output.strip()}".strip())
