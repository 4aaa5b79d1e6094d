"""Everything that differs between the versions of Blender, 3.4 to 5.x."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

EGL = "libEGL.so.1"

# The order matters: each of these decides which values the next one may have.
_FORMAT = ("media_type", "file_format", "color_mode", "color_depth", "compression")


def missing_library() -> str | None:
    """The system library without which drawing ends this process, or None when all is well.

    A headless Blender on Linux loads EGL when it draws its first frame and aborts when it is not there.
    """
    if not (bpy.app.background and sys.platform.startswith("linux")):
        return None
    try:
        ctypes.CDLL(EGL)
    except OSError:
        return EGL
    return None


@contextmanager
def writing_png(settings: Any, *, alpha: bool) -> Iterator[None]:
    """Images are written as 8 bit PNG; afterwards the image settings are as they were."""
    before = {name: getattr(settings, name) for name in _FORMAT if hasattr(settings, name)}
    try:
        # Blender 5 refuses PNG while media_type is VIDEO, so this line comes first.
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        settings.file_format = "PNG"
        settings.color_mode, settings.color_depth, settings.compression = "RGBA" if alpha else "RGB", "8", 15
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def literal(path: os.PathLike[str]) -> str:
    """The path as Blender must be given it to write exactly there."""
    text = os.fspath(path)
    # Blender 5 reads {name} in an output path as a variable.
    return text.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (5, 0) else text


def file_is_too_new() -> bool:
    """Whether the open file was written by a newer Blender, which loses parts of it while it loads."""
    return tuple(bpy.data.version[:2]) > tuple(bpy.app.version[:2])


def curves(item: Any) -> list[Any]:
    """The animation curves of an object that was keyed just now."""
    action = item.animation_data.action
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    # Blender 5 keeps the curves of each animated thing apart: layer, strip, channel bag.
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]
