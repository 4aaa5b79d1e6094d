"""Work in the background for panels and dialogs: worker threads change it, drawing only reads it."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from ft_dcc.errors import Cancelled, Error, ValidationFailed, ValidationIssue
from ft_dcc.files.atomic import make_temporary_folder, remove_tree
from ft_dcc.publish.progress import Progress
from ft_dcc.system.signals import ignore_sigpipe

log = logging.getLogger(__name__)

T = TypeVar("T")


class ActivityRunner:
    """The one activity of a panel or dialog that runs at a time, with its name, progress, problems and error.

    ``on_change`` is called when an activity starts, and by any thread after a change. ``wait(thread, seconds)`` waits
    for the worker; a host whose main thread serves other threads does that in it.
    """

    def __init__(
        self,
        on_change: Callable[[], object] = lambda: None,
        wait: Callable[[threading.Thread, float], object] = threading.Thread.join,
    ) -> None:
        self._on_change, self._wait = on_change, wait
        self.activity = ""
        # Tells two activities apart: one may start and end between two redraws.
        self.completed_count = 0
        self.progress: Progress | None = None
        self.problems: tuple[ValidationIssue, ...] = ()
        self.error = ""
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an activity runs."""
        return self._thread is not None

    def cancel(self) -> None:
        """Cancel the running activity; a cancelled publish leaves nothing behind."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the activity, on the main thread; return whether it ended within these seconds."""
        thread = self._thread
        if thread is not None:
            self._wait(thread, seconds)
        return not self.is_busy

    def _reset(self) -> None:
        """Forget what belongs to the previous activity."""

    def _start(self, activity: str, *steps: Callable[[], object], problems: tuple[ValidationIssue, ...] = ()) -> None:
        if self.is_busy:
            return
        self.activity, self.progress, self.problems, self.error = activity, None, problems, ""
        self._reset()
        # Not a new event: the pending check keeps this one.
        self._cancel.clear()
        ignore_sigpipe()
        self._thread = threading.Thread(target=self._work, args=steps, name=f"ft-dcc {activity}", daemon=True)
        self._thread.start()
        self._on_change()

    def _work(self, *steps: Callable[[], object]) -> None:
        try:
            from ft_dcc.session.transport.cancellation import cancel_scope

            with cancel_scope(self._raise_if_cancelled):
                for step in steps:
                    step()
        except ValidationFailed as error:
            self.problems = error.problems
        except Cancelled:
            self.error = "Cancelled."
        except Error as error:
            self.error = str(error)
        except Exception as error:
            log.exception("%s failed", self.activity)
            self.error = f"{self.activity} failed: {error}. The details are in the log."
        finally:
            # The activity is over for callers, although this thread still runs.
            self._thread = None
            self.completed_count += 1
            self._on_change()

    def _raise_if_cancelled(self) -> None:
        if self._cancel.is_set():
            raise Cancelled(f"{self.activity} was cancelled.")


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


class BackgroundWork:
    """Functions in the background, of which the latest of each kind waits; ``on_change`` is called after each."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        # The message of the last one if it failed.
        self.error = ""
        # Whether one runs or waits that does not use the scene.
        self.is_loading = False
        self._on_change = on_change
        self._worker, self._scene_worker = LatestOnlyWorker(), LatestOnlyWorker()

    def run(self, kind: str, function: Callable[[], None], *, uses_scene: bool = False) -> None:
        """Run it, after a capture and on another thread if it uses the scene, and keep the message of its error."""
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

    @cached_property
    def _temporary_folder(self) -> Path:
        """A folder for temporary files, which is deleted with this object."""
        folder = make_temporary_folder()
        weakref.finalize(self, remove_tree, folder)
        return folder


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
