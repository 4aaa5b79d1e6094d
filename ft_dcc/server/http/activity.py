"""Work without a client, which keeps an idle server from stopping."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
    """The time since the server last had a connection, a request or a running task.

    ``minutes`` is the limit, None for no limit.
    """

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
