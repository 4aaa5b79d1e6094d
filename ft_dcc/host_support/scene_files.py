"""Checks before a host opens a scene file, so that a file that cannot be opened leaves the open scene as it is."""

from __future__ import annotations

from pathlib import Path

from ft_dcc import errors, host


def require_openable(
    path: Path, scene: host.Scene, *, program: str, suffixes: tuple[str, ...], discard_changes: bool
) -> None:
    """Raise SceneUnreadable for a missing file or one of another program, UnsavedChanges if the scene was changed."""
    if path.suffix.lower() not in suffixes:
        raise errors.SceneUnreadable(
            f"{path} is no scene of {program}, whose files end in {' or '.join(suffixes)}. Open it in its own program."
        )
    if not path.is_file():
        raise errors.SceneUnreadable(f"The scene file {path} does not exist. Download it again.")
    if scene.is_modified and not discard_changes:
        name = "The open scene" if scene.path is None else scene.path.name
        raise errors.UnsavedChanges(f"{name} has unsaved changes. Save it or discard them, then open {path}.")


def require_known_version(path: Path, written_by: tuple[int, ...] | None, own: tuple[int, ...], program: str) -> None:
    """Raise SceneUnreadable for a file of a newer program; ``written_by`` is None if the file does not state it."""
    if written_by is not None and written_by > own:
        newer, ours = (".".join(map(str, version)) for version in (written_by, own))
        raise errors.SceneUnreadable(
            f"{path} was saved by {program} {newer}; this is {program} {ours}. Open it in {program} {newer}."
        )


def read_start(path: Path, size: int = 64 * 1024) -> bytes:
    """Return the first bytes of a file; raise SceneUnreadable if it cannot be read or is empty."""
    try:
        with path.open("rb") as file:
            start = file.read(size)
    except OSError as error:
        raise errors.SceneUnreadable(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    if not start:
        raise errors.SceneUnreadable(f"{path} is empty. Download it again.")
    return start
