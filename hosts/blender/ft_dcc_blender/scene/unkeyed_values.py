"""Values that the artist has changed and not keyed, which a frame change would set back to the animation's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import bpy

from . import blender_compat

# Values are 32 bit floats, and the animation's value is calculated in higher precision.
_TOLERANCE = 1e-5
# A property whose value Blender converts when the first one changes, with rounding.
_CONVERTED = {"rotation_mode": ("rotation_euler", "rotation_quaternion", "rotation_axis_angle")}
# The last part of a path: a custom property, or an attribute. A name of a custom property may contain dots.
_CUSTOM = re.compile(r'^(.*)\["((?:[^"\\]|\\.)*)"\]$', re.DOTALL)
_PATH_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError)


class Owner(NamedTuple):
    """A data-block that can be animated: its collection in ``bpy.data``, name and library."""

    collection: str
    name: str
    library: str | None
    # The attribute of that data-block that holds it, such as the nodes of a material.
    embedded_in: str = ""

    def find(self) -> Any:
        """Return the data-block, or None if it was deleted."""
        item = self.data_block()
        return getattr(item, self.embedded_in, None) if self.embedded_in else item

    def data_block(self) -> Any:
        """Return the data-block in ``bpy.data``, which may be the one that it is embedded in, or None."""
        return getattr(bpy.data, self.collection).get((self.name, self.library))


class _Value(NamedTuple):
    """One animated property: its owner, its path in it, and its value."""

    owner: Owner
    path: str
    index: int
    value: Any


@contextmanager
def maintained_unkeyed_values(scene: Any) -> Iterator[None]:
    """Restore on exit the animated properties whose values differ from their animation; enter before a frame change."""
    before = list(_unkeyed_values(scene))
    try:
        yield
    finally:
        for each in before:
            _restore(each)


def animated_ids() -> Iterator[tuple[Owner, Any]]:
    """Return each data-block that has animation or drivers, embedded node trees included, and how to find it again."""
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            for item in getattr(bpy.data, prop.identifier):
                owner = Owner(prop.identifier, item.name, item.library.filepath if item.library else None)
                if getattr(item, "animation_data", None) is not None:
                    yield owner, item
                # The node tree of a modifier is a data-block of its own.
                tree = getattr(item, "node_tree", None)
                if tree is not None and tree.is_embedded_data and tree.animation_data is not None:
                    yield owner._replace(embedded_in="node_tree"), tree


def _unkeyed_values(scene: Any) -> Iterator[_Value]:
    frame = scene.frame_current_final
    for owner, item in animated_ids():
        for curve, is_alone in _curves(item.animation_data):
            # A curve of a deleted property has no value.
            with suppress(*_PATH_ERRORS):
                value = _read(item, curve.data_path, curve.array_index)
                tolerances = {"rel_tol": _TOLERANCE, "abs_tol": _TOLERANCE}
                if is_alone and isinstance(value, float) and math.isclose(value, curve.evaluate(frame), **tolerances):
                    continue
                yield _Value(owner, curve.data_path, curve.array_index, value)
                yield from _converted_values(owner, item, curve.data_path)


def _curves(animation: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each curve, and whether the animated value is the one of this curve alone."""
    if animation.action is not None:
        yield from ((curve, True) for curve in blender_compat.animation_curves(animation.id_data) if not curve.mute)
    for track in animation.nla_tracks:
        yield from ((curve, False) for curve in _strip_curves(track.strips))


def _strip_curves(strips: Any) -> Iterator[Any]:
    for strip in strips:
        if strip.action is not None:
            yield from blender_compat.action_curves(strip.action)
        # The strips in a meta strip.
        yield from _strip_curves(strip.strips)


def _converted_values(owner: Owner, item: Any, path: str) -> Iterator[_Value]:
    head, separator, name = path.rpartition(".")
    for other in (f"{head}{separator}{each}" for each in _CONVERTED.get(name, ())):
        for index in range(len(item.path_resolve(other))):
            yield _Value(owner, other, index, _read(item, other, index))


def _read(item: Any, path: str, index: int) -> Any:
    value = item.path_resolve(path)
    return value[index] if _is_array(value) else value


def _is_array(value: Any) -> bool:
    # The value of an enumeration is a string or a set.
    return hasattr(value, "__len__") and not isinstance(value, (str, set))


def _restore(each: _Value) -> None:
    # Looked up again: an undo makes new data-blocks, and a deleted one has nothing to restore.
    item = each.owner.find()
    if item is None:
        return
    with suppress(*_PATH_ERRORS):
        found = item.path_resolve(each.path)
        if _read(item, each.path, each.index) == each.value:
            return
        if _is_array(found):
            found[each.index] = each.value
        elif (custom := _CUSTOM.match(each.path)) is not None:
            _resolve(item, custom[1])[_unescaped(custom[2])] = each.value
        else:
            head, _, name = each.path.rpartition(".")
            setattr(_resolve(item, head), name, each.value)


def _resolve(item: Any, path: str) -> Any:
    return item.path_resolve(path) if path else item


def _unescaped(name: str) -> str:
    """Return the name of a custom property from its form in a path."""
    return re.sub(r"\\(.)", r"\1", name)
