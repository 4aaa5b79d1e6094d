"""Who listens at a hub, in which order, and who waits for an answer."""

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
from ft_dcc.session.event import Callback, Event, Subscriber
from ft_dcc.subscription import parse

_log = logging.getLogger(__name__)


class Subscribers:
    """The subscribers of a hub, those with the lowest priority number first; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: tuple[Subscriber, ...] = ()

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._ordered)

    def find(self, identifier: str) -> Subscriber | None:
        """Return the subscriber with this id, or None."""
        return next((each for each in self._ordered if each.metadata["id"] == identifier), None)

    def add(self, subscriber: Subscriber) -> None:
        """Have one more; raises NotUniqueError when there is one with its id."""
        identifier = subscriber.metadata["id"]
        with self._lock:
            if self.find(identifier) is not None:
                raise NotUniqueError(f"Subscriber with identifier {identifier} already exists. Unsubscribe it first.")
            self._ordered = tuple(sorted((*self._ordered, subscriber), key=lambda each: each.priority))

    def remove(self, identifier: str) -> Subscriber:
        """Have one less, and return it; raises NotFoundError."""
        with self._lock:
            subscriber = self.find(identifier)
            if subscriber is None:
                raise NotFoundError(f"Cannot unsubscribe missing subscriber with identifier {identifier}.")
            self._ordered = tuple(each for each in self._ordered if each is not subscriber)
            return subscriber

    def tell(self, event: Event) -> Iterator[tuple[Subscriber, Any]]:
        """Call who is interested, and yield what each answers; one who fails stops nobody else."""
        for subscriber in self.interested_in(event):
            try:
                answer = subscriber.callback(event)
            except Exception:  # noqa: BLE001 - whatever a callback does wrong is its own affair
                _log.exception("The subscriber %s failed at %r.", subscriber.metadata["id"], event)
            else:
                yield subscriber, answer

    def interested_in(self, event: Event) -> Iterator[Subscriber]:
        """Yield who is meant by the event and wants it, until somebody stops it."""
        try:
            target = parse(event["target"]) if event["target"] else None
        except ParseError as error:
            _log.error("%r is for nobody: %s", event, error)
            return
        for subscriber in self._ordered:
            is_meant = target is None or target.match(subscriber.metadata)
            if is_meant and subscriber.interested_in(event):
                yield subscriber
                if event.is_stopped():
                    return


class Replies:
    """Who wants the answers to which event.

    An event may be answered by many, and nobody knows who is the last: a callback is kept for ``lifetime`` seconds.
    """

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._lock = threading.Lock()
        self._callbacks: OrderedDict[str, tuple[float, Callback]] = OrderedDict()
        self._waiting: dict[str, SimpleQueue[Event]] = {}

    def __len__(self) -> int:
        return len(self._callbacks)

    def expect(self, event_id: str, callback: Callback) -> None:
        """Remember who is to be told."""
        self.forget_old()
        with self._lock:
            self._callbacks.pop(event_id, None)
            self._callbacks[event_id] = (time.monotonic() + self.lifetime, callback)

    def forget(self, event_id: str) -> None:
        """Nobody wants an answer to this event."""
        with self._lock:
            self._callbacks.pop(event_id, None)

    def forget_old(self) -> None:
        """Let go of those who have waited long enough."""
        now = time.monotonic()
        with self._lock:
            while self._callbacks:
                event_id, (deadline, _) = next(iter(self._callbacks.items()))
                if deadline > now:
                    return
                del self._callbacks[event_id]

    def clear(self) -> None:
        """Nobody wants an answer any more."""
        with self._lock:
            self._callbacks.clear()

    def tell(self, reply: Event) -> None:
        """Call back whoever asked."""
        with self._lock:
            _, callback = self._callbacks.get(reply["in_reply_to_event"], (0, None))
        if callback is not None:
            callback(reply)

    @contextmanager
    def waiting(self, event_id: str) -> Iterator[Callable[[float], Event | None]]:
        """Yield what waits for the first answer, so many seconds at most; those are handed over as they arrive."""
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

    def hand_over(self, reply: Event) -> bool:
        """Whether somebody was waiting for this reply and has it now."""
        replies = self._waiting.get(reply["in_reply_to_event"])
        if replies is not None:
            replies.put(reply)
        return replies is not None
