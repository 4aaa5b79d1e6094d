"""Work in the background beside a publish, for panels and dialogs: worker threads change it, drawing only reads it."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ft_dcc.errors import Error

log = logging.getLogger(__name__)

T = TypeVar("T")


class LatestOnlyWorker:
    """A worker thread that runs only the latest waiting function of each kind, and ends when idle."""

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def run(self, kind: str, function: Callable[[], None]) -> None:
        """Run the function in the background, and discard a waiting function of the same kind."""
        with self._lock:
            self._waiting[kind] = function
            if not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._work, name="ft-dcc queries", daemon=True).start()

    def clear(self) -> None:
        """Discard all waiting functions."""
        with self._lock:
            self._waiting.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                function = self._waiting.pop(next(iter(self._waiting)))
            function()


def error_message_of(kind: str, function: Callable[[], None]) -> str:
    """Call the function and return the message of its error, "" if it succeeds; unexpected errors are logged."""
    try:
        function()
    except Error as error:
        return str(error)
    except Exception as error:
        log.exception("%s failed", kind)
        return f"{kind} failed: {error}. The details are in the log."
    return ""


class BackgroundWork:
    """Functions that run in the background, of which only the latest of each kind waits.

    ``error`` is the message of the last one if it failed, else "". ``is_loading`` tells whether one runs or waits that
    does not use the scene. ``on_change`` is called by a worker after each.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.error = ""
        self.is_loading = False
        self._on_change = on_change
        self._worker, self._scene_worker = LatestOnlyWorker(), LatestOnlyWorker()
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def run(self, kind: str, function: Callable[[], None], *, uses_scene: bool = False) -> None:
        """Run the function in the background and keep the message of its error.

        Functions that use the scene wait for the end of a capture, on a thread of their own.
        """
        self.is_loading |= not uses_scene

        def work() -> None:
            self.error = error_message_of(kind, function)
            self.is_loading &= uses_scene
            self._on_change()

        (self._scene_worker if uses_scene else self._worker).run(kind, work)

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        deadline = time.monotonic() + seconds
        return self._worker.wait(seconds) and self._scene_worker.wait(max(0.0, deadline - time.monotonic()))

    def clear(self) -> None:
        """Discard what waits and the error; the session is about to be closed."""
        self._worker.clear()
        self._scene_worker.clear()
        self.error, self.is_loading = "", False

    def _temporary_folder(self) -> Path:
        """Return a folder for temporary files, which is deleted with this object."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="ft-dcc-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder


class Loaded(BackgroundWork, Generic[T]):
    """A value that is read in the background; ``is_loaded`` tells whether a reading has ended."""

    def __init__(self, kind: str, empty: T, on_change: Callable[[], object]) -> None:
        super().__init__(on_change)
        self.value = empty
        self.is_loaded = False
        self._kind, self._empty = kind, empty
        # What is read: a reading that ends after ``clear`` or a later one has no effect.
        self._key: object = None

    def load(self, read: Callable[[], T], key: object = None) -> None:
        """Read the value; with a key, do nothing if it is the very object of the last reading."""
        if key is not None and key is self._key:
            return
        self._key = wanted = object() if key is None else key

        def work() -> None:
            try:
                found = read()
                if self._key is wanted:
                    self.value = found
            finally:
                self.is_loaded |= self._key is wanted

        self.run(self._kind, work)

    def clear(self) -> None:
        """Discard the value; the session is about to be closed."""
        super().clear()
        self.value, self.is_loaded, self._key = self._empty, False, None
