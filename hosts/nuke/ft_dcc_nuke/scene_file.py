"""Open another script in place of the open one."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import nuke

from ft_dcc.errors import SceneUnreadable
from ft_dcc.host import Scene
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable

from . import compare, feedback

SUFFIXES = (".nk",)
_VERSION = re.compile(rb"^version (\d+)\.", re.MULTILINE)


def open_scene(path: Path, scene: Scene, *, discard_changes: bool) -> None:
    """Open the script; ``scene`` is the open one. Raises UnsavedChanges or SceneUnreadable."""
    require_openable(path, scene, program="Nuke", suffixes=SUFFIXES, discard_changes=discard_changes)
    written_by = _VERSION.search(read_start(path))
    own = int(str(nuke.NUKE_VERSION_STRING).partition(".")[0])
    require_known_version(path, None if written_by is None else (int(written_by[1]),), (own,), "Nuke")
    # They belong to the script that is closed.
    feedback.clear()
    compare.clear()
    try:
        _open(path)
    except RuntimeError as error:
        if scene.path is not None:
            # What it reports was reported when the artist opened it.
            with suppress(RuntimeError):
                _open(scene.path)
        reason = str(error).strip()
        raise SceneUnreadable(f"Nuke cannot open {path}: {reason} The Script Editor has the details.") from error


def _open(path: Path) -> None:
    # With another script in its window, Nuke would open this one in a new process.
    nuke.scriptClear()
    nuke.scriptOpen(path.as_posix())
    if not nuke.GUI:
        # Without an artist, only callbacks have changed it since then.
        nuke.root().setModified(False)
