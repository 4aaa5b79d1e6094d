"""Images of a version with what a camera shows: its movie, which is removed without a trace, and its frames."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import bpy

from ft_dcc import errors, host
from ft_dcc.files.sequences import frame_path
from ft_dcc.frames import FrameRange

from .maintained import ShownInScene

# The custom property of the images: which cameras, by name, showed background images before.
MARK = "ft_dcc_compare"


def show(movie: host.ComparedMovie, camera_at: Callable[[int], Any]) -> None:
    """Show the movie half transparent in front of the cameras, instead of one that is shown.

    Raises CaptureFailed, and changes nothing then, if Blender cannot read the images.
    """
    cameras = _cameras(camera_at, movie.frame_range)
    image = _load_sequence(movie.images.path(1), movie.name)
    clear()
    image[MARK] = json.dumps({camera.name_full: camera.show_background_images for camera in cameras})
    for camera in cameras:
        background = _add_background(camera, image, movie.frame_range, 1)
        background.alpha = 0.5
        background.display_depth = "FRONT"
    _SHOWN.keep(movie, camera_at)


def load(pattern: str, frame_range: FrameRange, camera_at: Callable[[int], Any] | None) -> str:
    """Show the frames behind what the cameras show, and return a sentence that says where they are.

    Without a camera that the file can store them with, they are an image that is saved with the file. Raises
    CaptureFailed, and changes nothing then, if Blender cannot read the frames.
    """
    first = Path(frame_path(pattern, frame_range.start))
    if int(re.findall(r"\d+", first.stem)[-1]) != abs(frame_range.start):
        raise errors.CaptureFailed(f"Blender takes the last number of {first.name} as its frame. Rename the files.")
    cameras = [] if camera_at is None else _cameras(camera_at, frame_range)
    image = _load_sequence(first, first.name)
    own = [camera for camera in cameras if camera.library is None]
    for camera in own:
        _add_background(camera, image, frame_range, frame_range.start)
    image.use_fake_user = not own
    names = ", ".join(camera.name for camera in own)
    return f"The frames are {f'behind {names}' if own else f'the image {image.name}: their camera is not here'}."


def _cameras(camera_at: Callable[[int], Any], frames: Iterable[int]) -> list[Any]:
    found = map(camera_at, frames)
    # A marker can be bound to any object.
    return [*{item.data.name_full: item.data for item in found if item.type == "CAMERA"}.values()]


def _load_sequence(first: Path, name: str) -> Any:
    try:
        image = bpy.data.images.load(str(first))
    except RuntimeError as error:
        raise errors.CaptureFailed(f"Blender cannot read the images of {name}: {str(error).strip()}") from error
    image.source = "SEQUENCE"
    return image


def _add_background(camera: Any, image: Any, frame_range: FrameRange, first_number: int) -> Any:
    """Show the images on these frames only; ``first_number`` is in the name of the first one."""
    background = camera.background_images.new()
    background.image = image
    background.frame_method = "FIT"
    user = background.image_user
    user.frame_start, user.frame_duration = frame_range.start, frame_range.end - frame_range.start + 1
    # Without it, Blender takes the file with the number 1 for the first frame.
    user.frame_offset = first_number - 1
    user.use_auto_refresh = True
    camera.show_background_images = True
    return background


def is_shown() -> bool:
    """Return whether a movie is shown."""
    return any(image.get(MARK) for image in bpy.data.images)


def cameras_with_plates(scene: Any) -> list[str]:
    """Return the cameras of the scene with back plates of the artist."""
    found = []
    for item in scene.objects:
        data = item.data
        if item.type == "CAMERA" and data.show_background_images:
            shown = [each for each in data.background_images if each.show_background_image]
            if any(each.clip or (each.image and not each.image.get(MARK)) for each in shown):
                found.append(item.name_full)
    return found


@contextmanager
def hidden() -> Iterator[None]:
    """Keep the movie out of a capture."""
    with ExitStack() as stack:
        for camera, background in _backgrounds():
            stack.callback(_restore, camera.name_full, background.show_background_image)
            background.show_background_image = False
        yield


def _restore(camera_name: str, is_visible: bool) -> None:
    # Looked up again: an undo during the capture makes another camera.
    for camera, background in _backgrounds():
        if camera.name_full == camera_name:
            background.show_background_image = is_visible


def _backgrounds() -> list[tuple[Any, Any]]:
    """Return the background images of the movie with their cameras."""
    every = [(camera, background) for camera in bpy.data.cameras for background in camera.background_images]
    return [(camera, each) for camera, each in every if each.image is not None and each.image.get(MARK)]


def _remove_all() -> None:
    for camera, background in _backgrounds():
        camera.background_images.remove(background)
    for image in [each for each in bpy.data.images if each.get(MARK)]:
        for camera_name, was_shown in json.loads(image[MARK]).items():
            cameras = (each for each in bpy.data.cameras if each.name_full == camera_name)
            for camera in cameras:
                camera.show_background_images = was_shown
        bpy.data.images.remove(image)


_SHOWN = ShownInScene(show, _remove_all)
# Removes the movie from all cameras; does nothing if there is none.
clear = _SHOWN.clear
