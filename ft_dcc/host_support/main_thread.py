"""Run functions of other threads on the main thread of a host program, and guard the scene during a capture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import copy_context
from typing import Any, Callable, TypeVar

from ft_dcc.errors import CaptureFailed, SceneBusy
from ft_dcc.host import Host

T = TypeVar("T")

_BUSY = "The scene is being captured. Try again when the capture has ended."
# A capture changes the scene until it ends, so the scene has one user at a time.
_scene_lock = threading.RLock()
_no_capture = threading.Event()
_no_capture.set()
MAIN_THREAD_TIMEOUT_SECONDS = 60.0
_terminal_lock = threading.RLock()


class ThreadCall:
    """A function to run on another thread, such as the main thread of a program, with its result or exception."""

    def __init__(self, function: Callable[[], Any], program: str) -> None:
        # The settings of the calling thread apply on the other one, too.
        context = copy_context()
        self._function: Callable[[], Any] = lambda: context.run(function)
        self._program = program
        self._future: futures.Future[Any] = futures.Future()
        self._claim = threading.Lock()

    def run(self) -> None:
        """Run the function and keep its result or exception, unless the waiting thread gave up."""
        # A headless Blender may run a call on the calling thread while its main thread begins to serve.
        if not self._claim.acquire(blocking=False) or not self._future.set_running_or_notify_cancel():
            return
        try:
            self._future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - raised again by wait()
            self._future.set_exception(error)

    def wait(self, timeout: float | None) -> Any:
        """Return the result or raise the exception; raise CaptureFailed if the call does not start in time.

        ``timeout`` is in seconds; None waits without a limit, for calls that restore the scene.
        """
        futures.wait([self._future], timeout)
        # A call that has started is waited for.
        if self._future.cancel():
            raise CaptureFailed(
                f"{self._program}'s main thread was busy for {timeout:g} seconds. Try again when it is idle."
            )
        return self._future.result()


def run_on_main_thread(
    function: Callable[[], T],
    program: str,
    post: Callable[[Callable[[], Any]], object],
    *,
    has_window: bool,
    timeout: float | None = MAIN_THREAD_TIMEOUT_SECONDS,
) -> T:
    """Call the function on the main thread and return its result; raise CaptureFailed while that is busy.

    ``post`` lets the main thread of the program call a function later: those functions of Maya and Nuke that wait for
    the result wait for ever, and change exceptions. A program without a window has no idle events that could run the
    call: there it runs on the calling thread, one at a time.
    """
    # Nuke hangs when the main thread waits for itself.
    if threading.current_thread() is threading.main_thread():
        return function()
    if not has_window:
        with _terminal_lock:
            return function()
    call = ThreadCall(function, program)
    post(call.run)
    result: T = call.wait(timeout)
    return result


@contextmanager
def entered_on_main_thread(manager: AbstractContextManager[T], run: Callable[..., Any]) -> Iterator[T]:
    """Enter and exit the context manager on the main thread, with exclusive use of the scene.

    ``run(function, timeout=…)`` runs a function on the main thread. Waits while another thread uses the scene; on the
    main thread, which cannot wait, it raises SceneBusy instead.
    """
    # A capture of another thread needs the main thread for each frame.
    with _scene(is_waiting=threading.current_thread() is not threading.main_thread()):
        _no_capture.clear()
        try:
            stack = ExitStack()
            value: T = run(lambda: stack.enter_context(manager))
            try:
                yield value
            finally:
                run(stack.close, timeout=None)
        finally:
            _no_capture.set()


def is_scene_captured() -> bool:
    """Return whether a capture has changed the scene and not yet restored it."""
    return not _no_capture.is_set()


def run_when_idle(host: Host, function: Callable[[], T]) -> T:
    """Run the function on the host's main thread while no capture runs; for worker threads, which wait for that."""

    def call() -> T:
        with _scene(is_waiting=False):
            return function()

    while True:
        _no_capture.wait()
        try:
            return host.run_in_main_thread(call)
        except SceneBusy:
            continue


@contextmanager
def _scene(*, is_waiting: bool) -> Iterator[None]:
    if not _scene_lock.acquire(blocking=is_waiting):
        raise SceneBusy(_BUSY)
    try:
        # Hosts run queued calls in the middle of a capture, so the lock of the same thread is not enough.
        if not _no_capture.is_set():
            raise SceneBusy(_BUSY)
        yield
    finally:
        _scene_lock.release()
