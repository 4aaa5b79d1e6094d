"""Files that used data refers to and that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.frames import format_ranges

from .sequences import NumberedFiles, image_number, volume_number
from .used_data import UsedData

# Collections of ``bpy.data`` whose items have a file, and what the artist calls them.
_FILES = {"images": "image", "cache_files": "cache", "volumes": "volume", "fonts": "font", "movieclips": "movie clip"}
_NO_FILE_SOURCES = {"GENERATED", "VIEWER"}
_BUILT_IN_FONT = "<builtin>"


def missing_files(used: UsedData, frames: Sequence[int]) -> Iterator[str]:
    """Yield the kind and the path of each missing file of the used data; of a sequence, also the missing numbers.

    ``frames`` are the captured frames.
    """
    users = _image_users(used)
    for collection, kind in _FILES.items():
        for item in used.of(collection):
            if item.filepath and not _is_packed(item):
                numbers = _numbers(item, users.get(item, ()), frames)
                yield from (f"{kind} {each}" for each in _missing(item, numbers))
    for item in used.of("objects"):
        for modifier in item.modifiers:
            path = modifier.filepath if modifier.type == "MESH_CACHE" else ""
            if path and not resolved(path, item.library).is_file():
                yield f"cache {path}"
    for node, owner in used.nodes():
        path = _node_path(node)
        if path and not resolved(path, owner.library).is_file():
            yield f"file {path} of the node {node.name} in {owner.name}"


def resolved(path: str, library: Any) -> Path:
    """Return the absolute path of a path in a file or in a library."""
    return Path(bpy.path.abspath(path, library=library))


def describe_missing(path: str, library: Any, numbers: Iterable[int] | None) -> Iterator[str]:
    """Yield the path of a sequence if files of these numbers are missing; None stands for any one file."""
    file = resolved(path, library)
    files = NumberedFiles(file)
    if numbers is None or not files.is_numbered:
        if not (file.is_file() or (files.is_numbered and files.found)):
            yield path
        return
    missing = files.missing(numbers)
    if missing:
        yield f"{path} (files {format_ranges(missing)})"


def _is_packed(item: Any) -> bool:
    is_in_memory = getattr(item, "source", "") in _NO_FILE_SOURCES or item.filepath == _BUILT_IN_FONT
    return is_in_memory or bool(getattr(item, "packed_file", None))


def _missing(item: Any, numbers: Iterable[int] | None) -> Iterator[str]:
    path = item.filepath
    if getattr(item, "source", "") == "TILED":
        tiles = (path.replace("<UDIM>", str(tile.number)) for tile in item.tiles)
        if not all(resolved(each, item.library).is_file() for each in tiles):
            yield path
    elif _is_sequence(item):
        yield from describe_missing(path, item.library, numbers)
    elif not resolved(path, item.library).is_file():
        yield path


def _is_sequence(item: Any) -> bool:
    return getattr(item, "source", "") == "SEQUENCE" or bool(getattr(item, "is_sequence", False))


def _numbers(item: Any, users: Iterable[Any], frames: Sequence[int]) -> set[int] | None:
    """Return the numbers of the files that the frames show, or None if they cannot be calculated."""
    if isinstance(item, bpy.types.Volume):
        shown = (volume_number(item, frame) for frame in frames)
        return {number for number in shown if number is not None}
    if isinstance(item, bpy.types.CacheFile) and item.is_sequence and not item.override_frame:
        # Nothing is shown before the first file and after the last one.
        found = NumberedFiles(resolved(item.filepath, item.library)).found
        return {frame for frame in frames if min(found) <= frame <= max(found)} if found else None
    return {image_number(user, frame) for user in users for frame in frames} or None


def _image_users(used: UsedData) -> dict[Any, list[Any]]:
    """Return by image what states which of its files is shown at which frame."""
    owners = [node for node, _ in used.nodes()]
    owners += [background for camera in used.of("cameras") for background in camera.background_images]
    owners += [item for item in used.of("textures") if item.type == "IMAGE"]
    found: dict[Any, list[Any]] = {}
    for owner in owners:
        image, user = getattr(owner, "image", None), getattr(owner, "image_user", None)
        if image is not None and user is not None:
            found.setdefault(image, []).append(user)
    for item in used.of("objects"):
        if item.type == "EMPTY" and item.data is not None:
            found.setdefault(item.data, []).append(item.image_user)
    return found


def _node_path(node: Any) -> str:
    """Return the path that a node reads itself, or an empty text."""
    if node.bl_idname in ("ShaderNodeTexIES", "ShaderNodeScript"):
        return str(node.filepath) if node.mode == "EXTERNAL" else ""
    if node.bl_idname.startswith("GeometryNodeImport") and "Path" in node.inputs and not node.inputs["Path"].is_linked:
        return str(node.inputs["Path"].default_value)
    return ""
