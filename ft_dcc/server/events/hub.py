"""The event hub: accept connections of clients, and deliver each event to its subscribers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Optional, Protocol
from uuid import uuid4

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from ft_dcc.errors import EventHubPacketError
from ft_dcc.errors import ParseError as SubscriptionInvalid
from ft_dcc.event_protocol import expressions, socketio_v09
from ft_dcc.server.auth.api_keys import Authenticator, key_id, live_keys
from ft_dcc.server.auth.permissions import Permissions, permissions_of
from ft_dcc.server.auth.tokens import OneTimeTokens
from ft_dcc.server.database.store import Store
from ft_dcc.server.errors import BadRequest, Forbidden, HttpError, PayloadTooLarge
from ft_dcc.server.events import connection as client_connection
from ft_dcc.server.events.connection import HandshakeIdentity, HubClient
from ft_dcc.server.http import rate_limit
from ft_dcc.server.identity import Caller
from ft_dcc.server.work.budgets import TokenBucket

_log = logging.getLogger(__name__)

Redact = Callable[[dict[str, Any], Permissions, str], Optional[dict[str, Any]]]

_SOCKET_ID_LIFETIME_SECONDS = 30
_MAX_SOCKET_IDS = _MAX_CLIENTS = 1_000
# A farm connects from many machines as one user; the rest is for the others.
_MAX_SOCKET_IDS_PER_USER, _MAX_CLIENTS_PER_USER = 200, 500
# Units of packets: one for each packet, and one for each 8 KiB of it.
MAX_PUBLISHED_AT_ONCE, MAX_PUBLISHED_PER_SECOND = 1_000, 500
# Each event is compared with all subscriptions, and its target with all subscribers, on the event loop.
_MAX_SUBSCRIBED_LENGTH_PER_USER, MAX_TARGET_LENGTH = 256 << 10, 1_000
_META, _REPLY = "ftrack.meta.", "ftrack.meta.reply"


class ChangeObserver(Protocol):
    """A part of the server that receives the changes of transactions, in the order of commits."""

    @property
    def is_active(self) -> bool:
        """Whether the observer needs the changes now; describing them takes time."""

    def on_changes(self, entities: list[dict[str, Any]]) -> None:
        """Receive the changed entities in the format of ``ftrack.update``; must return at once."""

    def on_permissions(self) -> None:
        """Note that users, keys or roles have changed; must return at once."""


class EventHub:
    """The connected clients, and the one-time socket ids of handshakes."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.identities = OneTimeTokens[HandshakeIdentity](_SOCKET_ID_LIFETIME_SECONDS, _MAX_SOCKET_IDS)
        self._permissions_epoch = 0
        self._clients: dict[HubClient, None] = {}
        self._observers: list[ChangeObserver] = []
        # By user: what a user publishes beyond it waits, so that the queues of the other clients do not fill.
        self.flow = TokenBucket(MAX_PUBLISHED_AT_ONCE, MAX_PUBLISHED_PER_SECOND)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def needs_changes(self) -> bool:
        """Whether a client or an observer receives the changes of transactions."""
        return bool(self._clients) or any(observer.is_active for observer in self._observers)

    def add_observer(self, observer: ChangeObserver) -> None:
        """Call the observer with the changes of each transaction, on the thread of the writer."""
        self._observers.append(observer)

    def notify_observers(self, entities: list[dict[str, Any]]) -> None:
        """Call the active observers with the changed entities of a transaction."""
        for observer in self._observers:
            if observer.is_active:
                observer.on_changes(entities)

    @property
    def client_count(self) -> int:
        """The number of connected clients."""
        return len(self._clients)

    def issue_socket_id(self, identity: HandshakeIdentity) -> str | None:
        """Return a one-time socket id, valid for a short time, or None at the limit of all users or of this one."""
        user_id = identity.caller.id
        own_ids = self.identities.count(lambda issued: issued.caller.id == user_id)
        own_clients = sum(client.caller.id == user_id for client in self._clients)
        if len(self._clients) >= _MAX_CLIENTS or own_ids >= _MAX_SOCKET_IDS_PER_USER:
            return None
        return None if own_ids + own_clients >= _MAX_CLIENTS_PER_USER else self.identities.issue(identity)

    @contextmanager
    def connected(self, client: HubClient) -> Iterator[None]:
        """Deliver events to the client inside the block; events of projects once its permissions are loaded."""
        self._loop = asyncio.get_running_loop()
        self._clients[client] = None
        try:
            yield
        finally:
            del self._clients[client]

    async def load_permissions(self, client: HubClient, store: Store) -> None:
        """Read the permissions of a client, again if they have changed meanwhile."""
        epoch = -1
        while epoch != self._permissions_epoch:
            epoch = self._permissions_epoch
            found = await to_thread.run_sync(_read_permissions, store, [client])
            self._set_permissions(found)

    def refresh_permissions(self, store: Store) -> None:
        """Read the permissions of all clients again, after roles, keys, users or projects have changed.

        Clients whose key is not valid any more are disconnected. May be called from any thread, but not inside a
        transaction.
        """
        self._permissions_epoch += 1
        for observer in self._observers:
            if observer.is_active:
                observer.on_permissions()
        if clients := list(self._clients):
            self._call_soon(self._set_permissions, _read_permissions(store, clients))

    def publish(self, topic: str, data: dict[str, Any], caller: Caller, redact: Redact | None = None) -> None:
        """Publish an event of this user to its subscribers. May be called from any thread.

        ``redact`` returns the part of the data that a user with these permissions may see, or None.
        """
        if self._clients:
            event = {"topic": topic, "data": data, "source": {"id": self.id}}
            self._call_soon(self._deliver, _complete_event(event, caller), None, redact)

    def _call_soon(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None:
            # The loop is closed when the server stops.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    def _set_permissions(self, found: Mapping[HubClient, Permissions | None]) -> None:
        for client, permissions in found.items():
            if permissions is None:
                client.disconnect()
            client.permissions = permissions

    def handle_packet(self, client: HubClient, text: str) -> None:
        """Process a packet of a client; invalid packets are logged and ignored."""
        try:
            packet = socketio_v09.parse(text)
            if packet.code == socketio_v09.EVENT:
                self._handle_event(client, packet)
        except EventHubPacketError as error:
            _log.debug("A client of %s sent an invalid packet: %s", client.caller.username, error)

    def _handle_event(self, client: HubClient, packet: socketio_v09.Packet) -> None:
        wants_acknowledgement = packet.id.endswith("+")
        try:
            payload = packet.payload()
            topic = payload["topic"]
            if topic == "ftrack.meta.subscribe":
                own = (each.subscribed_length for each in self._clients if each.caller.id == client.caller.id)
                if sum(own) >= _MAX_SUBSCRIBED_LENGTH_PER_USER:
                    raise PayloadTooLarge(
                        f"The subscriptions of a user have at most {_MAX_SUBSCRIBED_LENGTH_PER_USER >> 10} KiB. Use "
                        "wider expressions, or fewer clients."
                    )
                client.subscribe(payload.get("data"))
            elif topic == "ftrack.meta.unsubscribe":
                client.unsubscribe(payload.get("data"))
            elif topic.startswith(_META) and topic != _REPLY:
                # Clients would act on a "disconnected" event that another client sent.
                raise Forbidden(f"Clients may not publish {topic}. Choose another topic.")
            target = _target(payload)
        except (EventHubPacketError, SubscriptionInvalid, HttpError) as error:
            if wants_acknowledgement:
                client.send(socketio_v09.acknowledgement(packet.id, str(error)))
            return
        if wants_acknowledgement:
            client.send(socketio_v09.acknowledgement(packet.id))
        if topic == _REPLY or not topic.startswith(_META):
            self._deliver(_complete_event(payload, client.caller), target)

    def _deliver(
        self, event: dict[str, Any], target: expressions.Expression | None, redact: Redact | None = None
    ) -> None:
        # Many clients may read the same part of the data: one packet for each part.
        parts: dict[Any, dict[str, Any] | None] = {}
        packets: dict[int, tuple[dict[str, Any], str]] = {}
        for client in self._clients:
            visible: dict[str, Any] | None = event
            if redact is not None:
                if client.permissions is None:
                    continue
                reader = None if client.permissions.is_administrator else (client.caller.id, client.permissions)
                if reader not in parts:
                    data = redact(event["data"], client.permissions, client.caller.id)
                    is_whole = data is event["data"]
                    parts[reader] = event if is_whole else None if data is None else {**event, "data": data}
                visible = parts[reader]
            if visible is None or not client.accepts(visible, target):
                continue
            if id(visible) not in packets:
                # Without a packet id, which the JavaScript client cannot parse in events.
                packets[id(visible)] = visible, socketio_v09.event_packet(visible)
            client.send(packets[id(visible)][1])


def routes(hub: EventHub, store: Store, authenticator: Authenticator) -> list[BaseRoute]:
    """Return the routes of the event hub."""
    return [
        Route("/socket.io/1/", partial(_shake_hands, hub, store, authenticator), methods=["GET"]),
        WebSocketRoute("/socket.io/1/websocket/{sid}", partial(_serve_websocket, hub, store)),
    ]


async def _shake_hands(hub: EventHub, store: Store, authenticator: Authenticator, request: Request) -> Response:
    """Return a ticket for a valid API key, which the JavaScript client sends in the query."""
    username = request.headers.get("ftrack-user") or request.query_params.get("api_user", "")
    key = request.headers.get("ftrack-api-key") or request.query_params.get("api_key", "")

    def authenticate() -> HandshakeIdentity:
        caller = authenticator.authenticate(rate_limit.client_address(request), username, key)
        with store.reading() as connection:
            return HandshakeIdentity(caller, key_id(connection, caller.id, key))

    sid = hub.issue_socket_id(await to_thread.run_sync(authenticate))
    if sid is None:
        return PlainTextResponse("Too many clients are connected. Try again later.", 503, {"Retry-After": "30"})
    heartbeat, silence = 2 * client_connection.HEARTBEAT_INTERVAL_SECONDS, client_connection.SILENCE_TIMEOUT_SECONDS
    return PlainTextResponse(f"{sid}:{heartbeat}:{silence}:websocket", headers={"Cache-Control": "no-store"})


async def _serve_websocket(hub: EventHub, store: Store, websocket: WebSocket) -> None:
    identity = hub.identities.redeem(websocket.path_params["sid"])
    if identity is None:
        await websocket.close()
        return
    await websocket.accept()
    client = HubClient(websocket, identity, hub.flow)
    with hub.connected(client):
        await hub.load_permissions(client, store)
        await client.run(partial(hub.handle_packet, client))


def _read_permissions(store: Store, clients: Sequence[HubClient]) -> dict[HubClient, Permissions | None]:
    """Return the permissions of each client, or None for one whose key is not valid any more."""
    with store.reading() as connection:
        live = live_keys(connection, {str(client.key_id) for client in clients})
        users = {client.caller.id for client in clients if client.key_id in live}
        permissions = {user_id: permissions_of(connection, store.tables, user_id) for user_id in users}
    return {found: permissions[found.caller.id] if found.key_id in live else None for found in clients}


def _target(payload: dict[str, Any]) -> expressions.Expression | None:
    """Return the target expression of an event, or None without one; raises BadRequest or ParseError."""
    target = payload.get("target") or ""
    if not isinstance(target, str):
        raise BadRequest("The target of an event must be an expression. Send text.")
    if len(target) > MAX_TARGET_LENGTH:
        raise PayloadTooLarge(f"The target of an event has at most {MAX_TARGET_LENGTH} characters. Use a shorter one.")
    return expressions.parse(target) if target else None


def _complete_event(payload: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Return the event with all fields that clients expect, and the user who really sent it."""
    source = payload.get("source")
    data, identifier = payload.get("data"), payload.get("id")
    return {
        "id": identifier if isinstance(identifier, str) else uuid4().hex,
        "topic": payload["topic"],
        "data": {} if data is None else data,
        "sent": payload.get("sent"),
        "source": {
            **(source if isinstance(source, dict) else {}),
            "user": {"id": caller.id, "username": caller.username},
        },
        "target": payload.get("target") or "",
        "inReplyToEvent": payload.get("inReplyToEvent"),
    }
