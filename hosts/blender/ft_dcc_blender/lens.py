"""What a camera's lens is at each frame."""

from __future__ import annotations

from typing import Any

import bpy

from ft_dcc.frames import FrameRange

from .capture import find_camera
from .maintained import maintained_frame


def focal_lengths(source: str, frame_range: FrameRange) -> dict[int, float]:
    """Return millimetres by frame, handles included; nothing for a camera without perspective. Raises CameraMissing."""
    scene, frames = bpy.context.scene, frame_range.with_handles
    lens = find_camera(scene, source).data
    if lens.type != "PERSP":
        return {}
    # Without animation and drivers of its own it is the same at each frame, and the scene need not be looked through.
    if lens.animation_data is None:
        return dict.fromkeys(frames, float(lens.lens))
    with maintained_frame(scene):
        return {frame: _length_at(scene, lens, frame) for frame in frames}


def _length_at(scene: Any, lens: Any, frame: int) -> float:
    scene.frame_set(frame)
    return float(lens.lens)
