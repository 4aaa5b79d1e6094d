"""Word from the workers, on its way to the thread that paints."""

from __future__ import annotations

import contextlib

from Qt import QtCore

# As often as an eye can use it.
_PAUSE_MILLISECONDS = 40


class Changes(QtCore.QObject):
    """``seen`` is emitted in the main thread after ``tell`` was called in any, and not more often than can be seen."""

    seen = QtCore.Signal()
    _told = QtCore.Signal()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self._pass_on)
        self._told.connect(self._wait_a_moment, QtCore.Qt.ConnectionType.QueuedConnection)
        self._is_on_its_way = False

    def tell(self) -> None:
        """Something has changed; may be called by any thread, also while the program closes its windows."""
        if self._is_on_its_way:
            return
        self._is_on_its_way = True
        # The program may have destroyed its windows while a worker goes on: nobody is there to be told.
        with contextlib.suppress(RuntimeError):
            self._told.emit()

    def _wait_a_moment(self) -> None:
        self._timer.start()

    def _pass_on(self) -> None:
        self._is_on_its_way = False
        self.seen.emit()
