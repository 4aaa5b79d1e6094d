"""Run the calls of other threads on the only thread that may touch Nuke's nodes."""

from __future__ import annotations

from typing import Callable, TypeVar

import nuke

from ft_dcc.host_support.main_thread import MAIN_THREAD_TIMEOUT_SECONDS, run_on_main_thread

T = TypeVar("T")


def run(function: Callable[[], T], *, timeout: float | None = MAIN_THREAD_TIMEOUT_SECONDS) -> T:
    """Call the function on Nuke's main thread and return its result; raise CaptureFailed while that is busy."""
    has_window = bool(nuke.GUI)
    return run_on_main_thread(function, "Nuke", nuke.executeInMainThread, has_window=has_window, timeout=timeout)
