"""The checks that ``ft-dcc accept blender`` runs inside of Blender."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.contract.host_under_test import Check, CheckContext, require_equal
from ft_dcc.contract.run import run_requested_checks

from . import host, main_thread, registration
from .ui.controller import use_ffmpeg

_SETTINGS_PATHS = ("render", "render.image_settings", "display", "display.shading", "view_settings")
_CORNERS = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
_SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def start() -> None:
    """Run the requested checks: at once without a window, else when the window is drawn, and then quit Blender."""
    if bpy.app.background:
        run_requested_checks(BlenderUnderTest())
    else:
        bpy.app.timers.register(_run_checks_and_quit, first_interval=2.0)


def _run_checks_and_quit() -> None:
    try:
        run_requested_checks(BlenderUnderTest())
    finally:
        bpy.ops.wm.quit_blender()


class BlenderUnderTest:
    """The Blender process that this code runs in."""

    def __init__(self) -> None:
        self.has_window = not bpy.app.background
        use_ffmpeg()
        self.host = host.BlenderHost()
        self.checks: Sequence[Check] = (
            Check("panel", "The panel is registered, and nothing is left after disabling it twice", check_panel),
        )

    def build(self) -> None:
        """Build a scene: a cube moves from left to right in front of the first of two cameras, and is selected."""
        # Not read_homefile or factory settings: they would disable the add-on itself.
        for item in list(bpy.data.objects):
            bpy.data.objects.remove(item)
        scene = bpy.context.scene
        scene.name, scene.frame_start, scene.frame_end = "Acceptance", 1001, 1012
        scene.render.fps, scene.render.fps_base = 24, 1.0
        scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
        scene.pop("ft_dcc_task_id", None)
        mesh = bpy.data.meshes.new("Cube")
        mesh.from_pydata(_CORNERS, [], _SIDES)
        cube = _add(bpy.data.objects.new("Cube", mesh))
        for frame, x in ((-10, -4.0), (1001, -3.0), (1012, 3.0)):
            cube.location = (x, 0, 0)
            cube.keyframe_insert("location", frame=frame)
        for name, x in (("Camera", 0.0), ("Second", 1.0)):
            camera = _add(bpy.data.objects.new(name, bpy.data.cameras.new(name)))
            camera.location, camera.rotation_euler = (x, -15, 0), (1.5707963, 0, 0)
        scene.camera = scene.objects["Camera"]
        scene.frame_set(1004)
        cube.select_set(True)
        bpy.context.view_layer.objects.active = cube

    def state(self) -> dict[str, Any]:
        """Return the scene and every setting of its renderers."""
        scene = bpy.context.scene
        active = bpy.context.view_layer.objects.active
        found: dict[str, Any] = {
            "camera": scene.camera.name if scene.camera else None,
            "frame": scene.frame_current,
            "range": (scene.frame_start, scene.frame_end),
            "selection": [item.name for item in scene.objects if item.select_get()],
            "active": active.name if active else None,
            "hidden": [item.name for item in scene.objects if item.hide_get() or item.hide_render],
        }
        found.update({name: getattr(bpy.data, name).keys() for name in ("objects", "images", "scenes", "worlds")})
        found.update({name: len(getattr(bpy.app.handlers, name)) for name in ("frame_change_post", "render_write")})
        for path in _SETTINGS_PATHS:
            part = scene.path_resolve(path)
            for item in part.bl_rna.properties:
                if item.type not in ("POINTER", "COLLECTION"):
                    value = getattr(part, item.identifier)
                    plain = hasattr(value, "__len__") and not isinstance(value, str)
                    found[f"{path}.{item.identifier}"] = tuple(value) if plain else value
        return found

    def process_events_until(self, thread: threading.Thread) -> None:
        """Run the calls of other threads until this one has ended."""
        main_thread.serve_until_ended(thread)

    def reopen(self, path: Path) -> None:
        """Save a copy of the file and open it."""
        name = str(path.with_suffix(".blend"))
        bpy.ops.wm.save_as_mainfile(filepath=name, copy=True)
        self.host = host.BlenderHost.open(name)

    def menu(self) -> None:
        """Return None: Blender has a panel, which has a check of its own."""

    def set_menu(self, *, is_installed: bool) -> None:
        """Do nothing: Blender has a panel."""

    def facts(self) -> Mapping[str, Any]:
        """Return build and commit hash of this Blender."""
        return {"build": bpy.app.version_string, "hash": bpy.app.build_hash.decode("ascii", "replace")}


def check_panel(context: CheckContext) -> None:
    """Check that registering again after unregistering restores the same classes."""
    registered = _registered_classes()
    require_equal(bool(registered), True, "no panel is registered")
    for _ in range(2):
        registration.unregister()
        require_equal(_registered_classes(), [], "the classes after disabling")
        registration.register()
    require_equal(_registered_classes(), registered, "the classes after enabling again")


def _registered_classes() -> list[str]:
    return [name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))]


def _add(item: Any) -> Any:
    bpy.context.scene.collection.objects.link(item)
    return item
