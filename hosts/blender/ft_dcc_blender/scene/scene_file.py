"""Open another file in place of the open one."""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import SceneUnreadable, UserFixableError
from ft_dcc.host import Scene
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable

from . import blender_compat, maintained

SUFFIXES = (".blend",)
# "BLENDER-v405" up to Blender 4, "BLENDER17-01v0500" from Blender 5 on.
_HEAD = re.compile(rb"BLENDER(?:[-_][vV](\d)|\d\d-\d\d[vV](\d\d))(\d\d)")
_HEAD_BYTES = 32
# How compressed files begin: by Zstandard from Blender 3.0 on, by gzip before.
_ZSTANDARD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"

_opened_count = 0


@bpy.app.handlers.persistent
def _count_file(*_: Any) -> None:
    global _opened_count
    _opened_count += 1


def identity(scene: Any) -> tuple[int, int]:
    """Return what no scene of another file has, and, since Blender 4.2, no later scene of the same name."""
    if _count_file not in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.append(_count_file)
    return _opened_count, getattr(scene, "session_uid", 0)


def stop_counting() -> None:
    """Remove the handler."""
    if _count_file in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_count_file)


def open_scene(path: Path, scene: Scene, *, discard_changes: bool) -> None:
    """Open the file; ``scene`` is the open one.

    Raises UnsavedChanges or SceneUnreadable, and UserFixableError for an opened file of a newer Blender.
    """
    require_openable(path, scene, program="Blender", suffixes=SUFFIXES, discard_changes=discard_changes)
    head = _HEAD.match(_read_head(path))
    written_by = None if head is None else (int(head[1] or head[2]), int(head[3]))
    require_known_version(path, written_by, bpy.app.version[:2], "Blender")
    try:
        with maintained.silenced():
            # Scripts of a file that another person published do not run; Blender says so, and offers to run them.
            bpy.ops.wm.open_mainfile(filepath=str(path), use_scripts=False)
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
    if not start.startswith(_ZSTANDARD):
        return start
    # Blender's own Python has the module. That of a Linux distribution may lack it: the opened file states its version.
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        return b""
    reader_of = zstandard.ZstdDecompressor().stream_reader
    with suppress(OSError, zstandard.ZstdError), path.open("rb") as file, reader_of(file) as reader:
        return bytes(reader.read(_HEAD_BYTES))
    return b""


def resolved(path: str, library: Any) -> Path:
    """Return the absolute path of a path in a file or in a library."""
    return Path(bpy.path.abspath(path, library=library))


def names_a_file(path: str) -> bool:
    """Return whether a path is not empty; Blender saves an empty path of a volume as that of a folder, "//../../"."""
    return path.replace("\\", "/").rpartition("/")[2] not in ("", ".", "..")


def is_missing(path: str, library: Any) -> bool:
    """Return whether the path of a file or of a library names a file that does not exist."""
    return names_a_file(path) and not resolved(path, library).is_file()
