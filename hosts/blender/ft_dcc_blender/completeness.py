"""Sentences about what a captured scene needs and lacks: files, linked data and working drivers.

Of numbered files, those that a captured range needs, as Blender calculates it.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.frames import format_ranges

from .scene import blender_compat, maintained, scene_file, sound, sources, visibility

# Collections of ``bpy.data`` whose items have a file, and what the artist calls them.
_FILES = {"images": "image", "cache_files": "cache", "volumes": "volume", "fonts": "font", "movieclips": "movie clip"}
_NO_FILE_SOURCES = {"GENERATED", "VIEWER"}
_BUILT_IN_FONT = "<builtin>"
# Blender counts with the last digits before the extension.
_NUMBER = re.compile(r"(\d+)(\D*)$")
# Brushes refer to images that no capture shows. By class, because Blender 3.4 has no ``ID.id_type``.
_NOT_SHOWN = (bpy.types.Brush, bpy.types.WindowManager, bpy.types.WorkSpace, bpy.types.Screen)


def completeness_warnings(captures: Sequence[tuple[Any, str, Sequence[int]]], *, has_sound: bool) -> Iterator[str]:
    """Yield a sentence for each kind of thing that is missing in captures: their scenes, sources and frames."""
    used = UsedData(scene for scene, _, _ in captures)
    mixed = captures if has_sound else ()
    absent = [each for each in bpy.data.libraries if scene_file.is_missing(each.filepath, each.parent)]
    files = [f"library {each.filepath}" for each in absent if not each.packed_file]
    files += missing_files(used, sorted({frame for *_, frames in captures for frame in frames}))
    # Only the edit shows the strips.
    for scene, _, frames in (each for each in captures if each[1] == sources.EDIT):
        files += _missing_in(scene.sequence_editor, frames, [scene])
    files += [f"sound {path}" for scene, _, _ in mixed for path in sound.missing_sounds(scene)]
    if files:
        yield f"Files of the scene are missing: {visibility.listed(files)}. Restore them."
    if unmixed := [name for scene, _, frames in mixed for name in sound.unmixed_sounds(scene, frames)]:
        yield (
            f"Packed sounds are silent in a range that starts before frame 0: {visibility.listed(unmixed)}. "
            "Unpack them (File, External Data), or start at frame 0."
        )
    # What libraries that are there lack; Blender has replaced it by an empty placeholder.
    names = [prop.identifier for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION"]
    lost = [item for name in names for item in getattr(bpy.data, name) if getattr(item, "is_missing", False)]
    if items := [f"{item.name} ({item.library.filepath})" for item in lost if item.library not in (None, *absent)]:
        yield f"Linked data is missing in its library: {visibility.listed(items)}. Relink or remove it."
    if bpy.app.autoexec_fail:
        yield (
            f"Python code of the file did not run ({bpy.app.autoexec_fail_message}), so drivers and rigs may be wrong. "
            "Allow it if you trust the file (File, Reload Trusted; --run-scripts on the command line)."
        )
    elif drivers := _failed_drivers(used):
        yield f"Drivers do not work: {visibility.listed(drivers)}. Repair or remove them in the Drivers Editor."


def _failed_drivers(used: UsedData) -> list[str]:
    """Return the drivers of used data whose expression fails or whose variables have no target."""
    return [
        f"{curve.data_path} of {owner.name}"
        for owner, item in maintained.animated_ids()
        if owner.data_block() in used
        for curve in item.animation_data.drivers
        if not curve.mute and not curve.driver.is_valid
    ]


class UsedData:
    """The data-blocks that scenes refer to, directly or through others."""

    def __init__(self, scenes: Iterable[Any]) -> None:
        references = defaultdict(list)
        for item, users in bpy.data.user_map().items():
            if not isinstance(item, _NOT_SHOWN):
                for user in users:
                    references[user].append(item)
        self._items: set[Any] = set()
        waiting = list(scenes)
        while waiting:
            item = waiting.pop()
            if item not in self._items:
                self._items.add(item)
                waiting += references[item]

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def of(self, collection: str) -> list[Any]:
        """Return the used items of a collection of ``bpy.data``; none if this Blender does not have it."""
        return [item for item in getattr(bpy.data, collection, ()) if item in self._items]

    def nodes(self) -> Iterator[tuple[Any, Any]]:
        """Yield each node that is not muted, with the data-block whose library its paths are relative to."""
        for item in self._items:
            tree = item if isinstance(item, bpy.types.NodeTree) else getattr(item, "node_tree", None)
            if tree is not None and (tree is item or tree.is_embedded_data):
                yield from ((node, item) for node in tree.nodes if not node.mute)


def missing_files(used: UsedData, frames: Sequence[int]) -> Iterator[str]:
    """Yield the kind and the path of each missing file of the used data; of a sequence, also the missing numbers.

    ``frames`` are the captured frames.
    """
    users = _image_users(used)
    for collection, kind in _FILES.items():
        for item in used.of(collection):
            is_in_memory = getattr(item, "source", "") in _NO_FILE_SOURCES or item.filepath == _BUILT_IN_FONT
            if scene_file.names_a_file(item.filepath) and not is_in_memory and not getattr(item, "packed_file", None):
                numbers = _numbers(item, users.get(item, ()), frames)
                yield from (f"{kind} {each}" for each in _missing(item, numbers))
    for item in used.of("objects"):
        for modifier in item.modifiers:
            path = modifier.filepath if modifier.type == "MESH_CACHE" else ""
            if scene_file.is_missing(path, item.library):
                yield f"cache {path}"
    for node, owner in used.nodes():
        path = _node_path(node)
        if scene_file.is_missing(path, owner.library):
            yield f"file {path} of the node {node.name} in {owner.name}"


def _missing_in(parent: Any, frames: Sequence[int], scenes: list[Any]) -> Iterator[str]:
    """Yield the kind and the path of each missing file that an edit or a meta strip shows at the captured frames.

    ``scenes`` are those whose edits are being examined.
    """
    for strip in blender_compat.sequencer_strips(parent) if parent is not None else ():
        start, end = blender_compat.strip_range(strip)
        shown = [frame for frame in frames if start <= frame < end]
        if not shown or strip.mute or parent.channels[strip.channel].mute:
            continue
        if strip.type == "META":
            yield from _missing_in(strip, shown, scenes)
        elif strip.type == "SCENE" and strip.scene_input == "SEQUENCER" and strip.scene not in (None, *scenes):
            begin = strip.scene.frame_start - int(blender_compat.content_start(strip))
            inner = [frame + begin for frame in shown]
            yield from _missing_in(strip.scene.sequence_editor, inner, [*scenes, strip.scene])
        elif strip.type == "MOVIE" and scene_file.is_missing(strip.filepath, None):
            yield f"movie {strip.filepath}"
        elif strip.type == "IMAGE":
            yield from _missing_images(strip, shown)


def _missing_images(strip: Any, shown: Sequence[int]) -> Iterator[str]:
    """Yield the kind and the path of each missing image that an image strip shows at these frames."""
    first, last = int(blender_compat.content_start(strip)), len(strip.elements) - 1
    # The images that it leaves out at the start, which Blender 5.2 renames.
    is_renamed = hasattr(strip, "content_trim_start")
    trimmed = int(strip.content_trim_start if is_renamed else strip.animation_offset_start)
    # The first image and the last one are shown beyond the content.
    places = {min(max(frame - first, 0) + trimmed, last) for frame in shown}
    for place in range(last + 1) if strip.use_reverse_frames else sorted(places):
        path = strip.directory + strip.elements[place].filename
        if scene_file.is_missing(path, None):
            yield f"image {path}"


def _missing(item: Any, numbers: Iterable[int] | None) -> Iterator[str]:
    """Yield the path of the item if a file is missing; of a sequence those of these numbers, with None any one file."""
    path, source = item.filepath, getattr(item, "source", "")
    file = scene_file.resolved(path, item.library)
    if source == "TILED":
        tiles = (path.replace("<UDIM>", str(tile.number)) for tile in item.tiles)
        if not all(scene_file.resolved(each, item.library).is_file() for each in tiles):
            yield path
        return
    if source != "SEQUENCE" and not getattr(item, "is_sequence", False):
        if not file.is_file():
            yield path
        return
    files = NumberedFiles(file)
    if numbers is None or not files.is_numbered:
        if not (file.is_file() or (files.is_numbered and files.found)):
            yield path
    elif missing := sorted({max(0, number) for number in numbers} - files.found):
        yield f"{path} (files {format_ranges(missing)})"


def _numbers(item: Any, users: Iterable[Any], frames: Sequence[int]) -> set[int] | None:
    """Return the numbers of the files that the frames show, or None if they cannot be calculated."""
    if isinstance(item, bpy.types.Volume):
        return {number for number in (volume_number(item, frame) for frame in frames) if number is not None}
    if isinstance(item, bpy.types.CacheFile) and item.is_sequence and not item.override_frame:
        # Nothing is shown before the first file and after the last one.
        found = NumberedFiles(scene_file.resolved(item.filepath, item.library)).found
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
        head, tail = (os.path.normcase(part) for part in (file.stem[:start], file.stem[end:] + file.suffix))
        pattern = re.compile(rf"{re.escape(head)}(\d+){re.escape(tail)}")
        names = [os.path.normcase(each.name) for each in file.parent.iterdir()] if file.parent.is_dir() else []
        digits = [match[1] for match in map(pattern.fullmatch, names) if match]
        # Blender fills numbers with zeros to the digits of the named file: 1 is not 0001.
        self.found = {int(each) for each in digits if each == f"{int(each):0{end - start}d}"}


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
