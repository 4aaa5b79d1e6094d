"""Run the calls of other threads on the only thread that may touch Blender."""

from __future__ import annotations

import queue
import threading
import time
from typing import Callable, TypeVar

import bpy

from ft_dcc.host_support.main_thread import MAIN_THREAD_TIMEOUT_SECONDS, ThreadCall

T = TypeVar("T")

_POLL_INTERVAL_SECONDS, _NEXT_SLICE_SECONDS = 0.05, 0.01
_SERVED_TIMEOUT_SECONDS = 0.2
# After a timer Blender redraws every area that a frame change affects, which takes longer than a small frame. So
# calls that follow each other are run together, so long that with a redraw the window still feels responsive, and as
# long as a slow redraw within a limit.
_RESPONSE_SECONDS, _MAX_AFTER_SLOW_REDRAW_SECONDS = 0.3, 0.25
_NEXT_CALL_TIMEOUT_SECONDS = 0.02

_batch_lock = threading.RLock()
_is_served = threading.Event()
_calls: queue.SimpleQueue[ThreadCall] = queue.SimpleQueue()
# Called after each time slice, before Blender handles events.
after_slice: list[Callable[[], None]] = []
# When the last slice with calls ended.
_slice_end: float | None = None


def serve() -> float:
    """Run the waiting calls for one time slice; a Blender timer calls this again after the returned seconds."""
    global _slice_end
    began, timeout = time.monotonic(), 0.0
    redraw_seconds = 0.0 if _slice_end is None else began - _slice_end - _NEXT_SLICE_SECONDS
    until = began + max(_RESPONSE_SECONDS - redraw_seconds, min(redraw_seconds, _MAX_AFTER_SLOW_REDRAW_SECONDS))
    _slice_end = None
    try:
        while time.monotonic() < until:
            try:
                call = _calls.get(timeout=timeout) if timeout else _calls.get_nowait()
            except queue.Empty:
                return _POLL_INTERVAL_SECONDS
            call.run()
            # The thread that made the call needs a moment for the next one.
            timeout = _NEXT_CALL_TIMEOUT_SECONDS
        return _NEXT_SLICE_SECONDS
    finally:
        for function in tuple(after_slice):
            function()
        if timeout:
            _slice_end = time.monotonic()


def serve_until_ended(thread: threading.Thread, timeout: float | None = None) -> None:
    """Replace the event loop of a headless Blender until the thread has ended or the time is over."""
    until = None if timeout is None else time.monotonic() + timeout
    _is_served.set()
    try:
        while thread.is_alive() and (until is None or time.monotonic() < until):
            serve()
            thread.join(_NEXT_SLICE_SECONDS)
    finally:
        _is_served.clear()
        while not _calls.empty():
            serve()


def start_serving() -> None:
    """Run the calls of other threads from now on; safe to call twice. Main thread only."""
    if not bpy.app.background and not bpy.app.timers.is_registered(serve):
        bpy.app.timers.register(serve, persistent=True)


def stop_serving() -> None:
    """Remove the timer."""
    if bpy.app.timers.is_registered(serve):
        bpy.app.timers.unregister(serve)


def run(function: Callable[[], T], timeout: float | None = MAIN_THREAD_TIMEOUT_SECONDS) -> T:
    """Call the function on the main thread and return its result.

    A headless Blender has no event loop that could run the call: unless its main thread is in
    ``serve_until_ended``, the function runs on the calling thread, one at a time.
    """
    if threading.current_thread() is threading.main_thread():
        return function()
    call = ThreadCall(function, "Blender")
    _calls.put(call)
    if bpy.app.background and not _is_served.wait(_SERVED_TIMEOUT_SECONDS):
        with _batch_lock:
            call.run()
    result: T = call.wait(timeout)
    return result
