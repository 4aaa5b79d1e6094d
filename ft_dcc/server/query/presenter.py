"""Records as JSON: what was told of an entity once is not told again."""

from __future__ import annotations

from typing import Any

from ft_dcc.server.query.level import Record
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN


class Presenter:
    """Turns the records of one answer into JSON."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._told: dict[tuple[Any, ...], set[str]] = {}
        # A record that many entities share, such as a status, is looked at once.
        self._references: dict[int, Record] = {}

    def present(self, value: Any) -> Any:
        """Return a record, a list of them or any other value as it stands in the answer."""
        if isinstance(value, list):
            return [self.present(item) for item in value]
        if not isinstance(value, dict) or TYPE_COLUMN not in value:
            return value
        if (reference := self._references.get(id(value))) is not None:
            return reference
        type_name = value[TYPE_COLUMN]
        reference = {TYPE_COLUMN: type_name}
        for name in self._schema.types[type_name].key:
            reference[name] = value[name]
        self._references[id(value)] = reference
        identity = tuple(reference.values())
        known = self._told.get(identity)
        if known is None:
            self._told[identity] = set(value)
            answer = dict(value)
        else:
            answer = {name: found for name, found in value.items() if name in reference or name not in known}
            known.update(value)
        # Most nested values are dates and references, which a call for each of them would take longer to tell.
        for name, found in answer.items():
            if found.__class__ is list or (found.__class__ is dict and TYPE_COLUMN in found):
                answer[name] = self._references.get(id(found)) or self.present(found)
        return answer
