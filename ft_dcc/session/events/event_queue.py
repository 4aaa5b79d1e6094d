"""The queue of received events."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque

from ft_dcc.session.events.event import DISCONNECTED, Event

_log = logging.getLogger(__name__)

_MAX_EVENTS = 10_000
# On Windows, Ctrl-C does not interrupt a wait for a lock, so the wait is repeated.
_MAX_WAIT_SECONDS = 1.0 if os.name == "nt" else threading.TIMEOUT_MAX


class EventQueue:
    """A thread-safe queue of events; a full queue drops the oldest."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._arrival = threading.Condition()

    @property
    def is_empty(self) -> bool:
        """Whether there is no event."""
        return not self._events

    def put(self, event: Event) -> None:
        """Add an event."""
        with self._arrival:
            if len(self._events) >= _MAX_EVENTS:
                dropped = self._events.popleft()
                _log.warning("%d events are waiting, so %r was dropped. Call wait().", _MAX_EVENTS, dropped)
            self._events.append(event)
            self._arrival.notify()

    def get(self, deadline: float | None) -> Event | None:
        """Remove and return the oldest event, or None if there is none until the deadline of the monotonic clock."""
        with self._arrival:
            while not self._events:
                remaining = _MAX_WAIT_SECONDS if deadline is None else deadline - time.monotonic()
                if remaining <= 0:
                    return None
                self._arrival.wait(min(remaining, _MAX_WAIT_SECONDS))
            return self._events.popleft()

    def remove_disconnections(self) -> None:
        """Remove the events about the end of earlier connections."""
        with self._arrival:
            self._events = deque(event for event in self._events if event["topic"] != DISCONNECTED)
