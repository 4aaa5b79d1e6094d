"""The progress window of a capture, and the Escape key that cancels it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Callable

from maya import cmds

# Maya sees the key in a loop without a pause only sometimes, and after 30 ms reliably. Source: Mimic, issue 15.
_WAIT_SECONDS = 0.03
# How often it waits, so that it takes at most a small part of the time.
_WAIT_INTERVAL_SECONDS = 0.5


@contextmanager
def progress_window(first: int, last: int) -> Iterator[Callable[[int], bool]]:
    """Show a progress bar, and yield a function that takes the next frame and returns whether Escape was pressed.

    Without a window there is neither.
    """
    if cmds.about(batch=True):
        yield lambda frame: False
        return
    # Maya shows one progress window at a time, and returns whether it is ours.
    is_ours = cmds.progressWindow(
        title="ft-dcc",
        status="Capturing. Escape cancels.",
        minValue=first,
        maxValue=last + 1,
        progress=first,
        isInterruptable=True,
    )
    next_wait = monotonic()
    with _watched_escape() as was_pressed:

        def is_cancelled(frame: int) -> bool:
            nonlocal next_wait
            if is_ours:
                cmds.progressWindow(edit=True, progress=frame)
            if monotonic() >= next_wait:
                sleep(_WAIT_SECONDS)
                next_wait = monotonic() + _WAIT_INTERVAL_SECONDS
            return bool(cmds.progressWindow(query=True, isCancelled=True)) or was_pressed()

        try:
            yield is_cancelled
        finally:
            if is_ours:
                cmds.progressWindow(endProgress=True)


@contextmanager
def _watched_escape() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether a window of Maya has received the Escape key.

    Between the frames of a capture from another thread, the windows receive the keys, and not the progress window. The
    key is for the capture only: the dialog would close.
    """
    try:
        from Qt import QtCore, QtWidgets
    except ImportError:
        yield lambda: False
        return
    application: Any = QtWidgets.QApplication.instance()
    if application is None:
        yield lambda: False
        return
    pressed: list[bool] = []

    class EscapeFilter(QtCore.QObject):
        """Keeps the key from the windows, and remembers it."""

        def eventFilter(self, _watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's own name
            is_escape = event.type() == QtCore.QEvent.Type.KeyPress and event.key() == QtCore.Qt.Key.Key_Escape
            if is_escape:
                pressed.append(True)
            return bool(is_escape)

    key_filter = EscapeFilter()
    application.installEventFilter(key_filter)
    try:
        yield lambda: bool(pressed)
    finally:
        application.removeEventFilter(key_filter)
