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

from ft_dcc import plain_text
from ft_dcc.errors import CaptureFailed, SettingInvalid

EGL = "libEGL.so.1"

# The order matters: each property decides which values the next one accepts. Blender 5 refuses PNG while media_type,
# which earlier versions lack, is VIDEO.
_FORMAT = ("media_type", "file_format", "color_mode", "color_depth", "compression")


def require_drawing() -> None:
    """Raise CaptureFailed if Blender cannot draw on this thread, or while it renders in the background.

    That render would write its next frames to the file of the capture.

    A headless Blender on Linux loads EGL when it draws its first frame, and ends this process if it is missing.
    """
    if bpy.app.is_job_running("RENDER"):
        raise CaptureFailed("Blender is rendering. Wait for the last frame or cancel the render, and publish again.")
    if bpy.app.background and sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(EGL)
        except OSError as error:
            hint = "Install it (on Debian: apt-get install libegl1)."
            raise CaptureFailed(f"Blender cannot draw without {EGL}. {hint}") from error
    if bpy.app.version < (4, 5) and threading.current_thread() is not threading.main_thread():
        raise CaptureFailed(f"Blender {bpy.app.version_string} can draw only on its main thread. Capture from there.")


def uses_software_rendering() -> bool:
    """Return whether the processor draws; always true without a window, where Blender cannot tell."""
    if bpy.app.background:
        return True
    import gpu

    return any(name in gpu.platform.renderer_get().lower() for name in ("llvmpipe", "softpipe", "swiftshader"))


def context_override(**members: Any) -> AbstractContextManager[object]:
    """Return a context manager that overrides those members of the context which have another value.

    While an operator runs, Blender reads overrides from a dictionary of Python. Before Python 3.12 it does so without
    Python's lock if another thread runs Python at that moment, and may crash. So nothing is overridden without need.
    """
    differing = {name: value for name, value in members.items() if getattr(bpy.context, name, None) != value}
    return bpy.context.temp_override(**differing) if differing else nullcontext()


@contextmanager
def writing_png(scene: Any, *, alpha: bool) -> Iterator[None]:
    """Write images as 8 bit PNG; restore the settings for images and movies on exit."""
    settings, ffmpeg = scene.render.image_settings, scene.render.ffmpeg
    before = {name: getattr(settings, name) for name in _FORMAT if hasattr(settings, name)}
    writable = [each for each in ffmpeg.bl_rna.properties if not each.is_readonly and each.type != "POINTER"]
    ffmpeg_before = {each.identifier: getattr(ffmpeg, each.identifier) for each in writable}
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


def file_is_too_new() -> bool:
    """Return whether a newer Blender wrote the open file, so that parts of it are lost."""
    return tuple(bpy.data.version[:2]) > tuple(bpy.app.version[:2])


def animation_curves(action: Any) -> list[Any]:
    """Return the animation curves of an action; since Blender 4.4 they are in layers, strips and channel bags."""
    if getattr(action, "layers", None):
        strips = [strip for layer in action.layers for strip in layer.strips]
        return [curve for strip in strips for bag in strip.channelbags for curve in bag.fcurves]
    # Blender 4.4 and 4.5 show only the curves of the first slot here, Blender 5 shows none.
    return list(getattr(action, "fcurves", ()))


def strip_collection(parent: Any) -> Any:
    """Return the strips of a sequencer or of a meta strip; before Blender 4.4 they were called sequences."""
    return parent.strips if hasattr(parent, "strips") else parent.sequences


def sequencer_strips(parent: Any) -> list[Any]:
    """Return a copy of ``strip_collection``."""
    return list(strip_collection(parent))


def all_strips(editor: Any) -> list[Any]:
    """Return the strips of a sequencer with those inside of meta strips."""
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def check_online(server: str) -> None:
    """Raise SettingInvalid if Blender's preferences forbid connections to this server (4.2 and later)."""
    is_local = urlsplit(server).hostname in ("localhost", "127.0.0.1", "::1")
    if not is_local and not getattr(bpy.app, "online_access", True):
        raise SettingInvalid("Blender is offline. Allow online access in Preferences > System > Network.")


def draw_field(layout: Any, data: Any, name: str, *, placeholder: str, icon: str = "NONE", **values: Any) -> None:
    """Draw a field with a placeholder: inside of the field since 4.2, in a line below it before."""
    placeholder = plain_text.single_line(placeholder)
    if bpy.app.version >= (4, 2):
        layout.prop(data, name, placeholder=placeholder, icon=icon, **values)
        return
    layout.prop(data, name, icon=icon, **values)
    if not getattr(data, name):
        layout.label(text=f"{placeholder!r}", icon="BLANK1")


def draw_progress(layout: Any, share: float, text: str) -> None:
    """Draw a progress bar since 4.0, a line of text before; without a text it has the percentage only."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=text or f"{share:.0%}")
    else:
        layout.label(text=f"{text} ({share:.0%})" if text else f"{share:.0%}", icon="TIME")


def file_output_nodes(scene: Any) -> list[Any]:
    """Return the File Output nodes that the scene's compositor runs, those of groups included; Blender 5 renames it."""
    if hasattr(scene, "compositing_node_group"):
        own = scene.compositing_node_group
    else:
        own = scene.node_tree if scene.use_nodes else None
    found, trees = [], [own] if own is not None and scene.render.use_compositing else []
    for tree in trees:
        active = [node for node in tree.nodes if not node.mute]
        found += [node for node in active if node.type == "OUTPUT_FILE"]
        groups = [node.node_tree for node in active if node.type == "GROUP" and node.node_tree]
        trees += [group for group in groups if group not in trees]
    return found


def written_files(node: Any) -> list[tuple[str, Any]]:
    """Return the path without frame and extension, and the format, of each file that a File Output node writes."""
    # Since Blender 5.0 the name of an item follows that of the file.
    has_items = hasattr(node, "file_output_items")
    slots = node.file_output_items if has_items else node.file_slots
    path = os.path.join(node.directory, node.file_name) if has_items else node.base_path  # noqa: PTH118 - no path yet
    if node.format.file_format == "OPEN_EXR_MULTILAYER":
        return [(path, node.format)]
    found = []
    for slot, socket in zip(slots, node.inputs):
        has_own = slot.override_node_format if has_items else not slot.use_node_format
        name = path + slot.name if has_items else os.path.join(path, slot.path)  # noqa: PTH118
        found += [(name, slot.format if has_own else node.format)] if socket.is_linked else []
    return found


def strip_range(strip: Any) -> tuple[int, int]:
    """Return the first frame of a strip of the sequencer and the one after its last; Blender 5 renames them."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def set_strip_range(strip: Any, start: int, end: int) -> None:
    """Set the first frame of a strip of the sequencer and the one after its last; its content stays where it is."""
    names = (
        ("left_handle", "right_handle") if hasattr(strip, "left_handle") else ("frame_final_start", "frame_final_end")
    )
    for name, frame in zip(names, (start, end)):
        setattr(strip, name, frame)


def content_start(strip: Any) -> float:
    """Return the frame at which the whole content of a strip would start."""
    return float(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)
