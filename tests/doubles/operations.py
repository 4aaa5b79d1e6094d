"""Operations of the API, lines of entities, and a clock: what tests of the server send to it."""

import io
import json
from typing import Any
from uuid import uuid4

Operation = dict[str, Any]


def create(entity_type, /, **data):
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def keyed(entity_type, /, **data):
    """Return the creation of an entity without an id of its own: its key are other values, or the server gives it."""
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def update(entity_type, /, *key, **data):
    return {"action": "update", "entity_type": entity_type, "entity_key": list(key), "entity_data": data}


def delete(entity_type, /, *key):
    return {"action": "delete", "entity_type": entity_type, "entity_key": list(key)}


def lines(*entities):
    return io.BytesIO(b"".join(json.dumps(entity).encode() + b"\n" for entity in entities))


class Clock:
    def __init__(self, seconds=1000.0):
        self.seconds = seconds

    def __call__(self):
        return self.seconds
