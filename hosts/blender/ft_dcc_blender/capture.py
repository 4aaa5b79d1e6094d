"""From a request to one picture per frame on disk, with the scene as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable

import bpy

from ft_dcc.errors import CameraMissing, CaptureFailed, SettingInvalid
from ft_dcc.frames import Frames, frame_rate
from ft_dcc.host import PlayblastRequest
from ft_dcc.pictures import make_folder, make_way, png_size, why_missing

from . import versions
from .look import Look, wearing
from .maintained import changed, maintained_camera, maintained_frame, maintained_images, silenced, unbound_markers
from .viewport import check_view, seen_through, window_of

# The source that follows the markers of the timeline from camera to camera.
MARKERS = "timeline markers"
_SMALLEST = 4
_CLOSED = "The scene was closed, or taken back by an undo, while it was captured. Open it and publish again."

DrawFrame = Callable[[int], Path]


def sources(scene: Any) -> tuple[str, ...]:
    """What a playblast can be made of: the cameras, and before them their cut, where markers switch them."""
    return (*((MARKERS,) if _bound(scene) else ()), *cameras(scene))


def cameras(scene: Any) -> dict[str, Any]:
    """The cameras that the scene can be seen through, by name, its own one first.

    A linked camera carries its library in the name, so that it is not taken for a local one.
    """
    found = sorted((item for item in scene.objects if item.type == "CAMERA"), key=lambda item: str(item.name_full))
    if scene.camera is not None and scene.camera.type == "CAMERA":
        found.insert(0, scene.camera)
    return {item.name_full: item for item in found}


@contextmanager
def capturing(scene: Any, request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Inside, the scene is set up for the request and the function given draws one frame to its file.

    Raises CameraMissing, CaptureFailed, DiskUnusable or SettingInvalid before anything is changed.
    """
    look = Look.from_request(request.look)
    find_cameras(scene, request.source)
    if min(request.resolution.width, request.resolution.height) < _SMALLEST:
        raise SettingInvalid(f"Blender cannot draw {request.resolution}. Ask for {_SMALLEST} pixels or more each way.")
    _check_drawing()
    make_folder(request.directory)
    with ExitStack() as stack:
        stack.enter_context(_maintained(scene))
        stack.enter_context(_framed(scene, request, look))
        stack.enter_context(wearing(look, scene))
        stack.enter_context(versions.writing_png(scene, alpha=look.transparent))
        view = stack.enter_context(seen_through(scene, look)) if look.needs_view else None
        yield partial(_draw_frame, scene, request.source, frames, view)


@contextmanager
def _maintained(scene: Any) -> Iterator[None]:
    """The scene is given back as it was; one that was closed in the meantime has nothing to be given back."""
    try:
        with maintained_images(), maintained_camera(scene), maintained_frame(scene):
            yield
    except ReferenceError as error:
        raise CaptureFailed(_CLOSED) from error


@contextmanager
def _framed(scene: Any, request: PlayblastRequest, look: Look) -> Iterator[None]:
    """Renders are the camera's whole picture in the size of the request, with nothing over it but a stamp."""
    # A window draws what it shows; only without one the engine is asked, and the scene's own may take minutes.
    engine = versions.solid_engine(scene) if bpy.app.background and look.shading == "SOLID" else {}
    # A stamp's facts are written into the file also when they are not drawn: paths, the host's name, the hour.
    stamps = {item.identifier: False for item in scene.render.bl_rna.properties if item.identifier[:9] == "use_stamp"}
    if look.stamp:
        stamps = {"use_stamp": True}
    with changed(
        scene,
        "render",
        **engine,
        **stamps,
        filepath=scene.render.filepath,
        resolution_x=request.resolution.width,
        resolution_y=request.resolution.height,
        resolution_percentage=100,
        use_border=False,
        use_crop_to_border=False,
        use_multiview=False,
        use_compositing=False,
        use_sequencer=False,
    ):
        yield


def frames_of(scene: Any, request: PlayblastRequest) -> Frames:
    """Where the pictures of the request go, and the rate of the scene that they are made of."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    return Frames(str(pattern), request.frame_range, scene_rate(scene), request.resolution)


def scene_rate(scene: Any) -> Fraction:
    """The exact rate: Blender keeps it as a whole number and a base, 24 / 1.001."""
    # The base is a 32 bit float: 1.001 reads as 1.0010000467.
    return frame_rate(scene.render.fps / Fraction(f"{scene.render.fps_base:.6f}"))


def find_cameras(scene: Any, name: str) -> Callable[[int], Any]:
    """Return what knows the camera of each frame; raises CameraMissing, naming those that there are."""
    found = cameras(scene)
    if name == MARKERS and name not in found and (bound := _bound(scene)):
        # Before the first marker its camera is the one, as in a render.
        return lambda frame: [camera for at, camera in bound if at <= max(frame, bound[0][0])][-1]
    if not found:
        raise CameraMissing(f"The scene {scene.name!r} has no camera. Add one and look at the shot through it.")
    if name not in found:
        raise CameraMissing(f"The scene has no camera {name!r}. Choose one of: {', '.join(found)}.")
    camera = found[name]
    return lambda _frame: camera


def _bound(scene: Any) -> list[tuple[int, Any]]:
    """The cameras that are bound to markers, and from which frame on each is looked through."""
    bound = [(marker.frame, marker.camera) for marker in scene.timeline_markers if marker.camera]
    return sorted(bound, key=lambda each: each[0])


def _check_drawing() -> None:
    library = versions.missing_library()
    if library is not None:
        raise CaptureFailed(f"Blender cannot draw without {library}. Install it (on Debian: apt-get install libegl1).")
    if not versions.can_draw_here():
        raise CaptureFailed(f"Blender {bpy.app.version_string} draws on its main thread only. Capture from there.")


def _draw_frame(scene: Any, source: str, frames: Frames, view: dict[str, Any] | None, frame: int) -> Path:
    """Draw one frame to its file; raises CameraMissing, CaptureFailed or DiskUnusable when it is not whole on disk."""
    path = frames.path(frame)
    make_way(path)
    try:
        # Found anew: since the frame before it may have been deleted, and an undo makes it another object.
        camera = find_cameras(scene, source)(frame)
        scene.render.filepath = versions.literal(path)
        with unbound_markers(scene), silenced():
            scene.camera = camera
            scene.frame_set(frame)
            _draw(scene, view)
    except ReferenceError as error:
        raise CaptureFailed(_CLOSED) from error
    except RuntimeError as error:
        raise why_missing(path, frame, "Blender", str(error)) from error
    if png_size(path) is None:
        raise why_missing(path, frame, "Blender")
    return path


def _draw(scene: Any, view: dict[str, Any] | None) -> None:
    if bpy.app.background:
        layer = window_of(scene).view_layer.name
        bpy.ops.render.render(write_still=True, scene=scene.name, layer=layer)
        return
    if view is not None:
        check_view(view)
    # A timer and a thread's call have no window of their own.
    with bpy.context.temp_override(**(view or {"window": window_of(scene)})):
        bpy.ops.render.opengl(write_still=True, view_context=view is not None)
