"""Context managers that restore what they name, also after an error."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy


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
    """Restore the current frame and subframe on exit."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
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
        scene.camera = camera if name is None or _exists(camera) else _find_object(name)


def _exists(item: Any) -> bool:
    try:
        return bool(item.name)
    except ReferenceError:
        return False


def _find_object(name: str) -> Any:
    """Return the object of this name, or None: an undo makes new objects."""
    return next((item for item in bpy.data.objects if item.name_full == name), None)


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
        _flush_c_streams()
        os.dup2(stdout_copy, 1)
        os.close(stdout_copy)


def _flush_c_streams() -> None:
    """Flush the buffers of C; on Windows Blender's runtime flushes each line itself."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
