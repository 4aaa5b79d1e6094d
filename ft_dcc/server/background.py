"""Work that the server does without a client, which keeps an idle server from stopping."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 5.0


@contextmanager
def running_worker(name: str, step: Callable[[threading.Event], float], *, first_seconds: float = 0) -> Iterator[None]:
    """Run the step on a thread during the block, first after so many seconds.

    The step gets an event that is set at the end of the block, and returns the seconds until it runs again. An error
    that it raises is logged. The end of the block does not wait for the step.
    """
    is_stopping = threading.Event()

    def run() -> None:
        pause = first_seconds
        while not is_stopping.wait(pause):
            try:
                pause = step(is_stopping)
            except Exception:  # noqa: BLE001  one failure must not end the work of the server
                _log.exception("%s failed and is tried again.", name)
                pause = max(pause, _RETRY_SECONDS)

    threading.Thread(target=run, name=f"ft-dcc-{name}", daemon=True).start()
    try:
        yield
    finally:
        is_stopping.set()


class ActivityCounter:
    """The number of tasks that are running; thread-safe."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @property
    def is_active(self) -> bool:
        """Whether any task is running."""
        return self._count > 0

    @contextmanager
    def track(self) -> Iterator[None]:
        """Count one more task for the duration of the block."""
        with self._lock:
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1


class IdleTimer:
    """The time since the last connection, request or running task; its limit is ``minutes``, or None."""

    def __init__(
        self, activity: ActivityCounter, minutes: float | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._activity, self._now = activity, now
        self._seconds = math.inf if minutes is None else minutes * 60
        self._since, self._requests = now(), 0

    def is_expired(self, connections: int, requests: int) -> bool:
        """Return whether the limit is passed, given the connections of now and the requests since the start."""
        # Event hubs and running requests are connections; a client between two requests may have none.
        if connections or requests != self._requests or self._activity.is_active:
            self._since, self._requests = self._now(), requests
        return self._now() - self._since > self._seconds
