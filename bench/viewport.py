"""Measure a capture in a window of Blender: its duration, and how long the window stands still.

It captures in slices and frame by frame. The window stands still during a slice, which is ours, and during the redraw
after it, which is compared with the redraw after a change of frame without a capture.

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

_FRAME_COUNT, _SMALL_FRAME_COUNT = 48, 12
_STALL_SECONDS = 0.25
_NAMES = ("each", "slices", "longest slice", "longest redraw", "slowest frame", "own redraw")
_TICK_SECONDS = 0.01
# The longest of a few redraws varies by as much.
_MAX_REDRAW_RATIO = 1.25
# One frame for each event loop of Blender, as without slices.
_FRAME_BY_FRAME_SECONDS = 0.0005


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached; without a Blender, say so."""
    from bench.table import Row, print_table

    program = shutil.which(os.environ.get("FT_DCC_BLENDER", "blender"))
    if program is None or shutil.which("xvfb-run") is None:
        print("The capture in a window is not measured: install xvfb-run, and name a Blender with FT_DCC_BLENDER.")
        return True
    count = _SMALL_FRAME_COUNT if is_small else _FRAME_COUNT
    with tempfile.TemporaryDirectory() as name:
        output = Path(name, "results.json")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment.update(
            FT_DCC_BENCH_PATH=json.dumps([path for path in sys.path if path]),
            FT_DCC_BENCH_OUTPUT=str(output),
            FT_DCC_BENCH_PAIRS="1" if is_small else "3",
            FT_DCC_BENCH_FRAMES=str(count),
            BLENDER_USER_RESOURCES=name,
        )
        size = ("--window-geometry", "0", "0", "1280", "800")
        screen = ("xvfb-run", "-a", "-s", "-screen 0 1280x800x24")
        command = (*screen, program, "--factory-startup", *size, "-P", __file__)
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=900)
        if not output.is_file():
            raise SystemExit(f"{program} wrote no results:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        results = json.loads(output.read_text(encoding="utf-8"))
    allowed = [slowest + _STALL_SECONDS * 1000 for slowest in results["slowest frame"]]
    stalls = [slice_ + redraw for slice_, redraw in zip(results["longest slice"], results["longest redraw"])]
    return print_table(
        (
            Row(
                f"{count} frames of 320x180 in a window", results["each"], results["slices"], 0.5, peer="frame by frame"
            ),
            Row("longest time between two events", allowed, stalls, 1.0, peer="slowest frame + 250 ms"),
            Row("longest slice", allowed, results["longest slice"], 1.0, peer="slowest frame + 250 ms"),
            Row(
                "longest redraw after a slice",
                results["own redraw"],
                results["longest redraw"],
                _MAX_REDRAW_RATIO,
                peer="change of frame, no capture",
            ),
        )
    )


def _steps(folder: Path, pairs: int, results: dict[str, list[float]]) -> Iterator[float]:
    """Capture in turn frame by frame and in slices; yields the seconds that Blender continues by itself."""
    demo_scene, host, main_thread = (
        importlib.import_module(f"ft_dcc_blender.{name}") for name in ("demo_scene", "host", "main_thread")
    )
    demo_scene.build(folder / "demo.blend")
    yield 2.0
    slice_seconds = main_thread._SLICE_SECONDS
    for _ in range(pairs):
        for name, seconds in (("each", _FRAME_BY_FRAME_SECONDS), ("slices", slice_seconds)):
            main_thread._SLICE_SECONDS = seconds
            with _TimedSlices(main_thread) as slices_of_capture:
                capture = _Capture(host.BlenderHost(), folder / name)
                capture.thread.start()
                while capture.thread.is_alive():
                    yield _TICK_SECONDS
                main_thread.stop_serving()
            if capture.error:
                raise capture.error
            results[name].append(capture.milliseconds)
            yield 1.0
        results["longest slice"].append(max(slices_of_capture.milliseconds))
        results["longest redraw"].append(max(slices_of_capture.redraw_milliseconds))
        results["slowest frame"].append(max(capture.frame_milliseconds))
        redraws = yield from _own_redraws(len(slices_of_capture.milliseconds))
        results["own redraw"].append(max(redraws))
        yield 1.0


def _own_redraws(count: int) -> Generator[float, None, list[float]]:
    """Change the frame that often, and return how long the window stands still after each, in milliseconds."""
    import bpy

    scene, found = bpy.context.window_manager.windows[0].scene, []
    for number in range(count):
        scene.frame_set(1002 + number)
        began = time.monotonic()
        yield _TICK_SECONDS
        found.append((time.monotonic() - began) * 1000)
    scene.frame_set(1001)
    return found


class _TimedSlices:
    """Measures the slices in which the main thread works for the capture, and the time from each to the next event."""

    def __init__(self, main_thread: Any) -> None:
        self._main_thread, self._serve = main_thread, main_thread.serve
        self._end: float | None = None
        self.milliseconds: list[float] = []
        self.redraw_milliseconds: list[float] = []

    def __enter__(self) -> _TimedSlices:
        self._main_thread.stop_serving()
        self._main_thread.serve = self.serve
        return self

    def __exit__(self, *_: object) -> None:
        self._main_thread.stop_serving()
        self._main_thread.serve = self._serve

    def serve(self) -> float:
        """Run a slice; one without calls is not counted."""
        began = time.monotonic()
        if self._end is not None:
            self.redraw_milliseconds.append((began - self._end) * 1000)
        is_idle = self._main_thread._calls.empty()
        interval: float = self._serve()
        self._end = None if is_idle else time.monotonic()
        if not is_idle:
            self.milliseconds.append((time.monotonic() - began) * 1000)
        return interval


class _Capture:
    """A capture in a worker thread, its duration, and that of each frame."""

    def __init__(self, host: object, folder: Path) -> None:
        self.thread = threading.Thread(target=self._work, args=(host, folder), daemon=True)
        self.milliseconds, self.frame_milliseconds = 0.0, []
        self.error: Exception | None = None

    def _work(self, host: object, folder: Path) -> None:
        from ft_dcc.frames import FrameRange, Resolution
        from ft_dcc.host import PlayblastRequest

        capture = importlib.import_module("ft_dcc_blender.scene.capture")
        draw = capture.BorrowedScene.draw

        def timed(scene: object, frame: int) -> Path:
            began = time.monotonic()
            path = draw(scene, frame)
            self.frame_milliseconds.append((time.monotonic() - began) * 1000)
            return path

        capture.BorrowedScene.draw = timed
        request = PlayblastRequest(
            "Camera",
            FrameRange(1001, 1000 + int(os.environ["FT_DCC_BENCH_FRAMES"])),
            Resolution(320, 180),
            folder,
            "frame",
        )
        began = time.monotonic()
        try:
            host.playblast(request, lambda frame: None)
        except Exception as error:  # noqa: BLE001 - raised again on the main thread
            self.error = error
        finally:
            self.milliseconds = (time.monotonic() - began) * 1000
            capture.BorrowedScene.draw = draw


def _measure_in_blender() -> None:
    """Run the steps in Blender's own event loop, write the results, and quit."""
    import bpy

    sys.path.extend(json.loads(os.environ["FT_DCC_BENCH_PATH"]))
    output = Path(os.environ["FT_DCC_BENCH_OUTPUT"])
    results: dict[str, list[float]] = {name: [] for name in _NAMES}
    steps = _steps(output.parent, int(os.environ["FT_DCC_BENCH_PAIRS"]), results)

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
