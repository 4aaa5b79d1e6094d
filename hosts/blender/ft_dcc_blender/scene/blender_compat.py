"""The differences between the versions of Blender, 3.4 to 5.x."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from urllib.parse import urlsplit

import bpy

from ft_dcc.errors import SettingInvalid

EGL = "libEGL.so.1"

# The order matters: each property decides which values the next one accepts. Blender 5 refuses PNG while media_type,
# which earlier versions lack, is VIDEO.
_FORMAT = ("media_type", "file_format", "color_mode", "color_depth", "compression")


def missing_library() -> str | None:
    """Return the system library without which drawing would end this process, or None if it is installed.

    A headless Blender on Linux loads EGL when it draws its first frame, and aborts if it is missing.
    """
    if not (bpy.app.background and sys.platform.startswith("linux")):
        return None
    try:
        ctypes.CDLL(EGL)
    except OSError:
        return EGL
    return None


def uses_software_rendering() -> bool:
    """Return whether the processor draws; always true without a window, where Blender cannot tell."""
    if bpy.app.background:
        return True
    import gpu

    return any(name in gpu.platform.renderer_get().lower() for name in ("llvmpipe", "softpipe", "swiftshader"))


def can_draw_on_this_thread() -> bool:
    """Return whether a headless Blender can draw here: before 4.5 only on the main thread."""
    return bpy.app.version >= (4, 5) or threading.current_thread() is threading.main_thread()


def context_override(**members: Any) -> AbstractContextManager[object]:
    """Return a context manager that overrides those members of the context which have another value.

    While an operator runs, Blender reads overrides from a dictionary of Python. Before Python 3.12 it does so without
    Python's lock if another thread runs Python at that moment, and may crash. So nothing is overridden without need.
    """
    differing = {name: value for name, value in members.items() if getattr(bpy.context, name, None) != value}
    return bpy.context.temp_override(**differing) if differing else nullcontext()


def may_crash_beside_threads() -> bool:
    """Return whether an operator with overrides may crash while another thread runs Python (``context_override``)."""
    return not bpy.app.background and sys.version_info < (3, 12)


@contextmanager
def writing_png(scene: Any, *, alpha: bool) -> Iterator[None]:
    """Write images as 8 bit PNG; restore the settings for images and movies on exit."""
    settings, ffmpeg = scene.render.image_settings, scene.render.ffmpeg
    before = {name: getattr(settings, name) for name in _FORMAT if hasattr(settings, name)}
    ffmpeg_before = {name: getattr(ffmpeg, name) for name in _writable_properties(ffmpeg)}
    is_overridden = settings.color_management == "OVERRIDE"
    space = settings.linear_colorspace_settings.name if is_overridden else ""
    wanted = ("IMAGE", "PNG", "RGBA" if alpha else "RGB", "8", 15)
    try:
        _set_changed(settings, {name: value for name, value in zip(_FORMAT, wanted) if name in before})
        yield
    finally:
        # Resolved again, so that a closed scene raises ReferenceError here.
        settings, ffmpeg = scene.render.image_settings, scene.render.ffmpeg
        _set_changed(settings, before)
        # Blender 4.2 loses container and codec when the format is set back to a movie.
        _set_changed(ffmpeg, ffmpeg_before)
        # A new format resets the colour space of linear files, which matters only with overridden colour management.
        if space:
            _set_changed(settings.linear_colorspace_settings, {"name": space})


def _set_changed(part: Any, values: Mapping[str, Any]) -> None:
    """Set only the values that differ: setting a format, even to its own value, changes other properties."""
    for name, value in values.items():
        if getattr(part, name) != value:
            setattr(part, name, value)


def _writable_properties(part: Any) -> list[str]:
    return [item.identifier for item in part.bl_rna.properties if not item.is_readonly and item.type != "POINTER"]


def workbench_engine(scene: Any) -> dict[str, object]:
    """Return the settings that render like a viewport; a Blender may be built without Freestyle."""
    return {
        "engine": "BLENDER_WORKBENCH",
        **({"use_freestyle": False} if hasattr(scene.render, "use_freestyle") else {}),
    }


def neutral_view_settings(settings: Any) -> dict[str, object]:
    """Return the view settings that leave colours unchanged; Blender 4.3 and later have a white balance."""
    values = {"exposure": 0.0, "gamma": 1.0, "use_curve_mapping": False, "use_white_balance": False}
    return {name: value for name, value in values.items() if hasattr(settings, name)}


def escape_output_path(path: os.PathLike[str]) -> str:
    """Return the path as Blender needs it to write exactly there."""
    text = os.fspath(path)
    # Since 4.5, {name} in an output path is a variable.
    return text.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5) else text


def file_is_too_new() -> bool:
    """Return whether a newer Blender wrote the open file, so that parts of it are lost."""
    return tuple(bpy.data.version[:2]) > tuple(bpy.app.version[:2])


def animation_curves(item: Any) -> list[Any]:
    """Return the animation curves of an object that has an action."""
    return action_curves(item.animation_data.action)


def action_curves(action: Any) -> list[Any]:
    """Return the animation curves of an action; since Blender 4.4 they are in layers, strips and channel bags."""
    if getattr(action, "layers", None):
        strips = [strip for layer in action.layers for strip in layer.strips]
        return [curve for strip in strips for bag in strip.channelbags for curve in bag.fcurves]
    # Blender 4.4 and 4.5 show only the curves of the first slot here, Blender 5 shows none.
    return list(getattr(action, "fcurves", ()))


def sequencer_strips(parent: Any) -> list[Any]:
    """Return the strips of a sequencer or of a meta strip; before Blender 4.4 they were called sequences."""
    return list(parent.strips if hasattr(parent, "strips") else parent.sequences)


def check_online(server: str) -> None:
    """Raise SettingInvalid if Blender's preferences forbid connections to this server (4.2 and later)."""
    is_local = urlsplit(server).hostname in ("localhost", "127.0.0.1", "::1")
    if not is_local and not getattr(bpy.app, "online_access", True):
        raise SettingInvalid("Blender is offline. Allow online access in Preferences > System > Network.")


def draw_field(layout: Any, data: Any, name: str, *, placeholder: str, icon: str = "NONE") -> None:
    """Draw a field with a placeholder: inside of the field since 4.2, in a line below it before."""
    if bpy.app.version >= (4, 2):
        layout.prop(data, name, placeholder=placeholder, icon=icon)
        return
    layout.prop(data, name, icon=icon)
    if not getattr(data, name):
        layout.label(text=f"{placeholder!r}", icon="BLANK1")


def draw_progress(layout: Any, share: float, text: str) -> None:
    """Draw a progress bar since 4.0, a line of text before; without a text it has the percentage only."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=text or f"{share:.0%}")
    else:
        layout.label(text=f"{text} ({share:.0%})" if text else f"{share:.0%}", icon="TIME")


def strip_range(strip: Any) -> tuple[int, int]:
    """Return the first frame of a strip of the sequencer and the one after its last; Blender 5 renames them."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def content_start(strip: Any) -> float:
    """Return the frame at which the whole content of a strip would start."""
    return float(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)


def content_trim_start(strip: Any) -> int:
    """Return how many images or frames of the file a strip leaves out at the start; Blender 5.2 renames it."""
    return int(strip.content_trim_start if hasattr(strip, "content_trim_start") else strip.animation_offset_start)


def show_only_strokes(style: Any) -> None:
    """Let a material of grease pencil draw strokes without a fill; Blender 5.2 ignores these properties."""
    if not getattr(style.bl_rna.properties["show_stroke"], "is_deprecated", False):
        style.show_stroke, style.show_fill = True, False
