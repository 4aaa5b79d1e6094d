"""Work that the server repeats on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def running_worker(
    name: str,
    step: Callable[[threading.Event], float | None],
    *,
    first_seconds: float = 0,
    woken: threading.Event | None = None,
    stop: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Run the step on a thread during the block, first after so many seconds.

    The step gets an event that is set at the end of the block, and returns the seconds until it runs again, or None to
    run when ``woken`` is set, which ends each pause. An error that it raises is logged. The end of the block does not
    wait for the step, unless there is a function ``stop``, which makes it end.
    """
    is_stopping, wake = threading.Event(), threading.Event() if woken is None else woken

    def run() -> None:
        pause: float | None = first_seconds
        while True:
            wake.wait(pause)
            wake.clear()
            if is_stopping.is_set():
                return
            try:
                pause = step(is_stopping)
            except Exception:  # noqa: BLE001  one failure must not end the work of the server
                _log.exception("%s failed and is tried again.", name)

    thread = threading.Thread(target=run, name=f"ft-dcc-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_stopping.set()
        if stop is not None:
            stop()
        wake.set()
        if stop is not None:
            thread.join()
