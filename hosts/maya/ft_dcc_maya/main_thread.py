"""Calls from other threads, carried out on the one thread that may touch Maya."""

from __future__ import annotations

import threading
from typing import Callable, TypeVar

from maya import utils

from ft_dcc.main_thread import Call

T = TypeVar("T")

_PATIENCE = 60.0
_alone = threading.RLock()


def run(function: Callable[[], T], *, is_batch: bool, patience: float | None = _PATIENCE) -> T:
    """Return or raise what the function does on Maya's main thread; raises CaptureFailed when that stays busy.

    Maya without a window has no idle moments in which a call could be carried over: there the function runs where it
    is called, one at a time.
    """
    if threading.current_thread() is threading.main_thread():
        return function()
    if is_batch:
        with _alone:
            return function()
    call = Call(function, "Maya")
    # Not executeInMainThreadWithResult: it waits for ever, and has its own mind about exceptions.
    utils.executeDeferred(call.carry_out)
    result: T = call.wait(patience)
    return result
