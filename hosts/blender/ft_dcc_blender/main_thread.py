"""Calls from other threads, carried out on the one thread that may touch Blender."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Callable, TypeVar

import bpy

from ft_dcc.errors import CaptureFailed

T = TypeVar("T")

_INTERVAL = 0.05
_PATIENCE = 60.0
_GRACE = 0.2


class Call:
    """One function on its way to the main thread, and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
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
            raise CaptureFailed(f"Blender's main thread was busy for {patience:g} seconds. Try again when it is idle.")
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result


_alone = threading.RLock()
_attended = threading.Event()
_calls: queue.SimpleQueue[Call] = queue.SimpleQueue()


def serve() -> float:
    """Carry out what waits; a Blender timer calls it again after the seconds that it returns."""
    while True:
        try:
            call = _calls.get_nowait()
        except queue.Empty:
            return _INTERVAL
        call.carry_out()


def serve_until_ended(thread: threading.Thread, patience: float | None = None) -> None:
    """Be what an event loop is to a headless Blender, until the thread has ended or patience has."""
    until = None if patience is None else time.monotonic() + patience
    _attended.set()
    try:
        while thread.is_alive() and (until is None or time.monotonic() < until):
            serve()
            thread.join(_INTERVAL / 5)
    finally:
        _attended.clear()
        serve()


def start_serving() -> None:
    """Calls from other threads are carried out from now on; safe to call twice. Main thread only."""
    if not bpy.app.background and not bpy.app.timers.is_registered(serve):
        bpy.app.timers.register(serve, persistent=True)


def stop_serving() -> None:
    """No timer is left behind."""
    if bpy.app.timers.is_registered(serve):
        bpy.app.timers.unregister(serve)


def run(function: Callable[[], T], patience: float | None = _PATIENCE) -> T:
    """Return or raise what the function does on the main thread.

    A headless Blender has no loop that could carry a call over: unless its main thread comes to wait in
    ``serve_until_ended``, the function runs where it is called, one at a time.
    """
    if threading.current_thread() is threading.main_thread():
        return function()
    call = Call(function)
    _calls.put(call)
    if bpy.app.background and not _attended.wait(_GRACE):
        with _alone:
            call.carry_out()
    result: T = call.wait(patience)
    return result


@contextmanager
def entered(manager: AbstractContextManager[T]) -> Iterator[T]:
    """The context manager is entered on the main thread and left there, whatever happens on this one."""
    stack = ExitStack()
    value = run(lambda: stack.enter_context(manager))
    try:
        yield value
    finally:
        run(stack.close, patience=None)
