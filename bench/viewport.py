"""Measure a capture in a window of Blender, in slices and frame by frame, and how long the window stands still.

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
from collections.abc import Iterator
from pathlib import Path

_FRAME_COUNT, _QUICK_FRAME_COUNT = 48, 12
_STALL_SECONDS = 0.25
_TICK_SECONDS = 0.01
# One frame for each event loop of Blender, as without slices.
_FRAME_BY_FRAME_SECONDS = 0.0005


def run(*, is_quick: bool = False) -> bool:
    """Print the table and return whether every goal is reached; without a Blender, say so."""
    from bench.table import Row, print_table

    program = shutil.which(os.environ.get("FT_DCC_BLENDER", "blender"))
    if program is None or shutil.which("xvfb-run") is None:
        print("The capture in a window is not measured: install xvfb-run, and name a Blender with FT_DCC_BLENDER.")
        return True
    count = _QUICK_FRAME_COUNT if is_quick else _FRAME_COUNT
    with tempfile.TemporaryDirectory() as name:
        output = Path(name, "results.json")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment.update(
            FT_DCC_BENCH_PATH=json.dumps([path for path in sys.path if path]),
            FT_DCC_BENCH_OUTPUT=str(output),
            FT_DCC_BENCH_PAIRS="1" if is_quick else "3",
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
    return print_table(
        (
            Row(
                f"{count} frames of 320x180 in a window", results["each"], results["slices"], 0.5, peer="frame by frame"
            ),
            Row("window stands still", allowed, results["longest gap"], 1.0, peer="slowest frame + 250 ms"),
        )
    )


def _steps(folder: Path, pairs: int, results: dict[str, list[float]]) -> Iterator[float]:
    """Capture in turn frame by frame and in slices; yields the seconds that Blender continues by itself."""
    demo_scene, host, main_thread = (
        importlib.import_module(f"ft_dcc_blender.{name}") for name in ("demo_scene", "host", "main_thread")
    )
    demo_scene.build(folder / "demo.blend")
    yield 2.0
    slices = main_thread._SLICE_SECONDS, main_thread._MAX_SLICE_SECONDS
    for _ in range(pairs):
        for name, seconds in (("each", (_FRAME_BY_FRAME_SECONDS, _FRAME_BY_FRAME_SECONDS)), ("slices", slices)):
            main_thread._SLICE_SECONDS, main_thread._MAX_SLICE_SECONDS = seconds
            gaps, last = [0.0], time.monotonic()
            capture = _Capture(host.BlenderHost(), folder / name)
            capture.thread.start()
            while capture.thread.is_alive():
                yield _TICK_SECONDS
                now = time.monotonic()
                gaps.append((now - last) * 1000)
                last = now
            if capture.error:
                raise capture.error
            results[name].append(capture.milliseconds)
        results["longest gap"].append(max(gaps))
        results["slowest frame"].append(max(capture.frame_milliseconds))
        yield 1.0


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
    results: dict[str, list[float]] = {name: [] for name in ("each", "slices", "longest gap", "slowest frame")}
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
