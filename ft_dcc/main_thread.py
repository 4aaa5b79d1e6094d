"""Calls from other threads, on their way to the one thread that may touch a host program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Callable, TypeVar

from ft_dcc.errors import CaptureFailed

T = TypeVar("T")


class Call:
    """One function on its way to the main thread of a program, and what came of it."""

    def __init__(self, function: Callable[[], Any], program: str) -> None:
        self._function, self._program = function, program
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
            raise CaptureFailed(
                f"{self._program}'s main thread was busy for {patience:g} seconds. Try again when it is idle."
            )
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result


@contextmanager
def entered(manager: AbstractContextManager[T], run: Callable[..., Any]) -> Iterator[T]:
    """The context manager is entered on the main thread and left there, whatever happens on this one.

    ``run(function, patience=…)`` returns or raises what the function does on the main thread.
    """
    stack = ExitStack()
    value: T = run(lambda: stack.enter_context(manager))
    try:
        yield value
    finally:
        run(stack.close, patience=None)
