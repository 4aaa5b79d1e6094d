"""The dialog against what an artist notices: how soon it is there, and whether it ever stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.session import serving
from bench.slow_line import slowed
from bench.table import Row, print_table
from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.media import ffmpeg
from ft_dcc.session import Session
from ft_dcc.tasks import ensure_task

TASK = "Bench/SQ010/SH010/Animation"
_SECONDS_OF_UPLOAD = 10.0


def run(*, is_quick: bool = False) -> bool:
    """Print the table and return whether both goals were reached."""
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as environment:
        folder = Path(name)
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        environment["QT_QPA_PLATFORM"] = "offscreen"
        credentials = (environment[f"FTRACK_{part}"] for part in ("SERVER", "API_KEY", "API_USER"))
        with Session(*credentials) as session:
            ensure_task(session, TASK, frame_range=FrameRange(1, 24), fps=frame_rate(24))
        first, again = zip(*(_measured("opening", environment) for _ in range(2 if is_quick else 5)))
        film = _film(folder)
        rate = film.stat().st_size / _SECONDS_OF_UPLOAD
        with slowed(environment["FTRACK_SERVER"], rate) as url, ThreadPoolExecutor() as both:
            bare = both.submit(_measured, "beating", environment)
            (gap,) = _measured("publishing", {**environment, "FTRACK_SERVER": url}, str(film))
    rows = (
        Row("dialog opens, first time", [200.0] * len(first), first, 1.0, peer="200 ms"),
        Row("dialog opens, again", [200.0] * len(again), again, 1.0, peer="200 ms"),
        Row(
            f"window stands still, {_SECONDS_OF_UPLOAD:g} s of upload",
            [bare.result()[0] + 50.0],
            [gap],
            1.0,
            peer="a bare window + 50 ms",
        ),
    )
    return print_table(rows)


def _measured(what: str, environment: dict[str, str], *arguments: str) -> list[float]:
    """The milliseconds that a process of its own prints."""
    command = [sys.executable, "-m", "bench.dialog", what, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=300)
    return [float(number) for number in done.stdout.split()]


def _film(folder: Path) -> Path:
    """Noise does not shrink, so that there is something to send."""
    film = folder / "noise.mp4"
    source = "testsrc2=size=640x360:rate=24,noise=alls=60:all_seed=7"
    command = [str(ffmpeg.find()), "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "24"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-crf", "18", str(film)], check=True)
    return film


def _open() -> None:
    """Qt runs, as in a program that has one, and nothing of ours is loaded; then the dialog is opened twice.

    The time is the window's thread's own: it waits for nothing, and on a busy machine the clock measures the others.
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
    # The workers may be at it still.
    os._exit(0)


def _publish(film: Path) -> None:
    """The longest time between two beats of the window's loop, from the click to the link."""
    import ft_dcc_qt
    from Qt import QtWidgets

    application = QtWidgets.QApplication(["bench"])
    dialog = ft_dcc_qt.show(files=[film])
    page = dialog.publish_page
    _live(application, lambda: page.publish.isVisible() and bool(dialog.desk.tasks))
    _live(application, lambda: dialog.desk.lookups.wait(0))
    page.task.chosen.emit(next(iter(dialog.desk.tasks)))
    gaps, beat = _beating()
    page.publish.click()
    _live(application, page.outcome.isVisible)
    beat.stop()
    print(max(gaps), flush=True)
    os._exit(0)


def _beat() -> None:
    """The longest time between two beats of a window with nothing in it, as long as the publish takes."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication(["bench"])
    window = QtWidgets.QWidget()
    window.show()
    gaps, beat = _beating()
    end = time.perf_counter() + _SECONDS_OF_UPLOAD + 3
    _live(application, lambda: time.perf_counter() > end)
    beat.stop()
    print(max(gaps), flush=True)


def _beating() -> tuple[list[float], Any]:
    """The milliseconds from beat to beat of a timer, which goes on as long as it is kept."""
    from Qt import QtCore

    gaps, last, beat = [0.0], [time.perf_counter()], QtCore.QTimer()
    beat.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
    beat.setInterval(5)

    def note() -> None:
        now = time.perf_counter()
        gaps.append((now - last[0]) * 1000)
        last[0] = now

    beat.timeout.connect(note)
    beat.start()
    return gaps, beat


def _live(application: Any, condition: Callable[[], bool]) -> None:
    while not condition():
        application.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "publishing":
        _publish(Path(sys.argv[2]))
    else:
        {"opening": _open, "beating": _beat}[what]()
