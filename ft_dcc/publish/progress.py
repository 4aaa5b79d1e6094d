"""Progress reports and cancellation of a publish."""

from __future__ import annotations

import threading
import time
from typing import Callable

import attrs

from ft_dcc.errors import Cancelled

# A shorter time contains bursts only, whose rate predicts nothing.
MIN_RATE_SECONDS = 0.5


@attrs.frozen
class Progress:
    """How far a step is."""

    step: str
    # The name of the source that it works on.
    source: str
    done: int
    total: int
    # "frames" or "bytes".
    unit: str
    # The time since the first report of the step, and what was done at that time.
    seconds: float = 0.0
    before: int = 0

    @property
    def rate(self) -> float | None:
        """Frames or bytes per second, or None while it is unknown."""
        done = self.done - self.before
        return done / self.seconds if self.seconds >= MIN_RATE_SECONDS and done > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """The estimated remaining time at the rate so far, or None while it is unknown."""
        return None if self.rate is None else (self.total - self.done) / self.rate


OnProgress = Callable[[Progress], None]


@attrs.frozen
class ProgressReporter:
    """Passes progress to a callback and raises Cancelled in the step that reports after a cancel."""

    on_progress: OnProgress | None = None
    cancel: threading.Event = attrs.field(factory=threading.Event)
    _started: dict[tuple[str, str], tuple[float, int]] = attrs.field(factory=dict, init=False, eq=False)
    # Capture and encode report from two threads: the callback gets one report at a time, and none after a cancel.
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, eq=False)

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the publish was cancelled."""
        if self.cancel.is_set():
            raise Cancelled("The publish was cancelled.")

    def report(self, progress: Progress) -> None:
        """Call ``on_progress`` with the progress and its time; raise Cancelled if the publish was cancelled."""
        self.raise_if_cancelled()
        if self.on_progress is None:
            return
        with self._lock:
            self.raise_if_cancelled()
            now = time.monotonic()
            started, before = self._started.setdefault((progress.step, progress.source), (now, progress.done))
            self.on_progress(attrs.evolve(progress, seconds=now - started, before=before))
