"""The subscribers of a hub, and the callbacks that wait for replies."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from ft_dcc.errors import NotFoundError, NotUniqueError, ParseError
from ft_dcc.event_protocol.expressions import parse
from ft_dcc.session.events.event import Callback, Event, Subscriber

_log = logging.getLogger(__name__)


class Subscribers:
    """The subscribers of a hub by priority, lowest number first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: tuple[Subscriber, ...] = ()

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._ordered)

    def find(self, identifier: str) -> Subscriber | None:
        """Return the subscriber with this id, or None."""
        return next((each for each in self._ordered if each.metadata["id"] == identifier), None)

    def add(self, subscriber: Subscriber) -> None:
        """Add a subscriber; raises NotUniqueError if its id is in use."""
        identifier = subscriber.metadata["id"]
        with self._lock:
            if self.find(identifier) is not None:
                raise NotUniqueError(f"The subscriber {identifier} already exists. Unsubscribe it first.")
            self._ordered = tuple(sorted((*self._ordered, subscriber), key=lambda each: each.priority))

    def remove(self, identifier: str) -> Subscriber:
        """Remove and return a subscriber; raises NotFoundError."""
        with self._lock:
            subscriber = self.find(identifier)
            if subscriber is None:
                raise NotFoundError(f"There is no subscriber {identifier} to unsubscribe.")
            self._ordered = tuple(each for each in self._ordered if each is not subscriber)
            return subscriber

    def call(self, event: Event) -> Iterator[tuple[Subscriber, Any]]:
        """Call the interested subscribers and yield each with its result; failures are logged."""
        for subscriber in self.interested_in(event):
            try:
                result = subscriber.callback(event)
            except Exception:  # noqa: BLE001 - a failing callback must not stop the others
                _log.exception("The subscriber %s failed at %r.", subscriber.metadata["id"], event)
            else:
                yield subscriber, result

    def interested_in(self, event: Event) -> Iterator[Subscriber]:
        """Yield the subscribers that the event is targeted at and that match it, until one stops the event."""
        try:
            target = parse(event["target"]) if event["target"] else None
        except ParseError as error:
            _log.error("%r has an invalid target and is ignored: %s", event, error)
            return
        for subscriber in self._ordered:
            is_target = target is None or target.match(subscriber.metadata)
            if is_target and subscriber.interested_in(event):
                yield subscriber
                if event.is_stopped():
                    return


class PendingReplies:
    """The callbacks for the replies to published events.

    An event can have any number of replies, so a callback is kept for ``lifetime`` seconds.
    """

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
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
            self._callbacks[event_id] = (time.monotonic() + self.lifetime, callback)

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
    def waiting(self, event_id: str) -> Iterator[Callable[[float], Event | None]]:
        """Yield a function that waits for the first reply, for at most the given seconds, and returns it or None."""
        replies: SimpleQueue[Event] = SimpleQueue()

        def wait(timeout: float) -> Event | None:
            with suppress(Empty):
                return replies.get(timeout=timeout)
            return None

        self._waiting[event_id] = replies
        try:
            yield wait
        finally:
            del self._waiting[event_id]

    def deliver(self, reply: Event) -> bool:
        """Deliver a reply to the ``waiting`` block of its event; return whether there is one."""
        replies = self._waiting.get(reply["in_reply_to_event"])
        if replies is not None:
            replies.put(reply)
        return replies is not None
