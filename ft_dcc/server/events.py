"""The event server: lets clients in, and sends each event to those who subscribed to it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Optional
from uuid import uuid4

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from ft_dcc.errors import BadRequest, EventHubPacketError, Forbidden, Refused
from ft_dcc.server.access import Caller, key_id, live_keys
from ft_dcc.server.listener import HEARTBEAT_SECONDS, SILENCE_SECONDS, Listener, Visitor
from ft_dcc.server.pace import address_of
from ft_dcc.server.rights import Rights, rights_of
from ft_dcc.server.store import Store
from ft_dcc.socketio import EVENT, Packet, acknowledgement, event_packet, parse
from ft_dcc.subscription import Expression
from ft_dcc.subscription import parse as parse_subscription

if TYPE_CHECKING:
    from ft_dcc.server.studio import Studio

_log = logging.getLogger(__name__)

Narrow = Callable[[dict[str, Any], "tuple[str, ...]"], Optional[dict[str, Any]]]

_TICKET_SECONDS = 30
_MOST_TICKETS = _MOST_LISTENERS = 1_000
_META, _REPLY = "ftrack.meta.", "ftrack.meta.reply"


class Events:
    """The clients that listen, and the tickets of those who are about to."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self._tickets: dict[str, tuple[float, Visitor]] = {}
        self._epoch = 0
        self._listeners: dict[Listener, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def has_listeners(self) -> bool:
        """Whether anybody would hear what is published."""
        return bool(self._listeners)

    @property
    def count(self) -> int:
        """How many clients listen."""
        return len(self._listeners)

    def issue_ticket(self, visitor: Visitor) -> str | None:
        """Return a name nobody can guess, good for one connection and a short while; None when the house is full."""
        now = time.monotonic()
        self._tickets = {sid: ticket for sid, ticket in self._tickets.items() if ticket[0] > now}
        if len(self._tickets) >= _MOST_TICKETS or len(self._listeners) >= _MOST_LISTENERS:
            return None
        sid = secrets.token_urlsafe(24)
        self._tickets[sid] = now + _TICKET_SECONDS, visitor
        return sid

    def redeem_ticket(self, sid: str) -> Visitor | None:
        """Return whose ticket it is, or None for one that is unknown, used or too old."""
        until, visitor = self._tickets.pop(sid, (0.0, None))
        return visitor if until > time.monotonic() else None

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """The client hears what is published for as long as the block lasts; of projects, once it is admitted."""
        self._loop = asyncio.get_running_loop()
        self._listeners[listener] = None
        try:
            yield
        finally:
            del self._listeners[listener]

    async def admit(self, listener: Listener, store: Store) -> None:
        """What the client may hear is known, as it is at this moment."""
        epoch = -1
        while epoch != self._epoch:
            epoch = self._epoch
            found = await to_thread.run_sync(_look, store, [listener])
            self._apply(found)

    def refresh(self, store: Store) -> None:
        """Who may hear what is looked up anew, because roles, keys, users or projects have changed.

        A client whose key is not good any more is let go. Any thread may call it, but not inside a transaction.
        """
        self._epoch += 1
        if listeners := list(self._listeners):
            self._soon(self._apply, _look(store, listeners))

    def publish(self, topic: str, data: dict[str, Any], caller: Caller, narrow: Narrow | None = None) -> None:
        """Tell everybody who subscribed what this user did. Any thread may call it.

        ``narrow`` returns what of the data somebody may know who is limited to some projects, or None.
        """
        if self._listeners:
            event = {"topic": topic, "data": data, "source": {"id": self.id}}
            self._soon(self._route, _complete(event, caller), None, narrow)

    def _soon(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            _log.debug("The server stops, and nobody hears anything any more.")

    def _apply(self, found: Mapping[Listener, Rights | None]) -> None:
        for listener, rights in found.items():
            if rights is None:
                listener.let_go()
            listener.rights = rights

    def take(self, listener: Listener, text: str) -> None:
        """Do what a client's packet asks for."""
        try:
            packet = parse(text)
            if packet.code == EVENT:
                self._take_event(listener, packet)
        except EventHubPacketError as error:
            _log.debug("A client of %s sent nonsense: %s", listener.caller.username, error)

    def _take_event(self, listener: Listener, packet: Packet) -> None:
        is_answered = packet.id.endswith("+")
        try:
            payload = packet.payload()
            topic = payload["topic"]
            if topic == "ftrack.meta.subscribe":
                listener.subscribe(payload.get("data"))
            elif topic == "ftrack.meta.unsubscribe":
                listener.unsubscribe(payload.get("data"))
            elif topic.startswith(_META) and topic != _REPLY:
                # A client that takes "disconnected" from the wire believes it.
                raise Forbidden(f"{topic} is said by a hub to itself, never to others.")
            target = _target(payload)
        except (EventHubPacketError, Refused) as error:
            if is_answered:
                listener.put(acknowledgement(packet.id, str(error)))
            return
        if is_answered:
            listener.put(acknowledgement(packet.id))
        if topic == _REPLY or not topic.startswith(_META):
            self._route(_complete(payload, listener.caller), target)

    def _route(self, event: dict[str, Any], target: Expression | None, narrow: Narrow | None = None) -> None:
        # One event for each set of projects, and its packet once somebody wants it.
        events: dict[Any, dict[str, Any] | None] = {None: event}
        packets: dict[Any, str] = {}
        for listener in self._listeners:
            limit = None if narrow is None else _limit(listener)
            if narrow is not None and limit is not None and limit not in events:
                data = narrow(event["data"], limit)
                events[limit] = None if data is None else {**event, "data": data}
            heard = events[limit]
            if heard is None or not listener.wants(heard, target):
                continue
            if limit not in packets:
                # Without an id: the JavaScript client does not understand an event that has one.
                packets[limit] = event_packet(heard)
            listener.put(packets[limit])


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the addresses of the event hub."""
    return [
        Route("/socket.io/1/", partial(_shake_hands, studio), methods=["GET"]),
        WebSocketRoute("/socket.io/1/websocket/{sid}", partial(_converse, studio)),
    ]


async def _shake_hands(studio: Studio, request: Request) -> Response:
    """Give a ticket to who has a key; the JavaScript client has it in the query."""
    asked = request.query_params
    username = request.headers.get("ftrack-user") or asked.get("api_user", "")
    key = request.headers.get("ftrack-api-key") or asked.get("api_key", "")
    visitor = await to_thread.run_sync(_recognise, studio, address_of(request), username, key)
    sid = studio.events.issue_ticket(visitor)
    if sid is None:
        return PlainTextResponse("Too many clients listen. Try again later.", 503, {"Retry-After": "30"})
    greeting = f"{sid}:{HEARTBEAT_SECONDS * 2}:{SILENCE_SECONDS}:websocket"
    return PlainTextResponse(greeting, headers={"Cache-Control": "no-store"})


def _recognise(studio: Studio, address: str, username: str, key: str) -> Visitor:
    caller = studio.door.enter(studio.store, address, username, key)
    with studio.store.reading() as connection:
        return Visitor(caller, key_id(connection, caller.id, key))


async def _converse(studio: Studio, websocket: WebSocket) -> None:
    visitor = studio.events.redeem_ticket(websocket.path_params["sid"])
    if visitor is None:
        await websocket.close()
        return
    await websocket.accept()
    listener = Listener(websocket, visitor)
    with studio.events.listening(listener):
        await studio.events.admit(listener, studio.store)
        await listener.run(partial(studio.events.take, listener))


def _look(store: Store, listeners: Sequence[Listener]) -> dict[Listener, Rights | None]:
    """Return what each client may hear; None for one whose key is not good any more."""
    with store.reading() as connection:
        live = live_keys(connection, {str(listener.key_id) for listener in listeners})
        users = {listener.caller.id for listener in listeners if listener.key_id in live}
        rights = {user_id: rights_of(connection, store.tables, user_id) for user_id in users}
    return {found: rights[found.caller.id] if found.key_id in live else None for found in listeners}


def _limit(listener: Listener) -> tuple[str, ...] | None:
    """Return the projects that a client may hear of, or None for all of them."""
    return () if listener.rights is None else listener.rights.projects


def _target(payload: dict[str, Any]) -> Expression | None:
    """Return whom the event is for, or None when it is for everybody; raises BadRequest or ParseError."""
    target = payload.get("target") or ""
    if not isinstance(target, str):
        raise BadRequest("The target of an event is an expression.")
    return parse_subscription(target) if target else None


def _complete(payload: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Return the event with all that clients expect, and with the user who really sent it."""
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
