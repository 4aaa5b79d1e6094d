"""Events, their queue, and their subscribers."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar
from uuid import uuid4

import attrs

from ft_dcc.event_protocol.expressions import Expression, parse

REPLY, CONNECTED, DISCONNECTED = "ftrack.meta.reply", "ftrack.meta.connected", "ftrack.meta.disconnected"
SUBSCRIBE, UNSUBSCRIBE = "ftrack.meta.subscribe", "ftrack.meta.unsubscribe"

_log = logging.getLogger(__name__)
_MAX_EVENTS = 10_000
# On Windows, Ctrl-C does not interrupt a wait for a lock, so the wait is repeated.
_MAX_WAIT_SECONDS = 1.0 if os.name == "nt" else threading.TIMEOUT_MAX

_T = TypeVar("_T")


class Event(MutableMapping[str, Any]):
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
        self._values: dict[str, Any] = {
            "id": id or uuid4().hex,
            "data": {} if data is None else data,
            "topic": topic,
            "sent": sent,
            "source": {} if source is None else source,
            "target": target,
            "in_reply_to_event": in_reply_to_event,
        }
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
        payload = dict(self._values)
        payload["inReplyToEvent"] = payload.pop("in_reply_to_event")
        return payload

    def stop(self) -> None:
        """Do not call the remaining subscribers."""
        self._is_stopped = True

    def is_stopped(self) -> bool:
        """Return whether a subscriber stopped the event."""
        return self._is_stopped

    def __str__(self) -> str:
        return f"<Event {self._values}>"

    def __repr__(self) -> str:
        # Used by tracebacks and logs, which must not contain the data.
        return f"<Event {self._values['topic']} {self._values['id']}>"

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


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
