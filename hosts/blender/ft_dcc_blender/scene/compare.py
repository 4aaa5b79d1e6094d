"""Show the movie of a version over what the camera shows, and remove it without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

MARK = "ft_dcc_compare"
_ALPHA = 0.5
# The camera and whether its background images were shown before.
_shown: list[tuple[str, bool]] = []


def show(camera: Any, movie: Path, first_frame: int, frame_count: int) -> None:
    """Show the movie, whose first image belongs to ``first_frame``, half transparent in front of the camera.

    It replaces a movie that is shown. Raises RuntimeError if Blender cannot read the movie.
    """
    clear()
    image = bpy.data.images.load(str(movie))
    image[MARK] = True
    image.source = "MOVIE"
    background = camera.data.background_images.new()
    background.image = image
    background.alpha = _ALPHA
    background.display_depth = "FRONT"
    background.frame_method = "FIT"
    user = background.image_user
    user.frame_start, user.frame_duration, user.frame_offset = first_frame, frame_count, 0
    user.use_auto_refresh = True
    _shown.append((camera.data.name_full, camera.data.show_background_images))
    camera.data.show_background_images = True
    if _before_save not in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.append(_before_save)


def clear() -> None:
    """Remove the movie from all cameras; do nothing if there is none."""
    for camera in bpy.data.cameras:
        for background in [each for each in camera.background_images if each.image and each.image.get(MARK)]:
            camera.background_images.remove(background)
    for image in [each for each in bpy.data.images if each.get(MARK)]:
        bpy.data.images.remove(image)
    while _shown:
        name, was_shown = _shown.pop()
        if name in bpy.data.cameras:
            bpy.data.cameras[name].show_background_images = was_shown
    if _before_save in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.remove(_before_save)


def is_shown() -> bool:
    """Return whether a movie is shown."""
    return any(image.get(MARK) for image in bpy.data.images)


def _before_save(*_: object) -> None:
    """Remove the movie, so that it is not in the file."""
    clear()
