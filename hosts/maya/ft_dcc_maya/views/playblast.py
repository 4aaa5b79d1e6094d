"""Images of a view: one playblast for each frame, or one for a whole range."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from maya import cmds

from ft_dcc.errors import Cancelled, CaptureFailed
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host_support.capture_files import missing_frame_error, png_size, remove_stale
from ft_dcc_maya.viewport import activate


def draw_image(panel: str, frame: float, path: Path, resolution: Resolution) -> None:
    """Draw one frame to its file; raise Cancelled, CaptureFailed or StorageError if the file is incomplete.

    ``panel`` is "" for Maya without a window, which draws the renderable camera.
    """
    remove_stale(path)
    try:
        # The exact name: Maya's own numbering has no form for a negative frame.
        name = _playblast(panel, [frame], resolution, completeFilename=path.as_posix())
    except RuntimeError as error:
        raise missing_frame_error(path, frame, "Maya", str(error)) from error
    _check_image(path, frame, resolution, is_cancelled=name is None)


@attrs.define
class RangeDrawer:
    """Draws all frames in one playblast, which returns to the current time once."""

    panel: str
    frames: Frames
    _is_drawn: bool = attrs.field(default=False, init=False)
    _is_cancelled: bool = attrs.field(default=False, init=False)

    def draw(self, frame: int) -> None:
        """Draw the range at the first call, and check the image of the frame; raise as ``draw_image``."""
        if not self._is_drawn:
            self._draw_all()
            self._is_drawn = True
        _check_image(self.frames.path(frame), frame, self.frames.resolution, is_cancelled=self._is_cancelled)

    def _draw_all(self) -> None:
        wanted = list(self.frames.frame_range.with_handles)
        for frame in wanted:
            remove_stale(self.frames.path(frame))
        first = self.frames.path(wanted[0])
        # Maya adds a point, the number and the suffix.
        name = first.with_name(first.name.rsplit(".", 2)[0])
        try:
            written = _playblast(
                self.panel,
                wanted,
                self.frames.resolution,
                filename=name.as_posix(),
                rawFrameNumbers=True,
                framePadding=4,
            )
        except RuntimeError as error:
            missing = next((each for each in wanted if png_size(self.frames.path(each)) is None), wanted[0])
            raise missing_frame_error(self.frames.path(missing), missing, "Maya", str(error)) from error
        self._is_cancelled = written is None


def _playblast(panel: str, wanted: Sequence[float], resolution: Resolution, **flags: Any) -> str | None:
    """Return the file name that Maya reports, or None when Escape cancelled the playblast."""
    view: dict[str, Any] = {}
    if panel:
        activate(panel)
        view = {"editorPanelName": panel}
    drawn = _drawn_size(resolution)
    written: str | None = cmds.playblast(
        frame=list(wanted),
        **flags,
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
