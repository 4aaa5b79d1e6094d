"""Context managers that restore what they name, also after an error, and what is shown in a scene for a while."""

from __future__ import annotations

import ctypes
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

import bpy

from ft_dcc.errors import CaptureFailed

from . import blender_compat

# Values are 32 bit floats, and the animation's value is calculated in higher precision.
_TOLERANCE = 1e-5
# A property whose value Blender converts when the first one changes, with rounding.
_CONVERTED = {"rotation_mode": ("rotation_euler", "rotation_quaternion", "rotation_axis_angle")}
# The last part of a path: a custom property, or an attribute. A name of a custom property may contain dots.
_CUSTOM = re.compile(r'^(.*)\["((?:[^"\\]|\\.)*)"\]$', re.DOTALL)
_PATH_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError)


@contextmanager
def overridden(scene: Any, path: str, **values: object) -> Iterator[None]:
    """Set properties of a part of the scene, such as ``display.shading``, and restore them on exit.

    The part is resolved for each access: Blender raises ReferenceError for a closed scene, and crashes for a part
    of one.
    """
    with ExitStack() as stack:
        for name, value in values.items():
            stack.callback(_set, scene, path, name, getattr(scene.path_resolve(path), name))
            _set(scene, path, name, value)
        yield


def _set(scene: Any, path: str, name: str, value: object) -> None:
    setattr(scene.path_resolve(path), name, value)


@contextmanager
def unbound_markers(scene: Any) -> Iterator[None]:
    """Unbind all markers from their cameras, so that none of them switches the camera.

    Leave it before control returns to the artist, who may edit the markers between two frames.
    """
    # By address: a handler of the frame change may remove a marker, and reading a removed one crashes.
    bound = {marker.as_pointer(): marker.camera for marker in scene.timeline_markers if marker.camera}
    try:
        for marker in scene.timeline_markers:
            if marker.as_pointer() in bound:
                marker.camera = None
        yield
    finally:
        for marker in scene.timeline_markers:
            camera = bound.get(marker.as_pointer())
            # A handler may also have bound it to another camera, or deleted its camera.
            if camera is not None and marker.camera is None and _exists(camera):
                marker.camera = camera


@contextmanager
def kept_camera(scene: Any, camera: Any) -> Iterator[None]:
    """Set the camera again after the scene's own handlers of a frame change, which may switch it."""

    def keep(changed: Any, *_: Any) -> None:
        if changed == scene and changed.camera != camera:
            changed.camera = camera

    handlers = [bpy.app.handlers.frame_change_pre, bpy.app.handlers.frame_change_post]
    for each in handlers:
        each.append(keep)
    try:
        yield
    finally:
        for each in handlers:
            # A file that was opened meanwhile has removed it.
            if keep in each:
                each.remove(keep)


@contextmanager
def maintained_frame(scene: Any) -> Iterator[None]:
    """Restore the current frame and subframe on exit, if they were changed: that discards poses without a key."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        if (scene.frame_current, scene.frame_subframe) != (frame, subframe):
            with unbound_markers(scene):
                scene.frame_set(frame, subframe=subframe)


@contextmanager
def maintained_camera(scene: Any) -> Iterator[None]:
    """Restore the active camera on exit, or set none if it was deleted."""
    camera = scene.camera
    name = camera and camera.name_full
    try:
        yield
    finally:
        # Looked up by name: an undo makes new objects.
        same_name = (item for item in bpy.data.objects if item.name_full == name)
        scene.camera = camera if name is None or _exists(camera) else next(same_name, None)


def _exists(item: Any) -> bool:
    try:
        return bool(item.name)
    except ReferenceError:
        return False


@contextmanager
def maintained_images() -> Iterator[None]:
    """Remove new images on exit: rendering adds a "Render Result"."""
    before = set(bpy.data.images.keys())
    try:
        yield
    finally:
        for name in set(bpy.data.images.keys()) - before:
            bpy.data.images.remove(bpy.data.images[name])


@contextmanager
def silenced() -> Iterator[None]:
    """Keep Blender's own output away from standard output, which belongs to the caller.

    A headless Blender prints a line for each frame, past Python, directly to the file descriptor.
    """
    if not bpy.app.background:
        yield
        return
    sys.stdout.flush()
    stdout_copy = os.dup(1)
    try:
        with open(os.devnull, "wb") as null_device:  # noqa: PTH123 - os.devnull is a name, not a path
            os.dup2(null_device.fileno(), 1)
        yield
    finally:
        if os.name == "posix":
            # The buffers of C; on Windows Blender's runtime flushes each line itself.
            ctypes.CDLL(None).fflush(None)
        os.dup2(stdout_copy, 1)
        os.close(stdout_copy)


class ShownInScene:
    """What the add-on shows in a scene: no saved file contains it, and it is removed before another file is opened.

    ``remove`` removes it, and ``show`` shows it again with the arguments of ``keep`` after the file was saved.
    """

    def __init__(self, show: Callable[..., object], remove: Callable[[], object]) -> None:
        self._show, self._remove = show, remove
        self._arguments: tuple[Any, ...] | None = None
        self._handlers = {
            "save_pre": lambda *_: remove(),
            "save_post": lambda *_: self._show_again(),
            "load_pre": lambda *_: self.clear(),
        }

    def keep(self, *arguments: Any) -> None:
        """Let Blender call the functions from now on."""
        self._arguments = arguments
        for name, handler in self._handlers.items():
            getattr(bpy.app.handlers, name).append(handler)

    def clear(self) -> None:
        """Remove what is shown, and let Blender not call the functions any more; safe to call twice."""
        self._remove()
        self._arguments = None
        for name, handler in self._handlers.items():
            listed = getattr(bpy.app.handlers, name)
            if handler in listed:
                listed.remove(handler)

    def _show_again(self) -> None:
        arguments = self._arguments
        self.clear()
        # Its images, its camera or its scene may be gone.
        if arguments is not None:
            with suppress(CaptureFailed, ReferenceError, KeyError):
                self._show(*arguments)


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
            path = curve.data_path
            # A curve of a deleted property has no value.
            with suppress(*_PATH_ERRORS):
                value = _read(item, path, curve.array_index)
                tolerances = {"rel_tol": _TOLERANCE, "abs_tol": _TOLERANCE}
                if is_alone and isinstance(value, float) and math.isclose(value, curve.evaluate(frame), **tolerances):
                    continue
                yield _Value(owner, path, curve.array_index, value)
                head, separator, name = path.rpartition(".")
                for other in (f"{head}{separator}{each}" for each in _CONVERTED.get(name, ())):
                    for index in range(len(item.path_resolve(other))):
                        yield _Value(owner, other, index, _read(item, other, index))


def _curves(animation: Any) -> Iterator[tuple[Any, bool]]:
    """Yield each curve, and whether the animated value is the one of this curve alone."""
    if animation.action is not None:
        yield from ((curve, True) for curve in blender_compat.animation_curves(animation.action) if not curve.mute)
    for track in animation.nla_tracks:
        yield from ((curve, False) for curve in _strip_curves(track.strips))


def _strip_curves(strips: Any) -> Iterator[Any]:
    for strip in strips:
        if strip.action is not None:
            yield from blender_compat.animation_curves(strip.action)
        # The strips in a meta strip.
        yield from _strip_curves(strip.strips)


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
            _resolve(item, custom[1])[re.sub(r"\\(.)", r"\1", custom[2])] = each.value
        else:
            head, _, name = each.path.rpartition(".")
            setattr(_resolve(item, head), name, each.value)


def _resolve(item: Any, path: str) -> Any:
    return item.path_resolve(path) if path else item
