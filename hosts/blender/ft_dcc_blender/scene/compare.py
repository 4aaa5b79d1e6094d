"""Show the movie of a version over what the camera shows, and remove it without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import attrs
import bpy

from ft_dcc.errors import CaptureFailed
from ft_dcc.host import ComparedMovie

from .file_handlers import FileHandlers

MARK = "ft_dcc_compare"
_ALPHA = 0.5

CameraAt = Callable[[int], Any]


@attrs.define
class _Shown:
    """The last request, which is repeated after the file was saved without it.

    ``was_shown`` is whether each camera, by its name, showed background images before.
    """

    movie: ComparedMovie
    camera_at: CameraAt
    was_shown: dict[str, bool] = attrs.field(factory=dict)


_shown: list[_Shown] = []


def show(movie: ComparedMovie, camera_at: CameraAt) -> None:
    """Show the movie half transparent in front of the cameras, instead of one that is shown.

    Raises CaptureFailed, and changes nothing then, if Blender cannot read the images.
    """
    found = (camera_at(frame) for frame in movie.frame_range)
    # A marker can be bound to any object.
    cameras = {item.data.name_full: item.data for item in found if item.type == "CAMERA"}
    try:
        image = bpy.data.images.load(str(movie.images.path(1)))
    except RuntimeError as error:
        raise CaptureFailed(f"Blender cannot read the images of {movie.name}: {str(error).strip()}") from error
    clear()
    image[MARK] = True
    image.source = "SEQUENCE"
    request = _Shown(movie, camera_at)
    for name, camera in cameras.items():
        request.was_shown[name] = camera.show_background_images
        _add_background(camera, image, movie)
    _shown.append(request)
    _HANDLERS.install()


def clear() -> None:
    """Remove the movie from all cameras; do nothing if there is none."""
    _remove_all()
    _shown.clear()
    _HANDLERS.remove()


def is_shown() -> bool:
    """Return whether a movie is shown."""
    return any(image.get(MARK) for image in bpy.data.images)


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


def _add_background(camera: Any, image: Any, movie: ComparedMovie) -> None:
    background = camera.background_images.new()
    background.image = image
    background.alpha = _ALPHA
    background.display_depth = "FRONT"
    background.frame_method = "FIT"
    user = background.image_user
    # Blender shows a sequence on these frames only. Its files are numbered from 1.
    user.frame_start, user.frame_duration, user.frame_offset = movie.first_frame, len(movie.images), 0
    user.use_auto_refresh = True
    camera.show_background_images = True


def _remove_all() -> None:
    for camera, background in _backgrounds():
        camera.background_images.remove(background)
    for image in [each for each in bpy.data.images if each.get(MARK)]:
        bpy.data.images.remove(image)
    for request in _shown:
        for name, was_shown in request.was_shown.items():
            camera = bpy.data.cameras.get(name)
            if camera is not None:
                camera.show_background_images = was_shown


def _show_again() -> None:
    """Show the movie again, unless its images or its camera are gone."""
    for request in list(_shown):
        clear()
        with suppress(CaptureFailed, ReferenceError):
            show(request.movie, request.camera_at)


_HANDLERS = FileHandlers(_remove_all, _show_again, clear)
