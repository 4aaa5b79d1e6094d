"""Images of a view: one playblast for each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maya import cmds

from ft_dcc.errors import Cancelled, CaptureFailed
from ft_dcc.frames import Resolution
from ft_dcc.host_support.capture_files import missing_frame_error, png_size, remove_stale
from ft_dcc_maya.viewport import activate


def draw_image(panel: str, frame: float, path: Path, resolution: Resolution) -> None:
    """Draw one frame to its file; raise Cancelled, CaptureFailed or StorageError if the file is incomplete.

    ``panel`` is "" for Maya without a window, which draws the renderable camera.
    """
    remove_stale(path)
    try:
        name = _playblast(panel, frame, resolution, path)
    except RuntimeError as error:
        raise missing_frame_error(path, frame, "Maya", str(error)) from error
    _check_image(path, frame, resolution, is_cancelled=name is None)


def _playblast(panel: str, frame: float, resolution: Resolution, path: Path) -> str | None:
    """Return the file name that Maya reports, or None when Escape cancelled the playblast."""
    view: dict[str, Any] = {}
    if panel:
        activate(panel)
        view = {"editorPanelName": panel}
    drawn = _drawn_size(resolution)
    written: str | None = cmds.playblast(
        frame=[frame],
        # The exact name: Maya's own numbering has no form for a negative frame.
        completeFilename=path.as_posix(),
        **view,
        widthHeight=(drawn.width, drawn.height),
        percent=100,
        format="image",
        compression="png",
        quality=100,
        forceOverwrite=True,
        offScreen=True,
        viewer=False,
        showOrnaments=False,
        sequenceTime=False,
        throwOnError=True,
    )
    return written


def _drawn_size(resolution: Resolution) -> Resolution:
    """Return the size in which Maya draws an image; what is more is cut off."""
    if not cmds.about(windows=True):
        return resolution
    # Both sizes are multiples of four there.
    return Resolution(-(-resolution.width // 4) * 4, -(-resolution.height // 4) * 4)


def _check_image(path: Path, frame: float, resolution: Resolution, *, is_cancelled: bool) -> None:
    """Crop the image to its size; raise Cancelled, CaptureFailed or StorageError if it is missing."""
    size = png_size(path)
    if size == _drawn_size(resolution) != resolution:
        size = crop_png(path, resolution)
    if size is None and is_cancelled:
        raise Cancelled(f"The capture was cancelled in Maya at frame {frame}.")
    if size is None:
        raise missing_frame_error(path, frame, "Maya")
    if size != resolution:
        raise CaptureFailed(f"Frame {frame} is {size}; expected {resolution}. Choose a size that Maya can draw.")


def crop_png(path: Path, size: Resolution) -> Resolution | None:
    """Cut the middle of this size out of the image with Qt, and return its size; None if that fails."""
    from Qt import QtGui

    image = QtGui.QImage(str(path))
    left, top = (image.width() - size.width) // 2, (image.height() - size.height) // 2
    is_saved = image.copy(left, top, size.width, size.height).save(str(path))
    return png_size(path) if is_saved else None
