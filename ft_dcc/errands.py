"""Small questions that are answered in the background, one after the other, and of each kind only the newest."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Errands:
    """A thread that is there as long as there is something to look up."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def run(self, kind: str, function: Callable[[], None]) -> None:
        """The function is called in a moment; one of the same kind that still waits is not called any more."""
        with self._lock:
            self._waiting[kind] = function
            if not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._work, name="ft-dcc errands", daemon=True).start()

    def drop(self) -> None:
        """What still waits is not called any more."""
        with self._lock:
            self._waiting.clear()

    def wait(self, seconds: float) -> bool:
        """Whether everything is answered within these seconds."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                function = self._waiting.pop(next(iter(self._waiting)))
            function()
