"""A 3D view of the window that draws a playblast as it shows the scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from . import blender_compat
from .look import Look


@contextmanager
def camera_view(scene: Any, look: Look) -> Iterator[dict[str, Any]]:
    """Set up a 3D view with the scene's camera and this look, and yield the context to draw in.

    The view is restored on exit. Raises CaptureFailed if no 3D view is open.
    """
    view = _largest_view(scene)
    space = view["area"].spaces.active
    with ExitStack() as stack:
        stack.enter_context(_overridden_space(space, space.overlay, show_overlays=look.overlays))
        stack.enter_context(_overridden_space(space, space, show_gizmo=False))
        # Without a local camera the view uses the scene's, and setting the camera perspective rotates the view.
        stack.enter_context(_overridden_space(space, space, "camera", use_local_camera=False))
        stack.enter_context(_overridden_space(space, space.region_3d, "view_rotation", view_perspective="CAMERA"))
        yield view


def largest_space(scene: Any) -> Any:
    """Return the space of the largest 3D view of the scene, or None; without a window, of the windows in the file."""
    areas = [view["area"] for view in _views() if view["window"].scene == scene]
    return max(areas, key=lambda area: area.width * area.height).spaces.active if areas else None


def require_view(view: dict[str, Any]) -> None:
    """Raise CaptureFailed if the view was closed or shows another editor now."""
    if view not in _views():
        raise CaptureFailed("The 3D view was closed during the capture. Open it and publish again.")


def is_shown(scene: Any) -> bool:
    """Return whether a window shows the scene."""
    return any(window.scene == scene for window in bpy.context.window_manager.windows)


def active_layer(scene: Any) -> Any:
    """Return the view layer that a window shows of the scene, or else the one that Blender would show first."""
    if is_shown(scene):
        return find_window(scene).view_layer
    return next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0])


def nearest_window(scene: Any) -> Any:
    """Return a window that shows the scene, or else the first one."""
    return find_window(scene) if is_shown(scene) else bpy.context.window_manager.windows[0]


@contextmanager
def shown_in_window(scene: Any) -> Iterator[None]:
    """Let the first window have the scene if none has, with the layer that Blender would show first.

    The render of a scene without a window does not see its animation. Restores the scene and the layer of the window.
    """
    if is_shown(scene):
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
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            return window
    raise CaptureFailed(f"No window shows the scene {scene.name!r} any more. Show it and publish again.")


def _largest_view(scene: Any) -> dict[str, Any]:
    views = [] if bpy.app.background else [view for view in _views() if view["window"].scene == scene]
    if not views and not bpy.app.background and not is_shown(scene):
        raise CaptureFailed(f"No window shows the scene {scene.name!r}. Show it, or choose the shading Solid.")
    if not views:
        raise CaptureFailed("No 3D view is open. Open one, or choose the shading Solid.")
    return max(views, key=lambda view: view["area"].width * view["area"].height)


def _views() -> list[dict[str, Any]]:
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
    before = {name: _copy_value(getattr(part, name)) for name in (*values, *also_restored)}
    try:
        for name, value in values.items():
            setattr(part, name, value)
        yield
    finally:
        # Blender crashes when a part of a closed space is accessed. A space behind another editor still exists.
        if any(space == each for screen in bpy.data.screens for area in screen.areas for each in area.spaces):
            for name, value in before.items():
                setattr(part, name, value)


def _copy_value(value: Any) -> Any:
    return value.copy() if hasattr(value, "copy") and not isinstance(value, bpy.types.ID) else value
