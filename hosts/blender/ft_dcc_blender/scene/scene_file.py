"""Open another file in place of the open one."""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import bpy

from ft_dcc.errors import SceneUnreadable, UserFixableError
from ft_dcc.host import Scene
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable

from . import blender_compat
from .maintained import silenced

SUFFIXES = (".blend",)
# "BLENDER-v405" up to Blender 4, "BLENDER17-01v0500" from Blender 5 on.
_HEAD = re.compile(rb"BLENDER(?:[-_][vV](\d)|\d\d-\d\d[vV](\d\d))(\d\d)")
_HEAD_BYTES = 32
# How compressed files begin: by Zstandard from Blender 3.0 on, by gzip before.
_ZSTANDARD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"


def open_scene(path: Path, scene: Scene, *, discard_changes: bool) -> None:
    """Open the file; ``scene`` is the open one.

    Raises UnsavedChanges or SceneUnreadable, and UserFixableError for an opened file of a newer Blender.
    """
    require_openable(path, scene, program="Blender", suffixes=SUFFIXES, discard_changes=discard_changes)
    head = _HEAD.match(_read_head(path))
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


def _read_head(path: Path) -> bytes:
    """Return how the content of a file begins, or b"" for a compressed file that cannot be read here."""
    start = read_start(path)
    if start.startswith(_GZIP):
        with suppress(OSError, EOFError, zlib.error), gzip.open(path) as file:
            return file.read(_HEAD_BYTES)
        return b""
    return _read_zstandard(path) if start.startswith(_ZSTANDARD) else start


def _read_zstandard(path: Path) -> bytes:
    # Blender's own Python has the module; that of a system may lack it, and the opened file then tells its version.
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        return b""
    reader_of = zstandard.ZstdDecompressor().stream_reader
    with suppress(OSError, zstandard.ZstdError), path.open("rb") as file, reader_of(file) as reader:
        return bytes(reader.read(_HEAD_BYTES))
    return b""
