"""Capture one image per frame, and restore the scene afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from maya import cmds

from ft_dcc.errors import Cancelled, CaptureFailed
from ft_dcc.frames import Frames, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.host_support.capture_files import make_folder

from . import compare, feedback
from .cameras import camera_shape
from .look import Look
from .maintained import SceneRestore, maintained_scene
from .units import rate_from_unit
from .viewport import artists_view, fixed_background, loaded_textures, own_panel, without_messages
from .views.escape import progress_window
from .views.playblast import draw_image

DrawFrame = Callable[[int], None]

_SCENE_CLOSED = "The scene was closed while it was captured. Open it and publish again."
# Gates, masks and charts are drawn over the image, and overscan shows more than the camera's own frame.
OVERLAYS = (
    "displayResolution",
    "displayFilmGate",
    "displayGateMask",
    "displayFieldChart",
    "displaySafeAction",
    "displaySafeTitle",
    "displayFilmPivot",
    "displayFilmOrigin",
)


def output_frames(request: PlayblastRequest) -> Frames:
    """Return the images that the request will produce, at the rate of the scene."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    fps = rate_from_unit(cmds.currentUnit(query=True, time=True))
    return Frames(str(pattern), request.frame_range, fps, request.resolution)


@contextmanager
def capture_setup(request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Set up a view for the request, and yield a function that draws one frame to its file.

    Raises CameraMissing, CaptureFailed, StorageError or SettingInvalid before anything is changed.
    """
    camera, look = _prepare(request.source, request.look)
    make_folder(request.directory)
    with maintained_scene(camera) as restore:
        with restore.untracked():
            panel = _set_up_view(request.source, request.resolution, look, restore)
        whole = request.frame_range.with_handles
        with progress_window(whole.start, whole.end) as is_cancelled:

            def draw(frame: int) -> None:
                if not restore.is_scene_open:
                    raise CaptureFailed(_SCENE_CLOSED)
                if is_cancelled(frame):
                    raise Cancelled(f"The capture was cancelled in Maya before frame {frame}.")
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
    with maintained_scene(camera) as restore:
        with restore.untracked():
            panel = _set_up_view(source, resolution, checked_look, restore)

        def draw(path: Path) -> None:
            with restore.untracked():
                draw_image(panel, float(cmds.currentTime(query=True)), path, resolution)  # type: ignore[call-arg] # the documentation leaves it out

        yield draw


def _prepare(source: str, look: Mapping[str, Any]) -> tuple[str, Look]:
    """Return the camera's shape and the look; raise CameraMissing, CaptureFailed or SettingInvalid."""
    camera, checked_look = camera_shape(source), Look.from_request(look)
    if cmds.about(batch=True):
        checked_look.require_drawable_without_window()
    checked_look.nodes_to_isolate()
    return camera, checked_look


def _set_up_view(source: str, resolution: Resolution, look: Look, restore: SceneRestore) -> str:
    """Return a panel that shows the camera with this look, until the scene is restored; "" without a window."""
    camera = camera_shape(source)
    for overlay in OVERLAYS:
        restore.set_attribute(f"{camera}.{overlay}", False)
    restore.set_attribute(f"{camera}.overscan", 1.0)
    feedback.hide(restore)
    compare.hide(restore)
    look.apply_to_renderer(restore)
    if cmds.about(batch=True):
        _make_only_renderable(camera, restore)
        return ""
    view = artists_view()
    restore.enter(without_messages())
    restore.enter(fixed_background(look.background_colour))
    restore.enter(loaded_textures())
    panel = restore.enter(own_panel(resolution))
    look.apply_to_panel(panel, view)
    cmds.modelEditor(panel, edit=True, camera=source)
    # Without a refresh the first frame may be drawn with the previous settings.
    cmds.refresh(force=True)
    return panel


def _make_only_renderable(camera: str, restore: SceneRestore) -> None:
    """Make the camera the only renderable one: without a window there is no panel that could show it."""
    (wanted,) = map(str, cmds.ls(camera, long=True) or [])
    for shape in map(str, cmds.ls(type="camera", long=True) or []):
        restore.set_attribute(f"{shape}.renderable", shape == wanted)
