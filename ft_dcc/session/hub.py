"""The event hub: who is told what happens, here and on other machines."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ft_dcc.errors import (
    EventHubConnectionError,
    EventHubError,
    EventHubReplyTimeoutError,
    SettingInvalid,
)
from ft_dcc.session.event import CONNECTED, DISCONNECTED, REPLY, SUBSCRIBE, UNSUBSCRIBE, Callback, Event, Subscriber
from ft_dcc.session.inbox import Inbox
from ft_dcc.session.link import Link, encode
from ft_dcc.session.subscribers import Replies, Subscribers
from ft_dcc.socketio import CONNECT, EVENT, HEARTBEAT, Packet
from ft_dcc.subscription import Condition

if TYPE_CHECKING:
    from ft_dcc.session.event_server import Socket

_log = logging.getLogger(__name__)

_REPLY_LIFETIME = 300.0


class EventHub:
    """Publishes events and calls those who subscribed to them.

    Events of others arrive while the hub is connected, and are handled in the thread that calls :meth:`wait`.
    """

    def __init__(
        self,
        server_url: str,
        api_user: str,
        api_key: str,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        *,
        reply_lifetime: float = _REPLY_LIFETIME,
    ) -> None:
        parts = urlsplit(server_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingInvalid(f"{server_url!r} is no address of a server. Write it like https://studio.example.com.")
        self.id = uuid4().hex
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._user, self._key = api_user, api_key
        self._headers, self._cookies = dict(headers or {}), dict(cookies or {})
        self._subscribers = Subscribers()
        self._replies = Replies(reply_lifetime)
        self._inbox = Inbox()
        self._link = Link(self._url, self._dial, self._announcements, self._take, self._end)

    def __repr__(self) -> str:
        return f"<EventHub {self._url} {'connected' if self.connected else 'not connected'}>"

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the event server."""
        return self._link.is_open

    @property
    def secure(self) -> bool:
        """Whether what is said cannot be read on the way."""
        return self._url.startswith("https:")

    def get_server_url(self) -> str:
        """Return the address of the event server."""
        return self._url

    def get_network_location(self) -> str:
        """Return the host, and the port where one was given."""
        return urlsplit(self._url).netloc

    def has_listener(self, event: Event) -> bool:
        """Whether a subscriber of this hub wants the event."""
        return any(True for _ in self._subscribers.interested_in(event))

    def init_connection(self) -> None:
        """From now on what is published waits for a connection that somebody will make."""
        self._link.is_wanted = True

    def connect(self) -> None:
        """Be connected, with all subscribers announced and what waited sent; raises EventHubConnectionError."""
        if self.connected:
            raise EventHubConnectionError(f"Already connected to {self._url}.")
        self._prepare_to_listen()
        self._link.open()

    def connect_in_background(self) -> None:
        """Connect while the caller goes on; what is published meanwhile waits."""
        if not self.connected:
            self._prepare_to_listen()
            self._link.open_later()

    def wait_until_connected(self, timeout: float | None = None) -> bool:
        """Whether the hub is connected, after at most this many seconds."""
        return self._link.wait_until_open(timeout)

    def disconnect(self, unsubscribe: bool = True, reconnect: bool = False) -> None:
        """Let go of the connection and end the thread; :meth:`wait` returns.

        With ``reconnect``, what is published waits for the next connection. Raises EventHubConnectionError where there
        is nothing to let go of.
        """
        if not (self._link.is_wanted or self.connected):
            raise EventHubConnectionError(f"Not currently connected to {self._url}.")
        leaving = list(self._subscribers) if unsubscribe else []
        self._link.close([self._about(UNSUBSCRIBE, each) for each in leaving], is_wanted=reconnect)
        for subscriber in leaving:
            self.remove_subscriber(subscriber.metadata["id"])
        if not reconnect:
            self._replies.clear()
            self._end()

    def close(self) -> None:
        """The hub is not connected and has no thread. Safe to call twice."""
        if self._link.is_wanted or self.connected:
            self.disconnect()

    def reconnect(self, attempts: int = 10, delay: float = 5) -> None:
        """Connect anew with the same subscribers, ``delay`` seconds between attempts.

        Raises EventHubConnectionError when none succeeds.
        """
        self._prepare_to_listen()
        self._link.open_again(attempts, delay)

    def wait(self, duration: float | None = None) -> None:
        """Handle events as they arrive, for this many seconds or until the hub is disconnected.

        Raises EventHubConnectionError when nobody has connected the hub.
        """
        if not self._link.is_wanted and self._inbox.is_empty:
            raise EventHubConnectionError(f"The event hub is not connected to {self._url}. Call connect() first.")
        deadline = None if duration is None else time.monotonic() + duration
        while True:
            event = self._inbox.take(deadline)
            if event is not None:
                self._tell(event)
                if event["topic"] == DISCONNECTED:
                    return
            if deadline is not None and time.monotonic() >= deadline:
                return

    def get_subscriber_by_identifier(self, identifier: str) -> Subscriber | None:
        """Return the subscriber with this id, or None."""
        return self._subscribers.find(identifier)

    def subscribe(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> str:
        """Call back with every event that the expression matches, low priorities first; return the subscriber's id.

        What the callback returns, unless it is None, is the answer to the event. ``subscriber`` says who listens, and
        events may be targeted at it. Raises ParseError and NotUniqueError.
        """
        with self._link.sending:
            added = self.add_subscriber(subscription, callback, subscriber, priority)
            if self.connected:
                self._link.send(self._about(SUBSCRIBE, added))
        return str(added.metadata["id"])

    def unsubscribe(self, subscriber_identifier: str) -> None:
        """Do not call the subscriber any more; raises NotFoundError."""
        with self._link.sending:
            removed = self.remove_subscriber(subscriber_identifier)
            if self.connected:
                self._link.send(self._about(UNSUBSCRIBE, removed))

    @contextmanager
    def subscription(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> Iterator[str]:
        """Be subscribed for as long as the block lasts."""
        identifier = self.subscribe(subscription, callback, subscriber, priority)
        try:
            yield identifier
        finally:
            self.unsubscribe(identifier)

    def add_subscriber(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> Subscriber:
        """Have a subscriber here that the event server is not told about; raises ParseError and NotUniqueError."""
        metadata = {"id": uuid4().hex, **(subscriber or {})}
        added = Subscriber(subscription, callback, metadata, priority)
        encode(self._about(SUBSCRIBE, added))
        self._subscribers.add(added)
        return added

    def remove_subscriber(self, identifier: str) -> Subscriber:
        """Have it no more, and do not tell the event server; raises NotFoundError."""
        return self._subscribers.remove(identifier)

    def publish(
        self, event: Event, synchronous: bool = False, on_reply: Callback | None = None, on_error: str = "raise"
    ) -> Any:
        """Tell everybody who subscribed to the event, on every machine.

        ``synchronous`` tells only the subscribers of this hub, at once, and returns their answers. Otherwise each
        answer is given to ``on_reply`` by :meth:`wait`, and the result is True for an event that waits for a connection
        and None for one that is on its way. Raises EventHubError, unless ``on_error`` is "ignore".
        """
        if not isinstance(event, Event):
            raise EventHubError(f"{event!r} is no event. Give one, as in Event('studio.render-done').")
        self._sign(event)
        if synchronous:
            return self._tell(event, is_answered=False)
        if on_reply is not None:
            self._replies.expect(event["id"], on_reply)
        try:
            return None if self._link.send(event.payload()) else True
        except EventHubError as error:
            self._replies.forget(event["id"])
            if on_error != "ignore":
                raise
            _log.debug("%r was not published: %s", event, error)
            return None

    def publish_reply(self, source_event: Event, data: Any, source: dict[str, Any] | None = None) -> None:
        """Answer the hub that published the event; raises EventHubError."""
        asking = source_event["source"].get("id")
        if not isinstance(asking, str):
            raise EventHubError(f"{source_event!r} does not say where it comes from, so nobody can answer it.")
        reply = Event(REPLY, data=data, source=source, target=str(Condition("id", "=", asking)))
        reply["in_reply_to_event"] = source_event["id"]
        self.publish(reply)

    def publish_and_wait_for_reply(self, event: Event, timeout: float = 30) -> Event:
        """Publish the event and return the first answer, without the help of :meth:`wait`.

        Raises EventHubReplyTimeoutError when none arrives within this many seconds.
        """
        with self._replies.waiting(event["id"]) as wait:
            self.publish(event)
            reply = wait(timeout)
        if reply is None:
            raise EventHubReplyTimeoutError(
                f"Nobody answered {event['topic']} within {timeout:g} s. Check that its subscriber runs."
            )
        return reply

    def _dial(self) -> Socket:
        # Only who connects waits for the import of what it takes.
        from ft_dcc.session.event_server import EventServer

        credentials = {"ftrack-user": self._user, "ftrack-api-key": self._key}
        return EventServer(self._url, credentials, self._headers, self._cookies).connect()

    def _prepare_to_listen(self) -> None:
        if self._subscribers.find(self.id) is None:
            self.add_subscriber(f"topic={REPLY}", self._replies.tell, {"id": self.id})
        self._inbox.forget_disconnection()

    def _announcements(self) -> list[dict[str, Any]]:
        return [self._about(SUBSCRIBE, subscriber) for subscriber in self._subscribers]

    def _about(self, topic: str, subscriber: Subscriber) -> dict[str, Any]:
        """Return the event that tells the server of a subscriber, or that it is gone."""
        data: dict[str, Any] = {"subscriber": subscriber.metadata}
        if topic == SUBSCRIBE:
            data["subscription"] = subscriber.subscription
        return self._sign(Event(topic, data=data)).payload()

    def _sign(self, event: Event) -> Event:
        source = event["source"] = dict(event["source"])
        source.setdefault("id", self.id)
        source.setdefault("user", {"username": self._user})
        source.setdefault("host", platform.node())
        return event

    def _take(self, packet: Packet) -> None:
        """Do with a packet what its code asks for; raises EventHubPacketError."""
        if packet.code == EVENT:
            event = Event.from_payload(packet.payload())
            if event["topic"] != REPLY or not self._replies.hand_over(event):
                self._inbox.put(event)
        elif packet.code == CONNECT:
            self._inbox.put(self._sign(Event(CONNECTED)))
        elif packet.code == HEARTBEAT:
            self._replies.forget_old()

    def _end(self) -> None:
        self._inbox.put(self._sign(Event(DISCONNECTED)))

    def _tell(self, event: Event, *, is_answered: bool = True) -> list[Any]:
        """Call who is interested, in order of priority, and return their answers; one who fails stops nobody else."""
        answers = []
        for subscriber, answer in self._subscribers.tell(event):
            answers.append(answer)
            if not is_answered or answer is None:
                continue
            try:
                self.publish_reply(event, answer, dict(subscriber.metadata))
            except EventHubError:
                _log.exception("The answer of %s to %r was not sent.", subscriber.metadata["id"], event)
        return answers
