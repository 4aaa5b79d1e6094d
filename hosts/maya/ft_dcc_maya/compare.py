"""Show the movie of a version in front of what the camera sees: a half transparent image plane of the camera.

It can be removed without a trace; nothing of it is saved or captured.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from maya import cmds

from ft_dcc.errors import CaptureFailed
from ft_dcc.host import ComparedMovie

from .camera_plane import gate_problems, gate_size
from .cameras import camera_shape
from .maintained import SceneRestore
from .temporary_nodes import ShownNodes, delete_with_drivers, show_from_to, without_trace

NAME = "ftDccComparison"
_ALPHA = 0.5
_TO_SIZE = 4
_DISPLAY_NONE = 0
_BEHIND_NEAR = 1.02


def show(movie: ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a camera that is locked or an image that Maya cannot use.
    """
    shape = camera_shape(source)
    clear()
    _show(movie, source)
    _shown.keep(partial(_show, movie, source))
    return gate_problems(source, shape, "the movie may lie beside its place. Compare on the review page.")


def clear() -> None:
    """Remove the movie; do nothing if there is none."""
    _shown.remove()


def hide(restore: SceneRestore) -> None:
    """Keep the movie out of a capture until the scene is restored."""
    for plane in _find_planes():
        # Not its visibility, which has keys.
        restore.set_attribute(f"{plane}.displayMode", _DISPLAY_NONE)


def _find_planes() -> list[str]:
    names = cmds.ls(type="imagePlane", long=True) or []
    # Maya writes the place below a camera as "camera|cameraShape->ftDccComparison|ftDccComparisonShape".
    return [str(name) for name in names if str(name).replace("->", "|").rpartition("|")[2].startswith(NAME)]


def _clear_scene() -> bool:
    """Remove the image plane and return whether there was one."""
    planes = _find_planes()
    for plane in planes:
        (transform,) = cmds.listRelatives(plane, parent=True, fullPath=True)
        with without_trace("defaultResolution"):
            delete_with_drivers([str(transform)])
    return bool(planes)


_shown = ShownNodes(_clear_scene)


def _show(movie: ComparedMovie, source: str) -> None:
    shape = camera_shape(source)
    with without_trace(shape):
        try:
            _add_plane(shape, movie)
        except RuntimeError as error:
            _clear_scene()
            raise CaptureFailed(
                f"Maya cannot show {movie.name} on {source}: {str(error).strip()} Unlock the camera and try again."
            ) from error


def _add_plane(shape: str, movie: ComparedMovie) -> None:
    first = movie.images.path(1).as_posix()
    # It selects what it makes.
    made: Any = cmds.imagePlane(name=NAME, camera=shape, fileName=first, showInAllViews=False)
    transform, plane = map(str, made)
    frame_range, size = movie.frame_range, movie.images.resolution
    width, height = gate_size(shape, frame_range.start, size.width / size.height)
    cmds.setAttr(f"{plane}.fit", _TO_SIZE)
    cmds.setAttr(f"{plane}.sizeX", width)
    cmds.setAttr(f"{plane}.sizeY", height)
    cmds.setAttr(f"{plane}.depth", float(cmds.getAttr(f"{shape}.nearClipPlane")) * _BEHIND_NEAR)
    cmds.setAttr(f"{plane}.alphaGain", _ALPHA)
    # Maya shows the image with the number frameExtension + frameOffset.
    cmds.setAttr(f"{plane}.frameOffset", 1 - frame_range.start)
    cmds.setAttr(f"{plane}.useFrameExtension", True)
    # Some versions have connected the time by now.
    if not cmds.listConnections(f"{plane}.frameExtension", source=True, destination=False):
        cmds.connectAttr("time1.outTime", f"{plane}.frameExtension")
    # There is no image before and after the movie.
    show_from_to(transform, frame_range.start, frame_range.end)
