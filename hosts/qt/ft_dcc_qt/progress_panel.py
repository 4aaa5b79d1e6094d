"""How far a publish is: what it does, how fast, how long it will take, and the button that stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtWidgets

from ft_dcc.desk import Desk

from . import looks

if TYPE_CHECKING:
    from ft_dcc.publish.progress import Progress

_DOING = {"capture": "Capturing", "encode": "Encoding", "upload": "Uploading"}
# What a rate says after less time is chance.
_SURE = 0.5
_BEFORE = {
    "publish": "Checking, nothing is captured yet …",
    "repair": "Repairing …",
    "resume": "Going on with the job …",
    "drop": "Taking back what it had uploaded …",
    "refresh": "Fetching tasks and review sessions …",
    "sign in": "Signing in …",
}


class ProgressPanel(QtWidgets.QFrame):
    """Seen as long as the desk is at work."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._desk = desk
        self.doing, self.detail = looks.said(tone="title"), looks.said(tone="dim")
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel = looks.button("Ca&ncel")
        self.cancel.clicked.connect(self._cancel)
        words = QtWidgets.QVBoxLayout()
        for widget in (self.doing, self.bar, self.detail):
            words.addWidget(widget)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(words, 1)
        row.addWidget(self.cancel)
        self.hide()

    def refresh(self) -> None:
        """What is seen is how far the desk is."""
        is_busy = self._desk.is_busy
        if is_busy and not self.isVisible():
            self.cancel.setEnabled(True)
        self.setVisible(is_busy)
        if is_busy and self.cancel.isEnabled():
            self._show(self._desk.progress)

    def _show(self, progress: Progress | None) -> None:
        if progress is None:
            self.doing.setText(_BEFORE.get(self._desk.doing, "Working …"))
            self.detail.setText("")
            self.bar.setRange(0, 0)
            return
        verb = _DOING.get(progress.step.partition(" ")[0], progress.step)
        self.doing.setText(f"{verb} {progress.source}")
        self.detail.setText(in_words(progress))
        self.bar.setRange(0, 1000)
        self.bar.setValue(int(1000 * progress.done / progress.total) if progress.total else 0)

    def _cancel(self) -> None:
        self._desk.cancel()
        self.cancel.setEnabled(False)
        self.doing.setText("Cancelling …")
        self.detail.setText("")


def in_words(progress: Progress) -> str:
    """Return how far it is, at which rate, and what is left of the time: "6.0 of 12.0 MB, 2.0 MB/s, 3 s left"."""
    is_bytes = progress.unit == "bytes"
    if is_bytes and progress.total < 1e6:
        parts = [f"{progress.done / 1e3:.0f} of {progress.total / 1e3:.0f} kB"]
    elif is_bytes:
        parts = [f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"]
    else:
        parts = [f"{progress.done} of {progress.total} {progress.unit}"]
    if progress.seconds >= _SURE and progress.rate is not None and progress.seconds_left is not None:
        parts.append(f"{progress.rate / 1e6:.1f} MB/s" if is_bytes else f"{progress.rate:.1f} {progress.unit}/s")
        parts.append(f"{_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
