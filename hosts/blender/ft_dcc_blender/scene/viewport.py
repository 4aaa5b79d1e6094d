"""A 3D view of the window that draws a playblast as it shows the scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from . import blender_compat, compare
from .look import Look

_HIDING_EDITOR = "TEXT_EDITOR"
# Pixels.
_CAPTION_SIZE = 16


@contextmanager
def camera_view(scene: Any, look: Look) -> Iterator[dict[str, Any]]:
    """Set up a 3D view with the scene's camera and this look, and yield the context to draw in.

    The view is restored on exit. Raises CaptureFailed if no 3D view is open.
    """
    view = None if bpy.app.background else largest_view(scene)
    if view is None and not bpy.app.background and window_of(scene) is None:
        raise CaptureFailed(f"No window shows the scene {scene.name!r}. Show it, or choose the shading Solid.")
    if view is None:
        raise CaptureFailed("No 3D view is open. Open one, or choose the shading Solid.")
    space = view["area"].spaces.active
    with ExitStack() as stack:
        overlay = space.overlay
        shown: dict[str, object] = {"show_overlays": look.overlays}
        if overlay.show_overlays and not look.overlays and compare.cameras_with_plates(scene):
            # Back plates are an overlay, which no property of its own shows.
            shown = dict.fromkeys(_overlays(overlay), False)
        stack.enter_context(_overridden_space(space, overlay, **shown))
        stack.enter_context(_overridden_space(space, space, show_gizmo=False))
        # Without a local camera the view uses the scene's, and setting the camera perspective rotates the view.
        stack.enter_context(_overridden_space(space, space, "camera", use_local_camera=False))
        stack.enter_context(_overridden_space(space, space.region_3d, "view_rotation", view_perspective="CAMERA"))
        yield view


class HiddenViews:
    """The 3D views of all windows, in whose areas text editors show the last frame while a capture has the scene.

    Blender draws every 3D view after a change of the frame, which takes longer than a small frame of a movie. Of the
    other editors, text editors take the least: a change of the frame does not draw them, nor does a new render result.
    """

    def __init__(self) -> None:
        self._areas: set[int] = set()
        self._image: Any = None
        self._caption = ""
        self._handler: Any = None

    def hide(self, file: Path, frame: int) -> None:
        """Show the file of the frame in place of the views."""
        for view in views():
            view["area"].type = _HIDING_EDITOR
            self._areas.add(view["area"].as_pointer())
        self._caption = f"Frame {frame}"
        try:
            self._image.filepath = str(file)
        except (AttributeError, ReferenceError):
            # The first frame, or an undo has removed the image.
            self._image = bpy.data.images.load(str(file))
            # The area shows the values of the file; Blender would convert them to the linear ones of a scene.
            with suppress(TypeError):
                self._image.colorspace_settings.name = "Non-Color"
        if self._handler is None:
            self._handler = bpy.types.SpaceTextEditor.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        for area in self._hidden():
            area.tag_redraw()

    def show(self) -> None:
        """Show the views as they were, but not in an area to which a script has given another editor meanwhile."""
        for area in self._hidden():
            area.type = "VIEW_3D"
        self._areas.clear()

    def close(self) -> None:
        """Show the views, and remove the image."""
        self.show()
        handler, self._handler = self._handler, None
        if handler is not None:
            bpy.types.SpaceTextEditor.draw_handler_remove(handler, "WINDOW")
        image, self._image = self._image, None
        with suppress(ReferenceError):
            if image is not None:
                bpy.data.images.remove(image)

    def _draw(self) -> None:
        # Only a Blender with a window has all of them.
        import blf
        import gpu
        from gpu_extras.presets import draw_texture_2d

        region = bpy.context.region
        with suppress(ReferenceError):
            if bpy.context.area.as_pointer() in self._areas and all(self._image.size):
                width, height = self._image.size
                scale = min(1.0, region.width / width, region.height / height)
                width, height = int(width * scale), int(height * scale)
                left, bottom = (region.width - width) // 2, (region.height - height) // 2
                draw_texture_2d(gpu.texture.from_image(self._image), (left, bottom), width, height)
                blf.position(0, left, max(bottom - _CAPTION_SIZE - 8, 8), 0)
                blf.size(0, _CAPTION_SIZE)
                blf.draw(0, self._caption)

    def _hidden(self) -> list[Any]:
        areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
        return [area for area in areas if area.as_pointer() in self._areas and area.type == _HIDING_EDITOR]


def largest_view(scene: Any) -> dict[str, Any] | None:
    """Return the context of the largest 3D view of the scene, or None; without a window, of the windows in the file."""
    own = [view for view in views() if view["window"].scene == scene]
    return max(own, key=lambda view: view["area"].width * view["area"].height, default=None)


def _overlays(overlay: Any) -> list[str]:
    """Return the names of the properties that show one kind of overlay each."""
    switches = [each for each in overlay.bl_rna.properties if each.type == "BOOLEAN" and not each.is_readonly]
    names = [each.identifier for each in switches if each.identifier.startswith(("show_", "use_gpencil_"))]
    return [name for name in names if name != "show_overlays"]


def window_of(scene: Any) -> Any:
    """Return the window that shows the scene, or None."""
    return next((window for window in bpy.context.window_manager.windows if window.scene == scene), None)


def active_layer(scene: Any) -> Any:
    """Return the view layer that a window shows of the scene, or else the one that Blender would show first."""
    window = window_of(scene)
    if window is not None:
        return window.view_layer
    return next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0])


@contextmanager
def shown_in_window(scene: Any) -> Iterator[None]:
    """Let the first window have the scene if none has, with the layer that Blender would show first.

    The render of a scene without a window does not see its animation. Restores the scene and the layer of the window.
    """
    if window_of(scene) is not None:
        yield
        return
    window, layer = bpy.context.window_manager.windows[0], active_layer(scene)
    before = window.scene, window.view_layer
    window.scene = scene
    window.view_layer = layer
    with blender_compat.context_override(window=window):
        # From now on Blender stores the animated values of this scene in its data.
        bpy.context.evaluated_depsgraph_get()
    try:
        yield
    finally:
        with suppress(ReferenceError):
            window.scene, window.view_layer = before


def find_window(scene: Any) -> Any:
    """Return the window that shows the scene; raise CaptureFailed if none does."""
    window = window_of(scene)
    if window is None:
        raise CaptureFailed(f"No window shows the scene {scene.name!r} any more. Show it and publish again.")
    return window


def views() -> list[dict[str, Any]]:
    """Return the context of each 3D view of the windows."""
    # ``region_3d`` is that of the last of the four parts of a quad view.
    return [
        {"window": window, "area": area, "region": [part for part in area.regions if part.type == "WINDOW"][-1]}
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "VIEW_3D"
    ]


@contextmanager
def _overridden_space(space: Any, part: Any, *also_restored: str, **values: object) -> Iterator[None]:
    """Set properties of a part of the space, and restore them and the named others on exit."""
    before = {name: getattr(part, name) for name in (*values, *also_restored)}
    for name, value in before.items():
        # A vector would change with the view; a data-block is not copied.
        if hasattr(value, "copy") and not isinstance(value, bpy.types.ID):
            before[name] = value.copy()
    try:
        for name, value in values.items():
            setattr(part, name, value)
        yield
    finally:
        # Blender crashes when a part of a closed space is accessed. A space behind another editor still exists.
        if any(space == each for screen in bpy.data.screens for area in screen.areas for each in area.spaces):
            for name, value in before.items():
                setattr(part, name, value)
