"""What the literals of a query and the values of a batch are in a column, and what a column is in an answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ft_dcc.errors import ParseError, ValidationError

Converter = Callable[[str], Any]

_SECONDS = "%Y-%m-%dT%H:%M:%S"
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def is_null(word: str | None) -> bool:
    """Whether a bare word means "no value"."""
    return word is not None and word.lower() in ("none", "null")


def converter(kind: str) -> Converter:
    """Return what turns the text of a literal into a value to compare an attribute of this kind with."""
    return _CONVERTERS.get(kind, str)


def stored_date(text: str) -> str:
    """Return an ISO 8601 date or time as it is stored: UTC, whole seconds, no zone. Raises ValueError."""
    text = text.strip()
    if text.endswith("Z"):
        text = text[:-1] + "+00:00"
    # Python 3.9 and 3.10 read three or six decimals only; stored are none.
    text = re.sub(r"[.,]\d+", "", text)
    if match := re.search(r"[+-]\d{4}$", text):
        text = f"{text[: match.start() + 3]}:{text[-2:]}" if ":" in text else text
    # Scripts put dates together from numbers: 2024-5-1.
    if match := re.match(r"(\d{4})-(\d\d?)-(\d\d?)(?!\d)", text):
        text = "{}-{:0>2}-{:0>2}".format(*match.groups()) + text[match.end() :]
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.strftime(_SECONDS) if moment.year >= 1000 else moment.replace(tzinfo=None).isoformat()[:19]


def now() -> str:
    """Return the present moment as it is stored."""
    return datetime.now(timezone.utc).strftime(_SECONDS)


def _date(text: str) -> str:
    try:
        return stored_date(text)
    except ValueError as error:
        raise ParseError(f"'{text}' is not a date. Write it as 2024-05-01 or 2024-05-01T12:30:00.") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ParseError(f"'{text}' is not a number, and the attribute is one.") from error


def _boolean(text: str) -> int:
    if text.lower() in _TRUE:
        return 1
    if text.lower() in _FALSE:
        return 0
    raise ParseError(f"'{text}' is neither true nor false, and the attribute is.")


def _variable(text: str) -> Any:
    """A custom attribute may hold a number, a text or a truth value: take the text for what it looks like."""
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return text


_CONVERTERS: dict[str, Converter] = {
    "date": _date,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "variable": _variable,
}


def shown(kind: str) -> Callable[[Any], Any] | None:
    """Return what turns a column of this kind into its JSON value, or None when it is that already."""
    return _SHOWN.get(kind)


def _show_date(value: str | None) -> Any:
    return None if value is None else {"__type__": "datetime", "value": value}


def _show_boolean(value: int | None) -> Any:
    return None if value is None else bool(value)


def _show_json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _keep_secret(_value: Any) -> None:
    """What was said once in confidence is told to nobody, whoever asks."""


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "secret": _keep_secret,
    "date": _show_date,
    "boolean": _show_boolean,
    "variable": _show_json,
    "object": _show_json,
}


def stored(kind: str, value: Any, name: str) -> Any:
    """Return the JSON value of an attribute as it is stored; raises ValidationError when it is of the wrong kind."""
    if value is None:
        return None
    try:
        if kind in ("variable", "object"):
            return json.dumps(_dated(value) if _is_date(value) else _plain(value, name))
        return _STORED[kind](_plain(value, name))
    except (TypeError, ValueError, OverflowError) as error:
        found = str(value)[:40].replace("{", "(").replace("}", ")")
        raise ValidationError(f"'{name}' must be of type {kind}, and '{found}' is not. Send another value.") from error


def _plain(value: Any, name: str) -> Any:
    """Take a date out of its envelope."""
    if _is_date(value):
        return stored_date(str(value.get("value")))
    if _has_entity(value):
        raise ValidationError(f"'{name}' takes a value, not an entity. Send the attribute of the entity that is meant.")
    return value


def _is_date(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") in ("datetime", "date")


def _dated(value: dict[str, Any]) -> Any:
    # What takes any kind of value does not know that this one is a date, unless it says so itself.
    return _show_date(stored_date(str(value.get("value"))))


def _has_entity(value: Any) -> bool:
    # Clients make an entity of it wherever it stands, so one in a list would break every answer that it is in.
    if isinstance(value, dict):
        return "__entity_type__" in value or any(map(_has_entity, value.values()))
    return isinstance(value, list) and any(map(_has_entity, value))


def _store_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return value if isinstance(value, str) else str(value)


def _store_date(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return stored_date(value)


def _store_integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return number


def _store_number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):  # JSON has no words for the others.
        raise ValueError(value)
    return number


def _store_boolean(value: Any) -> int:
    if isinstance(value, str):
        return _boolean_text(value)
    if value not in (0, 1):
        raise ValueError(value)
    return int(value)


def _boolean_text(value: str) -> int:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(value)
    return int(value.lower() in _TRUE)


def _store_key(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise TypeError(value)
    return str(value)


_STORED: dict[str, Callable[[Any], Any]] = {
    "text": _store_text,
    "secret": _store_text,
    "json": _store_text,
    "entity_type": _store_text,
    "date": _store_date,
    "integer": _store_integer,
    "number": _store_number,
    "boolean": _store_boolean,
    "foreign key": _store_key,
}
