"""Runs inside a Blender with a window: ``blender -P in_a_window.py``. An artist's two visits, written down as JSON.

The environment names the server (FTRACK_*), FT_DCC_SEEN, the folder for the outcome and the screenshots, and
FT_DCC_MODULE, what the add-on is called in this Blender.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy

MODULE = os.environ["FT_DCC_MODULE"]
demo_scene, capture, host = (importlib.import_module(f"{MODULE}.{name}") for name in ("demo_scene", "capture", "host"))
DESK = importlib.import_module(f"{MODULE}.desk").DESK

SEEN = Path(os.environ["FT_DCC_SEEN"])
PARTS = ("render", "render.image_settings", "display", "display.shading", "view_settings")


def visits() -> Iterator[float]:
    """One step after the other; each yields how many seconds Blender is to go on by itself."""
    outcome = {}
    demo_scene.build(SEEN / "demo.blend")
    yield 2.0
    area, window = the_view()
    area.spaces[0].show_region_ui = True
    names = ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY")
    server, user, key = (os.environ[name] for name in names)
    bpy.ops.ft_dcc.sign_in(server=server, user=user, key=key)
    yield from until_idle()
    if bpy.app.version >= (4, 2):
        # It cannot be set before.
        next(part for part in area.regions if part.type == "UI").active_panel_category = "ft-dcc"
    choices = bpy.context.window_manager.ft_dcc
    choices.task, choices.frames = next(iter(DESK.tasks.values())).path, "CUSTOM"
    choices.start, choices.end = 1001, 1006
    bpy.ops.ft_dcc.use_shot_settings()
    yield 2.0
    before = state()
    press_publish(area, window)
    yield from until_idle()
    yield 1.0
    outcome["published"] = [(path, version.version, version.link) for path, version in DESK.published]
    outcome["first visit"] = {"error": DESK.error or str(DESK.problems or ""), "is as it was": state() == before}
    take_picture("published")
    press_publish(area, window)
    while DESK.is_busy and (DESK.progress is None or DESK.progress.done < 2):
        yield 0.1
    take_picture("capturing")
    subprocess.run(["xdotool", "mousemove", "600", "400", "key", "Escape"], check=True)
    yield from until_idle()
    outcome["second visit"] = {"error": DESK.error, "is as it was": state() == before}
    turn_the_view(area.spaces[0])
    yield 1.0
    view = state_of_the_view(area.spaces[0])
    outcome["looks"] = {name: size_of_a_frame(name, look) for name, look in LOOKS.items()}
    yield 1.0
    outcome["the view is as it was"] = (state_of_the_view(area.spaces[0]), state()) == (view, before)
    outcome["third visit"] = yield from between_two_windows(window)
    press_publish(area, window)
    while DESK.is_busy and (DESK.progress is None or DESK.progress.done < 2):
        yield 0.1
    bpy.ops.preferences.addon_disable(module=MODULE)
    outcome["disabled meanwhile"] = state() == before
    outcome["left behind"] = [name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))]
    (SEEN / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def turn_the_view(space):
    """It looks through no camera, from somewhere else, and has one of its own."""
    other = bpy.data.objects.new("Beside", bpy.data.cameras.new("Beside"))
    bpy.context.scene.collection.objects.link(other)
    space.use_local_camera, space.camera = True, other
    space.region_3d.view_perspective, space.region_3d.view_rotation = "PERSP", (0.6, 0.8, 0.0, 0.0)


def state_of_the_view(space):
    region = space.region_3d
    turned = region.view_perspective, [round(part, 4) for part in region.view_rotation]
    own = space.use_local_camera, space.camera.name
    return space.shading.type, space.overlay.show_overlays, space.show_gizmo, own, turned


def between_two_windows(window):
    """A second window shows a scene of its own; what is pressed in the first one publishes the first one's."""
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new_main()
    yield 1.0
    second = bpy.context.window_manager.windows[1]
    second.scene = bpy.data.scenes.new("Elsewhere")
    yield 1.0
    press_publish(the_view()[0], window)
    yield from until_idle()
    with bpy.context.temp_override(window=second):
        bpy.ops.wm.window_close()
    yield 1.0
    return DESK.error or str(DESK.problems or "")


LOOKS = {
    "solid": {},
    "viewport": {"shading": "VIEWPORT"},
    "overlays": {"shading": "VIEWPORT", "overlays": True},
    "stamp": {"stamp": True},
}


def size_of_a_frame(name: str, look: dict[str, object]) -> int:
    """Film one frame with this look, and return how many bytes the picture has: no two of them look the same."""
    from ft_dcc.frames import FrameRange, Resolution
    from ft_dcc.host import PlayblastRequest

    source = capture.sources(bpy.context.scene)[0]
    request = PlayblastRequest(source, FrameRange(1001, 1001), Resolution(320, 180), SEEN / "looks", name, look)
    return host.BlenderHost().playblast(request, lambda _frame: None).path(1001).stat().st_size


def the_view():
    window = bpy.context.window_manager.windows[0]
    return next(area for area in window.screen.areas if area.type == "VIEW_3D"), window


def press_publish(area, window):
    region = next(part for part in area.regions if part.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.ft_dcc.publish("INVOKE_DEFAULT")


def until_idle() -> Iterator[float]:
    yield 0.1
    while DESK.is_busy:
        yield 0.1


def take_picture(name: str) -> None:
    if shutil.which("import"):
        subprocess.run(["import", "-window", "root", str(SEEN / f"{name}.png")], check=True)


def state():
    scene = bpy.context.scene
    facts = {"camera": scene.camera.name, "frame": scene.frame_current, "images": bpy.data.images.keys()}
    facts["is dirty"] = bpy.data.is_dirty
    for path in PARTS:
        part = scene.path_resolve(path)
        simple = [item.identifier for item in part.bl_rna.properties if item.type not in ("POINTER", "COLLECTION")]
        facts[path] = {name: str(getattr(part, name)) for name in simple}
    return facts


steps, until = visits(), time.monotonic() + 420


def go_on() -> float | None:
    try:
        if time.monotonic() < until:
            return next(steps)
        raise TimeoutError("the visits took too long")
    except StopIteration:
        pass
    except Exception:  # noqa: BLE001 - it goes to whoever started this Blender
        (SEEN / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    bpy.ops.wm.quit_blender()
    return None


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(go_on, first_interval=3, persistent=True)
