"""Run the calls of other threads on the only thread that may touch Maya."""

from __future__ import annotations

import threading
from typing import Callable, TypeVar

from maya import utils

from ft_dcc.host_support.main_thread import MainThreadCall

T = TypeVar("T")

_TIMEOUT_SECONDS = 60.0
_batch_lock = threading.RLock()


def run(function: Callable[[], T], *, is_batch: bool, timeout: float | None = _TIMEOUT_SECONDS) -> T:
    """Call the function on Maya's main thread and return its result; raise CaptureFailed while that is busy.

    Maya without a window has no idle events that could run the call: there it runs on the calling thread, one at a
    time.
    """
    if threading.current_thread() is threading.main_thread():
        return function()
    if is_batch:
        with _batch_lock:
            return function()
    call = MainThreadCall(function, "Maya")
    # Not executeInMainThreadWithResult: it waits for ever and changes exceptions.
    utils.executeDeferred(call.run)
    result: T = call.wait(timeout)
    return result
