"""What is heard in the scene: the sound strips of its sequencer."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.host import Soundtrack

from . import versions


def sounds(scene: Any) -> tuple[Soundtrack, ...]:
    """Return every strip that is not muted, with where it begins, what of it is heard, and how loud it is."""
    editor = scene.sequence_editor
    # Without a window Blender says of every scene that it is muted.
    if editor is None or not (bpy.app.background or scene.use_audio):
        return ()
    return tuple(
        Soundtrack(
            path=Path(bpy.path.abspath(strip.sound.filepath, library=strip.sound.library)),
            start=Fraction(f"{strip.frame_start:.4f}"),
            heard=(Fraction(strip.frame_final_start), Fraction(strip.frame_final_end)),
            volume=strip.volume,
        )
        for strip in versions.strips(editor)
        if strip.type == "SOUND" and strip.sound and not (strip.mute or editor.channels[strip.channel].mute)
    )
