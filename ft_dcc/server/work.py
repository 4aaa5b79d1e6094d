"""What goes on without a client: a server that stops when it is idle waits for it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Work:
    """How many things are under way; any thread may begin one."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @property
    def is_going_on(self) -> bool:
        """Whether anything is under way."""
        return self._count > 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """One thing more is under way inside."""
        with self._lock:
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1


class Idleness:
    """How long nobody has been there and nothing was under way; too long after so many minutes, or never for None."""

    def __init__(self, work: Work, minutes: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._work, self._now = work, now
        self._seconds = math.inf if minutes is None else minutes * 60
        self._since, self._requests = now(), 0

    def is_too_long(self, connections: int, requests: int) -> bool:
        """Whether it is, with so many clients connected now, and so many requests since the start."""
        # Event hubs and requests under way are connections; a client between two requests may have none.
        if connections or requests != self._requests or self._work.is_going_on:
            self._since, self._requests = self._now(), requests
        return self._now() - self._since > self._seconds
