"""How far a publish is, and how it learns that it is to stop."""

from __future__ import annotations

import threading
import time
from typing import Callable

import attrs

from ft_dcc.errors import Cancelled

# Seconds in which a rate can be told: what comes in a burst says nothing of what is left.
_SHORTEST = 0.5


@attrs.frozen
class Progress:
    """How far a step is: ``unit`` is "frames" or "bytes", ``source`` the name of what it works on.

    ``seconds`` have passed since the step first said something, and ``before`` was done by then.
    """

    step: str
    source: str
    done: int
    total: int
    unit: str
    seconds: float = 0.0
    before: int = 0

    @property
    def rate(self) -> float | None:
        """Frames or bytes a second, or None as long as nobody can know."""
        done = self.done - self.before
        return done / self.seconds if self.seconds >= _SHORTEST and done > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long it will take if it goes on as it did, or None as long as nobody can know."""
        return None if self.rate is None else (self.total - self.done) / self.rate


OnProgress = Callable[[Progress], None]


@attrs.frozen
class Pulse:
    """What a step at work says, and how it learns that it is to stop."""

    on_progress: OnProgress | None = None
    cancel: threading.Event = attrs.field(factory=threading.Event)
    _begun: dict[tuple[str, str], tuple[float, int]] = attrs.field(factory=dict, init=False, eq=False)
    # Frames are captured and encoded at the same time: nobody is told of two steps at once, or of one after a cancel.
    _telling: threading.Lock = attrs.field(factory=threading.Lock, init=False, eq=False)

    def check(self) -> None:
        """Raise Cancelled when somebody asked for it."""
        if self.cancel.is_set():
            raise Cancelled("The publish was cancelled.")

    def beat(self, progress: Progress) -> None:
        """Tell how far it is; raises Cancelled when somebody asked for it."""
        self.check()
        if self.on_progress is None:
            return
        with self._telling:
            self.check()
            now = time.monotonic()
            begun, before = self._begun.setdefault((progress.step, progress.source), (now, progress.done))
            self.on_progress(attrs.evolve(progress, seconds=now - begun, before=before))
