"""Movies of versions as strips of the video sequencer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from . import blender_compat


def strips_of(scene: Any) -> list[Any]:
    """Return the strips of the scene's sequencer, without those inside of meta strips."""
    editor = scene.sequence_editor
    return [] if editor is None else blender_compat.sequencer_strips(editor)


def add_movie(scene: Any, path: Path, first_frame: int) -> list[Any]:
    """Add the images of a movie, muted, and its sound above all strips; return the new ones, or raise CaptureFailed."""
    had_editor, channel = scene.sequence_editor is not None, max((each.channel for each in strips_of(scene)), default=0)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    place = {"filepath": str(path), "frame_start": first_frame}
    images = strips.new_movie(path.stem, channel=channel + 1, **place)
    # Blender adds a strip also for a file that is none.
    if not images.fps:
        strips.remove(images)
        if not had_editor:
            scene.sequence_editor_clear()
        raise CaptureFailed(f"Blender cannot read the movie {path}. Download it again.")
    images.mute = True
    sound = strips.new_sound(path.stem, channel=channel + 2, **place)
    if sound.sound.channels == "INVALID":
        bpy.data.sounds.remove(sound.sound)
        strips.remove(sound)
        return [images]
    return [images, sound]
