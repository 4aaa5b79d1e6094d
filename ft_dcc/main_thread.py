"""Calls from other threads, on their way to the one thread that may touch a host program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from ft_dcc.errors import CaptureFailed, SceneLent

if TYPE_CHECKING:
    from ft_dcc.host import Host

T = TypeVar("T")

_LENT = "The scene is being captured. Try again when that is over."
# A program has one scene, and a capture changes what it shows until its end: it is lent to one at a time.
_loan = threading.RLock()
_returned = threading.Event()
_returned.set()


class Call:
    """One function on its way to the main thread of a program, and what came of it."""

    def __init__(self, function: Callable[[], Any], program: str) -> None:
        self._function, self._program = function, program
        self._claimed = threading.Lock()
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def carry_out(self) -> None:
        """Run the function and keep what it returns or raises; do nothing when nobody waits for it any more."""
        if not self._claimed.acquire(blocking=False):
            return
        self._begun.set()
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the call came from
            self._error = error
        finally:
            self._ended.set()

    def wait(self, patience: float | None) -> Any:
        """Return or raise what the function did; raises CaptureFailed when nobody takes the call within patience.

        None waits until somebody does: what has to be put back must not be given up.
        """
        if not self._begun.wait(patience) and self._claimed.acquire(blocking=False):
            raise CaptureFailed(
                f"{self._program}'s main thread was busy for {patience:g} seconds. Try again when it is idle."
            )
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result


def outlive_broken_pipes() -> None:
    """An ffmpeg or a server that hangs up ends no program; nothing happens outside of the main thread.

    Python sees to that itself where it is the program. The one inside of Blender leaves the system's way, which is to
    end the process that goes on writing, with the artist's scene.
    """
    if not hasattr(signal, "SIGPIPE") or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL:
        # For good: what is cancelled may still write when the add-on is gone.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@contextmanager
def entered(manager: AbstractContextManager[T], run: Callable[..., Any]) -> Iterator[T]:
    """The context manager is entered on the main thread and left there, whatever happens on this one.

    Inside the scene is lent to nobody else. ``run(function, patience=…)`` returns or raises what the function does on
    the main thread. Raises SceneLent on the main thread while another thread has the scene; elsewhere it waits.
    """
    with _lent():
        stack = ExitStack()
        value: T = run(lambda: stack.enter_context(manager))
        try:
            yield value
        finally:
            run(stack.close, patience=None)


def ask_at_rest(host: Host, function: Callable[[], T]) -> T:
    """Return or raise what the function does on the main thread of the host, while nothing is captured there.

    It is for threads: as long as a capture goes on, it waits.
    """
    while True:
        _returned.wait()
        try:
            return host.run_in_main_thread(lambda: _unless_lent(function))
        except SceneLent:
            continue


def _unless_lent(function: Callable[[], T]) -> T:
    with _had(is_waiting=False):
        return function()


@contextmanager
def _lent() -> Iterator[None]:
    # The main thread cannot wait: whoever has the scene needs it for each frame.
    with _had(is_waiting=threading.current_thread() is not threading.main_thread()):
        _returned.clear()
        try:
            yield
        finally:
            _returned.set()


@contextmanager
def _had(*, is_waiting: bool) -> Iterator[None]:
    if not _loan.acquire(blocking=is_waiting):
        raise SceneLent(_LENT)
    try:
        # A program may carry out what waits in the middle of a capture: the same thread is no reason to let it in.
        if not _returned.is_set():
            raise SceneLent(_LENT)
        yield
    finally:
        _loan.release()
