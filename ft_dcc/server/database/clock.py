"""The clock of a studio, which shows no time before the newest change in the database.

Whether a link is valid, a user has signed out or a review is open depends on times that were stored before. The clock
of the machine can be set back, for example by a wrong time zone.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from datetime import datetime, timezone

_log = logging.getLogger(__name__)

_SECONDS = "%Y-%m-%dT%H:%M:%S"
# Machines correct their clocks by so much all the time.
_TOLERANCE_SECONDS = 60
# The latest known time, and the reading of the monotonic clock that belongs to it.
_latest = (0.0, 0.0)


def start(newest_change: float) -> None:
    """Begin with the time of the machine, or with that of the newest change in the database if it is later."""
    global _latest
    wall = time.time()
    _latest = max(wall, newest_change), time.monotonic()
    if newest_change > wall + _TOLERANCE_SECONDS:
        _log.warning(
            "The clock of this machine shows %s, and the newest change is from %s. The server continues from there. "
            "Correct the clock; if it was ahead before, start the server once with --reset-clock.",
            as_text(wall),
            as_text(newest_change),
        )


def now() -> float:
    """Return the current time in seconds since 1970, never an earlier one than before."""
    global _latest
    (known, read_at), wall, monotonic = _latest, time.time(), time.monotonic()
    expected = known + monotonic - read_at
    if wall < expected:
        return expected
    _latest = wall, monotonic
    return wall


def now_text() -> str:
    """Return the current time as it is stored in entities."""
    return as_text(now())


def as_text(moment: float) -> str:
    """Return a time as it is stored in entities: UTC, whole seconds, without a zone."""
    return _text_of_second(math.floor(moment))


@functools.lru_cache(maxsize=64)
def _text_of_second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).strftime(_SECONDS)
