"""Images of a version on an image plane of a camera.

Its movie is half transparent in front of what the camera sees. It can be removed without a trace; nothing of it is
saved or captured. Its frames are loaded behind the scene, and belong to the artist.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from maya import cmds

from ft_dcc import errors, frames, host
from ft_dcc.files.sequences import frame_path

from . import cameras, maintained

NAME = "ftDccComparison"
_ALPHA = 0.5
_TO_SIZE = 4
_DISPLAY_NONE = 0
_BEHIND_NEAR = 1.02


def show(movie: host.ComparedMovie, source: str) -> list[str]:
    """Show the movie instead of one that is shown, and return a sentence for each problem.

    Raises CameraMissing, or CaptureFailed for a camera that is locked or an image that Maya cannot use.
    """
    shape = cameras.camera_shape(source)
    clear()
    _show(movie, source)
    _shown.keep(partial(_show, movie, source))
    return cameras.gate_problems(source, shape, "the movie may lie beside its place. Compare on the review page.")


def load(pattern: str, frame_range: frames.FrameRange, camera: str) -> None:
    """Show the frames behind the scene, as one undo step; raise CameraMissing, or CaptureFailed for a locked camera."""
    shape, first = cameras.camera_shape(camera), Path(frame_path(pattern, frame_range.start))
    cmds.undoInfo(openChunk=True, chunkName="ft-dcc: load frames")
    try:
        _make_sequence(shape, first)
    except RuntimeError as error:
        raise errors.CaptureFailed(
            f"Maya cannot show {first.name} on {camera}: {str(error).strip()} Unlock the camera and try again."
        ) from error
    finally:
        cmds.undoInfo(closeChunk=True)


def hide(restore: maintained.SceneRestore) -> None:
    """Keep the movie out of a capture until the scene is restored."""
    for plane in _find_planes():
        # Not its visibility, which has keys.
        restore.set_attribute(f"{plane}.displayMode", _DISPLAY_NONE)


def _find_planes() -> list[str]:
    names = cmds.ls(type="imagePlane", long=True) or []
    # Maya writes the place below a camera as "camera|cameraShape->ftDccComparison|ftDccComparisonShape".
    return [str(name) for name in names if str(name).replace("->", "|").rpartition("|")[2].startswith(NAME)]


def _clear_scene() -> bool:
    planes = _find_planes()
    for plane in planes:
        (transform,) = cmds.listRelatives(plane, parent=True, fullPath=True)
        with maintained.without_trace("defaultResolution"):
            maintained.delete_with_drivers([str(transform)])
    return bool(planes)


_shown = maintained.ShownNodes(_clear_scene)
clear = _shown.remove


def _show(movie: host.ComparedMovie, source: str) -> None:
    shape = cameras.camera_shape(source)
    with maintained.without_trace(shape):
        try:
            _add_plane(shape, movie)
        except RuntimeError as error:
            _clear_scene()
            raise errors.CaptureFailed(
                f"Maya cannot show {movie.name} on {source}: {str(error).strip()} Unlock the camera and try again."
            ) from error


def _add_plane(shape: str, movie: host.ComparedMovie) -> None:
    transform, plane = _make_sequence(shape, movie.images.path(1), 1 - movie.first_frame, name=NAME)
    frame_range, size = movie.frame_range, movie.images.resolution
    width, height = cameras.gate_size(shape, frame_range.start, size.width / size.height)
    cmds.setAttr(f"{plane}.fit", _TO_SIZE)
    cmds.setAttr(f"{plane}.sizeX", width)
    cmds.setAttr(f"{plane}.sizeY", height)
    cmds.setAttr(f"{plane}.depth", float(cmds.getAttr(f"{shape}.nearClipPlane")) * _BEHIND_NEAR)
    cmds.setAttr(f"{plane}.alphaGain", _ALPHA)
    # There is no image before and after the movie.
    maintained.show_from_to(transform, frame_range.start, frame_range.end)


def _make_sequence(shape: str, first: Path, offset: int = 0, **flags: Any) -> tuple[str, str]:
    """Make an image plane that shows the image with the number of the time plus the offset, and select it."""
    made: Any = cmds.imagePlane(camera=shape, fileName=first.as_posix(), showInAllViews=False, **flags)
    transform, plane = map(str, made)
    cmds.setAttr(f"{plane}.frameOffset", offset)
    cmds.setAttr(f"{plane}.useFrameExtension", True)
    # Some versions have connected the time by now.
    if not cmds.listConnections(f"{plane}.frameExtension", source=True, destination=False):
        cmds.connectAttr("time1.outTime", f"{plane}.frameExtension")
    return transform, plane
