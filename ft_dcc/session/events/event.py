"""Events, their queue, their subscribers, and the callbacks that wait for replies."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict, UserDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar
from uuid import uuid4

import attrs

from ft_dcc.event_protocol.expressions import Expression, parse

REPLY, CONNECTED, DISCONNECTED = "ftrack.meta.reply", "ftrack.meta.connected", "ftrack.meta.disconnected"
SUBSCRIBE, UNSUBSCRIBE = "ftrack.meta.subscribe", "ftrack.meta.unsubscribe"

_log = logging.getLogger(__name__)
_MAX_EVENTS = 10_000
_REPLY_LIFETIME_SECONDS = 300.0
# On Windows, Ctrl-C does not interrupt a wait for a lock, so the wait is repeated.
_MAX_WAIT_SECONDS = 1.0 if os.name == "nt" else threading.TIMEOUT_MAX

_T = TypeVar("_T")


class Event(UserDict[str, Any]):
    """An event of the hub, as a mapping.

    The keys are ``id``, ``topic``, ``data``, ``sent``, ``source``, ``target`` (an expression that a subscriber's
    metadata must match) and ``in_reply_to_event``.
    """

    def __init__(
        self,
        topic: str,
        id: str | None = None,
        data: Any = None,
        sent: Any = None,
        source: dict[str, Any] | None = None,
        target: str = "",
        in_reply_to_event: str | None = None,
    ) -> None:
        content = {"id": id or uuid4().hex, "data": {} if data is None else data, "topic": topic, "sent": sent}
        route = {"source": {} if source is None else source, "target": target, "in_reply_to_event": in_reply_to_event}
        super().__init__({**content, **route})
        self._is_stopped = False

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Event:
        """Return the event of a received payload; values of a wrong type are ignored."""
        return cls(
            topic=payload["topic"],
            id=_typed(str, payload.get("id")),
            data=payload.get("data"),
            sent=payload.get("sent"),
            source=_typed(dict, payload.get("source")),
            target=_typed(str, payload.get("target")) or "",
            in_reply_to_event=_typed(str, payload.get("inReplyToEvent")),
        )

    def payload(self) -> dict[str, Any]:
        """Return the event in the form that is sent."""
        payload = dict(self)
        payload["inReplyToEvent"] = payload.pop("in_reply_to_event")
        return payload

    def stop(self) -> None:
        """Do not call the remaining subscribers."""
        self._is_stopped = True

    def is_stopped(self) -> bool:
        """Return whether a subscriber stopped the event."""
        return self._is_stopped

    def __str__(self) -> str:
        return f"<Event {self.data}>"

    def __repr__(self) -> str:
        # Used by tracebacks and logs, which must not contain the data.
        return f"<Event {self['topic']} {self['id']}>"


def _typed(expected: type[_T], value: Any) -> _T | None:
    return value if isinstance(value, expected) else None


Callback = Callable[[Event], Any]


@attrs.define(eq=False)
class Subscriber:
    """A callback and its subscription expression; ``metadata`` identifies the subscriber, at least by ``id``."""

    subscription: str
    callback: Callback
    metadata: dict[str, Any]
    priority: int
    _expression: Expression = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._expression = parse(self.subscription)

    def interested_in(self, event: Mapping[str, Any]) -> bool:
        """Return whether the event matches the subscription."""
        return self._expression.match(event)


class EventQueue:
    """A thread-safe queue of events; a full queue drops the oldest."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._arrival = threading.Condition()

    def __len__(self) -> int:
        return len(self._events)

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


class PendingReplies:
    """The callbacks for replies to published events, kept for some time: an event can have several replies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: OrderedDict[str, tuple[float, Callback]] = OrderedDict()
        self._waiting: dict[str, SimpleQueue[Event]] = {}

    def __len__(self) -> int:
        return len(self._callbacks)

    def expect(self, event_id: str, callback: Callback) -> None:
        """Add a callback for the replies to an event."""
        self.remove_expired()
        with self._lock:
            self._callbacks.pop(event_id, None)
            self._callbacks[event_id] = (time.monotonic() + _REPLY_LIFETIME_SECONDS, callback)

    def remove(self, event_id: str) -> None:
        """Remove the callback of an event."""
        with self._lock:
            self._callbacks.pop(event_id, None)

    def remove_expired(self) -> None:
        """Remove the callbacks whose lifetime is over."""
        now = time.monotonic()
        with self._lock:
            while self._callbacks:
                event_id, (deadline, _) = next(iter(self._callbacks.items()))
                if deadline > now:
                    return
                del self._callbacks[event_id]

    def clear(self) -> None:
        """Remove all callbacks."""
        with self._lock:
            self._callbacks.clear()

    def call(self, reply: Event) -> None:
        """Call the callback for a reply."""
        with self._lock:
            _, callback = self._callbacks.get(reply["in_reply_to_event"], (0, None))
        if callback is not None:
            callback(reply)

    @contextmanager
    def waiting(self, event_id: str) -> Iterator[SimpleQueue[Event]]:
        """Yield the queue that gets the replies to an event."""
        replies = self._waiting[event_id] = SimpleQueue[Event]()
        try:
            yield replies
        finally:
            del self._waiting[event_id]

    def deliver(self, reply: Event) -> bool:
        """Deliver a reply to the ``waiting`` block of its event; return whether there is one."""
        replies = self._waiting.get(reply["in_reply_to_event"])
        if replies is not None:
            replies.put(reply)
        return replies is not None
