"""One client of the event hub: what it wants to hear, and what waits to be said to it."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from starlette.websockets import WebSocket, WebSocketDisconnect

from ft_dcc.errors import BadRequest, Conflict, NoSuchThing, TooLarge
from ft_dcc.server.access import Caller
from ft_dcc.server.rights import Rights
from ft_dcc.socketio import CONNECT, HEARTBEAT, Packet
from ft_dcc.subscription import Expression, parse

_log = logging.getLogger(__name__)

# The JavaScript client gives up after 15 seconds without one.
HEARTBEAT_SECONDS = 8
SILENCE_SECONDS = 60
LARGEST_PACKET = 1 << 20
_MOST_WAITING, _LARGEST_WAITING = 2_000, 16 << 20
_MOST_SUBSCRIPTIONS, _LARGEST_SUBSCRIPTION = 500, 16 << 10


@attrs.frozen
class Visitor:
    """Who is about to listen, and the id of the key that was shown."""

    caller: Caller
    key_id: str | None


class Listener:
    """A connected client; all of it happens on the server's event loop.

    What is said to it waits in a queue of its own, so that it holds up nobody. A client whose queue is full is let go:
    it connects again and knows that it missed something.
    """

    def __init__(self, websocket: WebSocket, visitor: Visitor) -> None:
        self.caller, self.key_id = visitor.caller, visitor.key_id
        # What the user may do, and so hear of; None until that is known.
        self.rights: Rights | None = None
        self._websocket = websocket
        self._subscriptions: dict[str, tuple[Expression, Mapping[str, Any]]] = {}
        self._waiting: deque[str] = deque()
        self._size = 0
        self._arrival = anyio.Event()
        self._heard = time.monotonic()
        self._tasks: TaskGroup | None = None
        self._is_leaving = False

    def subscribe(self, data: Any) -> None:
        """Send it what an expression matches from now on; raises BadRequest, ParseError, Conflict or TooLarge."""
        identifier, metadata = _subscriber(data)
        text = data.get("subscription")
        if not isinstance(text, str):
            raise BadRequest("A subscription has an expression, such as topic=ftrack.update.")
        if identifier in self._subscriptions:
            raise Conflict(f"The subscriber {identifier} is subscribed already. Unsubscribe it first.")
        if len(self._subscriptions) >= _MOST_SUBSCRIPTIONS:
            raise TooLarge(f"A client has at most {_MOST_SUBSCRIPTIONS} subscriptions. Use wider expressions.")
        if len(json.dumps(data)) > _LARGEST_SUBSCRIPTION:
            raise TooLarge(f"A subscription has at most {_LARGEST_SUBSCRIPTION >> 10} KiB. Use a shorter expression.")
        self._subscriptions[identifier] = parse(text), metadata

    def unsubscribe(self, data: Any) -> None:
        """Send it no more for a subscriber; raises BadRequest or NoSuchThing."""
        identifier, _ = _subscriber(data)
        if self._subscriptions.pop(identifier, None) is None:
            raise NoSuchThing(f"The subscriber {identifier} is not subscribed.")

    def wants(self, event: Mapping[str, Any], target: Expression | None) -> bool:
        """Whether one of its subscribers is meant by the target and wants the event."""
        return any(
            (target is None or target.match(metadata)) and expression.match(event)
            for expression, metadata in self._subscriptions.values()
        )

    def put(self, packet: str) -> None:
        """Say something to it when it is ready to hear."""
        if self._is_leaving:
            return
        self._waiting.append(packet)
        self._size += len(packet)
        self._arrival.set()
        if len(self._waiting) > _MOST_WAITING or self._size > _LARGEST_WAITING:
            _log.warning("A client of %s takes its events too slowly and is let go.", self.caller.username)
            self._leave()

    def let_go(self) -> None:
        """The connection ends; who has a good key can come again."""
        if not self._is_leaving:
            _log.info("The key of a client of %s is not good any more, and it is let go.", self.caller.username)
            self._leave()

    async def run(self, take: Callable[[str], None]) -> None:
        """Talk with it until it leaves, or is let go; ``take`` gets each packet that it sends."""
        is_sensible = True
        if self._is_leaving:
            return
        async with anyio.create_task_group() as self._tasks:
            self.put(str(Packet(CONNECT)))
            self._tasks.start_soon(self._write)
            self._tasks.start_soon(self._beat)
            is_sensible = await self._read(take)
            self._leave()
        if not is_sensible:
            await self._websocket.close(1009, f"A packet is text of at most {LARGEST_PACKET >> 10} KiB.")

    def _leave(self) -> None:
        self._is_leaving = True
        self._waiting.clear()
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    async def _read(self, take: Callable[[str], None]) -> bool:
        """Hand on its packets until it leaves (True), or sends one that is none (False)."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return True
            packet = message.get("text")
            if packet is None or len(packet) > LARGEST_PACKET:
                return False
            self._heard = time.monotonic()
            take(packet)

    async def _write(self) -> None:
        try:
            while True:
                await self._arrival.wait()
                self._arrival = anyio.Event()
                while self._waiting:
                    packet = self._waiting.popleft()
                    self._size -= len(packet)
                    await self._websocket.send_text(packet)
        except WebSocketDisconnect:
            self._leave()

    async def _beat(self) -> None:
        while time.monotonic() - self._heard < SILENCE_SECONDS:
            await anyio.sleep(HEARTBEAT_SECONDS)
            self.put(str(Packet(HEARTBEAT)))
        _log.info("A client of %s is silent and is let go.", self.caller.username)
        self._leave()


def _subscriber(data: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the id and the metadata of the subscriber that an event is about; raises BadRequest."""
    metadata = data.get("subscriber") if isinstance(data, dict) else None
    identifier = metadata.get("id") if isinstance(metadata, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise BadRequest("A subscriber is a mapping with an id.")
    return identifier, metadata or {}
