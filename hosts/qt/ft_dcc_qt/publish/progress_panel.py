"""The progress of a publish: current step, rate, remaining time, and a button to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Qt import QtWidgets

from ft_dcc.ui.publish_controller import PublishController
from ft_dcc.ui.texts import progress_share, step_label
from ft_dcc_qt import style

if TYPE_CHECKING:
    from ft_dcc.publish.progress import Progress

# A rate that was measured for less time is not reliable.
_MIN_SECONDS_FOR_RATE = 0.5
_TASK_LABELS = {
    "publish": "Checking. Nothing is captured yet …",
    "repair": "Repairing …",
    "resume": "Resuming the job …",
    "drop": "Removing the job and its uploads …",
    "refresh": "Fetching tasks and review sessions …",
    "sign in": "Signing in …",
}


class ProgressPanel(QtWidgets.QFrame):
    """The progress of the controller's work; visible while it is busy."""

    def __init__(self, controller: PublishController) -> None:
        super().__init__()
        self.setProperty("role", "notice")
        self._controller = controller
        self.doing, self.detail = style.text_label(tone="title"), style.text_label(tone="dim")
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel = style.button("Ca&ncel")
        self.cancel.clicked.connect(self._cancel)
        labels = QtWidgets.QVBoxLayout()
        for widget in (self.doing, self.bar, self.detail):
            labels.addWidget(widget)
        row = QtWidgets.QHBoxLayout(self)
        row.addLayout(labels, 1)
        row.addWidget(self.cancel)
        self.hide()

    def refresh(self) -> None:
        """Show the progress."""
        is_busy = self._controller.is_busy
        if is_busy and not self.isVisible():
            self.cancel.setEnabled(True)
        self.setVisible(is_busy)
        if is_busy and self.cancel.isEnabled():
            self._show(self._controller.progress)

    def _show(self, progress: Progress | None) -> None:
        if progress is None:
            self.doing.setText(_TASK_LABELS.get(self._controller.activity, "Working …"))
            self.detail.setText("")
            self.bar.setRange(0, 0)
            return
        self.doing.setText(f"{step_label(progress)} {progress.source}")
        self.detail.setText(format_progress(progress))
        self.bar.setRange(0, 1000)
        self.bar.setValue(int(1000 * progress_share(progress)))

    def _cancel(self) -> None:
        self._controller.cancel()
        self.cancel.setEnabled(False)
        self.doing.setText("Cancelling …")
        self.detail.setText("")


def format_progress(progress: Progress) -> str:
    """Return amount, rate and remaining time, such as "6.0 of 12.0 MB, 2.0 MB/s, 3 s left"."""
    is_bytes = progress.unit == "bytes"
    if is_bytes and progress.total < 1e6:
        parts = [f"{progress.done / 1e3:.0f} of {progress.total / 1e3:.0f} kB"]
    elif is_bytes:
        parts = [f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"]
    else:
        parts = [f"{progress.done} of {progress.total} {progress.unit}"]
    if progress.seconds >= _MIN_SECONDS_FOR_RATE and progress.rate is not None and progress.seconds_left is not None:
        parts.append(f"{progress.rate / 1e6:.1f} MB/s" if is_bytes else f"{progress.rate:.1f} {progress.unit}/s")
        parts.append(f"{_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
