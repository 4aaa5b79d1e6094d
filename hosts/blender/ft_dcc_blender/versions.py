"""Everything that differs between the versions of Blender, 3.4 to 5.x."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import bpy

from ft_dcc.errors import SettingInvalid

EGL = "libEGL.so.1"

# The order matters: each of these decides which values the next one may have. Blender 5 refuses PNG while media_type,
# which those before do not have, is VIDEO.
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


def draws_on_processor() -> bool:
    """Whether there is no graphics card to draw with, as far as can be told: without a window nobody can ask."""
    if bpy.app.background:
        return True
    import gpu

    return any(name in gpu.platform.renderer_get().lower() for name in ("llvmpipe", "softpipe", "swiftshader"))


def can_draw_here() -> bool:
    """Whether a headless Blender can draw on this thread: 4.2's drawing context belongs to the main one."""
    return bpy.app.version >= (4, 5) or threading.current_thread() is threading.main_thread()


@contextmanager
def writing_png(scene: Any, *, alpha: bool) -> Iterator[None]:
    """Images are written as 8 bit PNG; afterwards the image and film settings are as they were."""
    settings, film = scene.render.image_settings, scene.render.ffmpeg
    before = {name: getattr(settings, name) for name in _FORMAT if hasattr(settings, name)}
    film_before = {name: getattr(film, name) for name in _writable(film)}
    is_overridden = settings.color_management == "OVERRIDE"
    space = settings.linear_colorspace_settings.name if is_overridden else ""
    wanted = ("IMAGE", "PNG", "RGBA" if alpha else "RGB", "8", 15)
    try:
        _put(settings, {name: value for name, value in zip(_FORMAT, wanted) if name in before})
        yield
    finally:
        # Looked up again: a scene that was closed raises ReferenceError here.
        settings, film = scene.render.image_settings, scene.render.ffmpeg
        _put(settings, before)
        # Blender 4.2 forgets container and codec when the format becomes a film again.
        _put(film, film_before)
        # With a new format Blender chooses the colour space of linear files anew; where nothing is overridden, always.
        if space:
            _put(settings.linear_colorspace_settings, {"name": space})


def _put(part: Any, values: Mapping[str, Any]) -> None:
    """Set what differs: Blender takes other things along with a format that is set, also to what it is."""
    for name, value in values.items():
        if getattr(part, name) != value:
            setattr(part, name, value)


def _writable(part: Any) -> list[str]:
    return [item.identifier for item in part.bl_rna.properties if not item.is_readonly and item.type != "POINTER"]


def solid_engine(scene: Any) -> dict[str, object]:
    """Return what has a render look as a window draws it; a Blender may have been built without Freestyle."""
    return {
        "engine": "BLENDER_WORKBENCH",
        **({"use_freestyle": False} if hasattr(scene.render, "use_freestyle") else {}),
    }


def plain_view(settings: Any) -> dict[str, object]:
    """Return what leaves colours as they are: nothing brighter, warmer or bent; 4.3 and later have a white balance."""
    values = {"exposure": 0.0, "gamma": 1.0, "use_curve_mapping": False, "use_white_balance": False}
    return {name: value for name, value in values.items() if hasattr(settings, name)}


def literal(path: os.PathLike[str]) -> str:
    """The path as Blender must be given it to write exactly there."""
    text = os.fspath(path)
    # From 4.5 on {name} in an output path is a variable.
    return text.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5) else text


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


def strips(editor: Any) -> list[Any]:
    """Every strip of the sequencer, also those in others; before Blender 4.4 they were called sequences."""
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def check_online(server: str) -> None:
    """Raise SettingInvalid where Blender's preferences allow no connection to this server (4.2 and later ask)."""
    is_here = urlsplit(server).hostname in ("localhost", "127.0.0.1", "::1")
    if not is_here and not getattr(bpy.app, "online_access", True):
        raise SettingInvalid("Blender is offline. Allow online access in Preferences > System > Network.")


def draw_field(layout: Any, data: Any, name: str, *, usual: str, icon: str = "NONE") -> None:
    """A field that says what is taken while it is empty: in itself from 4.2 on, in a line below it before."""
    if bpy.app.version >= (4, 2):
        layout.prop(data, name, placeholder=usual, icon=icon)
        return
    layout.prop(data, name, icon=icon)
    if not getattr(data, name):
        layout.label(text=f"{usual!r}", icon="BLANK1")


def draw_progress(layout: Any, share: float, text: str) -> None:
    """A bar from 4.0 on, a line of text before."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=text)
    else:
        layout.label(text=f"{text} ({share:.0%})", icon="TIME")
