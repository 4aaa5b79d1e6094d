"""The sound of the sequencer: its audible strips, and the mixdown of Blender itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import StorageError
from ft_dcc.frames import FrameRange
from ft_dcc.host import Soundtrack

from . import blender_compat, capture, maintained, scene_file, viewport

# 16 bit, 192 kHz and eight channels, the most that the output settings of a scene offer.
_MAX_BYTES_PER_SECOND, _MIN_FREE_BYTES = 2 * 192_000 * 8, 16 << 20


def find_sounds(scene: Any) -> tuple[Soundtrack, ...]:
    """Return every audible strip with a file, with its start, the part of it that is heard, and its volume.

    Packed sounds have no file; they are part of the mixdown. Missing ones (``missing_sounds``) are silent.
    """
    return tuple(
        Soundtrack(
            path=scene_file.resolved(strip.sound.filepath, strip.sound.library),
            start=Fraction(f"{blender_compat.content_start(strip):.4f}"),
            heard=heard,
            volume=strip.volume,
        )
        for strip, heard in _audible_strips(scene)
        if not (strip.sound.packed_file and _can_mix())
        and scene_file.resolved(strip.sound.filepath, strip.sound.library).is_file()
    )


def missing_sounds(scene: Any) -> list[str]:
    """Return the files of the audible strips that do not exist; a packed sound needs none for the mixdown."""
    sounds = (strip.sound for strip, _ in _audible_strips(scene) if not (strip.sound.packed_file and _can_mix()))
    return [sound.filepath for sound in sounds if scene_file.is_missing(sound.filepath, sound.library)]


def unmixed_sounds(scene: Any, frames: Sequence[int]) -> list[str]:
    """Return the packed sounds that are heard in a range before frame 0, where Blender has no mixdown."""
    if not frames or min(frames) >= 0:
        return []
    heard = ((strip, start, end) for strip, (start, end) in _audible_strips(scene) if strip.sound.packed_file)
    return [strip.sound.name for strip, start, end in heard if start <= max(frames) and end > min(frames)]


def mix(scene: Any, frame_range: FrameRange, path: Path) -> bool:
    """Write the sound of the range with Blender's own mixdown; return False if there is none or this is impossible.

    Raises StorageError. Blender's ranges start at 0.
    """
    if not _can_mix() or frame_range.start < 0 or next(_audible_strips(scene), None) is None:
        return False
    # Blender ends without a message if it cannot write the file.
    needed = int(len(frame_range) / capture.scene_rate(scene) * _MAX_BYTES_PER_SECOND) + _MIN_FREE_BYTES
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise StorageError(f"{path.parent} has {free >> 10} KiB free; the sound needs {needed >> 10} KiB. Free space.")
    before = scene.frame_start, scene.frame_end
    with ExitStack() as stack:
        stack.callback(_set_range, scene, *before)
        stack.enter_context(maintained.silenced())
        _set_range(scene, frame_range.start, frame_range.end)
        window, layer = viewport.window_of(scene) or bpy.context.window_manager.windows[0], viewport.active_layer(scene)
        stack.enter_context(blender_compat.context_override(window=window, scene=scene, view_layer=layer))
        try:
            bpy.ops.sound.mixdown(filepath=str(path), check_existing=False, container="WAV", codec="PCM", format="S16")
        except RuntimeError as error:
            raise StorageError(f"Blender cannot write the sound to {path}: {str(error).strip()} Free space.") from error
    if not path.is_file():
        raise StorageError(f"Blender did not write the sound to {path}. Free space or choose another jobs folder.")
    return True


def _can_mix() -> bool:
    return bool(bpy.app.build_options.audaspace)


def _set_range(scene: Any, start: int, end: int) -> None:
    # Blender keeps the end behind the start at each step.
    scene.frame_end = max(end, scene.frame_start)
    scene.frame_start, scene.frame_end = start, end


def _audible_strips(scene: Any) -> Iterator[tuple[Any, tuple[Fraction, Fraction]]]:
    """Yield each sound strip that is heard, nested ones included, and the range in which it is."""
    editor = scene.sequence_editor
    # Without a window Blender reports every scene as muted.
    if editor is not None and (bpy.app.background or scene.use_audio):
        yield from _audible_in(editor, None)


def _audible_in(
    parent: Any, limits: tuple[Fraction, Fraction] | None
) -> Iterator[tuple[Any, tuple[Fraction, Fraction]]]:
    for strip in blender_compat.sequencer_strips(parent):
        start, end = map(Fraction, blender_compat.strip_range(strip))
        if limits is not None:
            start, end = max(start, limits[0]), min(end, limits[1])
        if strip.mute or parent.channels[strip.channel].mute or start >= end:
            continue
        if strip.type == "META":
            yield from _audible_in(strip, (start, end))
        elif strip.type == "SOUND" and strip.sound:
            yield strip, (start, end)
