"""Run the calls of other threads on the only thread that may touch Nuke's nodes and Hiero's timelines."""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

import nuke

from ft_dcc.host_support.main_thread import MainThreadCall

from .edition import is_hiero

T = TypeVar("T")

_TIMEOUT_SECONDS = 60.0
_terminal_lock = threading.RLock()


def run(function: Callable[[], T], *, timeout: float | None = _TIMEOUT_SECONDS) -> T:
    """Call the function on Nuke's main thread and return its result; raise CaptureFailed while that is busy.

    Nuke without a window has no idle events that could run the call: there it runs on the calling thread, one at a
    time. Hiero always has a window.
    """
    # Nuke hangs when the main thread waits for itself.
    if threading.current_thread() is threading.main_thread():
        return function()
    if not is_hiero() and not nuke.GUI:
        with _terminal_lock:
            return function()
    call = MainThreadCall(function, "Hiero" if is_hiero() else "Nuke")
    # Not executeInMainThreadWithResult: it waits for ever and changes exceptions.
    post(call.run)
    result: T = call.wait(timeout)
    return result


def post(function: Callable[[], Any]) -> None:
    """Let the main thread call the function later, and return at once; for other threads.

    Nuke's function cannot be used in Hiero, which has its own. Source: the comment in Foundry's
    ``foundry/frameserver/nuke``, which takes that of ``hiero.core`` there.
    """
    if is_hiero():
        import hiero.core

        hiero.core.executeInMainThread(function)
    else:
        nuke.executeInMainThread(function)
