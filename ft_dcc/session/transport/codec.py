"""The JSON encoding of values, and times that are parsed on demand."""

from __future__ import annotations

import datetime
import functools
import importlib
import json
from pathlib import PurePath
from typing import Any

from ft_dcc.errors import OperationError


def new_id() -> str:
    """Return a new unique id."""
    # Imported late: sessions that only read need no ids.
    import uuid

    return str(uuid.uuid4())


class ServerTime(datetime.datetime):
    """A time of the server; what only Arrow objects have raises an error that names the extra."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"A time has no {name!r} without the package arrow. If Arrow objects have it, install that with: "
            'pip install "ft-dcc[compat]".'
        )


def to_datetime(value: Any) -> Any:
    """Return the datetime of an Arrow object, and any other value as it is."""
    return getattr(value, "datetime", value)


@functools.cache
def _arrow() -> Any:
    try:
        return importlib.import_module("arrow")
    except ImportError:
        return None


class LazyDateTime(str):
    """A date or a time as the server wrote it, parsed when it is read."""

    __slots__ = ()

    def parsed(self) -> Any:
        """Return the time with its zone; the default is UTC, and midnight for a date.

        It is an Arrow object if ``arrow`` is installed, as the official client returns, else a ServerTime.
        """
        # fromisoformat() reads the Z of ISO 8601 only since Python 3.11.
        time = ServerTime.fromisoformat(self.replace("Z", "+00:00"))
        time = time if time.tzinfo is not None else time.replace(tzinfo=datetime.timezone.utc)
        arrow = _arrow()
        return time if arrow is None else arrow.Arrow.fromdatetime(time)

    def to_wire(self) -> dict[str, str]:
        """Return the JSON object of the time, with the server's text."""
        return {"__type__": "datetime", "value": str(self)}


def dumps(value: Any) -> bytes:
    """Return the value as JSON; raises OperationError for a value that cannot be encoded."""
    try:
        text = json.dumps(value, default=to_wire, allow_nan=False)
        # A lone surrogate, as in a file name of another encoding, cannot be sent; a surrogate pair is a character.
        if "\\ud" in text:
            json.dumps(value, default=to_wire, ensure_ascii=False).encode()
        return text.encode()
    except UnicodeEncodeError as error:
        before, after = error.object[: error.start], error.object[error.start :]
        invalid = before.rpartition('"')[2] + after.partition('"')[0]
        raise OperationError(
            f"{invalid!a} contains characters that cannot be sent to the server. Rename it."
        ) from error
    except (TypeError, ValueError) as error:
        raise OperationError(f"The operations cannot be sent to the server: {error}.") from error


def to_wire(value: Any) -> Any:
    """Return the JSON form of the value: entities become references, times become tagged objects."""
    if hasattr(value, "to_wire"):
        return value.to_wire()
    if isinstance(value, datetime.date) or hasattr(value, "isoformat"):
        return {"__type__": "datetime", "value": value.isoformat()}
    # Imported late: these values are rare.
    import uuid

    if isinstance(value, (uuid.UUID, PurePath)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{value!r} of type {type(value).__name__} has no JSON form")
