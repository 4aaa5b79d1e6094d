"""Files that used data and the strips of a sequencer refer to and that do not exist.

Of numbered files, those that a captured range needs, as Blender calculates it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.frames import format_ranges

from ..scene import blender_compat
from .used_data import UsedData

# Collections of ``bpy.data`` whose items have a file, and what the artist calls them.
_FILES = {"images": "image", "cache_files": "cache", "volumes": "volume", "fonts": "font", "movieclips": "movie clip"}
_NO_FILE_SOURCES = {"GENERATED", "VIEWER"}
_BUILT_IN_FONT = "<builtin>"
# Blender counts with the last digits before the extension.
_NUMBER = re.compile(r"(\d+)(\D*)$")


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
    for path, library, label in (*_mesh_caches(used), *_files_of_nodes(used)):
        if path and not resolved(path, library).is_file():
            yield label


def _mesh_caches(used: UsedData) -> Iterator[tuple[str, Any, str]]:
    """Yield path, library and label of each cache of a modifier."""
    for item in used.of("objects"):
        for modifier in item.modifiers:
            if modifier.type == "MESH_CACHE":
                yield modifier.filepath, item.library, f"cache {modifier.filepath}"


def _files_of_nodes(used: UsedData) -> Iterator[tuple[str, Any, str]]:
    """Yield path, library and label of each file that a node reads itself."""
    for node, owner in used.nodes():
        path = _node_path(node)
        yield path, owner.library, f"file {path} of the node {node.name} in {owner.name}"


def missing_strip_files(scene: Any, frames: Sequence[int]) -> Iterator[str]:
    """Yield the kind and the path of each missing file that the edit of the scene shows at the captured frames."""
    yield from _missing_in(scene.sequence_editor, frames, [scene])


def _missing_in(parent: Any, frames: Sequence[int], scenes: list[Any]) -> Iterator[str]:
    for strip, shown in _seen_strips(parent, frames):
        if strip.type == "META":
            yield from _missing_in(strip, shown, scenes)
        elif strip.type == "SCENE" and strip.scene_input == "SEQUENCER" and strip.scene not in (None, *scenes):
            begin = strip.scene.frame_start - int(blender_compat.content_start(strip))
            inner = [frame + begin for frame in shown]
            yield from _missing_in(strip.scene.sequence_editor, inner, [*scenes, strip.scene])
        elif strip.type in ("MOVIE", "IMAGE"):
            paths = [strip.filepath] if strip.type == "MOVIE" else _image_paths(strip, shown)
            yield from (f"{strip.type.lower()} {path}" for path in paths if not resolved(path, None).is_file())


def _seen_strips(parent: Any, frames: Sequence[int]) -> Iterator[tuple[Any, list[int]]]:
    """Yield the strips of a sequencer or of a meta strip that are seen, with the frames at which they are."""
    for strip in blender_compat.sequencer_strips(parent) if parent is not None else ():
        start, end = blender_compat.strip_range(strip)
        shown = [frame for frame in frames if start <= frame < end]
        if shown and not strip.mute and not parent.channels[strip.channel].mute:
            yield strip, shown


def _image_paths(strip: Any, frames: Sequence[int]) -> Iterator[str]:
    """Yield the paths of the images that the strip shows at these frames."""
    first, last = int(blender_compat.content_start(strip)), len(strip.elements) - 1
    trimmed = blender_compat.content_trim_start(strip)
    if strip.use_reverse_frames:
        places = set(range(last + 1))
    else:
        # The first image and the last one are shown beyond the content.
        places = {min(max(frame - first, 0) + trimmed, last) for frame in frames}
    for place in sorted(places):
        yield strip.directory + strip.elements[place].filename


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
        return {number for number in (volume_number(item, frame) for frame in frames) if number is not None}
    if isinstance(item, bpy.types.CacheFile) and item.is_sequence and not item.override_frame:
        # Nothing is shown before the first file and after the last one.
        found = NumberedFiles(resolved(item.filepath, item.library)).found
        return set(range(min(found), max(found) + 1)).intersection(frames) if found else None
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


class NumberedFiles:
    """The files of a sequence that exist, found by the name of one of them, which need not exist itself."""

    def __init__(self, file: Path) -> None:
        number = _NUMBER.search(file.stem)
        self.is_numbered = number is not None
        start, end = (number.start(1), number.end(1)) if number is not None else (len(file.stem), len(file.stem))
        head, tail = file.stem[:start], file.stem[end:] + file.suffix
        self._digits = end - start
        self.number = int(number[1]) if number is not None else 0
        self.found = _numbers_in(file.parent, head, tail, self._digits)

    def missing(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Return those of the numbers that have no file."""
        return tuple(sorted({max(0, number) for number in numbers} - self.found))


def _numbers_in(folder: Path, head: str, tail: str, digits: int) -> set[int]:
    pattern = re.compile(rf"{re.escape(os.path.normcase(head))}(\d+){re.escape(os.path.normcase(tail))}")
    names = [os.path.normcase(file.name) for file in folder.iterdir()] if folder.is_dir() else []
    matches = map(pattern.fullmatch, names)
    # Blender fills numbers with zeros to the digits of the named file: 1 is not 0001.
    return {int(match[1]) for match in matches if match and match[1] == f"{int(match[1]):0{digits}d}"}


def image_number(user: Any, frame: int) -> int:
    """Return the number of the file that an image user shows at a frame."""
    length = max(1, user.frame_duration)
    place = frame - user.frame_start + 1
    if user.use_cyclic:
        place = (place - 1) % length + 1
    # Before its start, Blender shows the file before the first one.
    return int(min(max(place, 0), length) + user.frame_offset)


def volume_number(volume: Any, frame: int) -> int | None:
    """Return the number of the file that a volume shows at a frame, or None if it shows none."""
    length, place = volume.frame_duration, frame - volume.frame_start + 1
    mode = volume.sequence_mode
    if length == 0 or (mode == "CLIP" and not 1 <= place <= length):
        return None
    if mode == "REPEAT":
        place = (place - 1) % length + 1
    elif mode == "PING_PONG":
        place = (place - 1) % max(1, 2 * length - 2) + 1
        place = 2 * length - place if place > length else place
    return int(min(max(place, 1), length) + volume.frame_offset)
