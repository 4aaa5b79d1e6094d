"""Run the calls of other threads on the only thread that may touch Nuke's nodes."""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

import nuke

from ft_dcc.host_support.main_thread import MainThreadCall

T = TypeVar("T")

_TIMEOUT_SECONDS = 60.0
_terminal_lock = threading.RLock()


def run(function: Callable[[], T], *, timeout: float | None = _TIMEOUT_SECONDS) -> T:
    """Call the function on Nuke's main thread and return its result; raise CaptureFailed while that is busy.

    Nuke without a window has no idle events that could run the call: there it runs on the calling thread, one at a
    time.
    """
    # Nuke hangs when the main thread waits for itself.
    if threading.current_thread() is threading.main_thread():
        return function()
    if not nuke.GUI:
        with _terminal_lock:
            return function()
    call = MainThreadCall(function, "Nuke")
    # Not executeInMainThreadWithResult: it waits for ever and changes exceptions.
    post(call.run)
    result: T = call.wait(timeout)
    return result


def post(function: Callable[[], Any]) -> None:
    """Let the main thread call the function later, and return at once; for other threads."""
    nuke.executeInMainThread(function)
