"""Values that the artist has changed and not keyed, which a frame change would set back to the animation's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import bpy

from . import blender_compat

# Values are 32 bit floats, and the animation's value is calculated in higher precision.
_TOLERANCE = 1e-5


class _Value(NamedTuple):
    """One animated property: its owner by collection, name and library, its path in it, and its value."""

    collection: str
    owner: tuple[str, str | None]
    path: str
    index: int
    value: float


@contextmanager
def maintained_unkeyed_values(scene: Any) -> Iterator[None]:
    """Restore on exit the animated properties whose values differ from their animation; enter before a frame change."""
    before = list(_unkeyed_values(scene))
    try:
        yield
    finally:
        for each in before:
            _restore(each)


def _unkeyed_values(scene: Any) -> Iterator[_Value]:
    frame = scene.frame_current_final
    for collection, item in animated_ids():
        if item.animation_data.action is None:
            continue
        library = item.library.filepath if item.library else None
        for curve in blender_compat.animation_curves(item):
            if curve.mute:
                continue
            # A curve of a deleted property has no value.
            with suppress(ValueError, TypeError, IndexError, AttributeError):
                value = _read(item, curve.data_path, curve.array_index)
                if not math.isclose(value, curve.evaluate(frame), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
                    yield _Value(collection, (item.name, library), curve.data_path, curve.array_index, value)


def animated_ids() -> Iterator[tuple[str, Any]]:
    """Return each data-block that has animation or drivers, with the name of its collection in ``bpy.data``."""
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            for item in getattr(bpy.data, prop.identifier):
                if getattr(item, "animation_data", None) is not None:
                    yield prop.identifier, item


def _read(item: Any, path: str, index: int) -> float:
    value = item.path_resolve(path)
    return float(value[index] if hasattr(value, "__len__") else value)


def _restore(each: _Value) -> None:
    # Looked up again: an undo makes new data-blocks, and a deleted one has nothing to restore.
    item = getattr(bpy.data, each.collection).get(each.owner)
    if item is None:
        return
    with suppress(ValueError, TypeError, IndexError, AttributeError):
        if _read(item, each.path, each.index) == each.value:
            return
        found = item.path_resolve(each.path)
        if hasattr(found, "__len__"):
            found[each.index] = each.value
            return
        head, _, name = each.path.rpartition(".")
        owner = item.path_resolve(head) if head else item
        if name.endswith("]"):
            # A custom property: its path ends in ["name"].
            owner = item.path_resolve(each.path.rpartition("[")[0]) if "[" in each.path[1:] else item
            owner[each.path.rpartition("[")[2].strip("]\"'")] = each.value
        else:
            setattr(owner, name, type(found)(each.value))
