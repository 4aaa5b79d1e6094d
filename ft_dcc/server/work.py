"""What goes on without a client: a server that stops when it is idle waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
