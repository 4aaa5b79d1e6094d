"""Ctrl-C ends a command wherever it is: Python alone can lose one, or notice it late."""

from __future__ import annotations

import _thread
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_MOMENT = 0.05
# What is noticed at all is noticed sooner, also on a machine that is busy.
_PATIENCE = 0.5


@contextmanager
def heeding_ctrl_c() -> Iterator[None]:
    """A Ctrl-C raises KeyboardInterrupt in the main thread, at once, or is pressed again until it does.

    What is raised in a destructor, or in what the garbage collector calls, gets no further than ``sys.unraisablehook``.
    And a signal that comes between the interpreter's last look for one and a system call that waits, as for
    the answer of a server, is looked at when that call returns: a second one interrupts it. Windows has the first only.
    """
    report = sys.unraisablehook

    def press_again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            report(lost)
            return
        # Not at once: it would be lost in this very function.
        again = threading.Timer(_MOMENT, _press)
        again.daemon = True
        again.start()

    sys.unraisablehook = press_again
    try:
        with _Watch().kept():
            yield
    finally:
        sys.unraisablehook = report


class _Watch:
    """Hears of a Ctrl-C at once, in a thread of its own, and sees to it that the main thread hears of it, too."""

    def __init__(self) -> None:
        self._is_noticed = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The main thread is watched, unless somebody else wants to be told of Ctrl-C, or nobody does."""
        is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if sys.platform == "win32" or not is_usual or threading.current_thread() is not threading.main_thread():
            yield
            return
        told, teller = socket.socketpair()
        with teller:
            teller.setblocking(False)
            threading.Thread(target=self._listen, args=(told,), name="ft-dcc ctrl-c", daemon=True).start()
            signal.signal(signal.SIGINT, self._notice)
            before = signal.set_wakeup_fd(teller.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                signal.set_wakeup_fd(before)
                if self._is_in_charge:
                    signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def _is_in_charge(self) -> bool:
        return signal.getsignal(signal.SIGINT) == self._notice

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self._is_noticed = True
        raise KeyboardInterrupt

    def _listen(self, told: socket.socket) -> None:
        with told:
            while numbers := told.recv(64):
                if signal.SIGINT not in numbers:
                    continue
                time.sleep(_PATIENCE)
                # It is heard here again, and so pressed until it is noticed.
                if self._is_in_charge and not self._is_noticed:
                    _press()


def _press() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # The other one would not end the main thread's wait.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
