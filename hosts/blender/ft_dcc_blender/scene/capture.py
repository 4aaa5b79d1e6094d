"""Capture one image per frame, and restore the scene afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import bpy

from ft_dcc.errors import CaptureFailed, SettingInvalid
from ft_dcc.frames import Frames, Resolution, frame_rate
from ft_dcc.host import PlayblastRequest
from ft_dcc.host_support.capture_files import make_folder, missing_frame_error, png_size, remove_stale

from .. import main_thread
from . import blender_compat, compare, feedback, input_guard, maintained, visibility
from .look import Look, applied_look
from .maintained import maintained_camera, maintained_frame, maintained_unkeyed_values
from .sources import EDIT, camera_lookup, turntable_object, turntable_scene
from .viewport import HiddenViews, camera_view, find_window, shown_in_window, views

_MIN_SIZE = 4
# In them an object has edits that its data does not contain yet.
_UNFLUSHED_MODES = ("EDIT", "SCULPT")
_SCENE_CLOSED = "The scene was closed or undone during the capture. Open it and publish again."

DrawFrame = Callable[[int], Path]


@contextmanager
def capture_setup(scene: Any, request: PlayblastRequest, frames: Frames) -> Iterator[DrawFrame]:
    """Yield a function that draws one frame to its file; restore the scene on exit.

    Raises CameraMissing, CaptureFailed, StorageError or SettingInvalid before anything is changed.
    """
    look = Look.from_request(request.look)
    # Raises if there is no such source.
    if request.source != EDIT and turntable_object(scene, request.source) is None:
        camera_lookup(scene, request.source)
    if min(request.resolution.width, request.resolution.height) < _MIN_SIZE:
        raise SettingInvalid(f"Blender cannot draw {request.resolution}. Use at least {_MIN_SIZE} pixels each way.")
    blender_compat.require_drawing()
    make_folder(request.directory)
    borrowed = BorrowedScene(scene, request, look, frames)
    with borrowed.returned_to_blender(), input_guard.guarded():
        try:
            yield borrowed.draw
        finally:
            borrowed.give_back()


class BorrowedScene:
    """A scene that is changed while its frames are drawn; ``give_back`` restores it until the next frame is drawn."""

    def __init__(self, scene: Any, request: PlayblastRequest, look: Look, frames: Frames) -> None:
        self._scene, self._request, self._look, self._frames = scene, request, look, frames
        # The drawn scene: a turntable has one of its own.
        self._stage: Any = None
        self._camera_at: Callable[[int], Any] | None = None
        # The settings alone can be restored in the middle of a frame.
        self._settings: ExitStack | None = None
        self._state: ExitStack | None = None
        self._view: dict[str, Any] | None = None
        self._match_viewport: Callable[[], None] | None = None
        self._is_changing_frame = False
        self._hidden_views = HiddenViews()
        self._last: tuple[Path, int] | None = None

    def draw(self, frame: int) -> Path:
        """Draw one frame to its file and return that.

        Raises CameraMissing, CaptureFailed or StorageError if the file is incomplete.
        """
        path = self._frames.path(frame)
        remove_stale(path)
        # Since 4.5, {name} in an output path is a variable.
        is_escaped = bpy.app.version >= (4, 5)
        output_path = str(path).replace("{", "{{").replace("}", "}}") if is_escaped else str(path)
        try:
            if self._look.needs_view:
                self._hidden_views.show()
            self._borrow()
            scene = self._stage
            # Looked up for each frame: it may have been deleted, and an undo makes it another object.
            if self._camera_at is not None:
                camera = self._camera_at(frame)
            elif self._request.source == EDIT:
                camera = self._scene.camera
            else:
                camera = camera_lookup(self._scene, self._request.source)(frame)
            scene.render.filepath = output_path
            with maintained.unbound_markers(scene), maintained.kept_camera(scene, camera), maintained.silenced():
                scene.camera = camera
                self._set_frame(frame)
                if self._match_viewport is not None:
                    self._match_viewport()
                self._draw()
                is_kept = scene.camera == camera
        except ReferenceError as error:
            raise CaptureFailed(_SCENE_CLOSED) from error
        except RuntimeError as error:
            raise missing_frame_error(path, frame, "Blender", str(error)) from error
        if not is_kept:
            reason = f"A script of the scene switches the camera at frame {frame}."
            raise CaptureFailed(f"{reason} Switch the script off and publish again.")
        if png_size(path) is None:
            raise missing_frame_error(path, frame, "Blender")
        self._last = path, frame
        return path

    @property
    def _is_rendered(self) -> bool:
        """Whether an engine renders the frame; a window can draw only a 3D view of its own scene."""
        return self._look.needs_render or self._request.source == EDIT or self._stage != self._scene

    def _draw(self) -> None:
        scene, view = self._stage, self._view
        if view is not None and view not in views():
            raise CaptureFailed("The 3D view was closed during the capture. Open it and publish again.")
        # A timer has no window in its context; a headless render needs none, and a thread would have to override it.
        window = {} if bpy.app.background else {"window": find_window(self._scene)}
        with blender_compat.context_override(**(view or window)):
            if self._is_rendered:
                bpy.ops.render.render(write_still=True, scene=scene.name, layer=self._layer.name)
            else:
                bpy.ops.render.opengl(write_still=True, view_context=view is not None)

    @property
    def _layer(self) -> Any:
        return find_window(self._scene).view_layer if self._stage == self._scene else self._stage.view_layers[0]

    def _set_frame(self, frame: int) -> None:
        self._is_changing_frame = True
        try:
            # The object of a turntable does not move.
            self._stage.frame_set(frame if self._stage == self._scene else self._scene.frame_current)
        finally:
            self._is_changing_frame = False
        if self._settings is None:
            reason = f"A script of the scene saves the file at frame {frame}."
            raise CaptureFailed(f"{reason} Switch the script off and publish again.")

    def give_back(self) -> None:
        """Restore the scene; raise CaptureFailed if it was closed."""
        (settings, self._settings), (state, self._state) = (self._settings, None), (self._state, None)
        try:
            with ExitStack() as stack:
                stack.callback(self._hidden_views.close)
                for each in (state, settings):
                    if each is not None:
                        stack.enter_context(each)
        except ReferenceError as error:
            raise CaptureFailed(_SCENE_CLOSED) from error

    @contextmanager
    def returned_to_blender(self) -> Iterator[None]:
        """Restore the scene before Blender saves it to a file, and hide the 3D views whenever Blender may draw them.

        With unflushed edits the scene is restored then: when Blender quits, it saves such edits and calls no handler.
        Without them it saves the last undo step, which the artist made. Source: Blender's source code, WM_exit_ex and
        ED_editors_flush_edits.
        """
        is_edited = any(item.mode in _UNFLUSHED_MODES for item in bpy.data.objects)

        @bpy.app.handlers.persistent
        def before_save(*_: Any) -> None:
            # After an undo or a new file there is nothing to restore; the next frame reports it.
            with suppress(CaptureFailed, ReferenceError):
                if not self._is_changing_frame:
                    self.give_back()
                    return
                # All but the current frame and the camera, which a handler of a frame change must not change.
                settings, self._settings = self._settings, None
                if settings is not None:
                    settings.close()

        def after_slice() -> None:
            with suppress(CaptureFailed, ReferenceError):
                if is_edited:
                    self.give_back()
                elif self._last is not None:
                    self._hidden_views.hide(*self._last)

        bpy.app.handlers.save_pre.append(before_save)
        if not bpy.app.background:
            main_thread.after_slice.append(after_slice)
        try:
            yield
        finally:
            bpy.app.handlers.save_pre.remove(before_save)
            if not bpy.app.background:
                main_thread.after_slice.remove(after_slice)

    def _borrow(self) -> None:
        if self._settings is not None:
            return
        look = self._look
        if self._state is None:
            self._state = ExitStack()
            managers = (shown_in_window, maintained_unkeyed_values, maintained_camera, maintained_frame)
            for manager in managers:
                self._state.enter_context(manager(self._scene))
            self._state.enter_context(maintained.maintained_images())
            self._state.enter_context(feedback.hidden())
            self._state.enter_context(compare.hidden())
            self._stage = self._scene
            item = turntable_object(self._scene, self._request.source)
            if item is not None:
                turning = turntable_scene(self._scene, item, self._request.frame_range)
                self._stage, self._camera_at = self._state.enter_context(turning)
        scene, is_rendered = self._stage, self._is_rendered
        with ExitStack() as stack:
            stack.enter_context(_render_settings(scene, self._request, look, is_rendered=is_rendered))
            stack.enter_context(applied_look(look, scene))
            stack.enter_context(blender_compat.writing_png(scene, alpha=look.transparent))
            self._view = stack.enter_context(camera_view(scene, look)) if look.needs_view and not is_rendered else None
            if not look.overlays:
                stack.enter_context(visibility.hidden_annotations(scene))
            if is_rendered and look.visibility == "VIEWPORT":
                self._match_viewport = stack.enter_context(visibility.rendered_as_in_viewport(scene, self._layer))
            self._settings = stack.pop_all()


def _render_settings(
    scene: Any, request: PlayblastRequest, look: Look, *, is_rendered: bool
) -> AbstractContextManager[None]:
    """Render the camera's whole image in the size of the request, with nothing drawn over it but a stamp."""
    # The scene's own engine may take minutes.
    engine: dict[str, object] = {"engine": "BLENDER_WORKBENCH"} if is_rendered and look.shading != "RENDERED" else {}
    # A Blender may be built without Freestyle.
    if engine and hasattr(scene.render, "use_freestyle"):
        engine["use_freestyle"] = False
    # The data of a stamp (paths, host name, time) are written into the file even if they are not drawn.
    stamps = {item.identifier: False for item in scene.render.bl_rna.properties if item.identifier[:9] == "use_stamp"}
    if look.stamp:
        stamps = {"use_stamp": True}
    own, size = Resolution(scene.render.resolution_x, scene.render.resolution_y), request.resolution
    whole, percentage = size, 100
    if request.source == EDIT:
        # Its strips have their place in the scene's own resolution.
        fitting = (each for each in range(1, 101) if own.scaled(each) == size)
        whole, percentage = next(((own, each) for each in fitting), (size, 100))
    return maintained.overridden(
        scene,
        "render",
        **engine,
        **stamps,
        filepath=scene.render.filepath,
        resolution_x=whole.width,
        resolution_y=whole.height,
        resolution_percentage=percentage,
        **dict.fromkeys(("use_border", "use_crop_to_border", "use_multiview", "use_compositing"), False),
        use_sequencer=request.source == EDIT,
    )


def output_frames(scene: Any, request: PlayblastRequest) -> Frames:
    """Return the images that the request will produce, at the rate of the scene."""
    pattern = request.directory.absolute() / f"{request.name}.%04d.png"
    return Frames(str(pattern), request.frame_range, scene_rate(scene), request.resolution, pixel_aspect(scene))


def pixel_aspect(scene: Any) -> Fraction:
    """Return the width of a pixel by its height."""
    return Fraction(scene.render.pixel_aspect_x / scene.render.pixel_aspect_y).limit_denominator(1000)


def scene_rate(scene: Any) -> Fraction:
    """Return the exact rate: Blender stores it as an integer and a base, 24 / 1.001."""
    # The base is a 32 bit float: 1.001 reads as 1.0010000467.
    return frame_rate(scene.render.fps / Fraction(f"{scene.render.fps_base:.6f}"))
