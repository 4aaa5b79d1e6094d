"""A 3D view of the window, lent to draw a playblast as it shows the scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from .look import Look


@contextmanager
def seen_through(scene: Any, look: Look) -> Iterator[dict[str, Any]]:
    """Inside, a 3D view looks through the scene's camera with this look; what is lent is the context to draw in.

    The view is given back as it was. Raises CaptureFailed where there is none.
    """
    view = _largest_view(scene)
    space = view["area"].spaces.active
    with ExitStack() as stack:
        if look.shading == "RENDERED":
            stack.enter_context(_changed(space, space.shading, type="RENDERED"))
        stack.enter_context(_changed(space, space.overlay, show_overlays=look.overlays))
        stack.enter_context(_changed(space, space, show_gizmo=False))
        # A view that has no camera of its own takes the scene's, and one that looks through a camera turns to it.
        stack.enter_context(_changed(space, space, "camera", use_local_camera=False))
        stack.enter_context(_changed(space, space.region_3d, "view_rotation", view_perspective="CAMERA"))
        yield view


def check_view(view: dict[str, Any]) -> None:
    """Raise CaptureFailed when the view was closed, or shows something else, since it was lent."""
    if view not in _views():
        raise CaptureFailed("The 3D view was closed while it was captured. Open it and publish again.")


def window_of(scene: Any) -> Any:
    """The window that shows the scene; raises CaptureFailed when none does."""
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            return window
    raise CaptureFailed(f"No window shows the scene {scene.name!r} any more. Go back to it and publish again.")


def _largest_view(scene: Any) -> dict[str, Any]:
    views = [] if bpy.app.background else [view for view in _views() if view["window"].scene == scene]
    if not views:
        raise CaptureFailed("There is no 3D view to draw with. Open one, or choose the solid look.")
    return max(views, key=lambda view: view["area"].width * view["area"].height)


def _views() -> list[dict[str, Any]]:
    # Of the four parts of a quad view the last one is what ``region_3d`` speaks of.
    return [
        {"window": window, "area": area, "region": [part for part in area.regions if part.type == "WINDOW"][-1]}
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "VIEW_3D"
    ]


@contextmanager
def _changed(space: Any, part: Any, *beside: str, **values: object) -> Iterator[None]:
    """A part of the space has these values inside, and its old ones afterwards, also of what changes beside them."""
    before = {name: _copy(getattr(part, name)) for name in (*values, *beside)}
    try:
        for name, value in values.items():
            setattr(part, name, value)
        yield
    finally:
        # Blender crashes for a part of one that was closed. Behind another editor it lives on.
        if any(space == each for screen in bpy.data.screens for area in screen.areas for each in area.spaces):
            for name, value in before.items():
                setattr(part, name, value)


def _copy(value: Any) -> Any:
    return value.copy() if hasattr(value, "copy") and not isinstance(value, bpy.types.ID) else value
