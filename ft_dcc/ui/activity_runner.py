"""The one activity of a panel or dialog that runs at a time, on a worker thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ft_dcc.errors import Cancelled, Error, ValidationFailed, ValidationIssue
from ft_dcc.host_support.main_thread import ignore_sigpipe

if TYPE_CHECKING:
    from ft_dcc.publish.progress import Progress

log = logging.getLogger(__name__)


def do_nothing() -> None:
    """Do nothing: the default callback."""


class ActivityRunner:
    """An activity at a time, with its name, progress, problems and error.

    ``on_start`` is called when an activity starts, ``on_change`` by any thread after a change.
    ``wait(thread, seconds)`` waits for the worker; a host whose main thread serves other threads does that in it.
    """

    def __init__(
        self,
        on_start: Callable[[], object] = do_nothing,
        on_change: Callable[[], object] = do_nothing,
        wait: Callable[[threading.Thread, float], object] = threading.Thread.join,
    ) -> None:
        self._on_begin, self._on_change, self._wait = on_start, on_change, wait
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

    def _start(self, activity: str, function: Callable[[], None], problems: tuple[ValidationIssue, ...] = ()) -> None:
        if self.is_busy:
            return
        self.activity, self.progress, self.problems, self.error = activity, None, problems, ""
        self._reset()
        # Not a new event: the pending check keeps this one.
        self._cancel.clear()
        ignore_sigpipe()
        self._thread = threading.Thread(target=self._work, args=(function,), name=f"ft-dcc {activity}", daemon=True)
        self._thread.start()
        self._on_begin()

    def _work(self, function: Callable[[], None]) -> None:
        try:
            from ft_dcc.session.transport.cancellation import cancel_scope

            with cancel_scope(self._raise_if_cancelled):
                function()
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
