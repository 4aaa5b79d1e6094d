"""What a batch changes, noted for those who listen to ``ftrack.update``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.query.values import shown
from ft_dcc.server.schema.model import EntityType, Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN

ADD, UPDATE, REMOVE = "add", "update", "remove"
# Who may read the entity may not, for that, read this.
_SECRET = frozenset({"passphrase"})

Values = dict[str, tuple[Any, Any]]


@attrs.define(eq=False)
class Change:
    """One entity and what became of it: its columns, and old and new values under the server's column names."""

    action: str
    entity_type: EntityType
    row: Mapping[str, Any]
    values: Values


class Changes:
    """The changes of one batch, one for each entity; nothing is noted when nobody listens."""

    def __init__(self, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._noted: dict[tuple[str, ...], Change] = {}

    def __iter__(self) -> Iterator[Change]:
        return iter(self._noted.values())

    def created(self, entity_type: EntityType, row: Mapping[str, Any]) -> None:
        """An entity is new."""
        if self.is_wanted:
            self._note(ADD, entity_type, row, {name: (None, value) for name, value in row.items() if value is not None})

    def updated(self, entity_type: EntityType, row: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        """Columns of an entity, ``row`` as it was, have new values."""
        values = {name: (row.get(name), value) for name, value in changed.items() if row.get(name) != value}
        if self.is_wanted and values:
            self._note(UPDATE, entity_type, {**row, **changed}, values)

    def removed(self, entity_type: EntityType, row: Mapping[str, Any]) -> None:
        """An entity is gone; these were its columns."""
        values = {name: (value, None) for name, value in row.items() if value is not None}
        if self.is_wanted:
            self._note(REMOVE, entity_type, row, values)

    def custom_value_set(
        self, entity_type: EntityType, row: Mapping[str, Any], key: str, old: object, new: object
    ) -> None:
        """A custom attribute of an entity has a new value."""
        if self.is_wanted and old != new:
            self._merge(Change(UPDATE, entity_type, row, {key: (_custom(old), _custom(new))}))

    def _note(self, action: str, entity_type: EntityType, row: Mapping[str, Any], values: Values) -> None:
        self._merge(Change(action, entity_type, row, dict(_told(entity_type, values))))

    def _merge(self, change: Change) -> None:
        key = (change.entity_type.family, *(str(change.row[name]) for name in change.entity_type.key))
        before = self._noted.pop(key, None)
        if before is None or before.action == REMOVE:
            self._noted[key] = change
        elif change.action != REMOVE:
            old = {name: first for name, (first, _) in before.values.items()}
            values = {name: (old.get(name, first), last) for name, (first, last) in change.values.items()}
            self._noted[key] = attrs.evolve(before, row=change.row, values={**before.values, **values})
        elif before.action != ADD:
            self._noted[key] = change


def _told(entity_type: EntityType, values: Values) -> Iterable[tuple[str, tuple[Any, Any]]]:
    """Yield what may be told of columns, under the names that the server's own events always had."""
    columns = {attribute.column: attribute for attribute in entity_type.attributes.values()}
    for name, (old, new) in values.items():
        attribute = columns.get(name)
        if attribute is not None and not attribute.is_hidden and name not in _SECRET:
            yield attribute.alias or attribute.name, (_plain(attribute.kind, old), _plain(attribute.kind, new))


def _plain(kind: str, value: Any) -> Any:
    show = None if kind == "date" else shown(kind)
    return value if show is None else show(value)


def _custom(value: object) -> str | None:
    """Return a custom attribute's value as text, which is how it always came in events: true is "1"."""
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, bool) else json.dumps(value)


def stored_type(schema: Schema, family: str, row: Mapping[str, Any]) -> EntityType:
    """Return the entity type of a row from the table of a family."""
    return schema[row.get(TYPE_COLUMN, family)]
