"""Open another scene file in place of the open scene."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from maya import cmds

from ft_dcc.errors import SceneUnreadable, UserFixableError
from ft_dcc.host import Scene
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable

from . import compare, feedback

SUFFIXES = (".ma", ".mb")
# The year in the head of a text file, and in the first chunk of a binary one.
_YEAR = re.compile(rb'requires maya "(\d{4})|VERS.{4,16}?(20\d\d)', re.DOTALL)


def open_scene(path: Path, scene: Scene, year: int, *, discard_changes: bool) -> None:
    """Open the file; ``scene`` is the open one and ``year`` that of this Maya.

    Raises UnsavedChanges or SceneUnreadable, and UserFixableError for a file that Maya has opened with errors.
    """
    require_openable(path, scene, program="Maya", suffixes=SUFFIXES, discard_changes=discard_changes)
    require_known_version(path, _written_by(read_start(path)), (year,), "Maya")
    # They belong to the scene that is closed.
    feedback.clear()
    compare.clear()
    try:
        # By force: the unsaved changes have been asked about.
        cmds.file(path.as_posix(), open=True, force=True)
        _forget_changes()
    except RuntimeError as error:
        reason = str(error).strip()
        if Path(str(cmds.file(query=True, sceneName=True))) == path:
            _forget_changes()
            message = f"{path} is open, but Maya reports: {reason} The Script Editor has the details."
            raise UserFixableError(message) from error
        if scene.path is not None:
            # What it reports was reported when the artist opened it.
            with suppress(RuntimeError):
                cmds.file(scene.path.as_posix(), open=True, force=True)
        raise SceneUnreadable(f"Maya cannot open {path}: {reason} The Script Editor has the details.") from error


def _forget_changes() -> None:
    """Count the scene as saved without a window: only plug-ins and start-up scripts have changed it since it opened."""
    if cmds.about(batch=True):
        cmds.file(modified=False)


def _written_by(start: bytes) -> tuple[int] | None:
    found = _YEAR.search(start)
    return None if found is None else (int(found[1] or found[2]),)
