"""Open another file in place of the open one."""

from __future__ import annotations

import ctypes
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
# More than the header of a frame and its first block, which holds at most 128 KiB.
_FIRST_BLOCK_BYTES = 256 << 10
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
    # Blender's own Python has the module. That of a Linux distribution may lack it, but its Blender uses the library.
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        return _read_by_library(path)
    reader_of = zstandard.ZstdDecompressor().stream_reader
    with suppress(OSError, zstandard.ZstdError), path.open("rb") as file, reader_of(file) as reader:
        return bytes(reader.read(_HEAD_BYTES))
    return b""


class _Buffer(ctypes.Structure):
    """``ZSTD_inBuffer`` and ``ZSTD_outBuffer`` of zstd.h."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))


def _read_by_library(path: Path) -> bytes:
    """Return the head by the library of the system, or b"" without one: the opened file then states its version."""
    try:
        library = ctypes.CDLL("libzstd.so.1")
    except OSError:
        return b""
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    content, head = read_start(path, _FIRST_BLOCK_BYTES), ctypes.create_string_buffer(_HEAD_BYTES)
    source = _Buffer(ctypes.cast(content, ctypes.c_void_p), len(content), 0)
    target = _Buffer(ctypes.cast(head, ctypes.c_void_p), _HEAD_BYTES, 0)
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    try:
        status = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
        is_error = library.ZSTD_isError(ctypes.c_size_t(status))
    finally:
        library.ZSTD_freeDStream(stream)
    return b"" if is_error else head.raw[: target.position]


def resolved(path: str, library: Any) -> Path:
    """Return the absolute path of a path in a file or in a library."""
    return Path(bpy.path.abspath(path, library=library))


def names_a_file(path: str) -> bool:
    """Return whether a path is not empty; Blender saves an empty path of a volume as that of a folder, "//../../"."""
    return path.replace("\\", "/").rpartition("/")[2] not in ("", ".", "..")


def is_missing(path: str, library: Any) -> bool:
    """Return whether the path of a file or of a library names a file that does not exist."""
    return names_a_file(path) and not resolved(path, library).is_file()
