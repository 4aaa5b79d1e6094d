"""Open another file in place of the open one."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from ft_dcc.errors import SceneUnreadable, UserFixableError
from ft_dcc.host import Scene
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable

from . import blender_compat
from .maintained import silenced

SUFFIXES = (".blend",)
# "BLENDER-v405" up to Blender 4, "BLENDER17-01v0500" from Blender 5 on. A compressed file does not begin with it.
_HEAD = re.compile(rb"BLENDER(?:[-_][vV](\d)|\d\d-\d\d[vV](\d\d))(\d\d)")


def open_scene(path: Path, scene: Scene, *, discard_changes: bool) -> None:
    """Open the file; ``scene`` is the open one.

    Raises UnsavedChanges or SceneUnreadable, and UserFixableError for an opened file of a newer Blender.
    """
    require_openable(path, scene, program="Blender", suffixes=SUFFIXES, discard_changes=discard_changes)
    head = _HEAD.match(read_start(path))
    written_by = None if head is None else (int(head[1] or head[2]), int(head[3]))
    require_known_version(path, written_by, bpy.app.version[:2], "Blender")
    try:
        with silenced():
            bpy.ops.wm.open_mainfile(filepath=str(path))
    except RuntimeError as error:
        raise SceneUnreadable(f"Blender cannot open {path}. It is not a Blender file, or it is damaged.") from error
    if blender_compat.file_is_too_new():
        newer = ".".join(map(str, bpy.data.version[:2]))
        raise UserFixableError(f"{path} is open, but was saved by Blender {newer}. Parts may be missing; do not save.")
