"""Operations of the API, lines of entities, and a clock: what tests of the server send to it."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

Operation = dict[str, Any]


def create(entity_type: str, /, **data: Any) -> Operation:
    """Return the creation of an entity with a new id."""
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def update(entity_type: str, /, *key: str, **data: Any) -> Operation:
    return {"action": "update", "entity_type": entity_type, "entity_key": list(key), "entity_data": data}


def delete(entity_type: str, /, *key: str) -> Operation:
    return {"action": "delete", "entity_type": entity_type, "entity_key": list(key)}


def lines(*entities: Any) -> io.BytesIO:
    """Return a file with entities as lines of JSON, for imports."""
    return io.BytesIO(b"".join(json.dumps(entity).encode() + b"\n" for entity in entities))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds
