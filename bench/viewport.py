"""Measure a capture in a window of Blender beside two peers: the CPU, and how long the window handles no event.

The peers are the blocking call ``render.opengl(animation=True)``, and *Viewport Render Animation* as an artist runs it.

It needs xvfb-run and a Blender with a window: the one that FT_DCC_BLENDER names, or ``blender`` on the PATH.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

# The frames of each scene, and of how much of the CPU of Viewport Render Animation the capture may take.
_SCENES = {"light": (60, 0.2), "heavy": (20, 0.35)}
_SMALL_FRAME_COUNT = 8
_MAX_BLOCKING_RATIO = 1.6
_STALL_SECONDS = 0.3
_NAMES = ("ours", "blocking", "artist", "stall", "slowest frame")
_TICK_SECONDS = 0.01
_SETTLED_EVENTS, _SETTLED_SECONDS = 50, 0.1
# A grid of this many points a side has 330,000 triangles.
_HEAVY_SIDE = 407
_WIDTH, _HEIGHT = 320, 180


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached; without a Blender, say so."""
    from bench.table import Row, print_table

    program = shutil.which(os.environ.get("FT_DCC_BLENDER", "blender"))
    if program is None or shutil.which("xvfb-run") is None:
        print("The capture in a window is not measured: install xvfb-run, and name a Blender with FT_DCC_BLENDER.")
        return True
    with tempfile.TemporaryDirectory() as name:
        output = Path(name, "results.json")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment.update(
            FT_DCC_BENCH_PATH=json.dumps([path for path in sys.path if path]),
            FT_DCC_BENCH_OUTPUT=str(output),
            FT_DCC_BENCH_PAIRS="1" if is_small else "2",
            FT_DCC_BENCH_SMALL="1" if is_small else "",
            BLENDER_USER_RESOURCES=name,
        )
        size = ("--window-geometry", "0", "0", "1280", "800")
        screen = ("xvfb-run", "-a", "-s", "-screen 0 1280x800x24")
        command = (*screen, program, "--factory-startup", *size, "-P", __file__)
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=900)
        if not output.is_file():
            raise SystemExit(f"{program} wrote no results:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        results = json.loads(output.read_text(encoding="utf-8"))
    rows = []
    for scene, (count, artist_ratio) in _SCENES.items():
        found, what = results[scene], f"{scene} scene, {_SMALL_FRAME_COUNT if is_small else count} frames"
        allowed = [slowest + _STALL_SECONDS * 1000 for slowest in found["slowest frame"]]
        rows += [
            Row(f"CPU, {what}", found["blocking"], found["ours"], _MAX_BLOCKING_RATIO, peer="blocking call"),
            Row(f"CPU, {what}", found["artist"], found["ours"], artist_ratio, peer="Viewport Render Animation"),
            Row(f"longest time between events, {scene} scene", allowed, found["stall"], 1.0, peer="frame + 300 ms"),
        ]
    return print_table(rows)


def _steps(folder: Path, results: dict[str, dict[str, list[float]]]) -> Iterator[float]:
    """Run the capture and its peers in turn; yields the seconds that Blender continues by itself."""
    import bpy

    is_small = bool(os.environ["FT_DCC_BENCH_SMALL"])
    demo_scene = importlib.import_module("ft_dcc_blender.demo_scene")
    for name, (count, _) in _SCENES.items():
        demo_scene.build(folder / f"{name}.blend")
        scene = bpy.context.window_manager.windows[0].scene
        if name == "heavy":
            bpy.ops.mesh.primitive_grid_add(x_subdivisions=_HEAVY_SIDE, y_subdivisions=_HEAVY_SIDE)
        count = _SMALL_FRAME_COUNT if is_small else count
        scene.frame_start, scene.frame_end = 1001, 1000 + count
        scene.render.resolution_x, scene.render.resolution_y = _WIDTH, _HEIGHT
        scene.render.image_settings.file_format = "PNG"
        yield from _settled()
        for _ in range(int(os.environ["FT_DCC_BENCH_PAIRS"])):
            yield from _captured(folder / "ours", count, results[name])
            yield from _settled()
            began = time.process_time()
            _render_viewport(scene, folder / "blocking")
            results[name]["blocking"].append((time.process_time() - began) * 1000)
            yield from _settled()
            began, last = time.process_time(), folder / "artist" / f"{scene.frame_end:04d}.png"
            last.unlink(missing_ok=True)
            _render_viewport(scene, folder / "artist", "INVOKE_DEFAULT")
            while not last.is_file():
                yield _TICK_SECONDS
            results[name]["artist"].append((time.process_time() - began) * 1000)
            yield from _settled()


def _settled() -> Iterator[float]:
    """Wait until the window is drawn: it handles an event every tenth of a second."""
    handled = 0
    while handled < _SETTLED_EVENTS:
        before = time.monotonic()
        yield _TICK_SECONDS
        handled = handled + 1 if time.monotonic() - before < _SETTLED_SECONDS else 0


def _render_viewport(scene: Any, folder: Path, *how: str) -> None:
    """Render the camera's view with the operator of the menu *View*."""
    import bpy

    scene.render.filepath = f"{folder}{os.sep}"
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.region_3d.view_perspective = "CAMERA"
    region = next(part for part in area.regions if part.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.render.opengl(*how, animation=True, view_context=True)


def _captured(folder: Path, count: int, results: dict[str, list[float]]) -> Generator[float, None, None]:
    """Capture with the default look of the window, and record CPU, slowest frame and longest time between events."""
    host = importlib.import_module("ft_dcc_blender.host").BlenderHost()
    capture, longest, began = _Capture(host, folder, count), 0.0, time.process_time()
    capture.thread.start()
    before = time.monotonic()
    while capture.thread.is_alive():
        yield _TICK_SECONDS
        # After the capture Blender draws the artist's view again.
        if capture.thread.is_alive():
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
    results["ours"].append((time.process_time() - began) * 1000)
    if capture.error:
        raise capture.error
    results["stall"].append(longest * 1000)
    results["slowest frame"].append(max(capture.frame_milliseconds))


class _Capture:
    """A capture in a worker thread, and the duration of each frame."""

    def __init__(self, host: Any, folder: Path, count: int) -> None:
        self.thread = threading.Thread(target=self._work, args=(host, folder, count), daemon=True)
        self.frame_milliseconds: list[float] = []
        self.error: Exception | None = None

    def _work(self, host: Any, folder: Path, count: int) -> None:
        from ft_dcc.frames import FrameRange, Resolution
        from ft_dcc.host import PlayblastRequest

        capture: Any = importlib.import_module("ft_dcc_blender.scene.capture")
        draw = capture.BorrowedScene.draw

        def timed(scene: object, frame: int) -> Path:
            began = time.monotonic()
            path: Path = draw(scene, frame)
            self.frame_milliseconds.append((time.monotonic() - began) * 1000)
            return path

        capture.BorrowedScene.draw = timed
        look = dict(next(iter(host.looks.values())))
        frames, size = FrameRange(1001, 1000 + count), Resolution(_WIDTH, _HEIGHT)
        try:
            host.playblast(PlayblastRequest("Camera", frames, size, folder, "frame", look), lambda frame: None)
        except Exception as error:  # noqa: BLE001 - raised again on the main thread
            self.error = error
        finally:
            capture.BorrowedScene.draw = draw


def _measure_in_blender() -> None:
    """Run the steps in Blender's own event loop, write the results, and quit."""
    import bpy

    sys.path.extend(json.loads(os.environ["FT_DCC_BENCH_PATH"]))
    output = Path(os.environ["FT_DCC_BENCH_OUTPUT"])
    results: dict[str, dict[str, list[float]]] = {scene: {name: [] for name in _NAMES} for scene in _SCENES}
    steps = _steps(output.parent, results)

    def run_next_step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            output.write_text(json.dumps(results), encoding="utf-8")
        except Exception:  # noqa: BLE001 - the caller prints it
            traceback.print_exc()
        bpy.ops.wm.quit_blender()
        return None

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(run_next_step, first_interval=3, persistent=True)


if __name__ == "__main__":
    _measure_in_blender()
