"""Events that arrived and were not handled yet."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque

from ft_dcc.session.event import DISCONNECTED, Event

_log = logging.getLogger(__name__)

_MOST_EVENTS = 10_000
# A lock on Windows does not hear Ctrl-C, so it is let go for a moment now and then.
_PATIENCE = 1.0 if os.name == "nt" else threading.TIMEOUT_MAX


class Inbox:
    """A queue that one thread fills and another empties; the oldest event goes when it is full."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._arrival = threading.Condition()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has arrived that was not handled."""
        return not self._events

    def put(self, event: Event) -> None:
        """Have one more event."""
        with self._arrival:
            if len(self._events) >= _MOST_EVENTS:
                dropped = self._events.popleft()
                _log.warning("%d events wait to be handled; %r is dropped. Call wait().", _MOST_EVENTS, dropped)
            self._events.append(event)
            self._arrival.notify()

    def take(self, deadline: float | None) -> Event | None:
        """Return the oldest event, or None when there is none before this moment of the monotonic clock."""
        with self._arrival:
            while not self._events:
                remaining = _PATIENCE if deadline is None else deadline - time.monotonic()
                if remaining <= 0:
                    return None
                self._arrival.wait(min(remaining, _PATIENCE))
            return self._events.popleft()

    def forget_disconnection(self) -> None:
        """The last connection ended, and there is a new one: nobody shall hear of it any more."""
        with self._arrival:
            self._events = deque(event for event in self._events if event["topic"] != DISCONNECTED)
