"""Calls from other threads, carried out on the one thread that may touch Nuke's nodes."""

from __future__ import annotations

import threading
from typing import Callable, TypeVar

import nuke

from ft_dcc.main_thread import Call

T = TypeVar("T")

_PATIENCE = 60.0
_alone = threading.RLock()


def run(function: Callable[[], T], *, patience: float | None = _PATIENCE) -> T:
    """Return or raise what the function does on Nuke's main thread; raises CaptureFailed when that stays busy.

    Nuke without a window has no idle moments in which a call could be carried over: there the function runs where it
    is called, one at a time.
    """
    # Nuke hangs when the main thread asks for the main thread.
    if threading.current_thread() is threading.main_thread():
        return function()
    if not nuke.GUI:
        with _alone:
            return function()
    call = Call(function, "Nuke")
    # Not executeInMainThreadWithResult: it waits for ever, and has its own mind about exceptions.
    nuke.executeInMainThread(call.carry_out)
    result: T = call.wait(patience)
    return result
