"""Cancellable waits: requests and transfers run in threads while the caller's thread checks for cancellation."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from typing import Any, TypeVar

from ft_dcc.errors import Cancelled

OnBytes = Callable[[int, int], None]
Check = Callable[[], object]
T = TypeVar("T")

_POLL_INTERVAL_SECONDS = 0.1
# The time that cancelled work has to close its files; threads that hang are abandoned.
_SHUTDOWN_TIMEOUT_SECONDS = 0.3


class _ThreadState(threading.local):
    """The check of the current thread, called while it waits."""

    check: Check | None = None


_thread_state = _ThreadState()


@contextmanager
def cancel_scope(check: Check) -> Iterator[None]:
    """Call ``check`` while this thread waits for the server; an exception that it raises ends the wait.

    It replaces the check of an outer scope. The request itself is abandoned, not undone.
    """
    before = _thread_state.check
    _thread_state.check = check
    try:
        yield
    finally:
        _thread_state.check = before


def run_cancellable(function: Callable[[], T]) -> T:
    """Call the function and return its result, unless the check of this thread's ``cancel_scope`` raises."""
    check = _thread_state.check
    if check is None:
        return function()
    check()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised by future.result()
            future.set_exception(error)

    # A hanging connection must not keep the program from exiting.
    threading.Thread(target=run, name="ft-dcc request", daemon=True).start()
    while not wait_for([future], timeout=_POLL_INTERVAL_SECONDS).done:
        check()
    return future.result()


def cancellable_sleep(seconds: float) -> None:
    """Sleep, unless the check of this thread's ``cancel_scope`` raises."""
    check = _thread_state.check
    if check is None:
        time.sleep(seconds)
        return
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0:
        check()
        time.sleep(min(remaining, _POLL_INTERVAL_SECONDS))


class TransferProgress:
    """The transferred bytes of several concurrent parts; a repeated attempt is not counted twice."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._by_part: dict[int, int] = {}
        self._is_stopped = False

    @property
    def bytes(self) -> int:
        """The transferred bytes of all parts."""
        return sum(list(self._by_part.values()))

    def report(self, part: int, transferred: int) -> None:
        """Set the transferred bytes of a part; raises Cancelled after ``stop()``."""
        if self._is_stopped:
            raise Cancelled("The transfer was stopped.")
        self._by_part[part] = transferred

    def stop(self) -> None:
        """Cancel the transfer at its next report."""
        self._is_stopped = True


def run_parallel(
    work: Iterable[Callable[[], Any]], max_threads: int, progress: TransferProgress, on_bytes: OnBytes | None
) -> None:
    """Run all work in ``max_threads`` threads.

    ``on_bytes(transferred, total)`` is called by this thread ten times a second and at the end. An exception that it
    raises cancels the work within a second, even if a connection hangs. The first error of the work cancels the rest
    and is raised.
    """
    pending, failures = collections.deque(work), list[BaseException]()
    # A hanging connection must not keep the program from exiting.
    threads = [
        threading.Thread(target=_run_steps, args=(pending, failures), name="ft-dcc transfer", daemon=True)
        for _ in range(max_threads)
    ]
    for thread in threads:
        thread.start()
    try:
        while _any_alive(threads, _POLL_INTERVAL_SECONDS) and not failures:
            if on_bytes is not None:
                on_bytes(progress.bytes, progress.total)
        if failures:
            raise failures[0]
    except BaseException:
        progress.stop()
        failures.append(Cancelled("The transfer was stopped."))
        _any_alive(threads, _SHUTDOWN_TIMEOUT_SECONDS)
        raise
    if on_bytes is not None:
        on_bytes(progress.total, progress.total)


def _run_steps(pending: collections.deque[Callable[[], Any]], failures: list[BaseException]) -> None:
    while not failures:
        try:
            step = pending.popleft()
        except IndexError:
            return
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            failures.append(error)


def _any_alive(threads: Sequence[threading.Thread], seconds: float) -> bool:
    """Wait for all threads until the time-out; return whether one is still running."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in threads)
