"""Notifications from worker threads to the main thread, at a limited rate."""

from __future__ import annotations

import contextlib

from Qt import QtCore

# About the rate that the eye can follow.
_INTERVAL_MILLISECONDS = 40


class ChangeSignal(QtCore.QObject):
    """Emit ``changed`` in the main thread after ``notify`` was called in any thread, at a limited rate."""

    changed = QtCore.Signal()
    _notified = QtCore.Signal()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INTERVAL_MILLISECONDS)
        self._timer.timeout.connect(self._emit_changed)
        self._notified.connect(self._start_timer, QtCore.Qt.ConnectionType.QueuedConnection)
        self._is_pending = False

    def notify(self) -> None:
        """Report a change; any thread may call this, also while the program closes its windows."""
        if self._is_pending:
            return
        self._is_pending = True
        # The program may have destroyed its windows while a worker continues.
        with contextlib.suppress(RuntimeError):
            self._notified.emit()

    def _start_timer(self) -> None:
        self._timer.start()

    def _emit_changed(self) -> None:
        self._is_pending = False
        self.changed.emit()
