"""What a camera's lens is at each frame."""

from __future__ import annotations

from typing import Any

from ft_dcc.frames import FrameRange

from .capture import find_cameras
from .maintained import maintained_camera, maintained_frame


def focal_lengths(scene: Any, source: str, frame_range: FrameRange) -> dict[int, float]:
    """Return millimetres by frame, handles included, of the cameras with perspective; raises CameraMissing."""
    camera_at = find_cameras(scene, source)
    cameras = {frame: camera_at(frame) for frame in frame_range.with_handles}
    # A marker can be bound to anything.
    lenses = {frame: camera.data for frame, camera in cameras.items() if camera.type == "CAMERA"}
    # Without animation and drivers of its own it is the same at each frame, and the scene need not be looked through.
    if all(lens.animation_data is None for lens in lenses.values()):
        return {frame: float(lens.lens) for frame, lens in lenses.items() if lens.type == "PERSP"}
    with maintained_camera(scene), maintained_frame(scene):
        return {frame: _length_at(scene, lens, frame) for frame, lens in lenses.items() if lens.type == "PERSP"}


def _length_at(scene: Any, lens: Any, frame: int) -> float:
    scene.frame_set(frame)
    return float(lens.lens)
