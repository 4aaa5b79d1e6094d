"""One client of the event hub: its subscriptions, and the queue of packets to send to it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.websockets import WebSocket, WebSocketDisconnect

from ft_dcc.event_protocol import expressions, socketio_v09
from ft_dcc.server.auth.permissions import Permissions
from ft_dcc.server.errors import BadRequest, Conflict, NotFound, PayloadTooLarge
from ft_dcc.server.http import connections
from ft_dcc.server.identity import Caller
from ft_dcc.server.work.budgets import TokenBucket

_log = logging.getLogger(__name__)

# The JavaScript client disconnects after 15 seconds without a heartbeat.
HEARTBEAT_INTERVAL_SECONDS = 8
SILENCE_TIMEOUT_SECONDS = 60
MAX_PACKET_BYTES = 1 << 20
_MAX_QUEUED_PACKETS, _MAX_QUEUED_BYTES = 2_000, 16 << 20
_FLOW_UNIT_BYTES = 8 << 10
_MAX_SUBSCRIPTIONS, _MAX_SUBSCRIPTION_BYTES = 500, 16 << 10
# Of all expressions of a client: each event is compared with them, on the event loop.
MAX_SUBSCRIBED_LENGTH = 64 << 10


@attrs.frozen
class HandshakeIdentity:
    """The user who opens a connection, and the id of the API key of the handshake."""

    caller: Caller
    key_id: str | None


class HubClient:
    """A connected client; all methods run on the server's event loop.

    A client with a full queue is disconnected: it reconnects and knows that it missed events.
    """

    def __init__(self, websocket: WebSocket, identity: HandshakeIdentity, flow: TokenBucket) -> None:
        self._flow = flow
        self.caller, self.key_id = identity.caller, identity.key_id
        # The permissions decide which events the client gets; None until they have been read.
        self.permissions: Permissions | None = None
        self._websocket = websocket
        self._subscriptions: dict[str, tuple[expressions.Expression, Mapping[str, Any], int]] = {}
        self._queue = connections.SendQueue(_MAX_QUEUED_PACKETS, _MAX_QUEUED_BYTES)
        self._last_received = time.monotonic()
        self._tasks: TaskGroup | None = None

    def subscribe(self, data: Any) -> None:
        """Add a subscription; raises BadRequest, ParseError, Conflict or PayloadTooLarge."""
        identifier, metadata = _subscriber(data)
        text = data.get("subscription")
        if not isinstance(text, str):
            raise BadRequest("The subscription has no expression. Send one, such as topic=ftrack.update.")
        if identifier in self._subscriptions:
            raise Conflict(f"The subscriber {identifier} is subscribed already. Unsubscribe it first.")
        if len(self._subscriptions) >= _MAX_SUBSCRIPTIONS:
            raise PayloadTooLarge(f"A client has at most {_MAX_SUBSCRIPTIONS} subscriptions. Use wider expressions.")
        if len(json.dumps(data)) > _MAX_SUBSCRIPTION_BYTES:
            raise PayloadTooLarge(
                f"A subscription has at most {_MAX_SUBSCRIPTION_BYTES >> 10} KiB. Use a shorter expression."
            )
        if self.subscribed_length + len(text) > MAX_SUBSCRIBED_LENGTH:
            raise PayloadTooLarge(
                f"The subscriptions of a client have at most {MAX_SUBSCRIBED_LENGTH >> 10} KiB. Use wider expressions."
            )
        self._subscriptions[identifier] = expressions.parse(text), metadata, len(text)

    def unsubscribe(self, data: Any) -> None:
        """Remove a subscription; raises BadRequest or NotFound."""
        identifier, _ = _subscriber(data)
        if self._subscriptions.pop(identifier, None) is None:
            raise NotFound(f"The subscriber {identifier} is not subscribed.")

    @property
    def subscribed_length(self) -> int:
        """The length of all expressions that the client has subscribed to, which each event is compared with."""
        return sum(length for _, _, length in self._subscriptions.values())

    def accepts(self, event: Mapping[str, Any], target: expressions.Expression | None) -> bool:
        """Return whether a subscriber of the client matches the target and its expression matches the event."""
        return any(
            expression.match(event) and (target is None or target.match(metadata))
            for expression, metadata, _ in self._subscriptions.values()
        )

    def send(self, packet: str) -> None:
        """Queue a packet for the client; disconnect it when its queue is full."""
        if not self._queue.put(packet):
            _log.warning("A client of %s reads its events too slowly and is disconnected.", self.caller.username)
            self._close()

    def disconnect(self) -> None:
        """Close the connection because its API key is not valid any more."""
        if not self._queue.is_closed:
            _log.info("A client of %s is disconnected: its API key is not valid any more.", self.caller.username)
            self._close()

    async def run(self, on_packet: Callable[[str], None]) -> None:
        """Exchange packets until either side closes the connection; ``on_packet`` gets each received packet."""
        is_valid = True
        if self._queue.is_closed:
            return
        async with anyio.create_task_group() as self._tasks:
            self.send(str(socketio_v09.Packet(socketio_v09.CONNECT)))
            self._tasks.start_soon(self._write)
            self._tasks.start_soon(self._send_heartbeats)
            is_valid = await self._read(on_packet)
            self._close()
        if not is_valid:
            await self._websocket.close(1009, f"Packets must be text of at most {MAX_PACKET_BYTES >> 10} KiB.")

    def _close(self) -> None:
        self._queue.close()
        self._queue.clear()
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    async def _read(self, on_packet: Callable[[str], None]) -> bool:
        """Pass received packets on until the client disconnects (True) or sends an invalid one (False)."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return True
            packet = message.get("text")
            if packet is None or len(packet) > MAX_PACKET_BYTES:
                return False
            self._last_received = time.monotonic()
            for _ in range(1 + len(packet) // _FLOW_UNIT_BYTES):
                # Nothing more is read meanwhile, so that the client itself has to wait.
                while (delay := self._flow.acquire(self.caller.id)) > 0:
                    await anyio.sleep(delay)
                    self._last_received = time.monotonic()
            on_packet(packet)

    async def _write(self) -> None:
        try:
            while (packet := await self._queue.get()) is not None:
                await self._websocket.send_text(packet)
        except WebSocketDisconnect:
            self._close()

    async def _send_heartbeats(self) -> None:
        while time.monotonic() - self._last_received < SILENCE_TIMEOUT_SECONDS:
            await anyio.sleep(HEARTBEAT_INTERVAL_SECONDS)
            self.send(str(socketio_v09.Packet(socketio_v09.HEARTBEAT)))
        _log.info("A client of %s sent nothing for too long and is disconnected.", self.caller.username)
        self._close()


def _subscriber(data: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the id and the metadata of the subscriber in the data of an event; raises BadRequest."""
    metadata = data.get("subscriber") if isinstance(data, dict) else None
    identifier = metadata.get("id") if isinstance(metadata, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise BadRequest("The subscriber has no id. Send a mapping with an id.")
    return identifier, metadata or {}
