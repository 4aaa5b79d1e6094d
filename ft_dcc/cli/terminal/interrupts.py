"""Reliable Ctrl-C: Python alone can lose a SIGINT or handle it late."""

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

_RETRY_DELAY_SECONDS = 0.05
# A signal that Python handles at all is handled sooner, even on a busy machine.
_HANDLER_TIMEOUT_SECONDS = 0.5


@contextmanager
def reliable_sigint() -> Iterator[None]:
    """Resend SIGINT until it raises KeyboardInterrupt in the main thread.

    An exception in a destructor or a callback of the garbage collector only reaches ``sys.unraisablehook``. A signal
    that arrives between the interpreter's last check and a blocking system call is handled after that call; a second
    one interrupts it. On Windows only the first case exists.
    """
    default_hook = sys.unraisablehook

    def resend(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            default_hook(unraisable)
            return
        # Delayed, because a signal inside of this function would be lost as well.
        timer = threading.Timer(_RETRY_DELAY_SECONDS, _send_sigint)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = resend
    try:
        with _SignalWatcher().installed():
            yield
    finally:
        sys.unraisablehook = default_hook


class _SignalWatcher:
    """A thread that receives SIGINT at once and resends it until the main thread has handled it."""

    def __init__(self) -> None:
        self._is_handled = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch the main thread, unless SIGINT has a handler of its own."""
        is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if sys.platform == "win32" or not is_default or threading.current_thread() is not threading.main_thread():
            yield
            return
        receiver, sender = socket.socketpair()
        with sender:
            sender.setblocking(False)
            threading.Thread(target=self._listen, args=(receiver,), name="ft-dcc ctrl-c", daemon=True).start()
            signal.signal(signal.SIGINT, self._handle)
            previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                signal.set_wakeup_fd(previous)
                if self._is_installed:
                    signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def _is_installed(self) -> bool:
        return signal.getsignal(signal.SIGINT) == self._handle

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._is_handled = True
        raise KeyboardInterrupt

    def _listen(self, receiver: socket.socket) -> None:
        with receiver:
            while numbers := receiver.recv(64):
                if signal.SIGINT not in numbers:
                    continue
                time.sleep(_HANDLER_TIMEOUT_SECONDS)
                if self._is_installed and not self._is_handled:
                    _send_sigint()


def _send_sigint() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # interrupt_main() does not interrupt a system call.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
