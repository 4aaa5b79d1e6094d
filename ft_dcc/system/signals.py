"""The handlers of signals, and a reliable Ctrl-C: Python alone can lose a SIGINT or handle it late."""

from __future__ import annotations

import _thread
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_RETRY_DELAY_SECONDS = 0.05
# The exit code of a program whose file exceeded the limit of its process.
FILE_TOO_LARGE = -getattr(signal, "SIGXFSZ", 25)
# Windows sends the last one for Ctrl-Break and when the window of the terminal is closed.
_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")
# A signal that Python handles at all is handled sooner, even on a busy machine.
_HANDLER_TIMEOUT_SECONDS = 0.5


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` for each signal that asks this process to end; does nothing outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_when_terminated() -> None:
    """End this process with exit code 1 and its ``finally`` blocks when it gets SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def restore_default_interrupt() -> None:
    """End this process at once on Ctrl-C, also in an event loop that would hide it from Python."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignore_sigpipe() -> None:
    """In the main thread, ignore SIGPIPE, so that a closed pipe to ffmpeg or a server does not end the program."""
    # Python ignores the signal itself where it is the program; the Python that is embedded in Blender does not.
    if not hasattr(signal, "SIGPIPE") or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL:
        # Permanently: a cancelled worker may still write after the add-on is disabled.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@contextmanager
def reliable_sigint() -> Iterator[None]:
    """Resend SIGINT until it raises KeyboardInterrupt in the main thread."""
    # An exception in a destructor or a callback of the garbage collector only reaches sys.unraisablehook. A signal that
    # arrives between the interpreter's last check and a blocking system call is handled after that call; a second one
    # interrupts it. On Windows only the first case exists.
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
        with _resent_until_handled():
            yield
    finally:
        sys.unraisablehook = default_hook


@contextmanager
def _resent_until_handled() -> Iterator[None]:
    """Receive SIGINT at once in a thread, and resend it until it is handled, where it has no handler of its own."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if sys.platform == "win32" or not is_default or threading.current_thread() is not threading.main_thread():
        yield
        return
    receiver, sender = socket.socketpair()
    is_handled = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal is_handled
        is_handled = True
        raise KeyboardInterrupt

    def listen() -> None:
        with receiver:
            while numbers := receiver.recv(64):
                if signal.SIGINT in numbers:
                    time.sleep(_HANDLER_TIMEOUT_SECONDS)
                    if signal.getsignal(signal.SIGINT) is handle and not is_handled:
                        _send_sigint()

    with sender:
        sender.setblocking(False)
        threading.Thread(target=listen, name="ft-dcc ctrl-c", daemon=True).start()
        signal.signal(signal.SIGINT, handle)
        previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(previous)
            if signal.getsignal(signal.SIGINT) is handle:
                signal.signal(signal.SIGINT, signal.default_int_handler)


def _send_sigint() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # interrupt_main() does not interrupt a system call.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
