"""Values as JSON, and the one kind of JSON value that is read late."""

from __future__ import annotations

import datetime
import json
from pathlib import PurePath
from typing import Any

from ft_dcc.errors import OperationError


def new_id() -> str:
    """Return an id that nothing else has."""
    # Only who makes something needs ids, and their module loads others that nobody else needs.
    import uuid

    return str(uuid.uuid4())


class Moment(str):
    """A date or a time as the server wrote it; it is parsed when somebody reads it."""

    __slots__ = ()

    def parsed(self) -> datetime.datetime:
        """Return the time with its zone; a text without one means UTC, a date alone means midnight."""
        # fromisoformat() reads the Z of ISO 8601 only since Python 3.11.
        moment = datetime.datetime.fromisoformat(self.replace("Z", "+00:00"))
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.timezone.utc)

    def to_wire(self) -> dict[str, str]:
        """Return it as it came."""
        return {"__type__": "datetime", "value": str(self)}


def dumps(value: Any) -> bytes:
    """Return the value as JSON; raises OperationError for what JSON and ftrack have no form for."""
    try:
        text = json.dumps(value, default=to_wire, allow_nan=False)
        # Half a character, as in a file's name of another encoding, cannot be written; whole ones may look like two.
        if "\\ud" in text:
            json.dumps(value, default=to_wire, ensure_ascii=False).encode()
        return text.encode()
    except UnicodeEncodeError as error:
        before, after = error.object[: error.start], error.object[error.start :]
        spoilt = before.rpartition('"')[2] + after.partition('"')[0]
        raise OperationError(
            f"{spoilt!a} is no text that can be sent to the server. Rename what is called so."
        ) from error
    except (TypeError, ValueError) as error:
        raise OperationError(f"This cannot be sent to the server: {error}.") from error


def to_wire(value: Any) -> Any:
    """Return what stands for the value in JSON: entities become references, times are tagged."""
    if hasattr(value, "to_wire"):
        return value.to_wire()
    if isinstance(value, datetime.date) or hasattr(value, "isoformat"):
        return {"__type__": "datetime", "value": value.isoformat()}
    # What is below is rare, and a session that only reads never loads it.
    import uuid

    if isinstance(value, (uuid.UUID, PurePath)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"there is no form for {value!r}, which is of type {type(value).__name__}")
