"""Serialise the records of an answer: each attribute of an entity is sent once."""

from __future__ import annotations

from typing import Any

from ft_dcc.server.query.loader import Record
from ft_dcc.server.schema import model, tables


class Serializer:
    """Converts the records of one answer to JSON values."""

    def __init__(self, schema: model.Schema) -> None:
        self._schema = schema
        self._sent: dict[tuple[Any, ...], set[str]] = {}
        # A record that many entities share, such as a status, is converted once.
        self._references: dict[int, Record] = {}

    def serialize(self, value: Any) -> Any:
        """Return the JSON value of a record, a list of records or any other value."""
        if isinstance(value, list):
            return [self.serialize(item) for item in value]
        if not isinstance(value, dict) or tables.TYPE_COLUMN not in value:
            return value
        if (reference := self._references.get(id(value))) is not None:
            return reference
        type_name = value[tables.TYPE_COLUMN]
        reference = {tables.TYPE_COLUMN: type_name}
        for name in self._schema.types[type_name].key:
            reference[name] = value[name]
        self._references[id(value)] = reference
        identity = tuple(reference.values())
        known = self._sent.get(identity)
        if known is None:
            self._sent[identity] = set(value)
            answer = dict(value)
        else:
            answer = {name: found for name, found in value.items() if name in reference or name not in known}
            known.update(value)
        # Most nested values are dates, and a call for each of them would dominate the time.
        for name, found in answer.items():
            if found.__class__ is list or (found.__class__ is dict and tables.TYPE_COLUMN in found):
                answer[name] = self._references.get(id(found)) or self.serialize(found)
        return answer
