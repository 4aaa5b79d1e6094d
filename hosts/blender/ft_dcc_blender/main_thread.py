"""Calls from other threads, carried out on the one thread that may touch Blender."""

from __future__ import annotations

import queue
import threading
import time
from typing import Callable, TypeVar

import bpy

from ft_dcc.main_thread import Call

T = TypeVar("T")

_INTERVAL = 0.05
_PATIENCE = 60.0
_GRACE = 0.2


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
    call = Call(function, "Blender")
    _calls.put(call)
    if bpy.app.background and not _attended.wait(_GRACE):
        with _alone:
            call.carry_out()
    result: T = call.wait(patience)
    return result
