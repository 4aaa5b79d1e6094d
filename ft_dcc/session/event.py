"""Events and those who subscribe to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar
from uuid import uuid4

import attrs

from ft_dcc.subscription import Expression, parse

REPLY, CONNECTED, DISCONNECTED = "ftrack.meta.reply", "ftrack.meta.connected", "ftrack.meta.disconnected"
SUBSCRIBE, UNSUBSCRIBE = "ftrack.meta.subscribe", "ftrack.meta.unsubscribe"

_T = TypeVar("_T")


class Event(MutableMapping[str, Any]):
    """Something that happened: a mapping with ``topic``, ``data`` and who said so.

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
        """Return the event that came over the wire; what makes no sense is left out."""
        return cls(
            topic=payload["topic"],
            id=_only(str, payload.get("id")),
            data=payload.get("data"),
            sent=payload.get("sent"),
            source=_only(dict, payload.get("source")),
            target=_only(str, payload.get("target")) or "",
            in_reply_to_event=_only(str, payload.get("inReplyToEvent")),
        )

    def payload(self) -> dict[str, Any]:
        """Return the event as it goes over the wire."""
        payload = dict(self._values)
        payload["inReplyToEvent"] = payload.pop("in_reply_to_event")
        return payload

    def stop(self) -> None:
        """Keep the event from the subscribers that have not had it yet."""
        self._is_stopped = True

    def is_stopped(self) -> bool:
        """Whether a subscriber stopped the event."""
        return self._is_stopped

    def __str__(self) -> str:
        return f"<Event {self._values}>"

    def __repr__(self) -> str:
        # Tracebacks and our own logs have this one: the data may hold anything.
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


def _only(wanted: type[_T], value: Any) -> _T | None:
    return value if isinstance(value, wanted) else None


Callback = Callable[[Event], Any]


@attrs.define(eq=False)
class Subscriber:
    """A callback and the events that it wants; ``metadata`` says who it is, its ``id`` at least."""

    subscription: str
    callback: Callback
    metadata: dict[str, Any]
    priority: int
    _expression: Expression = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._expression = parse(self.subscription)

    def interested_in(self, event: Mapping[str, Any]) -> bool:
        """Whether the subscriber wants the event."""
        return self._expression.match(event)
