"""Sentences about what a captured scene needs and lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bpy

from ..scene.sound import missing_sounds, unmixed_sounds
from ..scene.sources import EDIT
from ..scene.unkeyed_values import animated_ids
from ..scene.visibility import listed
from .missing_files import missing_files, missing_strip_files, resolved
from .used_data import UsedData


def find_incomplete(captures: Sequence[tuple[Any, str, Sequence[int]]], *, has_sound: bool) -> Iterator[str]:
    """Yield a sentence for each kind of thing that is missing in captures: their scenes, sources and frames."""
    used = UsedData(scene for scene, _, _ in captures)
    mixed = captures if has_sound else ()
    sounds = [f"sound {path}" for scene, _, _ in mixed for path in missing_sounds(scene)]
    if files := [*_missing_libraries(), *_missing_files(captures, used), *sounds]:
        yield f"Files of the scene are missing: {listed(files)}. Restore them."
    if unmixed := [name for scene, _, frames in mixed for name in unmixed_sounds(scene, frames)]:
        yield (
            f"Packed sounds are silent in a range that starts before frame 0: {listed(unmixed)}. "
            "Unpack them (File, External Data), or start at frame 0."
        )
    if items := _missing_linked_items():
        yield f"Linked data is missing in its library: {listed(items)}. Relink or remove it."
    if bpy.app.autoexec_fail:
        yield (
            f"Python code of the file did not run ({bpy.app.autoexec_fail_message}), so drivers and rigs may be wrong. "
            "Allow it if you trust the file (File, Reload Trusted; --run-scripts on the command line)."
        )
    elif drivers := _failed_drivers(used):
        yield f"Drivers do not work: {listed(drivers)}. Repair or remove them in the Drivers Editor."


def _missing_files(captures: Sequence[tuple[Any, str, Sequence[int]]], used: UsedData) -> Iterator[str]:
    yield from missing_files(used, sorted({frame for *_, frames in captures for frame in frames}))
    for scene, source, frames in captures:
        # Only the edit shows the strips.
        yield from missing_strip_files(scene, frames) if source == EDIT else ()


def _failed_drivers(used: UsedData) -> list[str]:
    """Return the drivers of used data whose expression fails or whose variables have no target."""
    return [
        f"{curve.data_path} of {owner.name}"
        for owner, item in animated_ids()
        if owner.data_block() in used
        for curve in item.animation_data.drivers
        if not curve.mute and not curve.driver.is_valid
    ]


def _missing_libraries() -> list[str]:
    return [
        f"library {library.filepath}"
        for library in bpy.data.libraries
        if not library.packed_file and not resolved(library.filepath, library.parent).is_file()
    ]


def _missing_linked_items() -> list[str]:
    """Return the data-blocks that Blender has replaced by an empty placeholder."""
    absent = {library for library in bpy.data.libraries if not resolved(library.filepath, library.parent).is_file()}
    return [
        f"{item.name} ({item.library.filepath})"
        for prop in bpy.data.bl_rna.properties
        if prop.type == "COLLECTION"
        for item in getattr(bpy.data, prop.identifier)
        if getattr(item, "is_missing", False) and item.library not in absent and item.library is not None
    ]
