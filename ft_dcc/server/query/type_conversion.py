"""Convert literals of queries and JSON values to column values, and column values to JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ft_dcc.server.errors import ParseError, ValidationError

Converter = Callable[[str], Any]

_SECONDS = "%Y-%m-%dT%H:%M:%S"
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def is_null(word: str | None) -> bool:
    """Return whether a bare word means "no value"."""
    return word is not None and word.lower() in ("none", "null")


def literal_converter(kind: str) -> Converter:
    """Return the function that converts a literal to a value that is comparable with attributes of this kind."""
    return _CONVERTERS.get(kind, str)


def to_db_date(text: str) -> str:
    """Return an ISO 8601 date or time as it is stored: UTC, whole seconds, without a zone. Raises ValueError."""
    text = text.strip()
    if text.endswith("Z"):
        text = text[:-1] + "+00:00"
    # Python 3.9 and 3.10 parse three or six decimals only; none are stored.
    text = re.sub(r"[.,]\d+", "", text)
    if match := re.search(r"[+-]\d{4}$", text):
        text = f"{text[: match.start() + 3]}:{text[-2:]}" if ":" in text else text
    # Scripts format dates from numbers, without padding: 2024-5-1.
    if match := re.match(r"(\d{4})-(\d\d?)-(\d\d?)(?!\d)", text):
        text = "{}-{:0>2}-{:0>2}".format(*match.groups()) + text[match.end() :]
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.strftime(_SECONDS) if moment.year >= 1000 else moment.replace(tzinfo=None).isoformat()[:19]


def _literal(store: Callable[[Any], Any], problem: str) -> Converter:
    """Return the converter of literals by the function for JSON values, whose ValueError becomes a ParseError."""

    def convert(text: str) -> Any:
        try:
            return store(text)
        except ValueError as error:
            raise ParseError(f"'{text}' {problem}") from error

    return convert


def _variable(text: str) -> Any:
    """Return a literal for a custom attribute as the type that it looks like: boolean, number or text."""
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return text


def to_json(kind: str) -> Callable[[Any], Any] | None:
    """Return the function that converts a column of this kind to JSON, or None when no conversion is needed."""
    return _TO_JSON.get(kind)


def _date_to_json(value: str | None) -> Any:
    return None if value is None else {"__type__": "datetime", "value": value}


def _boolean_to_json(value: int | None) -> Any:
    return None if value is None else bool(value)


def _parse_json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _hide_secret(_value: Any) -> None:
    """Return None: secrets are never serialised."""


_TO_JSON: dict[str, Callable[[Any], Any]] = {
    "secret": _hide_secret,
    "date": _date_to_json,
    "boolean": _boolean_to_json,
    "variable": _parse_json,
    "object": _parse_json,
}


def to_db(kind: str, value: Any, name: str) -> Any:
    """Return a JSON value as it is stored in a column of this kind; raises ValidationError for another type."""
    if value is None:
        return None
    try:
        if kind in ("variable", "object"):
            # A column of any type needs the envelope to distinguish dates from texts.
            is_date = _is_date(value)
            return json.dumps(_date_to_json(_unwrap(value, name)) if is_date else _unwrap(value, name))
        return _TO_DB[kind](_unwrap(value, name))
    except (TypeError, ValueError, OverflowError) as error:
        found = str(value)[:40].replace("{", "(").replace("}", ")")
        raise ValidationError(f"'{name}' must be of type {kind}, and '{found}' is not. Send another value.") from error


def _unwrap(value: Any, name: str) -> Any:
    """Return the stored form of a date in its JSON envelope, and any other value unchanged."""
    if _is_date(value):
        return to_db_date(str(value.get("value")))
    if _has_entity(value):
        raise ValidationError(f"'{name}' takes a value, not an entity. Send an attribute of the entity instead.")
    return value


def _is_date(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") in ("datetime", "date")


def _has_entity(value: Any) -> bool:
    # Clients convert references to entities at any depth, so one in a list would break every answer that contains it.
    if isinstance(value, dict):
        return "__entity_type__" in value or any(map(_has_entity, value.values()))
    return isinstance(value, list) and any(map(_has_entity, value))


def _store_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _store_date(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return to_db_date(value)


def _store_integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return number


def _store_number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):  # JSON cannot represent the others.
        raise ValueError(value)
    return number


def _store_boolean(value: Any) -> int:
    if isinstance(value, str):
        if value.lower() not in (*_TRUE, *_FALSE):
            raise ValueError(value)
        return int(value.lower() in _TRUE)
    if value not in (0, 1):
        raise ValueError(value)
    return int(value)


def _store_key(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise TypeError(value)
    return str(value)


_NUMBER = _literal(float, "is not a number, and the attribute is one.")
_CONVERTERS: dict[str, Converter] = {
    "date": _literal(to_db_date, "is not a date. Write it as 2024-05-01 or 2024-05-01T12:30:00."),
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": _literal(_store_boolean, "is neither true nor false, and the attribute is."),
    "variable": _variable,
}
_TO_DB: dict[str, Callable[[Any], Any]] = {
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
