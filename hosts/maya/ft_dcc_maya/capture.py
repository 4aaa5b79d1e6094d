"""From a request to one picture per frame on disk, with the scene as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

from maya import cmds

from ft_dcc.errors import Cancelled, CaptureFailed, SettingInvalid
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.pictures import make_folder, make_way, png_size, why_missing

from .cameras import shape_of
from .loan import borrowing
from .look import Look
from .units import rate_of
from .viewport import interruptible, own_panel, without_messages

DrawFrame = Callable[[int], None]

_CLOSED = "The scene was closed while it was captured. Open it and publish again."
# Gates, masks and charts are drawn over the picture, and an overscan shows more than the camera films.
_OVERLAYS = (
    "displayResolution",
    "displayFilmGate",
    "displayGateMask",
    "displayFieldChart",
    "displaySafeAction",
    "displaySafeTitle",
    "displayFilmPivot",
    "displayFilmOrigin",
)


def frames_of(request: PlayblastRequest) -> Frames:
    """Where the pictures of the request go, and the rate of the scene that they are made of."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    fps = rate_of(cmds.currentUnit(query=True, time=True))
    return Frames(str(pattern), request.frame_range, fps, request.resolution)


@contextmanager
def capturing(request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Inside, a view is set up for the request and the function given draws one frame to its file.

    Raises CameraMissing, CaptureFailed, DiskUnusable or SettingInvalid before anything is changed.
    """
    if cmds.about(batch=True):
        raise CaptureFailed(
            "Maya without a window has no viewport to capture. "
            "Publish from Maya's window, or render the frames and give them: ft-dcc publish 'name.%04d.png'"
        )
    camera, look = shape_of(request.source), Look.from_request(request.look)
    _check_isolated(look)
    make_folder(request.directory)
    whole = request.frame_range.with_handles
    with borrowing(camera) as loan, without_messages(), own_panel(request.resolution) as panel:
        for overlay in _OVERLAYS:
            loan.set_attribute(f"{camera}.{overlay}", False)
        loan.set_attribute(f"{camera}.overscan", 1.0)
        look.tune(loan)
        look.dress(panel)
        cmds.modelEditor(panel, edit=True, camera=request.source)
        # Without it the first frame may be drawn with the settings of before.
        cmds.refresh(force=True)
        with interruptible(whole.start, whole.end) as is_cancelled:

            def draw(frame: int) -> None:
                if not loan.is_open:
                    raise CaptureFailed(_CLOSED)
                if is_cancelled(frame):
                    raise Cancelled(f"The capture was cancelled in Maya before frame {frame}.")
                _draw(panel, frame, frames.path(frame), request.resolution)

            yield draw


def _check_isolated(look: Look) -> None:
    for node in look.isolate:
        if not cmds.objExists(node):
            raise SettingInvalid(f"look.isolate names {node!r}, which the scene does not have. Check the name.")


def _draw(panel: str, frame: int, path: Path, resolution: Resolution) -> None:
    """Draw one frame to its file; raises Cancelled, CaptureFailed or DiskUnusable when it is not whole on disk."""
    make_way(path)
    # Playblast goes back to where the time stood: from here, so that a simulation is never run backwards.
    cmds.currentTime(frame)
    try:
        written = _playblast(panel, frame, path, resolution)
    except RuntimeError as error:
        raise why_missing(path, frame, "Maya", str(error)) from error
    size = png_size(path)
    if size is None and written is None:
        raise Cancelled(f"The capture was cancelled in Maya at frame {frame}.")
    if size is None:
        raise why_missing(path, frame, "Maya")
    if size != resolution:
        raise CaptureFailed(f"Maya drew frame {frame} at {size}, wanted is {resolution}. Choose a size it can draw.")


def _playblast(panel: str, frame: int, path: Path, resolution: Resolution) -> str | None:
    """The name that Maya gives back, or None when Escape stopped it."""
    written: str | None = cmds.playblast(
        # The exact name: no number of Maya's own, which has no form for a frame below zero.
        completeFilename=path.as_posix(),
        frame=[frame],
        editorPanelName=panel,
        widthHeight=(resolution.width, resolution.height),
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
