"""The event hub: publish events and subscribe to them, across machines."""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from queue import Empty
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ft_dcc import errors
from ft_dcc.event_protocol import expressions, socketio_v09
from ft_dcc.session.events import connection
from ft_dcc.session.events import event as events
from ft_dcc.session.events.event import Callback, Event, Subscriber

if TYPE_CHECKING:
    from ft_dcc.session.events.websocket import Socket

_log = logging.getLogger(__name__)


class EventHub:
    """A publisher of events that calls the subscribers of received events.

    Events of other clients are received while the hub is connected, and handled in the thread that calls :meth:`wait`.
    """

    def __init__(
        self,
        server_url: str,
        api_user: str,
        api_key: str,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(server_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.SettingInvalid(
                f"{server_url!r} is not the address of a server. Write it like https://studio.example.com."
            )
        self.id = uuid4().hex
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._user, self._key = api_user, api_key
        self._headers, self._cookies = dict(headers or {}), dict(cookies or {})
        # By priority, the lowest number first; replaced by a new tuple at each change.
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock = threading.Lock()
        self._replies = events.PendingReplies()
        self._queue = events.EventQueue()
        self._connection = connection.HubConnection(
            self._url, self._open_socket, self._subscription_events, self._handle_packet, self._enqueue_disconnection
        )

    def __repr__(self) -> str:
        return f"<EventHub {self._url} {'connected' if self.connected else 'not connected'}>"

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the event server."""
        return self._connection.is_open

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return self._url.startswith("https:")

    def get_server_url(self) -> str:
        """Return the address of the event server."""
        return self._url

    def get_network_location(self) -> str:
        """Return the host, with the port if the address has one."""
        return urlsplit(self._url).netloc

    def has_listener(self, event: Event) -> bool:
        """Return whether a subscriber of this hub is interested in the event."""
        return any(True for _ in self._interested_in(event))

    def init_connection(self) -> None:
        """Keep published events for a connection that is made later."""
        self._connection.is_wanted = True

    def connect(self) -> None:
        """Connect, register all subscribers and send waiting events; raises EventHubConnectionError."""
        if self.connected:
            raise errors.EventHubConnectionError(f"Already connected to {self._url}.")
        self._prepare_to_listen()
        self._connection.open()

    def connect_in_background(self) -> None:
        """Connect in a thread; events that are published meanwhile wait."""
        if not self.connected:
            self._prepare_to_listen()
            self._connection.open_in_background()

    def wait_until_connected(self, timeout: float | None = None) -> bool:
        """Wait for the connection, for at most ``timeout`` seconds, and return whether there is one."""
        return self._connection.opened.wait(timeout)

    def disconnect(self, unsubscribe: bool = True, reconnect: bool = False) -> None:
        """Close the connection and end the thread; :meth:`wait` returns.

        With ``reconnect``, published events wait for the next connection. Raises EventHubConnectionError if the hub is
        not connected.
        """
        if not (self._connection.is_wanted or self.connected):
            raise errors.EventHubConnectionError(f"Not currently connected to {self._url}.")
        removed = list(self._subscribers) if unsubscribe else []
        self._connection.close(
            [self._subscriber_event(events.UNSUBSCRIBE, each) for each in removed], is_wanted=reconnect
        )
        for subscriber in removed:
            self.remove_subscriber(subscriber.metadata["id"])
        if not reconnect:
            self._replies.clear()
            self._enqueue_disconnection()

    def close(self) -> None:
        """Disconnect and end the thread; the hub cannot be connected again. Safe to call twice."""
        self._connection.end()
        if self._connection.is_wanted or self.connected:
            self.disconnect()

    def reconnect(self, attempts: int = 10, delay: float = 5) -> None:
        """Reconnect with the same subscribers, with ``delay`` seconds between attempts.

        Raises EventHubConnectionError if all attempts fail.
        """
        self._prepare_to_listen()
        self._connection.reopen(attempts, delay)

    def wait(self, duration: float | None = None) -> None:
        """Handle received events for ``duration`` seconds, or until the hub is disconnected.

        Raises EventHubConnectionError if the hub was never connected.
        """
        if not self._connection.is_wanted and not self._queue:
            raise errors.EventHubConnectionError(
                f"The event hub is not connected to {self._url}. Call connect() first."
            )
        deadline = None if duration is None else time.monotonic() + duration
        while True:
            event = self._queue.get(deadline)
            if event is not None:
                self._call_subscribers(event)
                if event["topic"] == events.DISCONNECTED:
                    return
            if deadline is not None and time.monotonic() >= deadline:
                return

    def get_subscriber_by_identifier(self, identifier: str) -> Subscriber | None:
        """Return the subscriber with this id, or None."""
        return next((each for each in self._subscribers if each.metadata["id"] == identifier), None)

    def subscribe(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> str:
        """Call ``callback`` with every event that matches the expression and return the subscriber's id.

        Low priorities are called first. A return value other than None is sent as the reply. ``subscriber`` is metadata
        at which events can be targeted. Raises ParseError and NotUniqueError.
        """
        with self._connection.send_lock:
            added = self.add_subscriber(subscription, callback, subscriber, priority)
            if self.connected:
                self._connection.send(self._subscriber_event(events.SUBSCRIBE, added))
        return str(added.metadata["id"])

    def unsubscribe(self, subscriber_identifier: str) -> None:
        """Remove the subscriber; raises NotFoundError."""
        with self._connection.send_lock:
            removed = self.remove_subscriber(subscriber_identifier)
            if self.connected:
                self._connection.send(self._subscriber_event(events.UNSUBSCRIBE, removed))

    @contextmanager
    def subscription(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> Iterator[str]:
        """Subscribe within a ``with`` block; the value is the subscriber's id."""
        identifier = self.subscribe(subscription, callback, subscriber, priority)
        try:
            yield identifier
        finally:
            self.unsubscribe(identifier)

    def add_subscriber(
        self, subscription: str, callback: Callback, subscriber: Mapping[str, Any] | None = None, priority: int = 100
    ) -> Subscriber:
        """Add a subscriber without registering it at the event server; raises ParseError and NotUniqueError."""
        metadata = {"id": uuid4().hex, **(subscriber or {})}
        added = Subscriber(subscription, callback, metadata, priority)
        connection.encode(self._subscriber_event(events.SUBSCRIBE, added))
        with self._lock:
            if self.get_subscriber_by_identifier(metadata["id"]) is not None:
                raise errors.NotUniqueError(f"The subscriber {metadata['id']} already exists. Unsubscribe it first.")
            self._subscribers = tuple(sorted((*self._subscribers, added), key=attrgetter("priority")))
        return added

    def remove_subscriber(self, identifier: str) -> Subscriber:
        """Remove a subscriber without telling the event server; raises NotFoundError."""
        with self._lock:
            subscriber = self.get_subscriber_by_identifier(identifier)
            if subscriber is None:
                raise errors.NotFoundError(f"There is no subscriber {identifier} to unsubscribe.")
            self._subscribers = tuple(each for each in self._subscribers if each is not subscriber)
            return subscriber

    def publish(
        self, event: Event, synchronous: bool = False, on_reply: Callback | None = None, on_error: str = "raise"
    ) -> Any:
        """Publish the event to all subscribers, on all machines.

        ``synchronous`` calls only the subscribers of this hub and returns their results. Otherwise :meth:`wait` calls
        ``on_reply`` with each reply, and the result is True if the event waits for a connection, else None. Raises
        EventHubError, unless ``on_error`` is "ignore".
        """
        if not isinstance(event, Event):
            raise errors.EventHubError(f"{event!r} is not an event. Pass an event like Event('studio.render-done').")
        self._set_source(event)
        if synchronous:
            return self._call_subscribers(event, sends_replies=False)
        if on_reply is not None:
            self._replies.expect(event["id"], on_reply)
        try:
            return None if self._connection.send(event.payload()) else True
        except errors.EventHubError as error:
            self._replies.remove(event["id"])
            if on_error != "ignore":
                raise
            _log.debug("%r was not published: %s", event, error)
            return None

    def publish_reply(self, source_event: Event, data: Any, source: dict[str, Any] | None = None) -> None:
        """Send a reply to the hub that published the event; raises EventHubError."""
        source_id = source_event["source"].get("id")
        if not isinstance(source_id, str):
            raise errors.EventHubError(f"{source_event!r} has no source id, so it cannot be replied to.")
        reply = Event(events.REPLY, data=data, source=source, target=str(expressions.Condition("id", "=", source_id)))
        reply["in_reply_to_event"] = source_event["id"]
        self.publish(reply)

    def publish_and_wait_for_reply(self, event: Event, timeout: float = 30) -> Event:
        """Publish the event and return the first reply; :meth:`wait` need not run.

        Raises EventHubReplyTimeoutError if no reply arrives within ``timeout`` seconds.
        """
        with self._replies.waiting(event["id"]) as replies:
            self.publish(event)
            try:
                return replies.get(timeout=timeout)
            except Empty:
                raise errors.EventHubReplyTimeoutError(
                    f"No reply to {event['topic']} within {timeout:g} s. Check that its subscriber runs."
                ) from None

    def _open_socket(self) -> Socket:
        # Imported late: many hubs are never connected.
        from ft_dcc.session.events.websocket import connect

        credentials = {"ftrack-user": self._user, "ftrack-api-key": self._key}
        return connect(self._url, credentials, self._headers, self._cookies)

    def _prepare_to_listen(self) -> None:
        if self.get_subscriber_by_identifier(self.id) is None:
            self.add_subscriber(f"topic={events.REPLY}", self._replies.call, {"id": self.id})
        self._queue.remove_disconnections()

    def _subscription_events(self) -> list[dict[str, Any]]:
        return [self._subscriber_event(events.SUBSCRIBE, subscriber) for subscriber in self._subscribers]

    def _subscriber_event(self, topic: str, subscriber: Subscriber) -> dict[str, Any]:
        data: dict[str, Any] = {"subscriber": subscriber.metadata}
        if topic == events.SUBSCRIBE:
            data["subscription"] = subscriber.subscription
        return self._set_source(Event(topic, data=data)).payload()

    def _set_source(self, event: Event) -> Event:
        source = event["source"] = dict(event["source"])
        source.setdefault("id", self.id)
        source.setdefault("user", {"username": self._user})
        source.setdefault("host", platform.node())
        return event

    def _handle_packet(self, packet: socketio_v09.Packet) -> None:
        """Handle a received packet by its code; raises EventHubPacketError."""
        if packet.code == socketio_v09.EVENT:
            event = Event.from_payload(packet.payload())
            if event["topic"] != events.REPLY or not self._replies.deliver(event):
                self._queue.put(event)
        elif packet.code == socketio_v09.CONNECT:
            self._queue.put(self._set_source(Event(events.CONNECTED)))
        elif packet.code == socketio_v09.HEARTBEAT:
            self._replies.remove_expired()

    def _enqueue_disconnection(self) -> None:
        self._queue.put(self._set_source(Event(events.DISCONNECTED)))

    def _call_subscribers(self, event: Event, *, sends_replies: bool = True) -> list[Any]:
        """Call the interested subscribers in order of priority and return their results; failures are logged."""
        results = []
        for subscriber in self._interested_in(event):
            try:
                result = subscriber.callback(event)
            except Exception:  # noqa: BLE001 - a failing callback must not stop the others
                _log.exception("The subscriber %s failed at %r.", subscriber.metadata["id"], event)
                continue
            results.append(result)
            if not sends_replies or result is None:
                continue
            try:
                self.publish_reply(event, result, dict(subscriber.metadata))
            except errors.EventHubError:
                _log.exception("The reply of %s to %r was not sent.", subscriber.metadata["id"], event)
        return results

    def _interested_in(self, event: Event) -> Iterator[Subscriber]:
        """Yield the subscribers that the event is targeted at and that match it, until one stops the event."""
        try:
            target = expressions.parse(event["target"]) if event["target"] else None
        except errors.ParseError as error:
            _log.error("%r has an invalid target and is ignored: %s", event, error)
            return
        for subscriber in self._subscribers:
            is_target = target is None or target.match(subscriber.metadata)
            if is_target and subscriber.interested_in(event):
                yield subscriber
                if event.is_stopped():
                    return
