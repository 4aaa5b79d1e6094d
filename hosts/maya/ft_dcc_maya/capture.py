"""Capture one image per frame, and restore the scene afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from maya import cmds

from ft_dcc import errors, host
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host_support.capture_files import make_folder, missing_frame_error, png_size, remove_stale

from . import cameras, feedback, maintained, timeline, viewport
from .look import BACKGROUNDS, Look

DrawFrame = Callable[[int], None]

_SCENE_CLOSED = "The scene was closed while it was captured. Open it and publish again."
# Gates, masks and charts are drawn over the image, and overscan shows more than the camera's own frame.
OVERLAYS = (
    *("displayResolution", "displayFilmGate", "displayGateMask", "displayFieldChart"),
    *("displaySafeAction", "displaySafeTitle", "displayFilmPivot", "displayFilmOrigin"),
)


def output_frames(request: host.PlayblastRequest) -> Frames:
    """Return the images that the request will produce, at the rate of the scene."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    fps = timeline.rate_from_unit(cmds.currentUnit(query=True, time=True))
    return Frames(str(pattern), request.frame_range, fps, request.resolution)


@contextmanager
def capture_setup(request: host.PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Set up a view for the request, and yield a function that draws one frame to its file.

    Raises CameraMissing, CaptureFailed, StorageError or SettingInvalid before anything is changed.
    """
    camera, look = _prepare(request.source, request.look)
    make_folder(request.directory)
    with maintained.maintained_scene(camera) as restore:
        with restore.untracked():
            panel = _set_up_view(request.source, request.resolution, look, restore)
        whole = request.frame_range.with_handles
        with viewport.progress_window(whole.start, whole.end) as is_cancelled:

            def draw(frame: int) -> None:
                if not restore.is_scene_open:
                    raise errors.CaptureFailed(_SCENE_CLOSED)
                if is_cancelled(frame):
                    raise errors.Cancelled(f"The capture was cancelled in Maya before frame {frame}.")
                with restore.untracked():
                    # Playblast returns to the current time. Setting it first means that a simulation never runs
                    # backwards.
                    cmds.currentTime(frame)
                    draw_image(panel, frame, frames.path(frame), frames.resolution)

            yield draw


@contextmanager
def snapshot_setup(source: str, resolution: Resolution, look: Mapping[str, Any]) -> Iterator[Callable[[Path], None]]:
    """Set up a view, and yield a function that draws the current time to a file; raise as ``capture_setup``.

    The time is never set: that would discard values that are not keyed.
    """
    camera, checked_look = _prepare(source, look)
    with maintained.maintained_scene(camera) as restore:
        with restore.untracked():
            panel = _set_up_view(source, resolution, checked_look, restore)

        def draw(path: Path) -> None:
            with restore.untracked():
                draw_image(panel, float(cmds.currentTime(query=True)), path, resolution)  # type: ignore[call-arg] # the documentation leaves it out

        yield draw


def _prepare(source: str, look: Mapping[str, Any]) -> tuple[str, Look]:
    """Return the camera's shape and the look; raise CameraMissing, CaptureFailed or SettingInvalid."""
    camera, checked_look = cameras.camera_shape(source), Look.from_request(look)
    if cmds.about(batch=True):
        checked_look.require_drawable_without_window()
    checked_look.nodes_to_isolate()
    return camera, checked_look


def _set_up_view(source: str, resolution: Resolution, look: Look, restore: maintained.SceneRestore) -> str:
    """Return a panel that shows the camera with this look, until the scene is restored; "" without a window."""
    camera = cameras.camera_shape(source)
    for overlay in OVERLAYS:
        restore.set_attribute(f"{camera}.{overlay}", False)
    restore.set_attribute(f"{camera}.overscan", 1.0)
    feedback.hide(restore)
    feedback.hide_movie(restore)
    look.apply_to_renderer(restore)
    if cmds.about(batch=True):
        # There is no panel that could show the camera: it becomes the only renderable one.
        (wanted,) = map(str, cmds.ls(camera, long=True) or [])
        for shape in map(str, cmds.ls(type="camera", long=True) or []):
            restore.set_attribute(f"{shape}.renderable", shape == wanted)
        return ""
    view = viewport.artists_view()
    restore.enter(viewport.without_ornaments(keep_drawings=look.like_viewport))
    restore.enter(viewport.fixed_background(BACKGROUNDS[look.background]))
    restore.enter(viewport.loaded_textures())
    panel = restore.enter(viewport.own_panel(resolution))
    look.apply_to_panel(panel, view)
    cmds.modelEditor(panel, edit=True, camera=source)
    # Without a refresh the first frame may be drawn with the previous settings.
    cmds.refresh(force=True)
    return panel


def draw_image(panel: str, frame: float, path: Path, resolution: Resolution) -> None:
    """Draw one frame to its file; raise Cancelled, CaptureFailed or StorageError if the file is incomplete.

    ``panel`` is "" for Maya without a window, which draws the renderable camera.
    """
    remove_stale(path)
    drawn = resolution
    if cmds.about(windows=True):
        # Both sizes are multiples of four there; what is more is cut off.
        drawn = Resolution(-(-resolution.width // 4) * 4, -(-resolution.height // 4) * 4)
    try:
        name = _playblast(panel, frame, drawn, path)
    except RuntimeError as error:
        raise missing_frame_error(path, frame, "Maya", str(error)) from error
    size = png_size(path)
    if size == drawn != resolution:
        size = crop_png(path, resolution)
    if size is None and name is None:
        raise errors.Cancelled(f"The capture was cancelled in Maya at frame {frame}.")
    if size is None:
        raise missing_frame_error(path, frame, "Maya")
    if size != resolution:
        raise errors.CaptureFailed(f"Frame {frame} is {size}; expected {resolution}. Choose a size that Maya can draw.")


def _playblast(panel: str, frame: float, size: Resolution, path: Path) -> str | None:
    """Return the file name that Maya reports, or None when Escape cancelled the playblast."""
    view: dict[str, Any] = {}
    if panel:
        viewport.activate(panel)
        view = {"editorPanelName": panel}
    written: str | None = cmds.playblast(
        frame=[frame],
        # The exact name: Maya's own numbering has no form for a negative frame.
        completeFilename=path.as_posix(),
        **view,
        widthHeight=(size.width, size.height),
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


def crop_png(path: Path, size: Resolution) -> Resolution | None:
    """Cut the middle of this size out of the image with Qt, and return its size; None if that fails."""
    from Qt import QtGui

    image = QtGui.QImage(str(path))
    left, top = (image.width() - size.width) // 2, (image.height() - size.height) // 2
    is_saved = image.copy(left, top, size.width, size.height).save(str(path))
    return png_size(path) if is_saved else None
