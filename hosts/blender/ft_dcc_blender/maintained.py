"""Borrow the scene and give it back: each of these leaves what it names as it found it, whatever happens inside."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy


@contextmanager
def changed(scene: Any, path: str, **values: object) -> Iterator[None]:
    """Properties of a part of the scene, ``display.shading``, have these values inside and their old ones afterwards.

    The part is looked up anew each time: Blender raises ReferenceError for a scene that is closed, and crashes for a
    part of one.
    """
    with ExitStack() as stack:
        for name, value in values.items():
            stack.callback(_put, scene, path, name, getattr(scene.path_resolve(path), name))
            _put(scene, path, name, value)
        yield


def _put(scene: Any, path: str, name: str, value: object) -> None:
    setattr(scene.path_resolve(path), name, value)


@contextmanager
def unbound_markers(scene: Any) -> Iterator[None]:
    """No marker switches the camera inside.

    To be left before anybody else is let in: the artist may edit the markers between two frames.
    """
    bound = [(marker, marker.camera) for marker in scene.timeline_markers if marker.camera]
    try:
        for marker, _ in bound:
            marker.camera = None
        yield
    finally:
        for marker, camera in bound:
            marker.camera = camera


@contextmanager
def maintained_frame(scene: Any) -> Iterator[None]:
    """The scene stands on the same frame and subframe afterwards."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        with unbound_markers(scene):
            scene.frame_set(frame, subframe=subframe)


@contextmanager
def maintained_camera(scene: Any) -> Iterator[None]:
    """The scene looks through the same camera afterwards, or through none when it was deleted inside."""
    camera = scene.camera
    name = camera and camera.name_full
    try:
        yield
    finally:
        scene.camera = camera if name is None or _is_there(camera) else _object(name)


def _is_there(item: Any) -> bool:
    try:
        return bool(item.name)
    except ReferenceError:
        return False


def _object(name: str) -> Any:
    """The object of this name, or None: an undo makes objects anew."""
    return next((item for item in bpy.data.objects if item.name_full == name), None)


@contextmanager
def maintained_images() -> Iterator[None]:
    """The file holds the same images afterwards: rendering adds a "Render Result"."""
    before = set(bpy.data.images.keys())
    try:
        yield
    finally:
        for name in set(bpy.data.images.keys()) - before:
            bpy.data.images.remove(bpy.data.images[name])


@contextmanager
def silenced() -> Iterator[None]:
    """What Blender itself prints does not reach standard output, which is the caller's.

    A headless Blender writes a line for each frame past Python, straight to the file descriptor.
    """
    if not bpy.app.background:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is a name, not a path
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        _flush_c_streams()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c_streams() -> None:
    """Empty C's own output buffers; on Windows Blender's runtime flushes each line and cannot be asked."""
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
