"""Measure how fast the dialog opens, and how long its event loop is blocked during a publish."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.session import serve_studio
from bench.table import Row, print_table
from bench.throttled_proxy import throttled
from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.media import ffmpeg
from ft_dcc.production.tasks import ensure_task
from ft_dcc.session import Session

TASK = "Bench/SQ010/SH010/Animation"
_UPLOAD_SECONDS = 10.0


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    with _studio() as (environment, folder):
        rows = list(_opening_rows(environment, 2 if is_small else 5))
        movie = _make_movie(folder)
        rate = movie.stat().st_size / _UPLOAD_SECONDS
        with throttled(environment["FTRACK_SERVER"], rate) as url, ThreadPoolExecutor() as both:
            bare = both.submit(_measured, "empty", environment)
            (gap,) = _measured("publishing", {**environment, "FTRACK_SERVER": url}, str(movie))
    title, allowed = f"window blocked, {_UPLOAD_SECONDS:g} s of upload", bare.result()[0] + 50.0
    return print_table([*rows, Row(title, [allowed], [gap], 1.0, peer="a bare window + 50 ms")])


def quick_rows() -> Iterator[Row]:
    """Yield the rows that are measured in CPU time."""
    with _studio() as (environment, _):
        yield from _opening_rows(environment, 5)


@contextmanager
def _studio() -> Iterator[tuple[dict[str, str], Path]]:
    with tempfile.TemporaryDirectory() as name, serve_studio(Path(name)) as environment:
        environment["FT_DCC_JOBS"] = str(Path(name) / "jobs")
        environment["QT_QPA_PLATFORM"] = "offscreen"
        credentials = (environment[f"FTRACK_{part}"] for part in ("SERVER", "API_KEY", "API_USER"))
        with Session(*credentials) as session:
            ensure_task(session, TASK, frame_range=FrameRange(1, 24), fps=frame_rate(24))
        yield environment, Path(name)


def _opening_rows(environment: dict[str, str], count: int) -> Iterator[Row]:
    first, again = zip(*(_measured("opening", environment) for _ in range(count)))
    yield Row("dialog opens, first time", [200.0] * count, first, 1.0, peer="200 ms")
    yield Row("dialog opens, again", [200.0] * count, again, 1.0, peer="200 ms")


def _measured(what: str, environment: dict[str, str], *arguments: str) -> list[float]:
    """Run one measurement in a separate process and return the milliseconds that it prints."""
    command = [sys.executable, "-m", "bench.dialog", what, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"The dialog failed:\n{done.stderr}")
    return [float(number) for number in done.stdout.split()]


def _make_movie(folder: Path) -> Path:
    """Encode a movie of noise, which does not compress, so that its upload takes long enough."""
    movie = folder / "noise.mp4"
    source = "testsrc2=size=640x360:rate=24,noise=alls=60:all_seed=7"
    command = [str(ffmpeg.find()), "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "24"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-crf", "18", str(movie)], check=True)
    return movie


def _open() -> None:
    """Open the dialog twice in a process with a running Qt and without our modules loaded.

    The time is the CPU time of the GUI thread, so that other processes do not count.
    """
    from Qt import QtWidgets

    application = QtWidgets.QApplication(["bench"])
    window = QtWidgets.QPushButton("The program")
    window.show()
    application.processEvents()
    for _ in range(2):
        began = time.thread_time()
        import ft_dcc_qt

        dialog = ft_dcc_qt.show()
        dialog.repaint()
        print((time.thread_time() - began) * 1000, flush=True)
        dialog.close()
    # Do not wait for workers that are still running.
    os._exit(0)


def _publish(movie: Path) -> None:
    """Print the longest gap between two ticks of the event loop, from the click to the link."""
    import ft_dcc_qt
    from Qt import QtWidgets

    application = QtWidgets.QApplication(["bench"])
    dialog = ft_dcc_qt.show(files=[movie])
    page = dialog.publish_page
    _process_events_until(application, lambda: page.publish.isVisible() and bool(dialog.controller.tasks))
    _process_events_until(application, lambda: dialog.controller.queries.wait(0))
    page.task.chosen.emit(next(iter(dialog.controller.tasks)))
    gaps, timer = _start_ticking()
    page.publish.click()
    _process_events_until(application, page.result.isVisible)
    timer.stop()
    print(max(gaps), flush=True)
    os._exit(0)


def _empty_window() -> None:
    """Print the longest gap between two ticks of an empty window for the duration of a publish."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication(["bench"])
    window = QtWidgets.QWidget()
    window.show()
    gaps, timer = _start_ticking()
    end = time.perf_counter() + _UPLOAD_SECONDS + 3
    _process_events_until(application, lambda: time.perf_counter() > end)
    timer.stop()
    print(max(gaps), flush=True)


def _start_ticking() -> tuple[list[float], Any]:
    """Start a timer; return it with the list of gaps between its ticks in milliseconds."""
    from Qt import QtCore

    gaps, last, timer = [0.0], [time.perf_counter()], QtCore.QTimer()
    timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
    timer.setInterval(5)

    def record_gap() -> None:
        now = time.perf_counter()
        gaps.append((now - last[0]) * 1000)
        last[0] = now

    timer.timeout.connect(record_gap)
    timer.start()
    return gaps, timer


def _process_events_until(application: Any, condition: Callable[[], bool]) -> None:
    while not condition():
        application.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "publishing":
        _publish(Path(sys.argv[2]))
    else:
        {"opening": _open, "empty": _empty_window}[what]()
