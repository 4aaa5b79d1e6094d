"""A 3D view of the window, lent to draw a playblast as it shows the scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy

from ft_dcc.errors import CaptureFailed

from .look import Look


@contextmanager
def seen_through(look: Look) -> Iterator[dict[str, Any]]:
    """Inside, a 3D view looks through the scene's camera with this look; what is lent is the context to draw in.

    The view is given back as it was. Raises CaptureFailed where there is none.
    """
    view = _largest_view()
    space = view["space_data"]
    with ExitStack() as stack:
        if look.shading == "RENDERED":
            stack.enter_context(_changed(space.shading, type="RENDERED"))
        stack.enter_context(_changed(space.overlay, show_overlays=look.overlays))
        stack.enter_context(_changed(space, show_gizmo=False, use_local_camera=False))
        stack.enter_context(_changed(space.region_3d, view_perspective="CAMERA"))
        yield {name: view[name] for name in ("window", "area", "region")}


def _largest_view() -> dict[str, Any]:
    views = [
        {"window": window, "area": area, "space_data": area.spaces.active, "region": region}
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "VIEW_3D"
        for region in area.regions
        if region.type == "WINDOW"
    ]
    if bpy.app.background or not views:
        raise CaptureFailed("There is no 3D view to draw with. Open one, or choose the solid look.")
    return max(views, key=lambda view: view["area"].width * view["area"].height)


@contextmanager
def _changed(part: Any, **values: object) -> Iterator[None]:
    before = {name: getattr(part, name) for name in values}
    try:
        for name, value in values.items():
            setattr(part, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(part, name, value)
