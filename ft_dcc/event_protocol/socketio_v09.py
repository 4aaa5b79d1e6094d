"""The subset of Socket.IO 0.9 that ftrack's event hub uses: text packets ``code:id:path:data``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import attrs

from ft_dcc.errors import EventHubPacketError

DISCONNECT, CONNECT, HEARTBEAT, EVENT, ACKNOWLEDGE, ERROR = "0", "1", "2", "5", "6", "7"

_CODES = frozenset("012345678")
_EVENT_NAME = "ftrack.event"
# The official Python client ignores events with other keys.
PAYLOAD_KEYS = ("id", "topic", "data", "sent", "source", "target", "inReplyToEvent")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)


@attrs.frozen
class Packet:
    """A packet; its ``id`` ends with ``+`` if the sender requests an acknowledgement."""

    code: str
    id: str = ""
    data: str = ""

    def __str__(self) -> str:
        return f"{self.code}:{self.id}::{self.data}" if self.data else f"{self.code}:{self.id}:"

    def payload(self) -> dict[str, Any]:
        """Return the payload of the event in the packet; raises EventHubPacketError."""
        body = decode(self.data)
        arguments = body.get("args") if isinstance(body, dict) else None
        if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(arguments[0], dict):
            raise EventHubPacketError("The packet does not contain one event.")
        payload = arguments[0]
        if not isinstance(payload.get("topic"), str) or not payload["topic"]:
            raise EventHubPacketError("The event has no topic.")
        return payload


def parse(text: str) -> Packet:
    """Parse a packet; raises EventHubPacketError."""
    parts = text.split(":", 3)
    if parts[0] not in _CODES or len(parts) == 2:
        raise EventHubPacketError(f"This is not a packet of the event hub: {text[:40]!r}.")
    code, identifier, _, data = (*parts, "", "", "")[:4]
    return Packet(code, identifier, data)


def event_packet(payload: Mapping[str, Any], id: str = "") -> str:
    """Return the packet of an event; raises TypeError or ValueError if JSON cannot express the payload."""
    body = {"name": _EVENT_NAME, "args": [{key: payload[key] for key in PAYLOAD_KEYS if key in payload}]}
    return str(Packet(EVENT, id, json.dumps(body, separators=(",", ":"), allow_nan=False)))


def acknowledgement(id: str, message: str = "") -> str:
    """Return the packet that acknowledges a packet: success, or the message of a failure."""
    result = {"success": False, "message": message} if message else {"success": True}
    return str(Packet(ACKNOWLEDGE, data=f"{id}{json.dumps([result])}"))


def decode(text: str) -> Any:
    """Decode JSON; raises EventHubPacketError."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise EventHubPacketError("The packet does not contain JSON.") from error
