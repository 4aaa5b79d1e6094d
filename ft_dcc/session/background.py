"""Work in threads that the caller watches, and ends when it likes."""

from __future__ import annotations

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

# Seconds between two looks at how far it is: what a person takes for at once.
_LOOK = 0.1
# Seconds that stopped work gets to let go of its files; a line that hangs is left behind.
_LAST_CALL = 0.3


class _Attention(threading.local):
    """What this thread asks while it waits."""

    check: Check | None = None


_attention = _Attention()


@contextmanager
def interruptible(check: Check) -> Iterator[None]:
    """While this thread waits for the server, ``check`` is called, and no earlier one: what it raises ends the wait.

    The request itself is left to its fate: whether a change was made can be asked later.
    """
    before = _attention.check
    _attention.check = check
    try:
        yield
    finally:
        _attention.check = before


def attended(function: Callable[[], T]) -> T:
    """Return or raise what the function does, unless this thread is told to go on without it."""
    check = _attention.check
    if check is None:
        return function()
    check()
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            future.set_exception(error)

    # A line that hangs must not hold up the end of the program.
    threading.Thread(target=run, name="ft-dcc request", daemon=True).start()
    while not wait_for([future], timeout=_LOOK).done:
        check()
    return future.result()


def rest(seconds: float) -> None:
    """So many seconds have passed, unless this thread is told to go on."""
    check = _attention.check
    if check is None:
        time.sleep(seconds)
        return
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, _LOOK))


class Moved:
    """The bytes that have moved, of several pieces at once; an attempt that is made again does not count twice."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._by_piece: dict[int, int] = {}
        self._is_stopped = False

    @property
    def bytes(self) -> int:
        """How many bytes of all pieces have moved."""
        return sum(list(self._by_piece.values()))

    def count(self, piece: int, moved: int) -> None:
        """This piece has got so far; raises Cancelled when nobody waits for it any more."""
        if self._is_stopped:
            raise Cancelled("The transfer was stopped.")
        self._by_piece[piece] = moved

    def stop(self) -> None:
        """Whatever counts next is cancelled."""
        self._is_stopped = True


def work_off(work: Iterable[Callable[[], Any]], at_once: int, moved: Moved, on_bytes: OnBytes | None) -> None:
    """All the work is done, by so many threads.

    ``on_bytes(moved, total)`` is called by this thread, ten times a second even when nothing moves and once at the end;
    by raising it stops the work, within a second even when the line hangs. The first error of the work stops the rest
    and is raised.
    """
    todo, lock, failures = iter(list(work)), threading.Lock(), list[BaseException]()

    def run() -> None:
        while not failures:
            with lock:
                step = next(todo, None)
            if step is None:
                return
            try:
                step()
            except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
                failures.append(error)

    # A thread that hangs on a dead line must not hold up the end of the program.
    threads = [threading.Thread(target=run, name="ft-dcc transfer", daemon=True) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    try:
        while _any_alive(threads, _LOOK) and not failures:
            if on_bytes is not None:
                on_bytes(moved.bytes, moved.total)
        if failures:
            raise failures[0]
    except BaseException:
        moved.stop()
        failures.append(Cancelled("The transfer was stopped."))
        _any_alive(threads, _LAST_CALL)
        raise
    if on_bytes is not None:
        on_bytes(moved.total, moved.total)


def _any_alive(threads: Sequence[threading.Thread], seconds: float) -> bool:
    """Wait for all of them, but no longer than this; return whether one is still at it."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in threads)
